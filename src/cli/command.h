// What the subcommands share: the node to talk to, how to print, and the JSON they read. Each
// subcommand is one function that adds itself to the command line (cli/main.cc).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/http_client.h"
#include "core/status.h"

namespace CLI {
class App;
}
namespace simdjson::dom {
class element;
}

namespace mainstem::cli {

struct GlobalOptions {
  std::string node = "http://127.0.0.1:8080";
  bool json = false;  // for machines: the node's JSON as it came, or an object of our own
};

// Set by the subcommand that the user chose; main runs it after parsing.
struct Invocation {
  std::function<Status()> action;
};

// Each lives in a file of its own: <name>_command.cc.
void AddServeCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen);
void AddRunCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen);
void AddTestCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen);
void AddSqlCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen);
void AddTopicCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen);
void AddProduceCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen);
void AddConsumeCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen);
void AddGroupCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen);
void AddTransactionCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen);
void AddJobCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen);
void AddConnectorCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen);
void AddConfigCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen);
void AddCertificateCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen);

// ---- shared by them

// On standard error: the message with detail and hint, or {"error":{..}} in the admin API's shape.
void PrintError(const Status& status, bool json);
// What answered is no node: kInternal.
Status NotOfANode(std::string detail);
// Standard output takes no more; `error` is an errno.
Status CannotPrint(int error);
// The end of a command that changed something: `text` for people, `json` (an object) for machines.
struct Outcome {
  std::string text;
  std::string json;
};
Status Tell(const GlobalOptions& globals, const Outcome& outcome);

// Parses what the node answered and hands the root to `use`; kInternal when it is no JSON.
Status WithJson(const std::string& text,
                const std::function<Status(const simdjson::dom::element&)>& use);
// A member as text ("" when absent or null; numbers and booleans as written).
std::string TextOf(const simdjson::dom::element& object, std::string_view member);
int64_t IntOf(const simdjson::dom::element& object, std::string_view member);
double NumberOf(const simdjson::dom::element& object, std::string_view member);
// Columns of the terminal; 0 when standard output is no terminal.
size_t TerminalWidth();
// The whole of a file, or of standard input for "-".
Result<std::string> ReadInput(const std::string& path);
// "--config FILE", "--set key=value" and a flag for each setting of a node.
struct SettingFlags {
  std::string config_path;
  std::vector<std::string> assignments;
  std::vector<std::pair<std::string, std::optional<std::string>>> flags;  // key, value if given
};
void AddSettingFlags(CLI::App& command, SettingFlags& flags);

}  // namespace mainstem::cli
