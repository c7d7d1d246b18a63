#include "sqltest/topic_records.h"

#include <map>

#include <absl/strings/escaping.h>
#include <simdjson.h>

#include "storage/batch_builder.h"

namespace mainstem::sqltest {
namespace {

using simdjson::dom::element;

struct Record {
  int32_t partition = 0;
  int64_t timestamp_ms = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

// A value as its bytes: text as it is, other JSON as written, "<member>_base64" decoded; nullopt
// for null.
std::optional<std::string> BytesOf(const element& object, std::string_view member) {
  element value;
  std::string_view base64;
  std::string bytes;
  if (object[std::string(member) + "_base64"].get(base64) == simdjson::SUCCESS &&
      absl::Base64Unescape({base64.data(), base64.size()}, &bytes)) {
    return bytes;
  }
  if (object[member].get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return std::string(text);
  return simdjson::minify(value);
}

Result<Record> ParseRecord(const Fixture& fixture, const FixtureLine& line) {
  auto wrong = [&](const std::string& message) {
    FixturePlace place{.path = fixture.path, .number = line.number, .line = line.text};
    return FixtureError(place, message,
                        "as `mainstem consume TOPIC --json` prints it: {\"partition\":0, "
                        "\"timestamp_ms\":.., \"key\":.., \"value\":.., \"headers\":[..]}");
  };
  simdjson::dom::parser parser;
  element object;
  if (parser.parse(line.text).get(object) != simdjson::SUCCESS || !object.is_object()) {
    return wrong("this is no JSON object");
  }
  Record record;
  int64_t partition = 0;
  element found;
  if (object["value"].get(found) != simdjson::SUCCESS &&
      object["value_base64"].get(found) != simdjson::SUCCESS) {
    return wrong("this record has no 'value'");
  }
  if (object["partition"].get(found) == simdjson::SUCCESS &&
      (found.get(partition) != simdjson::SUCCESS || partition < 0 || partition >= kPartitionsMax)) {
    return wrong("'partition' is no number of a partition");
  }
  record.partition = static_cast<int32_t>(partition);
  record.timestamp_ms = line.arrival.value();
  if (object["timestamp_ms"].get(found) == simdjson::SUCCESS &&
      found.get(record.timestamp_ms) != simdjson::SUCCESS) {
    return wrong("'timestamp_ms' is no number");
  }
  record.key = BytesOf(object, "key");
  record.value = BytesOf(object, "value");
  simdjson::dom::array headers;
  if (object["headers"].get(headers) == simdjson::SUCCESS) {
    for (element header : headers) {
      record.headers.emplace_back(BytesOf(header, "key").value_or(""), BytesOf(header, "value"));
    }
  }
  return record;
}

}  // namespace

Status CheckTopicRecords(const Fixture& fixture) {
  for (const FixtureLine& line : fixture.lines) RETURN_IF_ERROR(ParseRecord(fixture, line));
  return Status::OK();
}

Task<> FillTopic(storage::Log* log, std::string topic, std::shared_ptr<const Fixture> fixture) {
  std::map<int32_t, storage::BatchBuilder> batches;
  int32_t partition_count = 1;
  for (const FixtureLine& line : fixture->lines) {
    CO_ASSIGN_OR_RETURN(Record record, ParseRecord(*fixture, line));
    partition_count = std::max(partition_count, record.partition + 1);
    std::vector<storage::RecordHeader> headers;
    for (const auto& [key, value] : record.headers) headers.push_back({key, value});
    batches[record.partition].Add(record.timestamp_ms, record.key, record.value, headers);
  }
  storage::TopicConfig config;
  CO_ASSIGN_OR_RETURN(storage::TopicInfo info,
                      co_await log->CreateTopic(topic, partition_count, std::move(config), false));
  for (auto& [partition, builder] : batches) {
    CO_ASSIGN_OR_RETURN(std::vector<std::byte> bytes, builder.Build());
    storage::TopicPartition where{info.id, PartitionId(partition)};
    CO_ASSIGN_OR_RETURN(auto appended, co_await log->Append(where, bytes, {}));
    (void)appended;
  }
  co_return Status::OK();
}

}  // namespace mainstem::sqltest
