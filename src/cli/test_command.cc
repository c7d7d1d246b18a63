// mainstem test DIR: runs SQL scripts against rows from files, in this process, on virtual time,
// each several ways, and compares what comes out with what is expected. docs/testing.md.
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <chrono>

#include "cli/command.h"
#include "cli/test_report.h"
#include "server/connectors.h"

namespace mainstem::cli {
namespace {

struct TestCommandOptions {
  std::string path;
  std::vector<std::string> filters;
  std::vector<std::string> defines;
  uint64_t seed = 1;
  bool update = false;
  std::string junit_path;
};

bool IsWanted(const std::string& name, const std::vector<std::string>& filters) {
  if (filters.empty()) return true;
  return std::any_of(filters.begin(), filters.end(), [&](const std::string& filter) {
    return name.find(filter) != std::string::npos;
  });
}

Result<std::vector<sqltest::FoundTest>> WantedTests(const TestCommandOptions& options) {
  ASSIGN_OR_RETURN(std::vector<sqltest::FoundTest> tests, sqltest::FindTests(options.path));
  if (tests.empty()) {
    return MakeError(ErrorCode::kNotFound,
                     {.message = fmt::format("there is no test in '{}'", options.path),
                      .hint = "a test is a folder with input/ and expect/ in it, or a .slt file"});
  }
  size_t all = tests.size();
  std::erase_if(tests, [&](const auto& test) { return !IsWanted(test.name, options.filters); });
  if (!tests.empty()) return tests;
  return MakeError(ErrorCode::kNotFound,
                   {.message = fmt::format("none of the {} tests has '{}' in its name", all,
                                           fmt::join(options.filters, "' or '"))});
}

TimedReport RunTimed(const sqltest::FoundTest& test, const sqltest::TestOptions& options) {
  auto begin = std::chrono::steady_clock::now();
  TimedReport timed;
  timed.report = sqltest::RunTest(test, options);
  timed.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return timed;
}

// The first way is always the same.
bool HangsOnSeed(const TimedReport& timed) {
  const auto& failures = timed.report.failures;
  return std::any_of(failures.begin(), failures.end(), [](const sqltest::TestFailure& failure) {
    return !failure.way.empty() && failure.way != sqltest::kFirstWay;
  });
}

Status RunTests(const GlobalOptions& globals, const TestCommandOptions& options) {
  std::string root = options.path;
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  TestCommandOptions found = options;
  found.path = root;
  ASSIGN_OR_RETURN(std::vector<sqltest::FoundTest> tests, WantedTests(found));
  connector::ConnectorRegistry connectors = server::MakeConnectorRegistry({});
  sqltest::TestOptions run{.seed = options.seed,
                           .update = options.update,
                           .root = root,
                           .defines = options.defines,
                           .connectors = &connectors};
  std::vector<TimedReport> reports;
  for (const sqltest::FoundTest& test : tests) {
    reports.push_back(RunTimed(test, run));
    if (globals.json) {
      fmt::print("{}\n", ReportJson(reports.back()));
    } else {
      fmt::print("{}", ReportText(reports.back()));
    }
    std::fflush(stdout);
  }
  if (!options.junit_path.empty()) {
    RETURN_IF_ERROR(sqltest::WriteTextFile(options.junit_path, JunitXml(root, reports)));
  }
  TestCounts counts = CountTests(reports);
  if (counts.passed == counts.all()) {
    if (!globals.json) fmt::print("{} passed\n", counts.passed);
    return Status::OK();
  }
  bool by_seed = std::any_of(reports.begin(), reports.end(), HangsOnSeed);
  return MakeError(
      ErrorCode::kSemanticError,
      {.message = fmt::format("{} of {} tests failed", counts.failed + counts.errors, counts.all()),
       .hint = by_seed ? fmt::format("--seed {} runs them again just so", options.seed) : ""});
}

}  // namespace

void AddTestCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen) {
  auto* command = app.add_subcommand("test", "test SQL scripts against rows from files");
  command->footer(
      "Examples:\n"
      "  mainstem test tests/                    every folder with input/ and expect/, every .slt\n"
      "  mainstem test tests/ --update           write what comes out to expect/\n"
      "  mainstem test tests/ --filter late --junit report.xml\n"
      "Each test runs to the end, killed and restored, and at another parallelism, on virtual "
      "time.");
  auto options = std::make_shared<TestCommandOptions>();
  command->add_option("path", options->path, "a folder of tests, or one")->required();
  command->add_option("--filter", options->filters, "only tests with this in their names");
  command->add_option("-D,--define", options->defines,
                      "NAME=value: replaces ${NAME} in the scripts");
  command->add_option("--seed", options->seed, "of kills and disorder [1]");
  command->add_flag("--update", options->update, "write what comes out instead of comparing");
  command->add_option("--junit", options->junit_path, "file for a report in JUnit's XML");
  command->callback([&globals, &chosen, options] {
    chosen.action = [&globals, options] { return RunTests(globals, *options); };
  });
}

}  // namespace mainstem::cli
