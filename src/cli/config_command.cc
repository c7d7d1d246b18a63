// mainstem config: every setting with its default and meaning.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/text_table.h"
#include "server/settings.h"

namespace mainstem::cli {

void AddConfigCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen) {
  auto* command = app.add_subcommand("config", "list every setting of a node");
  auto markdown = std::make_shared<bool>(false);
  command->add_flag("--markdown", *markdown, "as the table of docs/configuration.md");
  command->callback([&chosen, markdown] {
    chosen.action = [markdown] {
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
