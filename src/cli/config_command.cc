// mainstem config: every setting with its default and meaning.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/text_table.h"
#include "core/json_writer.h"
#include "server/settings.h"

namespace mainstem::cli {
namespace {

std::string SettingsAsJson() {
  JsonWriter json;
  json.BeginObject().Key("settings").BeginArray();
  for (const ConfigOption& option : server::SettingTable()) {
    json.BeginObject().Field("key", option.key).Field("default", option.default_value);
    json.Field("environment", EnvironmentName(option.key)).Field("meaning", option.help);
    json.EndObject();
  }
  json.EndArray().EndObject();
  return json.Take();
}

}  // namespace

void AddConfigCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen) {
  auto* command = app.add_subcommand("config", "list every setting of a node");
  auto markdown = std::make_shared<bool>(false);
  command->add_flag("--markdown", *markdown, "as the table of docs/configuration.md");
  command->footer(
      "Examples:\n"
      "  mainstem config\n"
      "  mainstem config --json | jq -r '.settings[].key'\n"
      "A file for --config has the same keys, nested or with dots: kafka: {listen: 0.0.0.0:9092}");
  command->callback([&globals, &chosen, markdown] {
    chosen.action = [&globals, markdown] {
      if (globals.json) {
        fmt::print("{}\n", SettingsAsJson());
        return Status::OK();
      }
      if (*markdown) {
        fmt::print("{}", server::SettingsAsMarkdown());
        return Status::OK();
      }
      TextTable table({"setting", "default", "environment", "meaning"});
      for (const ConfigOption& option : server::SettingTable()) {
        table.Add({option.key, option.default_value, EnvironmentName(option.key), option.help});
      }
      fmt::print("{}", table.Render(TerminalWidth()));
      return Status::OK();
    };
  });
}

}  // namespace mainstem::cli
