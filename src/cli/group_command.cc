// mainstem group list | show | delete
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

Status List(const GlobalOptions& globals, const std::string&) {
  HttpClient client(globals.node);
  ASSIGN_OR_RETURN(std::string body, client.Call({.path = "/api/v1/groups"}));
  if (globals.json) return fmt::print("{}\n", body), Status::OK();
  return WithJson(body, [](const element& root) {
    TextTable table({"group", "state", "members", "lag"});
    for (element group : root["groups"].get_array()) {
      table.Add({TextOf(group, "id"), TextOf(group, "state"), TextOf(group, "member_count"),
                 HumanCount(IntOf(group, "lag"))});
    }
    fmt::print("{}", table.Render(TerminalWidth()));
    return Status::OK();
  });
}

Status Show(const GlobalOptions& globals, const std::string& name) {
  HttpClient client(globals.node);
  ASSIGN_OR_RETURN(std::string body,
                   client.Call({.path = "/api/v1/groups/" + net::PercentEncode(name)}));
  if (globals.json) return fmt::print("{}\n", body), Status::OK();
  return WithJson(body, [](const element& root) {
    fmt::print("group {}: {}\n\n", TextOf(root, "id"), TextOf(root, "state"));
    TextTable members({"member", "client", "host"});
    for (element member : root["members"].get_array()) {
      members.Add({TextOf(member, "id"), TextOf(member, "client_id"), TextOf(member, "host")});
    }
    fmt::print("{}\n", members.Render(TerminalWidth()));
    TextTable offsets({"topic", "partition", "committed", "high watermark", "lag"});
    for (element offset : root["offsets"].get_array()) {
      offsets.Add({TextOf(offset, "topic"), TextOf(offset, "partition"),
                   TextOf(offset, "committed"), TextOf(offset, "high_watermark"),
                   TextOf(offset, "lag")});
    }
    fmt::print("{}", offsets.Render(TerminalWidth()));
    return Status::OK();
  });
}

Status Delete(const GlobalOptions& globals, const std::string& name) {
  HttpClient client(globals.node);
  RETURN_IF_ERROR(
      client.Call({.method = "DELETE", .path = "/api/v1/groups/" + net::PercentEncode(name)}));
  return Tell(globals,
              {.text = "deleted group " + name, .json = "{\"deleted\":" + JsonQuote(name) + "}"});
}

using GroupAction = Status (*)(const GlobalOptions&, const std::string&);

}  // namespace

void AddGroupCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen) {
  auto* group = app.add_subcommand("group", "consumer groups: members, offsets, lag");
  group->require_subcommand(1);
  group->footer(
      "Examples:\n"
      "  mainstem group list\n"
      "  mainstem group show billing        who reads what, and how far behind\n"
      "  mainstem group delete billing      its members must have left\n"
      "A group comes to be by its first consumer: kcat -b 127.0.0.1:9092 -G billing clicks");
  auto name = std::make_shared<std::string>();
  auto add = [&](const char* verb, const char* help, GroupAction action, bool named) {
    auto* command = group->add_subcommand(verb, help);
    if (named) command->add_option("group", *name, "name of the group")->required();
    command->callback([&globals, &chosen, name, action] {
      chosen.action = [&globals, name, action] { return action(globals, *name); };
    });
  };
  add("list", "all groups with their lag", List, false);
  add("show", "members, committed offsets and lag", Show, true);
  add("delete", "forget an empty group and its offsets", Delete, true);
}

}  // namespace mainstem::cli
