// mainstem job list | submit | show | watermark | wait | savepoint | stop | resume | cancel |
// delete
#include <fmt/format.h>
#include <simdjson.h>
#include <CLI/CLI.hpp>
#include <filesystem>

#include "cli/command.h"
#include "cli/progress.h"
#include "cli/savepoint_flags.h"
#include "cli/text_table.h"
#include "core/json_writer.h"
#include "core/net/percent_encoding.h"
#include "process/sql/substitute.h"

namespace mainstem::cli {
namespace {

using simdjson::dom::element;

struct JobOptions {
  std::string id;
  std::string file;
  std::string name;
  std::vector<std::string> defines;
  SavepointFlags from;
  std::string folder;  // of a savepoint to take
  bool with_savepoint = false;
  bool drain = false;
  bool beside_successor = false;
};

// The path of the last one; empty: none.
std::string SavepointOf(const element& job) {
  element savepoint;
  if (job["savepoint"].get(savepoint) != simdjson::SUCCESS) return "";
  return TextOf(savepoint, "path");
}

Status List(const GlobalOptions& globals, const JobOptions&) {
  HttpClient client(globals.node);
  ASSIGN_OR_RETURN(std::string body, client.Call({.path = "/api/v1/jobs"}));
  if (globals.json) return fmt::print("{}\n", body), Status::OK();
  return WithJson(body, [](const element& root) {
    TextTable table({"job", "name", "state", "restarts", "bad", "savepoint", "error"});
    for (element job : root["jobs"].get_array()) {
      table.Add({TextOf(job, "id"), ShortName(TextOf(job, "name")), TextOf(job, "state"),
                 TextOf(job, "restart_count"), TextOf(job, "rejected_rows"), SavepointOf(job),
                 TextOf(job, "error")});
    }
    fmt::print("{}", table.Render(TerminalWidth()));
    return Status::OK();
  });
}

Status Submit(const GlobalOptions& globals, const JobOptions& options) {
  HttpClient client(globals.node);
  ASSIGN_OR_RETURN(std::string text, ReadInput(options.file));
  ASSIGN_OR_RETURN(std::string script, process::sql::Substitute(text, options.defines));
  std::string request = "{\"script\":" + JsonQuote(script);
  if (!options.name.empty()) request += ",\"name\":" + JsonQuote(options.name);
  std::string settings;
  for (const auto& [key, value] : SettingsOf(options.from)) {
    settings += (settings.empty() ? "" : ",") + JsonQuote(key) + ":" + JsonQuote(value);
  }
  if (!settings.empty()) request += ",\"settings\":{" + settings + "}";
  ASSIGN_OR_RETURN(std::string body,
                   client.Call({.method = "POST", .path = "/api/v1/jobs", .body = request + "}"}));
  if (globals.json) return fmt::print("{}\n", body), Status::OK();
  return WithJson(body, [](const element& root) {
    for (element id : root["job_ids"].get_array()) {
      std::string_view text;
      if (id.get(text) == simdjson::SUCCESS) fmt::print("submitted job {}\n", text);
    }
    return Status::OK();
  });
}

bool HasEnded(std::string_view state) {
  for (auto ended : {process::JobState::kFinished, process::JobState::kStopped,
                     process::JobState::kCancelled, process::JobState::kFailed}) {
    if (state == ToString(ended)) return true;
  }
  return false;
}

// Until the job has ended; its last description. On a terminal a line says how far it is. The
// node's live stream is the clock: one event a second.
Result<std::string> AwaitEnd(const GlobalOptions& globals, const std::string& id) {
  HttpClient client(globals.node), clock(globals.node);
  ProgressLine line;
  std::string body;
  Status failed;
  auto goes_on = [&] {
    auto answer = client.Call({.path = "/api/v1/jobs/" + net::PercentEncode(id)});
    if (!answer.ok()) return failed = answer.status(), false;
    body = std::move(*answer);
    bool ended = false;
    failed = WithJson(body, [&](const element& job) {
      ended = HasEnded(TextOf(job, "state"));
      if (!ended) line.Show(ProgressOf(job));
      return Status::OK();
    });
    return failed.ok() && !ended;
  };
  if (goes_on()) {
    RETURN_IF_ERROR(clock.Stream({.path = "/api/v1/live"}, [&](std::string_view event) {
      return !event.starts_with("data:") || goes_on();
    }));
  }
  RETURN_IF_ERROR(failed);
  return body;
}

Status Wait(const GlobalOptions& globals, const JobOptions& options) {
  ASSIGN_OR_RETURN(std::string body, AwaitEnd(globals, options.id));
  return WithJson(body, [&](const element& job) -> Status {
    std::string state = TextOf(job, "state");
    int64_t took = IntOf(job, "finished_at_ms") - IntOf(job, "started_at_ms");
    std::string text = fmt::format("job {} {}: {} rows in {}", options.id, state,
                                   HumanCount(ProgressOf(job).rows), HumanDuration(took));
    RETURN_IF_ERROR(Tell(globals, {.text = std::move(text), .json = body}));
    if (state == ToString(process::JobState::kFinished)) return Status::OK();
    return MakeError(ErrorCode::kInternal,
                     {.message = fmt::format("job '{}' is {}", options.id, state),
                      .detail = TextOf(job, "error")});
  });
}

// Empty for null.
std::string TimeOf(const element& object, std::string_view member) {
  int64_t ms;
  return object[member].get(ms) == simdjson::SUCCESS ? HumanTime(ms) : "";
}

void PrintOperators(const element& root) {
  TextTable table({"operator", "parallel", "rows in", "rows out", "out/s", "busy", "held back",
                   "watermark", "late", "bad", "lag"});
  auto percent = [](double ratio) { return fmt::format("{:.0f}%", ratio * 100); };
  for (element op : root["operators"].get_array()) {
    int64_t lag = IntOf(op, "lag_records");
    table.Add({ShortName(TextOf(op, "name")), TextOf(op, "parallelism"),
               HumanCount(IntOf(op, "rows_in")), HumanCount(IntOf(op, "rows_out")),
               HumanCount(static_cast<int64_t>(NumberOf(op, "rows_out_per_second"))),
               percent(NumberOf(op, "busy_ratio")), percent(NumberOf(op, "backpressured_ratio")),
               TimeOf(op, "watermark_ms"), TextOf(op, "late_rows"), TextOf(op, "rejected_rows"),
               lag < 0 ? "" : HumanCount(lag)});
  }
  fmt::print("{}\n", table.Render(TerminalWidth()));
}

void PrintRejected(const element& job) {
  if (const int64_t count = IntOf(job, "rejected_rows"); count > 0) {
    fmt::print("  {} bad record{} since it was started", count, count == 1 ? "" : "s");
    const std::string first = TextOf(job, "first_rejected");
    fmt::print("{}\n", first.empty() ? "" : "; the first: " + first);
  }
  const std::string topic = TextOf(job, "quarantine_topic");
  if (!topic.empty()) fmt::print("  quarantine: topic {}\n", topic);
}

Status Show(const GlobalOptions& globals, const JobOptions& options) {
  HttpClient client(globals.node);
  ASSIGN_OR_RETURN(std::string body,
                   client.Call({.path = "/api/v1/jobs/" + net::PercentEncode(options.id)}));
  if (globals.json) return fmt::print("{}\n", body), Status::OK();
  return WithJson(body, [](const element& root) {
    fmt::print("job {} ({}): {}\n", TextOf(root, "id"), ShortName(TextOf(root, "name")),
               TextOf(root, "state"));
    if (std::string error = TextOf(root, "error"); !error.empty()) fmt::print("  {}\n", error);
    element savepoint;
    if (root["savepoint"].get(savepoint) == simdjson::SUCCESS) {
      const std::string path = TextOf(savepoint, "path");
      const std::string failure = TextOf(savepoint, "error");
      if (!path.empty()) fmt::print("  savepoint {}\n", path);
      if (!failure.empty()) fmt::print("  last savepoint failed: {}\n", failure);
    }
    PrintRejected(root);
    fmt::print("\n{}\n\n", TextOf(root, "statement"));
    PrintOperators(root);
    TextTable sinks(
        {"sink", "connector", "guarantee", "delivered", "bad", "lag", "state", "last error"});
    for (element sink : root["sinks"].get_array()) {
      sinks.Add({ShortName(TextOf(sink, "name")), TextOf(sink, "connector"),
                 TextOf(sink, "guarantee"), HumanCount(IntOf(sink, "rows_delivered")),
                 TextOf(sink, "rejected_rows"), HumanCount(IntOf(sink, "lag_records")),
                 TextOf(sink, "state"), TextOf(sink, "last_error")});
    }
    fmt::print("{}", sinks.Render(TerminalWidth()));
    return Status::OK();
  });
}

Status Watermark(const GlobalOptions& globals, const JobOptions& options) {
  HttpClient client(globals.node);
  const std::string path = "/api/v1/jobs/" + net::PercentEncode(options.id) + "/watermark";
  ASSIGN_OR_RETURN(std::string body, client.Call({.path = path}));
  if (globals.json) return fmt::print("{}\n", body), Status::OK();
  return WithJson(body, [](const element& root) {
    const std::string watermark = TimeOf(root, "watermark_ms");
    fmt::print("watermark {}\n{}\n\n", watermark.empty() ? "not yet" : watermark + " UTC",
               TextOf(root, "summary"));
    TextTable table({"table", "partition", "watermark", "unread", "state", "quiet since", "why"});
    for (element row : root["partitions"].get_array()) {
      table.Add({TextOf(row, "table"), TextOf(row, "partition"), TimeOf(row, "watermark_ms"),
                 TextOf(row, "unread"), TextOf(row, "state"), TimeOf(row, "quiet_since_ms"),
                 TextOf(row, "why")});
    }
    fmt::print("{}", table.Render(TerminalWidth()));
    return Status::OK();
  });
}

// Prints where the savepoint is, that `path` has made with this body.
Status AskForSavepoint(const GlobalOptions& globals, const std::string& path,
                       const std::string& body) {
  HttpClient client(globals.node);
  ASSIGN_OR_RETURN(std::string answer, client.Call({.method = "POST", .path = path, .body = body}));
  if (globals.json) return fmt::print("{}\n", answer), Status::OK();
  return WithJson(answer, [](const element& root) {
    fmt::print("savepoint {}\n", TextOf(root, "path"));
    return Status::OK();
  });
}

void AddFolder(const JobOptions& options, JsonWriter* body) {
  if (options.folder.empty()) return;
  body->Field("folder", std::filesystem::absolute(options.folder).string());
}

Status TakeSavepoint(const GlobalOptions& globals, const JobOptions& options) {
  JsonWriter body;
  body.BeginObject();
  AddFolder(options, &body);
  return AskForSavepoint(globals, "/api/v1/jobs/" + net::PercentEncode(options.id) + "/savepoints",
                         body.EndObject().text());
}

Status Change(const GlobalOptions& globals, const JobOptions& options, const std::string& verb) {
  HttpClient client(globals.node);
  std::string path = "/api/v1/jobs/" + net::PercentEncode(options.id);
  HttpRequest request{.method = "DELETE", .path = path};
  if (verb != "delete") {
    request.method = "POST";
    request.path += "/" + verb;
    if (options.beside_successor) request.body = R"({"beside_successor":true})";
  }
  RETURN_IF_ERROR(client.Call(request));
  return Tell(globals, {.text = verb + ": done",
                        .json = fmt::format("{{\"job\":{},\"done\":{}}}", JsonQuote(options.id),
                                            JsonQuote(verb))});
}

Status Stop(const GlobalOptions& globals, const JobOptions& options) {
  if (!options.with_savepoint) return Change(globals, options, "stop");
  JsonWriter body;
  body.BeginObject().Field("savepoint", true);
  AddFolder(options, &body);
  body.Field("drain", options.drain).EndObject();
  return AskForSavepoint(globals, "/api/v1/jobs/" + net::PercentEncode(options.id) + "/stop",
                         body.text());
}

}  // namespace

void AddJobCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen) {
  auto* job = app.add_subcommand("job", "submit SQL files as jobs; list, show, stop, resume them");
  job->require_subcommand(1);
  job->footer(
      "Examples:\n"
      "  mainstem job submit pipeline.sql -D OUT=/data/lake\n"
      "  mainstem job wait ID          to the end of its bounded input; fails if it failed\n"
      "  mainstem job list\n"
      "  mainstem job show ID          the id as `job list` says it\n"
      "  mainstem job watermark ID     why windows do not close\n"
      "  mainstem job stop ID && mainstem job resume ID\n"
      "  mainstem job stop ID --savepoint --dir /backup   prints the folder of the savepoint\n"
      "  mainstem job submit new.sql --from-savepoint /backup/savepoint-ID-1f00ba42\n"
      "Jobs live in the node: they go on when this command ends, and resume when the node "
      "restarts.");
  auto options = std::make_shared<JobOptions>();
  auto bind = [&](CLI::App* command, std::function<Status(const JobOptions&)> action) {
    command->callback([&chosen, options, action] {
      chosen.action = [options, action] { return action(*options); };
    });
  };
  bind(job->add_subcommand("list", "all jobs"),
       [&globals](const JobOptions& o) { return List(globals, o); });
  auto* submit = job->add_subcommand("submit", "start the INSERT statements of a file as jobs");
  submit->add_option("file", options->file, "SQL file, - for standard input")->required();
  submit->add_option("--name", options->name, "name of the job");
  submit->add_option("-D,--define", options->defines, "NAME=value: replaces ${NAME} in the script");
  AddSavepointFlags(*submit, options->from);
  bind(submit, [&globals](const JobOptions& o) { return Submit(globals, o); });
  auto* show = job->add_subcommand("show", "operators with rates, sinks with their positions");
  show->add_option("job", options->id, "id of the job")->required();
  bind(show, [&globals](const JobOptions& o) { return Show(globals, o); });
  auto* watermark = job->add_subcommand("watermark", "which partition holds it back, and why");
  watermark->add_option("job", options->id, "id of the job")->required();
  bind(watermark, [&globals](const JobOptions& o) { return Watermark(globals, o); });
  auto* wait = job->add_subcommand("wait", "wait for the end of a job, with its progress");
  wait->add_option("job", options->id, "id of the job")->required();
  bind(wait, [&globals](const JobOptions& o) { return Wait(globals, o); });
  auto* savepoint = job->add_subcommand("savepoint", "leave a savepoint; the job goes on");
  savepoint->add_option("job", options->id, "id of the job")->required();
  savepoint->add_option("--dir", options->folder, "folder in which it becomes a folder");
  bind(savepoint, [&globals](const JobOptions& o) { return TakeSavepoint(globals, o); });
  auto* stop = job->add_subcommand("stop", "take a checkpoint and stop; resume goes on from it");
  stop->add_option("job", options->id, "id of the job")->required();
  auto* with = stop->add_flag("--savepoint", options->with_savepoint,
                              "leave a savepoint, from which another job can go on");
  stop->add_option("--dir", options->folder, "folder in which it becomes a folder")->needs(with);
  stop->add_flag("--drain", options->drain,
                 "send the end of time first, so that windows close; for the last stop of a job")
      ->needs(with);
  bind(stop, [&globals](const JobOptions& o) { return Stop(globals, o); });
  const std::pair<const char*, const char*> changes[] = {
      {"resume", "go on with a stopped or failed job"},
      {"accept-lost-position",
       "go on where a destination has lost the job's position, with what the log still holds"},
      {"cancel", "end a job for good"},
      {"delete", "forget a job that has ended, with its checkpoints"}};
  for (const auto& [verb, help] : changes) {
    auto* command = job->add_subcommand(verb, help);
    command->add_option("job", options->id, "id of the job")->required();
    if (std::string_view(verb) == "resume") {
      command->add_flag("--beside-successor", options->beside_successor,
                        "though another job began with its savepoint: both write the same rows");
    }
    bind(command, [&globals, verb = std::string(verb)](const JobOptions& o) {
      return Change(globals, o, verb);
    });
  }
}

}  // namespace mainstem::cli
