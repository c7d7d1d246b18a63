// mainstem run FILE.sql: runs a script in this process, with a private log that is gone afterwards
// unless --data names a folder. Bounded statements end by themselves; Ctrl-C ends the others.
#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <mutex>
#include <system_error>

#include "cli/command.h"
#include "cli/progress.h"
#include "cli/rejected_report.h"
#include "cli/result_printer.h"
#include "cli/savepoint_flags.h"
#include "cli/settings_from_flags.h"
#include "cli/signals.h"
#include "core/sync.h"
#include "process/sql/substitute.h"
#include "server/engine.h"

namespace mainstem::cli {
namespace {

struct RunOptions {
  std::string file;
  std::vector<std::string> defines;
  int parallelism = 0;
  SavepointFlags from;
  SettingFlags flags;
};

constexpr std::string_view kTemporaryData = "<temporary>";  // where no folder is named
constexpr auto kProgressInterval = std::chrono::milliseconds(300);

// Prints what the script makes, statement after statement. `progress` outlives it.
class Printer final : public process::ResultListener {
 public:
  Printer(ResultPrinter::Options options, ProgressLine* progress)
      : progress_(progress), printer_(options) {}
  Status OnColumns(const std::vector<process::ResultColumn>& columns) override {
    progress_->Clear();
    std::vector<std::string> names, types;
    for (const auto& column : columns) {
      names.push_back(column.name);
      types.push_back(column.type);
    }
    printer_.Columns(std::move(names), types);
    return Status::OK();
  }
  Status OnRows(std::vector<process::ResultRow> rows) override {
    progress_->Clear();
    for (const auto& row : rows) printer_.Row(row.kind, row.fields);
    return printer_.Flush();
  }
  Status OnJob(const std::string& job_id) override {
    job_ids_.push_back(job_id);
    return Status::OK();
  }
  Status OnJobFinished(const process::JobDescription& job) override {
    progress_->Clear();
    return printer_.JobFinished(job);
  }
  Status OnStatementDone(const std::string& message) override {
    progress_->Clear();
    RETURN_IF_ERROR(printer_.Done());
    return printer_.Message(message);
  }
  const std::vector<std::string>& job_ids() const { return job_ids_; }

 private:
  ProgressLine* progress_;
  ResultPrinter printer_;
  std::vector<std::string> job_ids_;
};

// Until it is cancelled: how far the newest job of the script is.
Task<> ShowProgress(server::Engine* engine, const Printer* printer, ProgressLine* line) {
  while (true) {
    CO_RETURN_IF_ERROR(co_await Sleep(kProgressInterval));
    if (printer->job_ids().empty()) continue;
    std::string newest = printer->job_ids().back();
    auto job = co_await engine->jobs().DescribeJob(std::move(newest));
    if (job.ok() && !process::IsTerminal(job->state)) {
      line->Show(ProgressOf(*job));
    } else {
      line->Clear();  // ended; a temporary job is forgotten then
    }
  }
}

// A folder that is removed with everything in it.
class PrivateFolder {
 public:
  Status Make() {
    std::error_code error;
    std::filesystem::path parent = std::filesystem::temp_directory_path(error);
    std::string name = (parent / "mainstem-run-XXXXXX").string();
    if (!error && mkdtemp(name.data()) == nullptr) error.assign(errno, std::generic_category());
    if (error) {
      return MakeError(ErrorCode::kStorageError,
                       {.message = "cannot make a folder for temporary data: " + error.message(),
                        .hint = "set TMPDIR to a folder that can be written to, or give --data"});
    }
    path_ = name;
    return Status::OK();
  }
  ~PrivateFolder() {
    std::error_code ignored;  // best effort: the folder is temporary
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// What Ctrl-C cancels: the script, while it runs. Shared with the thread that waits for signals.
class Interrupt {
 public:
  void Arm(std::function<void()> cancel) {
    std::lock_guard lock(mutex_);
    cancel_ = std::move(cancel);
    if (asked_ && cancel_) cancel_();
  }
  void Ask() {
    std::lock_guard lock(mutex_);
    asked_ = true;
    if (cancel_) cancel_();
  }
  bool asked() const {
    std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  mutable std::mutex mutex_;
  std::function<void()> cancel_;
  bool asked_ = false;
};

Task<> NoteOutcome(Task<> task, Status* outcome) {
  *outcome = co_await std::move(task);
  co_return Status::OK();
}

// kCancelled when it was interrupted.
Task<> ExecuteUntilAsked(server::Engine* engine, Task<> execution, Interrupt* interrupt) {
  Executor home = engine->env().shard(0);
  Status outcome = MakeError(ErrorCode::kCancelled, "interrupted");
  TaskScope work(home, "script", [](const std::string&, const Status&) {});  // told by `outcome`
  work.Spawn("script", NoteOutcome(std::move(execution), &outcome));
  TaskScope* scope = &work;
  interrupt->Arm(
      [home, scope] { home.scheduler()->Post(UniqueFunction([scope] { scope->Cancel(); })); });
  Status joined = co_await work.Join();
  interrupt->Arm(nullptr);
  // A cancellation that is on its way finds the scope still there.
  CO_RETURN_IF_ERROR(co_await Yield());
  Status closed = co_await work.Close();
  CO_RETURN_IF_ERROR(joined);
  co_return outcome.ok() ? closed : outcome;
}

Task<> ExecuteScript(server::Engine* engine, std::string script, process::ExecuteOptions options,
                     Printer* printer, ProgressLine* line, Interrupt* interrupt) {
  std::vector<std::string> no_addresses;
  CO_RETURN_IF_ERROR(co_await engine->StartJobs(std::move(no_addresses)));
  TaskScope background(engine->env().shard(0), "progress",
                       [](const std::string&, const Status&) {});  // only ever cancelled
  background.Spawn("show", ShowProgress(engine, printer, line));
  Task<> execution = engine->jobs().Execute(std::move(script), std::move(options), printer);
  Status status = co_await ExecuteUntilAsked(engine, std::move(execution), interrupt);
  Status closed = co_await background.Close();
  line->Clear();
  co_return status.ok() ? closed : status;
}

Task<> TellRejected(server::Engine* engine, RejectedReportOptions options) {
  CO_ASSIGN_OR_RETURN(std::string report,
                      co_await RejectedReport(&engine->log(), std::move(options)));
  std::fputs(report.c_str(), stderr);
  co_return Status::OK();
}

// Standard output for JSON alone: what else is written there (rows of `print` tables) goes to
// standard error from now on.
Result<std::FILE*> KeepStandardOutput() {
  int kept = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
  std::FILE* out = kept < 0 ? nullptr : fdopen(kept, "w");
  if (out == nullptr || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
    return CannotPrint(errno);
  }
  return out;
}

Status Run(const GlobalOptions& globals, const RunOptions& options) {
  ASSIGN_OR_RETURN(std::string text, ReadInput(options.file));
  ASSIGN_OR_RETURN(std::string script, process::sql::Substitute(text, options.defines));
  PrivateFolder folder;
  ASSIGN_OR_RETURN(server::Settings settings,
                   SettingsFromFlags(options.flags, {{"data", std::string(kTemporaryData)},
                                                     {"log.level", "warning"}}));
  settings.data_is_temporary = settings.data_dir == kTemporaryData;
  if (settings.data_is_temporary) {
    RETURN_IF_ERROR(folder.Make());
    settings.data_dir = folder.path();
  }
  BlockStopSignals();
  ASSIGN_OR_RETURN(Logger logger, Logger::Make(settings.logging));
  ASSIGN_OR_RETURN(auto engine, server::Engine::Open(settings, logger));
  auto interrupt = std::make_shared<Interrupt>();
  OnStopSignal([interrupt] { interrupt->Ask(); });
  process::ExecuteOptions execute;
  execute.settings = SettingsOf(options.from);
  if (options.parallelism > 0) {
    execute.settings["parallelism.default"] = std::to_string(options.parallelism);
  }
  ProgressLine line;
  ASSIGN_OR_RETURN(std::FILE * out, globals.json ? KeepStandardOutput() : stdout);
  Printer printer({.json = globals.json, .out = out}, &line);
  Status status = RunBlocking(
      engine->env().shard(0),
      ExecuteScript(engine.get(), script, std::move(execute), &printer, &line, interrupt.get()));
  Status told = RunBlocking(
      engine->env().shard(0),
      TellRejected(engine.get(),
                   {.job_ids = printer.job_ids(), .log_is_kept = !settings.data_is_temporary}));
  Status stopped = engine->Stop();
  if (status.ok()) status = told;
  return status.ok() ? stopped : status;
}

}  // namespace

void AddRunCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen) {
  auto* command = app.add_subcommand("run", "run a SQL script here, without a node");
  command->footer(
      "Examples:\n"
      "  mainstem run report.sql\n"
      "  mainstem run pipeline.sql -D INPUT=access.log.gz -p 2 --json\n"
      "On a terminal a line says how far a job is. Ctrl-C ends what has no end.\n"
      "With --json standard output has JSON only; rows of print tables go to standard error.");
  auto options = std::make_shared<RunOptions>();
  command->add_option("file", options->file, "SQL file, - for standard input")->required();
  command->add_option("-D,--define", options->defines,
                      "NAME=value: replaces ${NAME} in the script");
  command->add_option("-p,--parallelism", options->parallelism, "subtasks of an operator");
  AddSavepointFlags(*command, options->from);
  AddSettingFlags(*command, options->flags);
  command->callback([&globals, &chosen, options] {
    chosen.action = [&globals, options] { return Run(globals, *options); };
  });
}

}  // namespace mainstem::cli
