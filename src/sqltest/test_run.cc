#include "sqltest/test_run.h"

#include <algorithm>
#include <random>

#include "connector/options.h"
#include "core/error_context.h"
#include "core/suggest.h"
#include "format/format.h"
#include "process/expr/text.h"
#include "sqltest/disorder.h"
#include "sqltest/fixture_source.h"
#include "sqltest/slt_run.h"
#include "sqltest/sql_world.h"
#include "sqltest/topic_records.h"

namespace mainstem::sqltest {
namespace {

using std::chrono::milliseconds;

constexpr int kKillTrials = 4;
constexpr int kRescaleTrials = 3;
constexpr int kDisorderTrials = 3;
constexpr char kWithLateRows[] = "with late rows";
constexpr char kLateIsMore[] =
    "('late' must be more than the longest window, gap or WITHIN: rows that are less late count)\n";
// Small batches, for there can be a barrier between any two; of a large input not more than so
// many.
constexpr size_t kLinesPerRead = 4;
constexpr size_t kReads = 250;

// Rows by sink, as they came and what they leave.
using Rows = std::map<std::string, std::vector<TextRow>>;

std::vector<Fields> TableOf(const ScriptSink& sink, const std::vector<TextRow>& rows) {
  bool keyed = sink.mode == connector::SinkMode::kUpsert && !sink.key.empty();
  return keyed ? FoldByKey(rows, sink.key) : Fold(rows);
}

std::vector<TextRow> WithoutKinds(std::vector<Fields> table) {
  std::vector<TextRow> rows;
  for (Fields& fields : table) rows.push_back({"", std::move(fields)});
  return rows;
}

class FolderRun {
 public:
  FolderRun(FolderTest test, const TestOptions& options, TestReport* report)
      : test_(std::move(test)), options_(options), report_(report), random_(options.seed) {
    inputs_.connectors = options.connectors;
    inputs_.fixtures = test_.fixtures;
    inputs_.lines_per_read = kLinesPerRead;
    for (const auto& [table, fixture] : inputs_.fixtures) {
      inputs_.lines_per_read = std::max(inputs_.lines_per_read, fixture->lines.size() / kReads);
    }
    inputs_.open = test_.config.open_ms.has_value();
    last_arrival_ = test_.config.clock;
    settings_ = test_.config.set;
    settings_.try_emplace("pipeline.auto-watermark-interval", "0");
    settings_.try_emplace("table.local-time-zone", "UTC");
  }

  Status Run() {
    RETURN_IF_ERROR(Prepare());
    int64_t steps = 0;
    RETURN_IF_ERROR(Way(kFirstWay, Plain(1), inputs_, 1, &first_, &steps));
    for (const auto& [sink, rows] : first_) report_->rows_out += static_cast<int64_t>(rows.size());
    if (options_.update) {
      RETURN_IF_ERROR(WriteExpected());
    } else {
      RETURN_IF_ERROR(CompareWithExpected());
    }
    inputs_.unsteady = true;
    RETURN_IF_ERROR(Trials("killed and restored", kKillTrials, steps, {1}));
    RETURN_IF_ERROR(Rescaled());
    return Disordered();
  }

 private:
  static SqlWorld::JobRun Plain(int parallelism) {
    return {.life_steps = {}, .parallelism = {parallelism}};
  }

  // ---- before the first way

  Status InScript(const Status& status) const {
    return InContext(test_.script_path + ": ", status);
  }

  Status Prepare() {
    auto script = Script::Make(test_.script, inputs_, settings_);
    if (!script.ok()) return InScript(script.status());
    script_ = std::move(*script);
    inputs_.handed_on = script_.handed_on();
    RETURN_IF_ERROR(CheckNames());
    for (const ScriptSource& source : script_.sources()) {
      auto found = test_.fixtures.find(source.name);
      if (found == test_.fixtures.end()) {
        if (!script_.handed_on().contains(source.name)) continue;
        RETURN_IF_ERROR(AddTopic(source, std::make_shared<const Fixture>()));
        continue;
      }
      const Fixture& fixture = *found->second;
      report_->rows_in += static_cast<int64_t>(fixture.lines.size());
      if (fixture.kind == FixtureKind::kTopic) {
        RETURN_IF_ERROR(CheckTopicRecords(fixture));
        RETURN_IF_ERROR(AddTopic(source, found->second));
      } else {
        RETURN_IF_ERROR(CheckFixture(fixture, source.table, source.insert_only));
      }
    }
    for (const auto& [name, fixture] : test_.fixtures) {
      for (const FixtureLine& line : fixture->lines)
        last_arrival_ = std::max(last_arrival_, line.arrival);
    }
    return Status::OK();
  }

  Status CheckNames() const {
    std::vector<std::string> sources, sinks;
    for (const ScriptSource& source : script_.sources()) sources.push_back(source.name);
    for (const ScriptSink& sink : script_.sinks()) sinks.push_back(sink.name);
    for (const auto& [name, fixture] : test_.fixtures) {
      if (std::find(sources.begin(), sources.end(), name) != sources.end()) continue;
      return MakeError(
          ErrorCode::kInvalidArgument,
          {.message = fmt::format("{}: the script reads no table '{}'", fixture->path, name),
           .hint = SuggestionFor(name, sources)});
    }
    for (const auto& [name, expected] : test_.expected) {
      if (script_.handed_on().contains(name)) {
        return MakeError(
            ErrorCode::kInvalidArgument,
            {.message =
                 fmt::format("{}: the rows of '{}' are handed on, not kept", expected.path, name),
             .hint = "test what comes of them; or what comes to them, in another test"});
      }
      if (std::find(sinks.begin(), sinks.end(), name) != sinks.end()) continue;
      return MakeError(
          ErrorCode::kInvalidArgument,
          {.message = fmt::format("{}: the script fills no table '{}'", expected.path, name),
           .hint = SuggestionFor(name, sinks)});
    }
    if (!test_.expected.empty() || options_.update) return Status::OK();
    return MakeError(ErrorCode::kNotFound,
                     {.message = "nothing is expected: there is no file in expect/",
                      .hint = "--update writes what comes out; look at it before you keep it"});
  }

  Status AddTopic(const ScriptSource& source, std::shared_ptr<const Fixture> fixture) {
    auto topic = source.table.options.find("topic");
    if (topic == source.table.options.end() || topic->second.find(';') != std::string::npos) {
      return MakeError(ErrorCode::kInvalidArgument,
                       {.message = fmt::format("{}: table '{}' does not read one topic",
                                               fixture->path, source.name),
                        .hint = "give rows (.jsonl, .csv)"});
    }
    topics_[topic->second] = std::move(fixture);
    RETURN_IF_ERROR(AddFormatFiles(connector::ValueFormatOf(source.table)));
    return AddFormatFiles(connector::KeyFormatOf(source.table));
  }

  // Files that a format asks for, from where the node would read them.
  Status AddFormatFiles(const connector::FormatChoice& choice) {
    const format::FormatInfo* info = format::FindFormat(choice.format);
    if (info == nullptr) return Status::OK();
    for (const std::string& option : info->file_options) {
      auto path = choice.options.find(option);
      if (path == choice.options.end()) continue;
      ASSIGN_OR_RETURN(files_[path->second], ReadTextFile(path->second));
    }
    return Status::OK();
  }

  // ---- ways

  SqlWorldOptions WorldOptions(const Inputs& inputs, uint64_t seed) const {
    SqlWorldOptions options{.seed = seed, .inputs = inputs, .topics = topics_, .files = files_};
    options.clock = test_.config.clock;
    options.settings = settings_;
    // The time that the rows take, in so many parts that there is a checkpoint between any two.
    int64_t span_ms = last_arrival_ - test_.config.clock;
    if (test_.config.open_ms) {
      span_ms += *test_.config.open_ms;
      options.end = test_.config.clock + span_ms;
    }
    options.checkpoint_interval = milliseconds(std::max<int64_t>(2, span_ms / 50));
    options.poll_interval = milliseconds(std::clamp<int64_t>(span_ms / 200, 1, 1000));
    return options;
  }

  Status Way(const std::string& name, const SqlWorld::JobRun& run, const Inputs& inputs,
             uint64_t seed, Rows* rows, int64_t* steps = nullptr) {
    if (report_->ways.empty() || report_->ways.back() != name) report_->ways.push_back(name);
    SqlWorld world(WorldOptions(inputs, seed));
    for (const ScriptSink& sink : script_.sinks()) {
      world.captures()[sink.table_name].types = sink.types;
    }
    Status status = world.RunJobs(script_.job_text(), run, steps);
    if (!status.ok()) {
      ErrorText text = TextOf(status);
      Fail({.way = name, .message = text.message, .detail = text.detail, .hint = text.hint});
      return status;
    }
    if (name == kFirstWay) {
      report_->late_rows = world.left_out().late_rows;
      report_->rejected_rows = world.left_out().rejected_rows;
    }
    for (const ScriptSink& sink : script_.sinks()) {
      (*rows)[sink.name] = std::move(world.captures()[sink.table_name].rows);
    }
    return Status::OK();
  }

  // Goes a way that must end like the first one; false: it does not.
  Result<bool> Agrees(const std::string& name, const SqlWorld::JobRun& run, const Inputs& inputs,
                      uint64_t seed, int64_t* steps = nullptr) {
    Rows rows;
    RETURN_IF_ERROR(Way(name, run, inputs, seed, &rows, steps));
    bool agrees = true;
    for (const ScriptSink& sink : script_.sinks()) {
      std::vector<Fields> expected = TableOf(sink, first_[sink.name]);
      std::vector<Fields> got = TableOf(sink, rows[sink.name]);
      RowDiff diff = DiffTables(expected, got, sink.key);
      if (diff.empty()) continue;
      agrees = false;
      FailDiff(name, sink, diff, ExpectedForm::kTable, "does not end as in the first way");
      if (name == kWithLateRows) report_->failures.back().detail += kLateIsMore;
    }
    return agrees;
  }

  Status Rescaled() {
    constexpr char kName[] = "at another parallelism";
    int64_t steps = 0;
    ASSIGN_OR_RETURN(bool agrees, Agrees(kName, Plain(2), inputs_, options_.seed, &steps));
    return agrees ? Trials(kName, kRescaleTrials, steps, {2, 3, 1}) : Status::OK();
  }

  // Power cuts at random moments of a run that takes so many steps; ends with the first trial that
  // goes wrong.
  Status Trials(const std::string& name, int count, int64_t steps,
                const std::vector<int>& parallelism) {
    for (int trial = 0; trial < count; ++trial) {
      SqlWorld::JobRun run{.life_steps = {Random(steps), Random(steps)},
                           .parallelism = parallelism};
      ASSIGN_OR_RETURN(bool agrees, Agrees(name, run, inputs_, random_()));
      if (!agrees) break;
    }
    return Status::OK();
  }

  int64_t Random(int64_t below) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(std::max<int64_t>(below, 1))) + 1;
  }

  // ---- disorder

  // Of each line, as the script itself computes it; nothing when not each has one.
  Result<std::vector<RowTime>> TimesOf(const ScriptSource& source, const Fixture& fixture) {
    std::string query =
        fmt::format("SELECT CAST(`{0}` AS STRING), CAST({1} AS STRING) FROM `{2}`",
                    source.watermark->column, source.watermark->expr_sql, source.name);
    Inputs ending = inputs_;
    ending.open = false;
    SqlWorld world(WorldOptions(ending, 1));
    auto results = world.Execute(script_.definitions() + "\n;" + query, 1);
    const StatementResult& last = results.back();
    RETURN_IF_ERROR(last.error);
    std::vector<RowTime> times;
    size_t next = 0;
    for (const FixtureLine& line : fixture.lines) {
      if (line.bad) {
        times.emplace_back();
        continue;
      }
      if (next == last.rows.size()) return std::vector<RowTime>();
      const TextRow& row = last.rows[next++];
      auto rowtime = process::ParseTimestamp(row.fields[0].value_or(""), 1000, 3);
      auto watermark = process::ParseTimestamp(row.fields[1].value_or(""), 1000, 3);
      if (!rowtime.value || !watermark.value) return std::vector<RowTime>();
      times.push_back({*rowtime.value, *watermark.value});
    }
    if (next < last.rows.size()) times.clear();
    return times;
  }

  // The inputs whose order matters little: each with a time for each of its rows.
  Result<std::map<std::string, std::vector<RowTime>>> TimedInputs() {
    std::map<std::string, std::vector<RowTime>> timed;
    for (const ScriptSource& source : script_.sources()) {
      auto found = test_.fixtures.find(source.name);
      if (found == test_.fixtures.end() || !source.watermark) continue;
      const Fixture& fixture = *found->second;
      if (fixture.kind == FixtureKind::kTopic || !source.insert_only) continue;
      if (fixture.partition_count > 1) continue;  // the query reads them in turn
      ASSIGN_OR_RETURN(std::vector<RowTime> times, TimesOf(source, fixture));
      if (times.empty()) continue;
      timed[source.name] = std::move(times);
    }
    if (!timed.empty()) return timed;
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "'shuffle' and 'late' need an input of rows for a table with a "
                                 "WATERMARK, in one partition"});
  }

  Status Disordered() {
    const TestConfig& config = test_.config;
    if (!config.shuffle && !config.late_ms) return Status::OK();
    ASSIGN_OR_RETURN(auto timed, TimedInputs());
    if (config.shuffle) {
      RETURN_IF_ERROR(WithOtherInputs("shuffled", timed,
                                      [](const Fixture& fixture, const auto& times, uint64_t seed) {
                                        return Shuffled(fixture, times, seed);
                                      }));
    }
    if (!config.late_ms) return Status::OK();
    return WithOtherInputs(kWithLateRows, timed,
                           [&](const Fixture& fixture, const auto& times, uint64_t seed) {
                             return WithLateCopies(fixture, times, *config.late_ms, seed);
                           });
  }

  template <typename Change>
  Status WithOtherInputs(const std::string& name,
                         const std::map<std::string, std::vector<RowTime>>& timed, Change change) {
    for (int trial = 0; trial < kDisorderTrials; ++trial) {
      Inputs inputs = inputs_;
      for (const auto& [table, times] : timed) {
        Fixture changed = change(*inputs_.fixtures.at(table), times, random_());
        inputs.fixtures[table] = std::make_shared<const Fixture>(std::move(changed));
      }
      ASSIGN_OR_RETURN(bool agrees, Agrees(name, Plain(1), inputs, options_.seed));
      if (!agrees) break;
    }
    return Status::OK();
  }

  // ---- results

  void Fail(TestFailure failure) { report_->failures.push_back(std::move(failure)); }

  void FailDiff(const std::string& way, const ScriptSink& sink, const RowDiff& diff,
                ExpectedForm form, const std::string& how) {
    Fail({.way = way,
          .message = fmt::format("{} {}: {}", sink.name, how, diff.Summary()),
          .detail = Render(diff, form, sink.columns, {}),
          .sink = sink.name,
          .missing = diff.missing,
          .unexpected = diff.unexpected,
          .differing = diff.differing});
  }

  Status CompareWithExpected() {
    for (const ScriptSink& sink : script_.sinks()) {
      auto found = test_.expected.find(sink.name);
      if (found == test_.expected.end()) continue;
      const ExpectedText& file = found->second;
      ASSIGN_OR_RETURN(std::vector<TextRow> expected, ParseExpected(file, sink.columns));
      RowDiff diff;
      if (file.form == ExpectedForm::kChangelog) {
        diff = DiffChangelogs(expected, first_[sink.name]);
      } else {
        std::vector<Fields> table;
        for (TextRow& row : expected) table.push_back(std::move(row.fields));
        diff = DiffTables(table, TableOf(sink, first_[sink.name]), sink.key);
      }
      if (diff.empty()) continue;
      std::string below = file.path.substr(std::min(test_.path.size() + 1, file.path.size()));
      FailDiff(kFirstWay, sink, diff, file.form, "is not as in " + below);
    }
    return Status::OK();
  }

  Status WriteExpected() {
    for (const ScriptSink& sink : script_.sinks()) {
      auto found = test_.expected.find(sink.name);
      ExpectedText file{.path = test_.path + "/expect/" + sink.name + ".table"};
      if (found != test_.expected.end()) file = found->second;
      const std::vector<TextRow>& rows = first_[sink.name];
      std::string text = PrintExpected(
          file.form, sink.columns,
          file.form == ExpectedForm::kChangelog ? rows : WithoutKinds(TableOf(sink, rows)));
      if (found != test_.expected.end() && text == file.text) continue;
      RETURN_IF_ERROR(WriteTextFile(file.path, text));
      report_->written.push_back(file.path);
    }
    return Status::OK();
  }

  FolderTest test_;
  const TestOptions& options_;
  TestReport* report_;
  std::mt19937_64 random_;
  Inputs inputs_;
  std::map<std::string, std::string> settings_;
  Script script_;
  Fixtures topics_;
  TextFiles files_;
  ProcessingTime last_arrival_;  // of any row
  Rows first_;
};

Status RunFolder(const FoundTest& found, const TestOptions& options, TestReport* report) {
  ASSIGN_OR_RETURN(FolderTest test, ReadFolderTest(found, options.root, options.defines));
  return FolderRun(std::move(test), options, report).Run();
}

void RunFile(const FoundTest& found, const TestOptions& options, TestReport* report) {
  report->ways = {kFirstWay, "killed and restored", "at another parallelism"};
  SltOptions slt{.seed = options.seed, .rewrite = options.update, .connectors = options.connectors};
  for (SltFailure& failure : RunSltFile(found.path, slt)) {
    report->failures.push_back(
        {.way = "",
         .message = fmt::format("{}: line {}: {}", found.path, failure.line, failure.message),
         .detail = std::move(failure.detail)});
  }
  if (options.update) report->written.push_back(found.path);
}

}  // namespace

TestReport RunTest(const FoundTest& found, const TestOptions& options) {
  TestReport report;
  report.name = found.name;
  if (found.is_file) {
    RunFile(found, options, &report);
  } else {
    Status status = RunFolder(found, options, &report);
    if (!status.ok()) {
      report.outcome = TestOutcome::kError;
      ErrorText text = TextOf(status);
      if (report.failures.empty() || report.failures.back().message != text.message) {
        report.failures.push_back(
            {.way = "", .message = text.message, .detail = text.detail, .hint = text.hint});
      }
    }
  }
  if (report.outcome == TestOutcome::kError) return report;
  if (!report.failures.empty()) {
    report.outcome = TestOutcome::kFailed;
  } else if (!report.written.empty()) {
    report.outcome = TestOutcome::kUpdated;
  }
  return report;
}

}  // namespace mainstem::sqltest
