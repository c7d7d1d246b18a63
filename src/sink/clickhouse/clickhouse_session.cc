#include "sink/clickhouse/clickhouse_session.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include "core/net/percent_encoding.h"

namespace mainstem::sink {
namespace {

constexpr char kPositions[] = "mainstem_delivery";
constexpr size_t kShownExceptionBytes = 400;

struct ExceptionKind {
  ErrorCode code;
  const char* hint;
};

// Numbers of ClickHouse's exceptions.
ExceptionKind KindOfException(int number) {
  switch (number) {
    case 60:
    case 81: return {ErrorCode::kNotFound, "create it, or correct the options"};
    case 164:
    case 192:
    case 193:
    case 194:
    case 497:
    case 516:
      return {ErrorCode::kPermissionDenied,
              "check the user and password; the user needs SELECT and INSERT on the table and on "
              "'mainstem_delivery', and CREATE TABLE for the latter"};
    case 6:
    case 26:
    case 27:
    case 32:
    case 38:
    case 41:
    case 53:
    case 69:
    case 72:
    case 117:
    case 131:
    case 349:
    case 469:
      return {ErrorCode::kInvalidRecord,
              "correct or filter such rows in the query, or change the table"};
    case 16:
    case 44:
    case 47:
    case 48:
    case 62:
    case 524: return {ErrorCode::kInvalidArgument, ""};
    case 243: return {ErrorCode::kDiskFull, ""};
    default: return {ErrorCode::kUnavailable, ""};
  }
}

// "Code: 60, e.displayText() = DB::Exception: Table default.nope doesn't exist., e.what() = .."
Status StatusOfException(const std::string& url, int status, const std::string& body) {
  std::string text = body.substr(0, kShownExceptionBytes);
  absl::StripAsciiWhitespace(&text);
  int number = 0;
  if (text.starts_with("Code: ")) {
    size_t end = text.find_first_not_of("0123456789", 6);
    std::string digits = text.substr(6, end == std::string::npos ? end : end - 6);
    if (!absl::SimpleAtoi(digits, &number)) number = 0;
  }
  ExceptionKind kind = KindOfException(number);
  if (status == 401 || status == 403) kind = KindOfException(516);
  // The same number says that parts have to be merged first, which passes.
  if (number == 252 && body.find("partitions for single INSERT") != std::string::npos) {
    kind = {ErrorCode::kRecordListTooLarge, ""};
  }
  return MakeError(kind.code,
                   {.message = fmt::format("ClickHouse at {} answers {}: {}", url, status, text),
                    .hint = kind.hint});
}

std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

}  // namespace

ClickhouseSession::ClickhouseSession(ClickhouseServer server)
    : server_(std::move(server)), http_(server_.http) {}

std::string ClickhouseSession::FullName(const std::string& table) const {
  return ClickhouseName(server_.database) + "." + ClickhouseName(table);
}

Result<std::string> ClickhouseSession::Run(const std::string& statement, std::string_view data) {
  return Call(statement, data, "");
}

Status ClickhouseSession::Insert(const std::string& statement, std::string_view data,
                                 InsertOptions options) {
  const char* settings = options.drops_equal_blocks ? "" : "insert_deduplicate=0&";
  return Call(statement, data, settings).status();
}

Result<std::string> ClickhouseSession::Call(const std::string& statement, std::string_view data,
                                            const std::string& settings) {
  connector::HttpCall call;
  call.method = "POST";
  // Times with a zone are understood so.
  call.url = server_.url + "/?date_time_input_format=best_effort&" + settings +
             "query=" + net::PercentEncode(statement);
  if (!server_.username.empty()) {
    call.headers.push_back("X-ClickHouse-User: " + server_.username);
    call.headers.push_back("X-ClickHouse-Key: " + server_.password);
  }
  call.body = data;
  ASSIGN_OR_RETURN(connector::HttpAnswer answer, http_.Call(call));
  if (answer.status == 200) return std::move(answer.body);
  return StatusOfException(server_.url, answer.status, answer.body);
}

Result<std::optional<ClickhouseTable>> ClickhouseSession::Describe(const std::string& table) {
  auto filter = [&](const char* column) {
    return " WHERE database = " + Quoted(server_.database) + " AND " + column + " = " +
           Quoted(table) + " FORMAT TabSeparated";
  };
  ClickhouseTable found;
  found.shown = server_.database + "." + table;
  found.full_name = FullName(table);
  ASSIGN_OR_RETURN(std::string engine,
                   Run("SELECT engine, sorting_key FROM system.tables" + filter("name")));
  absl::StripTrailingAsciiWhitespace(&engine);
  if (engine.empty()) return std::nullopt;
  std::vector<std::string> parts = absl::StrSplit(engine, '\t');
  found.engine = parts[0];
  if (parts.size() > 1) {
    found.sorting_key = absl::StrSplit(parts[1], ',', absl::SkipWhitespace());
    for (std::string& name : found.sorting_key) absl::StripAsciiWhitespace(&name);
  }
  ASSIGN_OR_RETURN(std::string columns,
                   Run("SELECT name, type FROM system.columns" + filter("table")));
  std::vector<std::string> lines = absl::StrSplit(columns, '\n', absl::SkipEmpty());
  for (const std::string& line : lines) {
    std::vector<std::string> column = absl::StrSplit(line, '\t');
    if (column.size() != 2) continue;
    // DateTime(\'UTC\'): quotes are escaped.
    std::erase(column[1], '\\');
    found.columns.push_back({.name = column[0], .type = column[1]});
  }
  return found;
}

Result<std::optional<ClickhousePosition>> ClickhouseSession::ReadPosition(
    const std::string& delivery, PartitionId partition) {
  RETURN_IF_ERROR(Run("CREATE TABLE IF NOT EXISTS " + FullName(kPositions) +
                      " (delivery String, part UInt32, position Int64, history Int64)"
                      " ENGINE = ReplacingMergeTree(position) ORDER BY (delivery, part)"));
  ASSIGN_OR_RETURN(std::string answer,
                   Run(fmt::format("SELECT count(), max(position), max(history) FROM {} WHERE "
                                   "delivery = {} AND part = {} FORMAT TabSeparated",
                                   FullName(kPositions), Quoted(delivery), partition.value())));
  absl::StripTrailingAsciiWhitespace(&answer);
  std::vector<std::string> parts = absl::StrSplit(answer, '\t');
  int64_t count = 0;
  int64_t position = 0;
  ClickhousePosition stored;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &count) ||
      !absl::SimpleAtoi(parts[1], &position) || !absl::SimpleAtoi(parts[2], &stored.history)) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "the table '" + server_.database + "." + kPositions + "' holds no positions");
  }
  if (count == 0) return std::nullopt;
  if (position >= 0) stored.position = Offset(position);
  return stored;
}

Status ClickhouseSession::WritePosition(const std::string& delivery, PartitionId partition,
                                        const ClickhousePosition& position) {
  int64_t reached = position.position ? position.position->value() : -1;
  std::string line = fmt::format("{}\t{}\t{}\t{}\n", ClickhouseText(delivery), partition.value(),
                                 reached, position.history);
  return Run("INSERT INTO " + FullName(kPositions) +
                 " (delivery, part, position, history) FORMAT TabSeparated",
             line)
      .status();
}

}  // namespace mainstem::sink
