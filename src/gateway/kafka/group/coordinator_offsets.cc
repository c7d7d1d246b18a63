// The committed offsets of the groups: commits, plain and in transactions, deletion and expiry.
#include <algorithm>

#include "gateway/kafka/group/coordinator.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr Duration kOffsetExpiryInterval = std::chrono::minutes(10);
constexpr std::string_view kConsumerProtocol = "consumer";

// Adds what the members subscribe to. Whether each of them says so in a way that we understand.
bool AddSubscriptions(const Group& group, std::set<std::string>* topics) {
  bool is_known = true;
  for (const auto& [id, member] : group.members()) {
    bool has_any = false;
    for (const GroupProtocol& protocol : member.protocols) {
      for (std::string& topic : SubscribedTopics(protocol.metadata)) {
        topics->insert(std::move(topic));
        has_any = true;
      }
    }
    is_known = is_known && has_any;
  }
  return is_known;
}

}  // namespace

KafkaError GroupCoordinator::CheckCommit(const CommitCall& call, bool is_transactional) {
  Group* group = Find(call.group);
  if (group == nullptr) {
    return call.generation >= 0 ? KafkaError::kIllegalGeneration : KafkaError::kNone;
  }
  bool is_member = call.generation >= 0;
  if (is_member && not_kept_.contains(call.group)) return KafkaError::kCoordinatorNotAvailable;
  KafkaError error = group->CheckCommit(call.member_id, call.instance_id, call.generation,
                                        env_->Now(), is_transactional);
  AfterCall(*group);
  return error;
}

Task<KafkaError> GroupCoordinator::CommitHere(CommitCall call) {
  KafkaError error = CheckId(call.group);
  if (error == KafkaError::kNone) error = CheckCommit(call, /*is_transactional=*/false);
  if (error != KafkaError::kNone) co_return error;
  std::vector<std::pair<storage::Log::OffsetKey, std::optional<storage::CommittedOffset>>> batch;
  for (OffsetCommit& commit : call.offsets) {
    commit.offset.commit_time_ms = env_->WallTime().value();
    batch.emplace_back(storage::Log::OffsetKey{call.group, commit.topic, commit.partition},
                       commit.offset);
  }
  if (batch.empty()) co_return KafkaError::kNone;
  CO_RETURN_IF_ERROR(co_await log_->CommitOffsets(std::move(batch)));
  GroupOffsets& offsets = offsets_[call.group];
  std::vector<std::pair<std::string, PartitionId>> stale;
  for (OffsetCommit& commit : call.offsets) {
    pending_.Erase({call.group, commit.topic, commit.partition});
    std::pair key(commit.topic, commit.partition);
    if (IsOfDeletedTopic(commit)) stale.push_back(key);
    offsets[std::move(key)] = std::move(commit.offset);
  }
  // Deleted while this was written: the next topic of the name has no offsets.
  CO_RETURN_IF_ERROR(co_await RemoveOffsets(call.group, std::move(stale)));
  co_return KafkaError::kNone;
}

bool GroupCoordinator::IsOfDeletedTopic(const OffsetCommit& commit) const {
  if (commit.topic_id == storage::TopicId{}) return false;
  auto found = log_->FindTopic(commit.topic);
  return !found || found->id != commit.topic_id;
}

Task<KafkaError> GroupCoordinator::CommitInTransactionHere(std::string transactional_id,
                                                           CommitCall call) {
  KafkaError error = CheckId(call.group);
  if (error == KafkaError::kNone) error = CheckCommit(call, /*is_transactional=*/true);
  if (error != KafkaError::kNone || call.offsets.empty()) co_return error;
  std::vector<std::pair<storage::Log::OffsetKey, storage::CommittedOffset>> batch;
  for (OffsetCommit& commit : call.offsets) {
    commit.offset.commit_time_ms = env_->WallTime().value();
    storage::Log::OffsetKey key{call.group, commit.topic, commit.partition};
    batch.emplace_back(std::move(key), std::move(commit.offset));
  }
  CO_RETURN_IF_ERROR(co_await transactions_->AddTransactionOffsets(transactional_id, batch));
  for (auto& [key, offset] : batch) pending_.Add(transactional_id, key, std::move(offset));
  std::vector<std::pair<std::string, PartitionId>> stale;
  for (const OffsetCommit& commit : call.offsets) {
    if (IsOfDeletedTopic(commit)) stale.emplace_back(commit.topic, commit.partition);
  }
  CO_RETURN_IF_ERROR(co_await RemoveOffsets(call.group, std::move(stale)));
  co_return KafkaError::kNone;
}

Task<> GroupCoordinator::EndTransactionHere(std::string transactional_id, bool committed) {
  auto pending = pending_.Take(transactional_id);
  if (!committed) co_return Status::OK();
  for (auto& [key, offset] : pending) {
    offsets_[key.group][{key.topic, key.partition}] = std::move(offset);
  }
  co_return Status::OK();
}

Task<std::set<std::pair<std::string, PartitionId>>> GroupCoordinator::UnstableOffsetsHere(
    std::string group) {
  co_return pending_.OfGroup(group);
}

Task<GroupOffsets> GroupCoordinator::OffsetsHere(std::string group) {
  auto found = offsets_.find(group);
  if (found == offsets_.end()) co_return GroupOffsets();
  co_return found->second;
}

Task<> GroupCoordinator::RemoveOffsets(std::string group,
                                       std::vector<std::pair<std::string, PartitionId>> keys) {
  std::vector<std::pair<storage::Log::OffsetKey, std::optional<storage::CommittedOffset>>> batch;
  for (const auto& [topic, partition] : keys) {
    batch.emplace_back(storage::Log::OffsetKey{group, topic, partition}, std::nullopt);
  }
  if (batch.empty()) co_return Status::OK();
  CO_RETURN_IF_ERROR(co_await log_->CommitOffsets(std::move(batch)));
  for (const auto& [topic, partition] : keys) pending_.Erase({group, topic, partition});
  auto found = offsets_.find(group);
  if (found == offsets_.end()) co_return Status::OK();
  for (const auto& key : keys) found->second.erase(key);
  if (found->second.empty()) offsets_.erase(found);
  co_return Status::OK();
}

Task<GroupCoordinator::DeletedOffsets> GroupCoordinator::DeleteOffsetsHere(
    std::string group_id, std::vector<std::pair<std::string, PartitionId>> offsets) {
  DeletedOffsets outcome;
  Group* group = Find(group_id);
  if (!Exists(group_id)) {
    outcome.error = KafkaError::kGroupIdNotFound;
    co_return outcome;
  }
  std::set<std::string> subscribed;
  if (group != nullptr && !group->members().empty()) {
    if (group->protocol_type() != kConsumerProtocol) {
      outcome.error = KafkaError::kNonEmptyGroup;
      co_return outcome;
    }
    AddSubscriptions(*group, &subscribed);
  }
  std::vector<std::pair<std::string, PartitionId>> keys;
  for (const auto& key : offsets) {
    bool is_subscribed = subscribed.contains(key.first);
    outcome.offsets.push_back(is_subscribed ? KafkaError::kGroupSubscribedToTopic
                                            : KafkaError::kNone);
    if (!is_subscribed) keys.push_back(key);
  }
  CO_RETURN_IF_ERROR(co_await RemoveOffsets(group_id, std::move(keys)));
  co_return outcome;
}

// The log has dropped them, in the same step.
void GroupCoordinator::ForgetTopic(const std::string& topic) {
  for (auto group = offsets_.begin(); group != offsets_.end();) {
    std::erase_if(group->second, [&](const auto& entry) { return entry.first.first == topic; });
    group = group->second.empty() ? offsets_.erase(group) : std::next(group);
  }
  pending_.EraseTopic(topic);
}

bool GroupCoordinator::IsExpired(const std::string& group_id,
                                 const storage::CommittedOffset& offset) const {
  int64_t now_ms = env_->WallTime().value();
  int64_t since_ms = offset.commit_time_ms;
  auto found = groups_.find(group_id);
  if (found == groups_.end()) {
    since_ms = std::max(since_ms, started_.value());  // it may have had members that nobody kept
  } else if (found->second->IsIdle()) {
    Duration empty_for = env_->Now() - found->second->empty_since();
    since_ms =
        std::max(since_ms,
                 now_ms - std::chrono::duration_cast<std::chrono::milliseconds>(empty_for).count());
  }
  return now_ms - since_ms >= settings_.offsets_retention.count();
}

// Without those that a transaction is about to set: they count from its end. Of a group with
// members, those of topics that nobody in it subscribes to any more, as far as that can be told.
std::vector<std::pair<std::string, PartitionId>> GroupCoordinator::ExpiredOffsets(
    const std::string& group) const {
  std::vector<std::pair<std::string, PartitionId>> expired;
  auto found = offsets_.find(group);
  if (found == offsets_.end()) return expired;
  std::set<std::string> subscribed;
  auto live = groups_.find(group);
  if (live != groups_.end() && !live->second->IsIdle()) {
    bool is_known = live->second->state() == Group::State::kStable &&
                    live->second->protocol_type() == kConsumerProtocol &&
                    AddSubscriptions(*live->second, &subscribed);
    if (!is_known) return expired;
  }
  for (const auto& [key, offset] : found->second) {
    if (!subscribed.contains(key.first) && IsExpired(group, offset)) expired.push_back(key);
  }
  if (expired.empty())
    return expired;  // nearly always: the open transactions are not looked through
  const std::set<std::pair<std::string, PartitionId>> unstable = pending_.OfGroup(group);
  std::erase_if(expired, [&](const auto& key) { return unstable.contains(key); });
  return expired;
}

Task<> GroupCoordinator::ExpireOffsets() {
  for (;;) {
    CO_RETURN_IF_ERROR(co_await Sleep(kOffsetExpiryInterval));
    std::vector<std::string> ids;
    for (const auto& [group, offsets] : offsets_) ids.push_back(group);
    for (const std::string& group : ids) {
      // Looked at only now: while others were written somebody may have joined or committed.
      Status status = co_await RemoveOffsets(group, ExpiredOffsets(group));
      if (status.ok() || Is(status, ErrorCode::kCancelled)) continue;
      logger_.Warning("offsets not expired, will try again", {{"group", group}, {"error", status}});
    }
    std::vector<std::string> over;
    const std::set<std::string> in_transactions = pending_.Groups();
    for (const auto& [id, group] : groups_) {
      bool has_offsets = offsets_.contains(id) || in_transactions.contains(id);
      if (group->IsIdle() && !has_offsets) over.push_back(id);
    }
    for (const std::string& id : over) {
      DeliverReplies(*Find(id));
      unsaved_[id] = {std::nullopt, next_unsaved_version_++};
      Erase(id);
    }
    unsaved_grew_.NotifyAll();
  }
}

}  // namespace mainstem::gateway::kafka
