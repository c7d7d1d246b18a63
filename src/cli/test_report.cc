#include "cli/test_report.h"

#include <fmt/format.h>

#include "core/json_writer.h"

namespace mainstem::cli {
namespace {

using sqltest::TestFailure;
using sqltest::TestOutcome;
using sqltest::TestReport;

std::string_view Label(TestOutcome outcome) {
  switch (outcome) {
    case TestOutcome::kPassed: return "PASS";
    case TestOutcome::kUpdated: return "WROTE";
    case TestOutcome::kFailed: return "FAIL";
    case TestOutcome::kError: return "ERROR";
  }
  return "";
}

std::string_view JsonName(TestOutcome outcome) {
  switch (outcome) {
    case TestOutcome::kPassed: return "passed";
    case TestOutcome::kUpdated: return "updated";
    case TestOutcome::kFailed: return "failed";
    case TestOutcome::kError: return "error";
  }
  return "";
}

std::string Headline(const TestFailure& failure) {
  return failure.way.empty() ? failure.message : failure.way + ": " + failure.message;
}

std::string Indented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    out += fmt::format("  {}\n", text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string FailureText(const TestFailure& failure) {
  std::string out = "  " + Headline(failure) + "\n" + Indented(failure.detail);
  if (!failure.hint.empty()) out += "  hint: " + failure.hint + "\n";
  return out;
}

// XML has no way to write most control characters at all.
std::string Escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      case '\n': out += "&#10;"; break;
      default: out += static_cast<unsigned char>(c) < 0x20 && c != '\t' ? '?' : c;
    }
  }
  return out;
}

}  // namespace

std::string ReportText(const TimedReport& timed) {
  const TestReport& report = timed.report;
  std::string out = fmt::format("{:<5} {}", Label(report.outcome), report.name);
  if (report.rows_in > 0 || report.rows_out > 0) {
    out += fmt::format("  ({} rows in, {} out, ", report.rows_in, report.rows_out);
    if (report.late_rows > 0) out += fmt::format("{} dropped as late, ", report.late_rows);
    if (report.rejected_rows > 0) out += fmt::format("{} rejected, ", report.rejected_rows);
    out += fmt::format("{} ways, {:.2f} s)", report.ways.size(), timed.seconds);
  } else {
    out += fmt::format("  ({:.2f} s)", timed.seconds);
  }
  out += "\n";
  for (const std::string& path : report.written) out += fmt::format("  wrote {}\n", path);
  for (const TestFailure& failure : report.failures) out += FailureText(failure);
  return out;
}

std::string ReportJson(const TimedReport& timed) {
  const TestReport& report = timed.report;
  JsonWriter json;
  json.BeginObject().Field("test", report.name).Field("outcome", JsonName(report.outcome));
  json.Field("seconds", timed.seconds).Field("rows_in", report.rows_in);
  json.Field("rows_out", report.rows_out).Field("late_rows", report.late_rows);
  json.Field("rejected_rows", report.rejected_rows).Key("ways").BeginArray();
  for (const std::string& way : report.ways) json.Value(way);
  json.EndArray().Key("written").BeginArray();
  for (const std::string& path : report.written) json.Value(path);
  json.EndArray().Key("failures").BeginArray();
  for (const TestFailure& failure : report.failures) {
    json.BeginObject().Field("way", failure.way).Field("message", failure.message);
    json.Field("detail", failure.detail).Field("hint", failure.hint).Field("sink", failure.sink);
    json.Field("missing", failure.missing).Field("unexpected", failure.unexpected);
    json.Field("differing", failure.differing).EndObject();
  }
  json.EndArray().EndObject();
  return json.Take();
}

std::string JunitXml(const std::string& suite, const std::vector<TimedReport>& reports) {
  TestCounts counts = CountTests(reports);
  double seconds = 0;
  for (const TimedReport& timed : reports) seconds += timed.seconds;
  std::string head =
      fmt::format(R"(name="{}" tests="{}" failures="{}" errors="{}" time="{:.3f}")", Escaped(suite),
                  counts.all(), counts.failed, counts.errors, seconds);
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  out += fmt::format("<testsuites {}>\n<testsuite {}>\n", head, head);
  for (const TimedReport& timed : reports) {
    const TestReport& report = timed.report;
    out += fmt::format(R"(<testcase classname="{}" name="{}" time="{:.3f}")", Escaped(suite),
                       Escaped(report.name), timed.seconds);
    if (report.failures.empty()) {
      out += "/>\n";
      continue;
    }
    out += ">\n";
    std::string_view tag = report.outcome == TestOutcome::kError ? "error" : "failure";
    std::string text;
    for (const TestFailure& failure : report.failures) text += FailureText(failure);
    out += fmt::format("<{0} message=\"{1}\">{2}</{0}>\n</testcase>\n", tag,
                       Escaped(Headline(report.failures[0])), Escaped(text));
  }
  return out + "</testsuite>\n</testsuites>\n";
}

TestCounts CountTests(const std::vector<TimedReport>& reports) {
  TestCounts counts;
  for (const TimedReport& timed : reports) {
    switch (timed.report.outcome) {
      case TestOutcome::kPassed:
      case TestOutcome::kUpdated: ++counts.passed; break;
      case TestOutcome::kFailed: ++counts.failed; break;
      case TestOutcome::kError: ++counts.errors; break;
    }
  }
  return counts;
}

}  // namespace mainstem::cli
