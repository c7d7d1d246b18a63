// mainstem transaction list | describe | abort
#include <fmt/format.h>
#include <simdjson.h>
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/text_table.h"
#include "core/json_writer.h"
#include "core/net/percent_encoding.h"

namespace mainstem::cli {
namespace {

using simdjson::dom::element;

struct TransactionOptions {
  std::string id;
  bool all = false;
};

bool IsOpen(const element& transaction) { return TextOf(transaction, "open") == "true"; }

std::string AgeOf(const element& transaction) {
  return IsOpen(transaction) ? HumanDuration(IntOf(transaction, "age_ms")) : "";
}

// "12 @ 3": what the producer writes under, and what fences it.
std::string ProducerOf(const element& transaction) {
  return TextOf(transaction, "producer_id") + " @ " + TextOf(transaction, "producer_epoch");
}

Status List(const GlobalOptions& globals, const TransactionOptions& options) {
  HttpClient client(globals.node);
  std::string path = "/api/v1/transactions";
  if (options.all) path += "?all=true";
  ASSIGN_OR_RETURN(std::string body, client.Call({.path = path}));
  if (globals.json) return fmt::print("{}\n", body), Status::OK();
  return WithJson(body, [](const element& root) {
    TextTable table(
        {"transactional id", "state", "age", "timeout", "producer @ epoch", "partitions"});
    for (element transaction : root["transactions"].get_array()) {
      table.Add({TextOf(transaction, "id"), TextOf(transaction, "state"), AgeOf(transaction),
                 HumanDuration(IntOf(transaction, "timeout_ms")), ProducerOf(transaction),
                 std::to_string(transaction["partitions"].get_array().size())});
    }
    fmt::print("{}", table.Render(TerminalWidth()));
    return Status::OK();
  });
}

void PrintParts(const element& root) {
  TextTable partitions({"topic", "partition"});
  for (element partition : root["partitions"].get_array()) {
    partitions.Add({TextOf(partition, "topic"), TextOf(partition, "partition")});
  }
  fmt::print("\n{}", partitions.Render(TerminalWidth()));
  TextTable groups({"offsets of group"});
  for (element group : root["groups"].get_array()) {
    std::string_view name;
    if (group.get(name) == simdjson::SUCCESS) groups.Add({std::string(name)});
  }
  fmt::print("\n{}", groups.Render(TerminalWidth()));
}

Status Describe(const GlobalOptions& globals, const TransactionOptions& options) {
  HttpClient client(globals.node);
  ASSIGN_OR_RETURN(std::string body,
                   client.Call({.path = "/api/v1/transactions/" + net::PercentEncode(options.id)}));
  if (globals.json) return fmt::print("{}\n", body), Status::OK();
  return WithJson(body, [](const element& root) {
    fmt::print("transactional id {}: {}\n\n", TextOf(root, "id"), TextOf(root, "state"));
    fmt::print("producer     {}, epoch {}\n", TextOf(root, "producer_id"),
               TextOf(root, "producer_epoch"));
    fmt::print("timeout      {}\n", HumanDuration(IntOf(root, "timeout_ms")));
    if (!IsOpen(root)) {
      fmt::print("last change  {} UTC\n", HumanTime(IntOf(root, "updated_at_ms")));
      return Status::OK();
    }
    fmt::print("started      {} UTC, {} ago\n", HumanTime(IntOf(root, "started_at_ms")),
               AgeOf(root));
    PrintParts(root);
    return Status::OK();
  });
}

Status Abort(const GlobalOptions& globals, const TransactionOptions& options) {
  HttpClient client(globals.node);
  std::string path = "/api/v1/transactions/" + net::PercentEncode(options.id) + "/abort";
  RETURN_IF_ERROR(client.Call({.method = "POST", .path = path}));
  return Tell(globals, {.text = fmt::format("aborted the transaction of {}; its producer is fenced",
                                            options.id),
                        .json = "{\"aborted\":" + JsonQuote(options.id) + "}"});
}

}  // namespace

void AddTransactionCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen) {
  auto* transaction =
      app.add_subcommand("transaction", "transactions of producers: age, owner, partitions");
  transaction->require_subcommand(1);
  transaction->footer(
      "Examples:\n"
      "  mainstem transaction list                who keeps read-committed consumers waiting\n"
      "  mainstem transaction abort billing-3     its producer is fenced");
  auto options = std::make_shared<TransactionOptions>();
  using Action = Status (*)(const GlobalOptions&, const TransactionOptions&);
  auto add = [&](const char* verb, const char* help, Action action) {
    auto* command = transaction->add_subcommand(verb, help);
    command->callback([&globals, &chosen, options, action] {
      chosen.action = [&globals, options, action] { return action(globals, *options); };
    });
    return command;
  };
  add("list", "open transactions, the oldest first", List)
      ->add_flag("--all", options->all, "also transactional ids without an open one");
  add("describe", "state, age, producer, partitions and groups", Describe)
      ->add_option("id", options->id, "transactional id")
      ->required();
  add("abort", "abort an open transaction and fence its producer", Abort)
      ->add_option("id", options->id, "transactional id")
      ->required();
}

}  // namespace mainstem::cli
