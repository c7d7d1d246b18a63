#include "server/admin/records_api.h"

#include <algorithm>
#include <charconv>

#include <absl/strings/escaping.h>
#include <fmt/format.h>
#include <simdjson.h>

#include "gateway/http/answer_lease.h"
#include "gateway/http/event_json.h"
#include "server/admin/record_filter.h"

namespace mainstem::server {
namespace {

namespace http = gateway::http;

constexpr int64_t kLimitDefault = 50;
constexpr int64_t kLimitMaximum = 1000;
// One request looks at so much at most, then says where to go on.
constexpr int64_t kScanRecords = 200'000;
constexpr int64_t kScanBytes = 128 << 20;
constexpr size_t kVisitBytes = 1 << 20;
constexpr Duration kLeaseWait = std::chrono::seconds(2);
constexpr Duration kLeaseRetry = std::chrono::milliseconds(10);
constexpr size_t kShownBytes = 256 * 1024;  // of one value, key or header

struct Found {
  int64_t timestamp_ms;
  PartitionId partition;
  Offset offset;
  std::string json;
};

class RecordWriter {
 public:
  explicit RecordWriter(bool as_text) : as_text_(as_text) {}

  Result<std::string> Write(PartitionId partition, const storage::RecordView& record) {
    JsonWriter json;
    json.BeginObject().Field("partition", partition.value());
    json.Field("offset", record.offset.value()).Field("timestamp_ms", record.timestamp_ms);
    json.Key("key");
    WriteText(record.key, &json);
    size_t size = record.value ? record.value->size() : 0;
    json.Field("size_bytes", size).Field("cut", size > kShownBytes);
    std::optional<std::string_view> shown = record.value;
    if (shown) shown = shown->substr(0, kShownBytes);
    std::string_view kind = KindOf(shown, size > kShownBytes);
    json.Field("value_kind", kind).Key("value");
    if (kind == "json" && !as_text_) {
      json.Raw(*shown);
    } else {
      WriteText(shown, &json);
    }
    json.Key("headers").BeginArray();
    ASSIGN_OR_RETURN(auto headers, storage::ReadHeaders(record));
    for (const auto& header : headers) {
      json.BeginObject().Field("key", header.key).Key("value");
      WriteText(header.value, &json);
      json.EndObject();
    }
    json.EndArray().EndObject();
    return json.Take();
  }

 private:
  // Text as it is; other bytes as hexadecimal digits. What is too long is cut.
  void WriteText(std::optional<std::string_view> bytes, JsonWriter* json) const {
    if (bytes) bytes = bytes->substr(0, kShownBytes);
    if (!bytes) {
      json->Null();
    } else if (simdjson::validate_utf8(bytes->data(), bytes->size())) {
      json->Value(*bytes);
    } else {
      json->Value(absl::BytesToHexString({bytes->data(), bytes->size()}));
    }
  }

  std::string_view KindOf(std::optional<std::string_view> value, bool is_cut) {
    if (!value) return "null";
    if (!simdjson::validate_utf8(value->data(), value->size())) return "binary";
    size_t begin = value->find_first_not_of(" \t\r\n");
    if (is_cut || begin == std::string_view::npos) return "text";
    simdjson::dom::element ignored;
    bool is_json = !parser_.parse(value->data(), value->size(), true).get(ignored);
    return is_json ? "json" : "text";
  }

  bool as_text_;
  simdjson::dom::parser parser_;
};

struct Scan {
  int64_t limit = 0;
  bool keep_last = false;  // of what was found, the newest
  int64_t scanned = 0;
  int64_t scanned_bytes = 0;
  size_t partition_bytes_max = 0;  // of what is found in one partition, as JSON
  bool is_cut = false;             // some partition has more than that
  std::vector<Found> found;
  bool exhausted() const { return scanned >= kScanRecords || scanned_bytes >= kScanBytes; }
};

// Scans one partition until `limit` are found, its end or the scan's bound. Returns where it ended.
Task<Offset> ScanPartition(storage::Log* log, storage::TopicPartition id, Offset from,
                           RecordFilter* filter, RecordWriter* writer, Scan* scan) {
  int64_t found = 0;
  const size_t begin = scan->found.size();
  size_t found_bytes = 0;
  std::optional<Offset> full_at;  // there is no room for this record
  http::RecordVisitor visit = [&](const storage::RecordView& record) -> Result<bool> {
    ++scan->scanned;
    scan->scanned_bytes += static_cast<int64_t>(record.value ? record.value->size() : 0);
    if (filter->Keeps(record)) {
      ASSIGN_OR_RETURN(std::string json, writer->Write(id.partition, record));
      found_bytes += json.size();
      while (found_bytes > scan->partition_bytes_max && scan->found.size() > begin) {
        if (!scan->keep_last) {
          full_at = record.offset;
          return false;
        }
        scan->is_cut = true;
        found_bytes -= scan->found[begin].json.size();
        scan->found.erase(scan->found.begin() + static_cast<std::ptrdiff_t>(begin));
      }
      scan->found.push_back({record.timestamp_ms, id.partition, record.offset, std::move(json)});
      ++found;
    }
    return found < scan->limit && !scan->exhausted();
  };
  while (found < scan->limit && !full_at && !scan->exhausted()) {
    CO_ASSIGN_OR_RETURN(http::VisitResult visited,
                        co_await http::VisitRecords(log, id, from, kVisitBytes, visit));
    if (visited.next == from) break;
    from = full_at.value_or(visited.next);
    CO_RETURN_IF_ERROR(co_await Yield());
  }
  scan->is_cut |= full_at.has_value();
  co_return from;
}

// Sorts by time without changing the order within a partition: a record counts as no older than
// the one before it in its partition.
void SortByTime(std::vector<Found>* found) {
  std::map<PartitionId, int64_t> latest;
  for (Found& record : *found) {
    auto [entry, is_first] = latest.try_emplace(record.partition, record.timestamp_ms);
    entry->second = std::max(entry->second, record.timestamp_ms);
    record.timestamp_ms = entry->second;
  }
  std::stable_sort(found->begin(), found->end(),
                   [](const Found& a, const Found& b) { return a.timestamp_ms < b.timestamp_ms; });
}

// "-50" is 50 from the end; all else as in the event paths.
Result<http::ReadFrom> ParseFrom(std::string_view text, int64_t* back_count) {
  *back_count = 0;
  if (!text.starts_with('-')) return http::ParseReadFrom(text);
  int64_t count = 0;
  auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 0) {
    return MakeError(ErrorCode::kInvalidArgument, fmt::format("cannot read from '{}'", text));
  }
  *back_count = count;
  http::ReadFrom from;
  from.kind = http::ReadFrom::Kind::kLatest;
  return from;
}

// For what is found, and the answer made of it. When there is none left, others are waited for a
// while.
Task<MemoryLease> LeaseAnswer(Env* env, MemoryBudget* memory, size_t answer_bytes) {
  TimePoint deadline = env->Now() + kLeaseWait;
  while (true) {
    std::optional<MemoryLease> lease =
        http::TryLeaseAnswer(memory, 2 * static_cast<int64_t>(answer_bytes));
    if (lease) co_return *std::move(lease);
    if (env->Now() >= deadline) break;
    CO_RETURN_IF_ERROR(co_await Sleep(kLeaseRetry));
  }
  co_return MakeError(ErrorCode::kResourceExhausted,
                      {.message = "too many records are being looked at",
                       .hint = "try again in a moment, or give the node more with --memory"});
}

}  // namespace

void RecordsApi::AddRoutes(net::HttpRouter* router) {
  router->Add(HttpMethod::kGet, "/api/v1/topics/{topic}/records",
              [this](HttpExchange* exchange) { return Browse(exchange); });
}

Task<> RecordsApi::Browse(HttpExchange* exchange) {
  const HttpRequest& request = exchange->request();
  CO_ASSIGN_OR_RETURN(storage::TopicInfo topic, FindTopicOrFail(*log_, request.Parameter("topic")));
  HttpRequest::IntegerBounds bounds{
      .fallback = kLimitDefault, .minimum = 1, .maximum = kLimitMaximum};
  Scan scan;
  CO_ASSIGN_OR_RETURN(scan.limit, request.QueryInteger("limit", bounds));
  std::string search(request.Query("search").value_or(""));
  std::string path(request.Query("path").value_or(""));
  CO_ASSIGN_OR_RETURN(RecordFilter filter, RecordFilter::Make(std::move(search), std::move(path)));
  http::ResolveOptions resolve;
  std::string from_text = fmt::format("-{}", scan.limit);
  if (auto from = request.Query("from")) from_text = *from;
  CO_ASSIGN_OR_RETURN(resolve.from, ParseFrom(from_text, &resolve.back_count));
  scan.keep_last = resolve.from.kind == http::ReadFrom::Kind::kLatest && !filter.filters();
  HttpRequest::IntegerBounds partition_bounds{
      .fallback = -1, .minimum = 0, .maximum = topic.partition_count - 1};
  CO_ASSIGN_OR_RETURN(int64_t partition, request.QueryInteger("partition", partition_bounds));
  for (int32_t i = 0; i < topic.partition_count; ++i) {
    if (partition < 0 || partition == i) resolve.partitions.emplace_back(i);
  }
  CO_ASSIGN_OR_RETURN(http::Positions positions,
                      co_await http::ResolvePositions(log_, topic, std::move(resolve)));
  scan.partition_bytes_max = answer_bytes_ / positions.size();
  CO_ASSIGN_OR_RETURN(MemoryLease lease, co_await LeaseAnswer(env_, memory_, answer_bytes_));
  RecordWriter writer(request.QueryFlag("as-text"));
  for (auto& [id, offset] : positions) {
    storage::TopicPartition from_id{.topic_id = topic.id, .partition = id};
    CO_ASSIGN_OR_RETURN(offset,
                        co_await ScanPartition(log_, from_id, offset, &filter, &writer, &scan));
  }
  SortByTime(&scan.found);
  size_t count = std::min(scan.found.size(), static_cast<size_t>(scan.limit));
  size_t begin = scan.keep_last ? scan.found.size() - count : 0;
  // What was found but is not shown is to be found again.
  for (size_t i = begin + count; i < scan.found.size(); ++i) {
    Offset& next = positions[scan.found[i].partition];
    next = std::min(next, scan.found[i].offset);
  }
  JsonWriter json;
  json.BeginObject().Key("records").BeginArray();
  for (size_t i = begin; i < begin + count; ++i) json.Raw(scan.found[i].json);
  json.EndArray()
      .Field("scanned", scan.scanned)
      .Field("complete", !scan.exhausted() && !scan.is_cut);
  json.Key("next").BeginObject();
  for (const auto& [id, offset] : positions) {
    json.Field(std::to_string(id.value()), offset.value());
  }
  json.EndObject().EndObject();
  co_return co_await RespondJson(exchange, 200, json.Take());
}

}  // namespace mainstem::server
