// mainstem connector: what tables can be connected to, and with which options.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/text_table.h"
#include "connector/description.h"
#include "core/suggest.h"
#include "server/connectors.h"

namespace mainstem::cli {
namespace {

using connector::ConnectorRegistry;
using connector::ConnectorSpec;

std::string DirectionsOf(const ConnectorSpec& spec) {
  if (spec.make_source && spec.make_sink) return "source, sink";
  return spec.make_source ? "source" : "sink";
}

Status ListConnectors(const GlobalOptions& globals) {
  const ConnectorRegistry registry = server::MakeConnectorRegistry({});
  if (globals.json) {
    JsonWriter json;
    json.BeginObject().Key("connectors").BeginArray();
    for (const ConnectorSpec* spec : registry.List()) WriteDescription(*spec, &json);
    fmt::print("{}\n", json.EndArray().EndObject().Take());
    return Status::OK();
  }
  TextTable table({"connector", "is", "what"});
  for (const ConnectorSpec* spec : registry.List()) {
    table.Add({spec->name, DirectionsOf(*spec), spec->documentation});
  }
  fmt::print("{}", table.Render(TerminalWidth()));
  return Status::OK();
}

void PrintConnector(const ConnectorSpec& spec) {
  fmt::print("{} ({}): {}\n\n", spec.name, DirectionsOf(spec), spec.documentation);
  TextTable options({"option", "default", "meaning"});
  for (const connector::OptionSpec& option : spec.options) {
    std::string meaning = option.documentation;
    if (option.secret) meaning += " (never shown)";
    options.Add({option.name, option.required ? "required" : option.default_value, meaning});
  }
  fmt::print("{}", options.Render(TerminalWidth()));
  const std::vector<std::string> formats = FormatsOf(spec);
  if (!formats.empty()) {
    fmt::print("\n'format' (and their options '<format>.<option>'): {}\n",
               fmt::join(formats, ", "));
  }
  if (spec.metadata_keys.empty()) return;
  fmt::print("\nMETADATA columns:\n");
  TextTable metadata({"key", "type"});
  for (const auto& [key, type] : spec.metadata_keys) metadata.Add({key, type});
  fmt::print("{}", metadata.Render(TerminalWidth()));
}

Status ShowConnector(const GlobalOptions& globals, const std::string& name) {
  const ConnectorRegistry registry = server::MakeConnectorRegistry({});
  const ConnectorSpec* spec = registry.Find(name);
  if (spec == nullptr) {
    return MakeError(ErrorCode::kNotFound,
                     {.message = fmt::format("there is no connector '{}'", name),
                      .hint = SuggestionFor(name, registry.Names())});
  }
  if (!globals.json) {
    PrintConnector(*spec);
    return Status::OK();
  }
  JsonWriter json;
  WriteDescription(*spec, &json);
  fmt::print("{}\n", json.Take());
  return Status::OK();
}

}  // namespace

void AddConnectorCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen) {
  auto* command =
      app.add_subcommand("connector", "what tables can be connected to, with which options");
  command->require_subcommand(1);
  command->footer(
      "Examples:\n"
      "  mainstem connector list\n"
      "  mainstem connector show jdbc\n"
      "  mainstem connector show kafka --json | jq -r '.options[].name'");
  auto* list = command->add_subcommand("list", "every connector");
  list->callback(
      [&globals, &chosen] { chosen.action = [&globals] { return ListConnectors(globals); }; });
  auto* show = command->add_subcommand("show", "options, formats and metadata of one");
  auto name = std::make_shared<std::string>();
  show->add_option("NAME", *name, "'connector' = 'NAME'")->required();
  show->callback([&globals, &chosen, name] {
    chosen.action = [&globals, name] { return ShowConnector(globals, *name); };
  });
}

}  // namespace mainstem::cli
