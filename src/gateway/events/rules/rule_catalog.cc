#include "gateway/events/rules/rule_catalog.h"

#include <algorithm>

#include <fmt/format.h>

#include "gateway/aws/aws_error.h"

namespace mainstem::gateway::events {
namespace {

constexpr std::string_view kRulesTopic = "__mainstem_event_rules";
constexpr std::string_view kRulePrefix = "r/";
// Deliveries, or with the second prefix schedules, whose place is still to be forgotten.
constexpr std::string_view kGonePrefix = "gone/";
constexpr std::string_view kGoneSchedulePrefix = "gone/schedule/";

std::string RuleRecordKey(const RuleKey& key) {
  return fmt::format("{}{}/{}", kRulePrefix, key.bus, key.name);
}

RuleKey KeyOfRecord(std::string_view record_key) {
  std::string_view rest = record_key.substr(kRulePrefix.size());
  size_t slash = rest.rfind('/');
  return {.bus = std::string(rest.substr(0, slash)), .name = std::string(rest.substr(slash + 1))};
}

Status NoSuchRule(const RuleKey& key) {
  return MakeError(ErrorCode::kNotFound,
                   fmt::format("Rule {} does not exist on EventBus {}.", key.name, key.bus));
}

bool HasDelivery(const Rule& rule, std::string_view delivery_id) {
  return std::any_of(rule.targets.begin(), rule.targets.end(),
                     [&](const auto& entry) { return entry.second.delivery_id == delivery_id; });
}

constexpr Offset kNoEnd{INT64_MAX};
constexpr size_t kGapsMax = 20;  // what lies between older ones is lost to a target that far behind

bool HasOpenGap(const Target& target) {
  return !target.gaps.empty() && target.gaps.back().end == kNoEnd;
}

void OpenGap(Offset begin, Target* target) {
  if (target->gaps.size() == kGapsMax) {
    target->gaps[1].begin = target->gaps[0].begin;
    target->gaps.erase(target->gaps.begin());
  }
  target->gaps.push_back({.begin = begin, .end = kNoEnd});
}

}  // namespace

RuleCatalog::RuleCatalog(Parts parts) : parts_(parts), changes_(parts.env->shard(0)) {}

Task<std::unique_ptr<RuleCatalog>> RuleCatalog::Open(Parts parts) {
  auto catalog = std::unique_ptr<RuleCatalog>(new RuleCatalog(parts));
  CO_RETURN_IF_ERROR(co_await catalog->Load());
  co_return catalog;
}

Task<> RuleCatalog::Load() {
  CO_ASSIGN_OR_RETURN(table_, co_await aws::RecordTable::Open(parts_.env, parts_.log, parts_.budget,
                                                              std::string(kRulesTopic)));
  CO_RETURN_IF_ERROR(co_await ForgetGone());
  for (const auto& [key, text] : table_->records()) {
    if (!key.starts_with(kRulePrefix)) continue;
    RuleKey rule_key = KeyOfRecord(key);
    Result<Rule> rule = DecodeRule(text);
    if (rule.ok() && !parts_.buses->Has(rule_key.bus)) {
      rule = MakeError(ErrorCode::kNotFound, "its event bus is not there");
    }
    if (rule.ok()) {
      rules_[std::move(rule_key)] = *std::move(rule);
    } else {
      parts_.logger.Error("the record of an event rule is passed over",
                          {{"topic", kRulesTopic}, {"record", key}, {"error", rule.status()}});
    }
  }
  for (const auto& [key, rule] : rules_) CO_RETURN_IF_ERROR(co_await StartRule(key));
  co_return Status::OK();
}

// A place is forgotten after the record that needs it is gone: the other way round a crash would
// leave a target that begins anew.
Task<> RuleCatalog::ForgetGone() {
  std::vector<aws::RecordTable::Change> erased;
  for (auto it = table_->records().lower_bound(kGonePrefix);
       it != table_->records().end() && it->first.starts_with(kGonePrefix); ++it) {
    erased.push_back({.key = it->first});
  }
  for (const aws::RecordTable::Change& change : erased) {
    bool is_schedule = change.key.starts_with(kGoneSchedulePrefix);
    std::string id = change.key.substr((is_schedule ? kGoneSchedulePrefix : kGonePrefix).size());
    if (is_schedule) {
      CO_RETURN_IF_ERROR(co_await parts_.schedules->Forget(std::move(id)));
    } else {
      CO_RETURN_IF_ERROR(co_await parts_.delivery->Forget(std::move(id)));
    }
  }
  co_return co_await table_->Write(std::move(erased));
}

const Rule* RuleCatalog::Find(const RuleKey& key) const {
  auto found = rules_.find(key);
  return found == rules_.end() ? nullptr : &found->second;
}

Task<> RuleCatalog::Update(RuleKey key, Change change, UpdateOptions options) {
  return changes_.Run(UpdateHere(std::move(key), std::move(change), options));
}

Task<> RuleCatalog::UpdateHere(RuleKey key, Change change, UpdateOptions options) {
  if (!parts_.buses->Has(key.bus)) {
    co_return MakeError(ErrorCode::kNotFound, fmt::format("Event bus {} does not exist.", key.bus));
  }
  const Rule* before = Find(key);
  if (before == nullptr && !options.makes) co_return NoSuchRule(key);
  Rule rule;
  if (before != nullptr) rule = *before;
  CO_RETURN_IF_ERROR(change(&rule));
  if (before != nullptr && rule == *before) co_return Status::OK();
  Status applied = co_await ApplyRule(&key, before, &rule);
  bool is_there = Find(key) != nullptr;
  // Whatever failed, the rule that is there now goes on.
  if (is_there) CO_RETURN_IF_ERROR(co_await StartRule(std::move(key)));
  CO_RETURN_IF_ERROR(applied);
  co_return co_await ForgetGone();
}

// Tasks end before the change, so that what the rule has passed over is behind their places; after
// it they would be judged by the new pattern.
Task<> RuleCatalog::ApplyRule(const RuleKey* key, const Rule* before, Rule* rule) {
  BeginSchedule(before, rule);
  if (before != nullptr) CO_RETURN_IF_ERROR(co_await EndRule(before));
  CO_RETURN_IF_ERROR(co_await MarkDisabled(key, before, rule));
  CO_RETURN_IF_ERROR(co_await BeginTargets(key, rule));
  CO_RETURN_IF_ERROR(co_await WriteRule(key, before, rule));
  parts_.env->CrashPoint("event_rule.update");
  rules_[*key] = std::move(*rule);
  co_return Status::OK();
}

// What comes while a rule is disabled is not for its targets; what came before still is.
Task<> RuleCatalog::MarkDisabled(const RuleKey* key, const Rule* before, Rule* rule) {
  bool turns = before != nullptr && before->is_enabled() != rule->is_enabled();
  if (!turns || rule->targets.empty()) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(storage::TopicPartition partition,
                      co_await parts_.buses->PartitionOf(key->bus));
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await parts_.log->Offsets(partition));
  for (auto& [id, target] : rule->targets) {
    bool same_topic = target.topic_id == partition.topic_id && !target.delivery_id.empty();
    if (!rule->is_enabled()) {
      if (same_topic) OpenGap(offsets.high_watermark, &target);
    } else if (same_topic && HasOpenGap(target)) {
      target.gaps.back().end = offsets.high_watermark;
    } else {
      target.delivery_id.clear();  // begins with the next event
      target.gaps.clear();
    }
  }
  co_return Status::OK();
}

// Those without a place begin with the next event.
Task<> RuleCatalog::BeginTargets(const RuleKey* key, Rule* rule) {
  bool none_begins =
      std::none_of(rule->targets.begin(), rule->targets.end(),
                   [](const auto& entry) { return entry.second.delivery_id.empty(); });
  if (none_begins) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(storage::TopicPartition partition,
                      co_await parts_.buses->PartitionOf(key->bus));
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await parts_.log->Offsets(partition));
  for (auto& [id, target] : rule->targets) {
    if (!target.delivery_id.empty()) continue;
    target.delivery_id = fmt::format("{:016x}", parts_.env->Random());
    target.topic_id = partition.topic_id;
    target.begin = offsets.high_watermark;
  }
  co_return Status::OK();
}

// A schedule counts from when it is made, changed, or enabled again.
void RuleCatalog::BeginSchedule(const Rule* before, Rule* rule) {
  bool goes_on = before != nullptr && before->schedule == rule->schedule &&
                 (before->is_enabled() || !rule->is_enabled());
  if (goes_on) return;
  rule->schedule_id.clear();
  if (rule->schedule.empty()) return;
  rule->schedule_id = fmt::format("{:016x}", parts_.env->Random());
  rule->schedule_begin_ms = parts_.env->WallTime().value();
}

Task<> RuleCatalog::WriteRule(const RuleKey* key, const Rule* before, const Rule* rule) {
  std::vector<aws::RecordTable::Change> changes;
  aws::RecordTable::Change record{.key = RuleRecordKey(*key)};
  if (rule != nullptr) record.value = EncodeRule(*rule);
  changes.push_back(std::move(record));
  if (before != nullptr) {
    for (const auto& [id, target] : before->targets) {
      if (rule != nullptr && HasDelivery(*rule, target.delivery_id)) continue;
      changes.push_back({.key = std::string(kGonePrefix) + target.delivery_id, .value = "1"});
    }
    bool schedule_stays = rule != nullptr && rule->schedule_id == before->schedule_id;
    if (!before->schedule_id.empty() && !schedule_stays) {
      changes.push_back(
          {.key = std::string(kGoneSchedulePrefix) + before->schedule_id, .value = "1"});
    }
  }
  return table_->Write(std::move(changes));
}

Task<> RuleCatalog::StartRule(RuleKey key) {
  const Rule rule = rules_.at(key);
  if (!rule.schedule.empty()) {
    CO_RETURN_IF_ERROR(co_await parts_.schedules->End(rule.schedule_id));
    if (rule.is_enabled()) CO_RETURN_IF_ERROR(parts_.schedules->Start(key, rule));
  }
  if (!rule.is_enabled()) co_return Status::OK();
  for (const auto& [id, target] : rule.targets) {
    CO_RETURN_IF_ERROR(co_await parts_.delivery->Start(key, rule, id));
  }
  co_return Status::OK();
}

Task<> RuleCatalog::EndRule(const Rule* rule) {
  std::vector<std::string> ids;
  for (const auto& [id, target] : rule->targets) ids.push_back(target.delivery_id);
  if (!rule->schedule_id.empty()) {
    CO_RETURN_IF_ERROR(co_await parts_.schedules->End(rule->schedule_id));
  }
  co_return co_await parts_.delivery->End(std::move(ids));
}

Task<> RuleCatalog::Delete(RuleKey key, Check check) {
  return changes_.Run(DeleteHere(std::move(key), std::move(check)));
}

Task<> RuleCatalog::DeleteHere(RuleKey key, Check check) {
  const Rule* rule = Find(key);
  if (rule == nullptr) co_return Status::OK();
  CO_RETURN_IF_ERROR(check(*rule));
  CO_RETURN_IF_ERROR(co_await WriteRule(&key, rule, nullptr));
  const Rule gone = *rule;
  rules_.erase(key);
  CO_RETURN_IF_ERROR(co_await EndRule(&gone));
  co_return co_await ForgetGone();
}

Task<> RuleCatalog::DeleteBus(std::string bus) {
  return changes_.Run(DeleteBusHere(std::move(bus)));
}

Task<> RuleCatalog::DeleteBusHere(std::string bus) {
  auto rule = rules_.lower_bound({.bus = bus, .name = ""});
  if (rule != rules_.end() && rule->first.bus == bus) {
    co_return aws::MakeAwsError(
        "ValidationException",
        fmt::format("Event bus {} can't be deleted since it has rules.", bus));
  }
  co_return co_await parts_.buses->Delete(std::move(bus));
}

}  // namespace mainstem::gateway::events
