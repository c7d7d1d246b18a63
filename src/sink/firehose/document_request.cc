#include "sink/firehose/document_request.h"

#include <algorithm>

#include <absl/strings/escaping.h>
#include <absl/time/time.h>
#include <fmt/format.h>
#include <simdjson.h>

#include "core/json_writer.h"

namespace mainstem::sink {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::string WeekOf(absl::CivilDay day) {
  while (absl::GetWeekday(day) != absl::Weekday::saturday) ++day;
  return fmt::format("{:04}-w{:02}", day.year(), (absl::GetYearDay(day) - 1) / 7 + 1);
}

}  // namespace

std::string IndexOf(const DocumentNames& names, const SentRecord& record) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::Time arrival = absl::FromUnixMillis(record.arrival_ms);
  auto dated = [&](const char* format) {
    return names.index + "-" + absl::FormatTime(format, arrival, utc);
  };
  switch (names.rotation) {
    case IndexRotation::kNone: return names.index;
    case IndexRotation::kHour: return dated("%Y-%m-%d-%H");
    case IndexRotation::kDay: return dated("%Y-%m-%d");
    case IndexRotation::kWeek: return names.index + "-" + WeekOf(absl::ToCivilDay(arrival, utc));
    case IndexRotation::kMonth: return dated("%Y-%m");
  }
  return names.index;
}

std::string DocumentIdOf(const DocumentNames& names, const SentRecord& record) {
  if (names.id_prefix.empty()) return "";
  return fmt::format("{}-{}-{}-{}", names.id_prefix, names.partition.value(), record.end.value(),
                     record.row);
}

Status CheckDocument(const std::string& data) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const simdjson::error_code error = parser.parse(data).get(root);
  const size_t begin = data.find_first_not_of(kBlanks);
  const bool is_object = begin != std::string::npos && data[begin] == '{';
  // Numbers that this parser can't hold: the server has its own mind about them.
  const bool is_read = error == simdjson::SUCCESS || error == simdjson::NUMBER_ERROR;
  if (is_object && is_read) return Status::OK();
  return MakeError(ErrorCode::kInvalidRecord,
                   {.message = "the record is not a single JSON object",
                    .detail = is_object ? simdjson::error_message(error) : ""});
}

void AppendIndexAction(const DocumentNames& names, const SentRecord& record, std::string* body) {
  const std::string id = DocumentIdOf(names, record);
  JsonWriter line;
  line.BeginObject().Key("index").BeginObject().Field("_index", IndexOf(names, record));
  if (!id.empty()) line.Field("_id", id);
  line.EndObject().EndObject();
  *body += line.text();
  body->push_back('\n');
  // A document is one line; in JSON, ends of lines are only between its parts.
  const size_t begin = body->size();
  *body += record.data;
  std::replace_if(
      body->begin() + static_cast<std::ptrdiff_t>(begin), body->end(),
      [](char c) { return c == '\n' || c == '\r'; }, ' ');
  body->push_back('\n');
}

std::string FailedDocumentLine(const DocumentNames& names, const SentRecord& record,
                               const RecordFailure& failure, RecordTries tries) {
  JsonWriter json;
  json.BeginObject().Field("attemptsMade", tries.count);
  json.Field("arrivalTimestamp", record.arrival_ms).Field("errorCode", failure.code);
  json.Field("errorMessage", failure.message).Field("attemptEndingTimestamp", tries.ended_ms);
  json.Field("esDocumentId", DocumentIdOf(names, record));
  json.Field("esIndexName", IndexOf(names, record)).Field("esTypeName", "");
  json.Field("rawData", absl::Base64Escape(record.data)).EndObject();
  return json.Take();
}

}  // namespace mainstem::sink
