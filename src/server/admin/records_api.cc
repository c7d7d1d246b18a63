#include "server/admin/records_api.h"

#include <algorithm>
#include <charconv>

#include <absl/strings/escaping.h>
#include <fmt/format.h>
#include <simdjson.h>

#include "gateway/http/answer_lease.h"
#include "gateway/http/event_json.h"
#include "gateway/http/event_page.h"
#include "server/admin/record_filter.h"

namespace mainstem::server {
namespace {

namespace http = gateway::http;

constexpr int64_t kLimitDefault = 50;
constexpr int64_t kLimitMaximum = 1000;
constexpr Duration kLeaseWait = std::chrono::seconds(2);
constexpr Duration kLeaseRetry = std::chrono::milliseconds(10);
constexpr size_t kShownBytes = 256 * 1024;  // of one value, key or header

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
    return !is_cut && recognizer_.IsJson(*value) ? "json" : "text";
  }

  bool as_text_;
  http::JsonRecognizer recognizer_;
};

Result<std::optional<std::string>> ShowIfKept(PartitionId partition,
                                              const storage::RecordView& record,
                                              RecordFilter* filter, RecordWriter* writer) {
  if (!filter->Keeps(record)) return std::nullopt;
  ASSIGN_OR_RETURN(std::string json, writer->Write(partition, record));
  return json;
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
  CO_ASSIGN_OR_RETURN(int64_t limit, request.QueryInteger("limit", bounds));
  std::string search(request.Query("search").value_or(""));
  std::string path(request.Query("path").value_or(""));
  CO_ASSIGN_OR_RETURN(RecordFilter filter, RecordFilter::Make(std::move(search), std::move(path)));
  http::ResolveOptions resolve;
  std::string from_text = fmt::format("-{}", limit);
  if (auto from = request.Query("from")) from_text = *from;
  CO_ASSIGN_OR_RETURN(resolve.from, ParseFrom(from_text, &resolve.back_count));
  http::PageOptions options{.limit = limit, .bytes_max = answer_bytes_};
  options.newest = resolve.from.kind == http::ReadFrom::Kind::kLatest && !filter.filters();
  HttpRequest::IntegerBounds partition_bounds{
      .fallback = -1, .minimum = 0, .maximum = topic.partition_count - 1};
  CO_ASSIGN_OR_RETURN(int64_t partition, request.QueryInteger("partition", partition_bounds));
  for (int32_t i = 0; i < topic.partition_count; ++i) {
    if (partition < 0 || partition == i) resolve.partitions.emplace_back(i);
  }
  CO_ASSIGN_OR_RETURN(http::Positions positions,
                      co_await http::ResolvePositions(log_, topic, std::move(resolve)));
  CO_ASSIGN_OR_RETURN(MemoryLease lease, co_await LeaseAnswer(env_, memory_, answer_bytes_));
  RecordWriter writer(request.QueryFlag("as-text"));
  http::RecordShow show = [&](PartitionId in, const storage::RecordView& record) {
    return ShowIfKept(in, record, &filter, &writer);
  };
  CO_ASSIGN_OR_RETURN(http::Page page, co_await http::ReadPage(log_, topic.id, std::move(positions),
                                                               options, std::move(show)));
  JsonWriter json;
  json.BeginObject().Key("records").BeginArray();
  for (const std::string& record : page.records) json.Raw(record);
  json.EndArray().Field("scanned", page.scanned).Field("complete", page.complete);
  http::WriteGaps(page.gaps, &json);
  json.Key("next").BeginObject();
  for (const auto& [id, offset] : page.next) {
    json.Field(std::to_string(id.value()), offset.value());
  }
  json.EndObject().EndObject();
  co_return co_await RespondJson(exchange, 200, json.Take());
}

}  // namespace mainstem::server
