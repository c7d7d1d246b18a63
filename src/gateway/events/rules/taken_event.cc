#include "gateway/events/rules/taken_event.h"

#include <algorithm>

#include <absl/strings/str_split.h>
#include <absl/time/time.h>

#include "gateway/aws/body_codec.h"
#include "gateway/aws/value_json.h"

namespace mainstem::gateway::events {
namespace {

constexpr size_t kPartitionKeyMax = 256;

// What the bus's own writers say of a record.
struct RecordMarks {
  bool is_forwarded = false;
  std::string for_rule{};
  std::vector<std::string> replay_rules{};
};
RecordMarks MarksOf(const storage::RecordView& record) {
  RecordMarks marks;
  if (record.header_count == 0) return marks;
  auto headers = storage::ReadHeaders(record);
  if (!headers.ok()) return marks;
  for (const storage::RecordHeader& header : *headers) {
    if (header.key == kForwardedHeader) marks.is_forwarded = true;
    std::string value(header.value.value_or(""));
    if (header.key == kReplayRulesHeader) marks.replay_rules = absl::StrSplit(value, '/');
    if (header.key == kForRuleHeader) marks.for_rule = std::move(value);
  }
  return marks;
}

// Nothing where it would be no partition key.
std::optional<std::string> KeyAt(const JsonPath& path, const aws::Value& event) {
  std::vector<const aws::Value*> found = path.Find(event);
  if (found.empty()) return std::nullopt;
  bool is_text = found[0]->kind == aws::Value::Kind::kString;
  std::string key = is_text ? std::string(found[0]->text) : aws::ToJson(*found[0]);
  if (key.empty() || key.size() > kPartitionKeyMax) return std::nullopt;
  return key;
}

}  // namespace

Result<EventTaker> EventTaker::Make(const RuleKey& key, const Rule& rule,
                                    std::string_view target_id, std::string_view account) {
  auto target = rule.targets.find(target_id);
  CHECK(target != rule.targets.end());
  ASSIGN_OR_RETURN(TargetPlan plan, TargetPlan::Parse(target->second.definition));
  EventTaker taker(std::move(plan));
  if (!rule.pattern.empty()) {
    ASSIGN_OR_RETURN(taker.pattern_, EventPattern::Parse(rule.pattern));
  }
  taker.rule_ = {.arn = RuleArn({.region = rule.region, .account = account}, key),
                 .name = key.name};
  taker.bus_ = key.bus;
  return taker;
}

std::optional<TakenEvent> EventTaker::Take(const storage::RecordView& record) const {
  return TakeAs(record, Taken::kByPattern);
}

std::optional<TakenEvent> EventTaker::TakeAgain(const storage::RecordView& record) const {
  return TakeAs(record, Taken::kBefore);
}

std::optional<TakenEvent> EventTaker::TakeAs(const storage::RecordView& record, Taken taken) const {
  RecordMarks marks = MarksOf(record);
  bool is_for_rules = marks.for_rule.empty();
  if (!is_for_rules && marks.for_rule != rule_.name) return std::nullopt;
  bool by_pattern = is_for_rules && taken == Taken::kByPattern;
  if (by_pattern && !pattern_) return std::nullopt;
  const auto& only = marks.replay_rules;
  bool is_named = std::find(only.begin(), only.end(), rule_.name) != only.end();
  if (!only.empty() && !is_named) return std::nullopt;
  std::string_view text = record.value.value_or("");
  auto document = aws::DecodeBody(aws::BodyCodec::kJson, std::string(text));
  if (!document.ok() || document->root.kind != aws::Value::Kind::kMap) return std::nullopt;
  const aws::Value& root = document->root;
  if (by_pattern && !pattern_->Matches(root)) return std::nullopt;
  if (plan_.place.kind == TargetKind::kBus && marks.is_forwarded) return std::nullopt;
  TakenEvent event{.offset = record.offset,
                   .arrived_ms = record.timestamp_ms,
                   .time_ms = record.timestamp_ms,
                   .id = std::string(root["id"].text),
                   .source = std::string(root["source"].text),
                   .text = std::string(text)};
  std::string_view time_text = root["time"].text;
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, {time_text.data(), time_text.size()}, &time, &error)) {
    event.time_ms = absl::ToUnixMillis(time);
  }
  event.key = event.id;
  if (plan_.partition_key) event.key = KeyAt(*plan_.partition_key, root).value_or(event.id);
  if (event.key.empty()) event.key = std::to_string(record.offset.value());
  EventView view{.text = event.text, .root = root, .ingestion_ms = event.arrived_ms};
  event.input = plan_.input.Make(view, rule_);
  return event;
}

}  // namespace mainstem::gateway::events
