// mainstem: the one binary. Subcommands live in their own files; this one only joins them.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string_view>
#include <system_error>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/usage_error.h"
#include "server/version.h"

// How jemalloc, the binary's allocator, works: it reads this at start (jemalloc(3)). A thread of
// its own gives freed memory back to the system after 5 s, so that an idle node is a small one.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:5000,muzzy_decay_ms:0";
}

namespace {

constexpr int kFailed = 1;
constexpr int kInterrupted = 130;  // by Ctrl-C, as shells say it
constexpr int kMisused = 2;        // as most Unix tools: the command line itself is wrong

bool WantsJson(int argc, char** argv) {
  auto is_json = [](std::string_view word) { return word == "--json"; };
  return std::any_of(argv, argv + argc, is_json);
}

// Commands with an engine in them have sockets and pipes of their own, whose ends are errors there;
// the others end quietly, as filters do, when nobody reads what they print.
bool HasEngine(const CLI::App& app) {
  for (const char* name : {"serve", "run", "test"}) {
    if (app.got_subcommand(name)) return true;
  }
  return false;
}

mainstem::Status Run(const CLI::App& app, const mainstem::cli::Invocation& chosen) {
  if (!HasEngine(app)) std::signal(SIGPIPE, SIG_DFL);
  mainstem::Status status;
  try {
    status = chosen.action();
  } catch (const std::system_error& error) {  // fmt::print's
    return mainstem::cli::CannotPrint(error.code().value());
  }
  if (!status.ok()) return status;
  bool failed = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  return failed ? mainstem::cli::CannotPrint(errno) : status;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace mainstem::cli;
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app(
      "Mainstem: a durable log that speaks Kafka's protocol, Flink SQL over it, and\n"
      "exactly-once delivery to databases and files, in one binary.",
      "mainstem");
  app.set_version_flag("--version", std::string("mainstem ") + mainstem::server::kVersion);
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(
      "Start here:\n"
      "  mainstem serve                        a node: Kafka on 9092, console on "
      "http://127.0.0.1:8080\n"
      "  mainstem run report.sql               run a SQL script over files, without a node\n"
      "  mainstem test tests/                  test SQL against rows from files, on virtual time\n"
      "  mainstem topic create clicks -p 4     then: mainstem produce clicks < clicks.jsonl\n"
      "  mainstem sql                          a prompt on the running node\n"
      "Each command explains itself: mainstem COMMAND --help");
  GlobalOptions globals;
  app.add_option("--node", globals.node, "address of the node to talk to")
      ->envname("MAINSTEM_NODE");
  app.add_flag("--json", globals.json, "output for machines: JSON, errors on standard error too");
  Invocation chosen;
  AddServeCommand(app, globals, chosen);
  AddRunCommand(app, globals, chosen);
  AddTestCommand(app, globals, chosen);
  AddSqlCommand(app, globals, chosen);
  AddTopicCommand(app, globals, chosen);
  AddProduceCommand(app, globals, chosen);
  AddConsumeCommand(app, globals, chosen);
  AddGroupCommand(app, globals, chosen);
  AddTransactionCommand(app, globals, chosen);
  AddJobCommand(app, globals, chosen);
  AddConnectorCommand(app, globals, chosen);
  AddConfigCommand(app, globals, chosen);
  AddCertificateCommand(app, globals, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    PrintError(UsageError(app, error), WantsJson(argc, argv));
    return kMisused;
  }
  mainstem::Status status = Run(app, chosen);
  if (status.ok()) return 0;
  if (mainstem::Is(status, mainstem::ErrorCode::kCancelled)) return kInterrupted;
  PrintError(status, globals.json);
  return kFailed;
}
