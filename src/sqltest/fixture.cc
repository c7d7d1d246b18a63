#include "sqltest/fixture.h"

#include <algorithm>
#include <charconv>

#include "core/config.h"
#include "core/suggest.h"
#include "format/format.h"
#include "process/expr/text.h"
#include "process/sql/diagnostic.h"

namespace mainstem::sqltest {
namespace {

constexpr std::string_view kDirective = "#@";

std::string_view Trimmed(std::string_view text) {
  size_t begin = text.find_first_not_of(" \t\r");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

std::vector<std::string> CutAtCommas(std::string_view line) {
  std::vector<std::string> names;
  while (true) {
    size_t comma = std::min(line.find(','), line.size());
    std::string_view name = Trimmed(line.substr(0, comma));
    if (name.size() > 1 && name.front() == '"' && name.back() == '"') {
      name = name.substr(1, name.size() - 2);
    }
    names.emplace_back(name);
    if (comma == line.size()) return names;
    line.remove_prefix(comma + 1);
  }
}

// By the ending of the file's name.
void SetKind(std::string_view name, Fixture* fixture) {
  std::string ending(name.substr(std::min(name.find('.'), name.size())));
  if (ending == ".jsonl" || ending == ".json" || ending == ".ndjson") {
    fixture->kind = FixtureKind::kRows;
    fixture->format = "json";
  } else if (ending == ".csv") {
    fixture->kind = FixtureKind::kRows;
    fixture->format = "csv";
  } else if (ending == ".topic.jsonl") {
    fixture->kind = FixtureKind::kTopic;
  } else if (ending.ends_with(".jsonl")) {
    std::string format = ending.substr(1, ending.size() - 7) + "-json";
    const format::FormatInfo* info = format::FindFormat(format);
    if (info != nullptr && info->is_changelog) {
      fixture->kind = FixtureKind::kChanges;
      fixture->format = format;
    }
  }
}

class Parser {
 public:
  Parser(const std::string& path, ProcessingTime begin) : now_(begin) { fixture_.path = path; }

  Result<Fixture> Parse(std::string_view text) {
    std::string_view name = fixture_.path;
    name.remove_prefix(name.rfind('/') + 1);
    SetKind(name, &fixture_);
    int number = 0;
    while (!text.empty()) {
      size_t end = std::min(text.find('\n'), text.size());
      std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (line.ends_with('\r')) line.remove_suffix(1);
      place_ = {.path = fixture_.path, .number = ++number, .line = line};
      RETURN_IF_ERROR(TakeLine(line));
    }
    if (bad_next_) return FixtureError(place_, "no line follows '#@ bad'");
    return std::move(fixture_);
  }

 private:
  Status TakeLine(std::string_view line) {
    if (line.starts_with(kDirective)) return TakeDirective(line);
    bool is_message = fixture_.kind == FixtureKind::kMessages;
    if (line.empty() || (!is_message && Trimmed(line).empty())) return Status::OK();
    if (fixture_.format == "csv" && fixture_.columns.empty()) {
      fixture_.columns = CutAtCommas(line);
      return Status::OK();
    }
    FixtureLine& row = fixture_.lines.emplace_back();
    if (fixture_.kind == FixtureKind::kRows) {
      for (RowKind kind :
           {RowKind::kInsert, RowKind::kUpdateBefore, RowKind::kUpdateAfter, RowKind::kDelete}) {
        if (!line.starts_with(std::string(ToString(kind)) + " ")) continue;
        row.kind = kind;
        line.remove_prefix(3);
        break;
      }
    }
    row.text = line;
    row.arrival = now_;
    row.partition = partition_;
    row.number = place_.number;
    row.bad = std::exchange(bad_next_, false);
    return Status::OK();
  }

  Status TakeDirective(std::string_view line) {
    std::string_view words = Trimmed(line.substr(kDirective.size()));
    size_t space = std::min(words.find(' '), words.size());
    std::string word(words.substr(0, space));
    std::string rest(Trimmed(words.substr(space)));
    place_.column = line.size() - rest.size();
    if (fixture_.kind == FixtureKind::kTopic && word != "bad") {
      return FixtureError(place_, "records of a topic are all there from the beginning",
                          "take the kind .jsonl for rows that come by and by");
    }
    if (word == "wait") return Wait(rest);
    if (word == "at") return MoveTo(rest);
    if (word == "partition") return SetPartition(rest);
    if (word == "bad" && rest.empty()) {
      bad_next_ = true;
      return Status::OK();
    }
    place_.column = kDirective.size() + line.substr(kDirective.size()).find_first_not_of(" \t");
    std::vector<std::string> known = {"wait", "at", "partition", "bad"};
    return FixtureError(place_, fmt::format("'#@ {}' is not known", word),
                        SuggestionFor(word, known));
  }

  Status Wait(const std::string& rest) {
    auto millis = ParseDurationMs(rest);
    if (!millis.ok() || *millis < 0) {
      return FixtureError(place_, fmt::format("'{}' is no time", rest), "write #@ wait 10 s");
    }
    now_ = now_ + *millis;
    return Status::OK();
  }

  Status MoveTo(const std::string& rest) {
    auto parsed = process::ParseTimestamp(rest, 1000, 3);
    if (!parsed.value) {
      return FixtureError(place_, fmt::format("'{}' is no time", rest),
                          "write #@ at 2026-01-01 00:05:00");
    }
    if (*parsed.value < now_.value()) {
      return FixtureError(place_, "this is before the rows above",
                          "time only goes on; 'clock' in test.yaml says when it begins");
    }
    now_ = ProcessingTime(*parsed.value);
    return Status::OK();
  }

  Status SetPartition(const std::string& rest) {
    const char* end = rest.data() + rest.size();
    auto [stop, error] = std::from_chars(rest.data(), end, partition_);
    if (error != std::errc() || stop != end || partition_ < 0 || partition_ >= kPartitionsMax) {
      return FixtureError(place_, fmt::format("'{}' is no partition", rest),
                          fmt::format("a number from 0 to {}", kPartitionsMax - 1));
    }
    fixture_.partition_count = std::max(fixture_.partition_count, partition_ + 1);
    return Status::OK();
  }

  Fixture fixture_;
  FixturePlace place_;
  ProcessingTime now_;
  int partition_ = 0;
  bool bad_next_ = false;
};

}  // namespace

std::string TableOfFixture(std::string_view file_name) {
  return std::string(file_name.substr(0, std::min(file_name.find('.'), file_name.size())));
}

std::string ShortName(const std::string& full_name) {
  return full_name.substr(full_name.rfind('.') + 1);
}

Result<Fixture> ParseFixture(const std::string& path, const std::string& text,
                             ProcessingTime begin) {
  return Parser(path, begin).Parse(text);
}

Status FixtureError(const FixturePlace& place, std::string message, std::string hint) {
  process::sql::SourceText source((std::string(place.line)));
  auto at = static_cast<uint32_t>(std::min(place.column, place.line.size()));
  process::sql::Problem problem;
  problem.span = {
      .begin = at, .end = at + 1, .line = static_cast<uint32_t>(place.number), .column = at + 1};
  problem.message = std::move(message);
  problem.hint = std::move(hint);
  ErrorText text = TextOf(process::sql::ErrorAt(ErrorCode::kInvalidArgument, source, problem));
  text.message = place.path + ": " + text.message;
  return MakeError(ErrorCode::kInvalidArgument, std::move(text));
}

}  // namespace mainstem::sqltest
