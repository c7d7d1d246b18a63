// mainstem serve: runs a node until Ctrl-C.
#include <sys/resource.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <chrono>

#include "cli/command.h"
#include "cli/settings_from_flags.h"
#include "cli/signals.h"
#include "cli/stop_limit.h"
#include "server/node.h"

namespace mainstem::cli {
namespace {

// Doors and jobs have nothing to save at a stop, so what takes longer is a call that hangs.
constexpr std::chrono::milliseconds kStopWait{1000};

// Many partitions and connections need many descriptors; the soft limit is often 1024.
void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

Status Serve(const GlobalOptions& globals, const SettingFlags& flags) {
  ASSIGN_OR_RETURN(server::Settings settings, SettingsFromFlags(flags, {}));
  StopWatch stop;
  RaiseFileLimit();
  auto begin = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(Logger logger, Logger::Make(settings.logging));
  ASSIGN_OR_RETURN(auto node, server::Node::Start(settings, logger));
  stop.Expect();
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  if (globals.json) {
    fmt::print(
        "{{\"event\":\"ready\",\"kafka\":\"{}\",\"http\":\"{}\",\"aws\":\"{}\",\"seconds\":{:.3f}}}"
        "\n",
        node->kafka_address(), node->http_address(), node->aws_address(), took.count());
  } else {
    std::string aws = node->aws_address();
    std::string scheme = settings.tls_certificate.empty() ? "http" : "https";
    fmt::print(
        "Mainstem is ready ({:.2f} s)\n\n"
        "  Kafka     {}\n"
        "  Console   {}://{}\n"
        "{}"
        "  Data      {}   (remove the folder to start afresh)\n\n"
        "Ctrl-C stops it; the next start goes on where this one ended.\n",
        took.count(), node->kafka_address(), scheme, node->http_address(),
        aws.empty() ? "" : fmt::format("  Kinesis   {}://{}   (AWS_ENDPOINT_URL)\n", scheme, aws),
        settings.data_dir);
  }
  std::fflush(stdout);
  stop.Wait();
  Status stopped;
  {
    StopLimit limit(kStopWait, [&logger] {
      logger.Warning(
          "stopped without waiting for a call that hangs; the next start goes on where "
          "the last checkpoints are");
    });
    stopped = node->StopDoorsAndJobs();
  }
  Status closed = node->StopLog();
  return stopped.ok() ? closed : stopped;
}

}  // namespace

void AddServeCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen) {
  auto* command = app.add_subcommand("serve", "run a node: log, SQL jobs, Kafka and HTTP doors");
  command->footer(
      "Examples:\n"
      "  mainstem serve                                       data in .data, loopback only\n"
      "  mainstem serve --data /var/lib/mainstem --kafka-listen 0.0.0.0:9092\n"
      "  mainstem serve --config node.yaml --set log.level=debug\n"
      "With --json the addresses are printed as one JSON line, for scripts.");
  auto flags = std::make_shared<SettingFlags>();
  AddSettingFlags(*command, *flags);
  command->callback([&globals, &chosen, flags] {
    chosen.action = [&globals, flags] { return Serve(globals, *flags); };
  });
}

}  // namespace mainstem::cli
