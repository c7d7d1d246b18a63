// PutEvents: each event becomes a record of its bus's topic: key = source, value = the event as
// Amazon's JSON text, timestamp = its arrival. The answer waits until all are flushed.
#include <map>

#include <absl/time/time.h>
#include <fmt/format.h>

#include "core/json_writer.h"
#include "gateway/aws/random_id.h"
#include "gateway/events/operations.h"
#include "storage/batch_builder.h"

namespace mainstem::gateway::events {
namespace {

constexpr size_t kRequestBytesMax = 1 << 20;
constexpr size_t kTimeBytes = 14;
constexpr size_t kEventMembers = 9;  // with the detail as the last one

struct EntryOutcome {
  std::string id;
  std::string bus;
  std::string error_code;
  std::string error_message;
};

// What one bus gets of a call.
struct BusWrite {
  storage::TopicPartition partition;
  storage::BatchBuilder builder{};
  std::vector<std::byte> batch{};
  Result<storage::AppendResult> outcome = MakeError(ErrorCode::kInternal, "was not appended");
};

// As Amazon counts: the time, and the bytes of the texts.
size_t EntryBytes(const aws::Value& entry) {
  size_t bytes = entry["Time"].is_null() ? 0 : kTimeBytes;
  for (std::string_view name : {"Source", "DetailType", "Detail"}) bytes += entry[name].text.size();
  for (const aws::Member& resource : entry["Resources"].members) {
    bytes += resource.value.text.size();
  }
  return bytes;
}

void Refuse(EntryOutcome* outcome, std::string code, std::string message) {
  outcome->error_code = std::move(code);
  outcome->error_message = std::move(message);
}

void CheckEntry(const aws::Value& entry, EntryOutcome* outcome) {
  for (std::string_view name : {"Source", "DetailType", "Detail"}) {
    if (!entry[name].text.empty()) continue;
    return Refuse(
        outcome, "InvalidArgument",
        fmt::format("Parameter {} is not valid. Reason: {} is a required argument.", name, name));
  }
  if (entry["Source"].text.starts_with("aws.")) {
    return Refuse(outcome, "NotAuthorizedForSourceException", "Not authorized for the source.");
  }
}

std::string EventText(const Context& context, const aws::AwsCall& call, const aws::Value& entry,
                      const std::string& id) {
  int64_t time_ms = aws::TimeOf(entry["Time"]).value_or(context.NowMs());
  JsonWriter json;
  json.BeginObject().Field("version", "0").Field("id", id);
  json.Field("detail-type", entry["DetailType"].text).Field("source", entry["Source"].text);
  json.Field("account", context.account);
  json.Field("time", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(time_ms),
                                      absl::UTCTimeZone()));
  json.Field("region", call.region).Key("resources").BeginArray();
  for (const aws::Member& resource : entry["Resources"].members) json.Value(resource.value.text);
  json.EndArray().Key("detail").Raw(entry["Detail"].text).EndObject();
  return json.Take();
}

// Whether rules can read it, and the detail is one object and nothing beside it.
bool IsWhole(const std::string& event) {
  auto document = aws::DecodeBody(aws::BodyCodec::kJson, event);
  if (!document.ok() || document->root.members.size() != kEventMembers) return false;
  return document->root.members.back().value.kind == aws::Value::Kind::kMap;
}

using BusWrites = std::map<std::string, BusWrite>;

Task<> AddEntry(const Context& context, const aws::AwsCall* call, const aws::Value* entry,
                EntryOutcome* outcome, BusWrites* writes) {
  outcome->bus = BusNameIn((*entry)["EventBusName"].text);
  CheckEntry(*entry, outcome);
  if (!outcome->error_code.empty()) co_return Status::OK();
  outcome->id = aws::RandomId(context.env);
  std::string event = EventText(context, *call, *entry, outcome->id);
  if (!IsWhole(event)) {
    Refuse(outcome, "MalformedDetail", "Detail is malformed.");
    co_return Status::OK();
  }
  auto write = writes->find(outcome->bus);
  if (write == writes->end()) {
    std::string bus = outcome->bus;
    auto partition = co_await context.catalog->PartitionOf(bus);
    if (Is(partition.status(), ErrorCode::kNotFound)) {
      Refuse(outcome, "ResourceNotFoundException", TextOf(partition.status()).message);
      co_return Status::OK();
    }
    CO_RETURN_IF_ERROR(partition);
    write = writes->emplace(std::move(bus), BusWrite{.partition = *partition}).first;
  }
  write->second.builder.Add(context.NowMs(), (*entry)["Source"].text, event);
  co_return Status::OK();
}

Task<> AppendEvents(storage::Log* log, BusWrites* writes) {
  std::vector<storage::PartitionAppend> appends;
  for (auto& [bus, write] : *writes) {
    CO_ASSIGN_OR_RETURN(write.batch, write.builder.Build());
    appends.push_back(
        {.partition = write.partition, .batches = write.batch, .outcome = &write.outcome});
  }
  if (appends.empty()) co_return Status::OK();
  co_return co_await log->AppendEach(std::move(appends), {});
}

}  // namespace

Task<> PutEvents(const Context& context, aws::AwsCall* call) {
  const auto& entries = call->input.root["Entries"].members;
  size_t bytes = 0;
  for (const aws::Member& entry : entries) bytes += EntryBytes(entry.value);
  if (bytes > kRequestBytesMax) {
    co_return aws::MakeAwsError("ValidationException",
                                "Total size of the entries in the request is over the limit.");
  }
  std::vector<EntryOutcome> outcomes(entries.size());
  BusWrites writes;
  for (size_t i = 0; i < entries.size(); ++i) {
    CO_RETURN_IF_ERROR(co_await AddEntry(context, call, &entries[i].value, &outcomes[i], &writes));
  }
  CO_RETURN_IF_ERROR(co_await AppendEvents(context.log, &writes));
  int64_t failed = 0;
  for (EntryOutcome& outcome : outcomes) {
    auto write = writes.find(outcome.bus);
    if (outcome.error_code.empty() && !write->second.outcome.ok()) {
      Refuse(&outcome, "InternalFailure", TextOf(write->second.outcome.status()).message);
    }
    failed += outcome.error_code.empty() ? 0 : 1;
  }
  context.events_in->Increment(static_cast<double>(static_cast<int64_t>(entries.size()) - failed));
  aws::BodyWriter* answer = call->answer.get();
  answer->BeginMap().Key("FailedEntryCount").Integer(failed).Key("Entries").BeginList();
  for (const EntryOutcome& outcome : outcomes) {
    answer->BeginMap();
    if (outcome.error_code.empty()) {
      answer->Field("EventId", outcome.id);
    } else {
      answer->Field("ErrorCode", outcome.error_code).Field("ErrorMessage", outcome.error_message);
    }
    answer->EndMap();
  }
  answer->EndList().EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::events
