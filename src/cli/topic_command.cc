// mainstem topic list | create | show | alter | delete
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

struct TopicOptions {
  std::string name;
  int partitions = 0;
  std::vector<std::string> config;
  bool internal = false;
};

// ["retention.ms=1000", "cleanup.policy="] -> {"retention.ms":"1000","cleanup.policy":null}
Result<std::string> ConfigJson(const std::vector<std::string>& pairs) {
  std::string out = "{";
  for (const std::string& pair : pairs) {
    size_t equals = pair.find('=');
    if (equals == std::string::npos) {
      return MakeError(ErrorCode::kInvalidArgument,
                       {.message = fmt::format("'{}' has no '='", pair),
                        .hint = "write --config retention.ms=3600000"});
    }
    std::string value = pair.substr(equals + 1);
    if (out.size() > 1) out += ",";
    out += JsonQuote(pair.substr(0, equals)) + ":" + (value.empty() ? "null" : JsonQuote(value));
  }
  return out + "}";
}

Status List(const GlobalOptions& globals, const TopicOptions& options) {
  HttpClient client(globals.node);
  ASSIGN_OR_RETURN(std::string body, client.Call({.path = "/api/v1/topics"}));
  if (globals.json && options.internal) return fmt::print("{}\n", body), Status::OK();
  return WithJson(body, [&](const element& root) {
    if (globals.json) {
      std::string shown;
      for (element topic : root["topics"].get_array()) {
        if (TextOf(topic, "internal") == "true") continue;
        shown += (shown.empty() ? "" : ",") + simdjson::minify(topic);
      }
      return fmt::print("{{\"topics\":[{}]}}\n", shown), Status::OK();
    }
    TextTable table({"topic", "partitions", "records", "size", "in/s"});
    for (element topic : root["topics"].get_array()) {
      if (TextOf(topic, "internal") == "true" && !options.internal) continue;
      table.Add({TextOf(topic, "name"), TextOf(topic, "partition_count"),
                 HumanCount(IntOf(topic, "records")), HumanBytes(NumberOf(topic, "size_bytes")),
                 HumanBytes(NumberOf(topic["rates"].value(), "bytes_in"))});
    }
    fmt::print("{}", table.Render(TerminalWidth()));
    return Status::OK();
  });
}

Status Create(const GlobalOptions& globals, const TopicOptions& options) {
  HttpClient client(globals.node);
  ASSIGN_OR_RETURN(std::string config, ConfigJson(options.config));
  std::string request = fmt::format("{{\"name\":{},\"config\":{}", JsonQuote(options.name), config);
  if (options.partitions > 0) request += fmt::format(",\"partitions\":{}", options.partitions);
  ASSIGN_OR_RETURN(
      std::string body,
      client.Call({.method = "POST", .path = "/api/v1/topics", .body = request + "}"}));
  return Tell(globals, {.text = "created topic " + options.name, .json = body});
}

Status Show(const GlobalOptions& globals, const TopicOptions& options) {
  HttpClient client(globals.node);
  ASSIGN_OR_RETURN(std::string body,
                   client.Call({.path = "/api/v1/topics/" + net::PercentEncode(options.name)}));
  if (globals.json) return fmt::print("{}\n", body), Status::OK();
  return WithJson(body, [&](const element& root) {
    fmt::print("topic {} (id {}), {}\n\n", TextOf(root, "name"), TextOf(root, "id"),
               HumanBytes(NumberOf(root, "size_bytes")));
    TextTable partitions({"partition", "log start", "high watermark", "size"});
    for (element partition : root["partitions"].get_array()) {
      partitions.Add({TextOf(partition, "id"), TextOf(partition, "log_start"),
                      TextOf(partition, "high_watermark"),
                      HumanBytes(NumberOf(partition, "size_bytes"))});
    }
    fmt::print("{}\n", partitions.Render(TerminalWidth()));
    TextTable config({"setting", "value", "source", "meaning"});
    for (element entry : root["config_all"].get_array()) {
      config.Add({TextOf(entry, "name"), TextOf(entry, "value"), TextOf(entry, "source"),
                  TextOf(entry, "documentation")});
    }
    fmt::print("{}", config.Render(TerminalWidth()));
    return Status::OK();
  });
}

Status Alter(const GlobalOptions& globals, const TopicOptions& options) {
  HttpClient client(globals.node);
  ASSIGN_OR_RETURN(std::string config, ConfigJson(options.config));
  std::string request = "{\"config\":" + config;
  if (options.partitions > 0) request += fmt::format(",\"partitions\":{}", options.partitions);
  ASSIGN_OR_RETURN(std::string body,
                   client.Call({.method = "PATCH",
                                .path = "/api/v1/topics/" + net::PercentEncode(options.name),
                                .body = request + "}"}));
  return Tell(globals, {.text = "changed topic " + options.name, .json = body});
}

Status Delete(const GlobalOptions& globals, const TopicOptions& options) {
  HttpClient client(globals.node);
  RETURN_IF_ERROR(client.Call(
      {.method = "DELETE", .path = "/api/v1/topics/" + net::PercentEncode(options.name)}));
  return Tell(globals, {.text = "deleted topic " + options.name,
                        .json = "{\"deleted\":" + JsonQuote(options.name) + "}"});
}

using TopicAction = Status (*)(const GlobalOptions&, const TopicOptions&);

}  // namespace

void AddTopicCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen) {
  auto* topic = app.add_subcommand("topic", "list, create, show, alter and delete topics");
  topic->require_subcommand(1);
  topic->footer(
      "Examples:\n"
      "  mainstem topic create clicks -p 4 -c retention.ms=3600000\n"
      "  mainstem topic show clicks                       all settings with their meaning\n"
      "  mainstem topic alter clicks -p 8 -c retention.ms=  the default again\n"
      "  mainstem topic list --json | jq -r '.topics[].name'\n"
      "Settings have Kafka's names; Kafka's own tools work on topics, too.");
  auto options = std::make_shared<TopicOptions>();
  auto add = [&](const char* name, const char* help, TopicAction action, bool named) {
    auto* command = topic->add_subcommand(name, help);
    if (named) command->add_option("topic", options->name, "name of the topic")->required();
    command->callback([&globals, &chosen, options, action] {
      chosen.action = [&globals, options, action] { return action(globals, *options); };
    });
    return command;
  };
  auto* list = add("list", "all topics with sizes and rates", List, false);
  list->add_flag("--internal", options->internal, "also those that Mainstem made for itself");
  auto* create = add("create", "make a topic", Create, true);
  auto* alter =
      add("alter", "change settings (key= takes the default again) or add partitions", Alter, true);
  for (auto* command : {create, alter}) {
    command->add_option("-p,--partitions", options->partitions, "number of partitions");
    command->add_option("-c,--config", options->config,
                        "key=value, Kafka's names; may be repeated");
  }
  add("show", "partitions, offsets and settings of a topic", Show, true);
  add("delete", "delete a topic and its records", Delete, true);
}

}  // namespace mainstem::cli
