#include "gateway/kafka/group/coordinator.h"

#include <algorithm>
#include <deque>

#include <boost/asio/dispatch.hpp>

#include "gateway/kafka/codec/wire.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr std::string_view kGroupPrefix = "kafka-groups/";
constexpr size_t kSavesAtOnce = 256;
constexpr Duration kKeepRetry = std::chrono::milliseconds(500);
// Of the shared memory, for the members of all groups.
constexpr int64_t kGroupsMemoryParts = 4;
// What is kept of a group besides its members; its id stands in several places.
constexpr int64_t kBareGroupBytes = 1000;
constexpr int64_t kGroupIdCopies = 7;

std::string KeyOf(const std::string& group) { return std::string(kGroupPrefix) + group; }

std::string MakeMemberId(Env* env, const std::string& prefix) {
  uint64_t high = env->Random();
  uint64_t low = env->Random();
  return fmt::format("{}-{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", prefix, high >> 32,
                     (high >> 16) & 0xffff, (high & 0x0fff) | 0x4000,
                     ((low >> 48) & 0x3fff) | 0x8000, low & 0xffffffffffff);
}

}  // namespace

// A call that waits for its reply, in the frame of its coroutine.
struct GroupCoordinator::Waiting {
  explicit Waiting(Executor home) : arrived(home) {}
  Event arrived;
  std::optional<GroupReply> reply;
};

GroupCoordinator::GroupCoordinator(Env* env, storage::Log* log,
                                   storage::TransactionLog* transactions, MemoryBudget* budget,
                                   Logger logger, Executor home, GroupSettings settings)
    : env_(env),
      log_(log),
      transactions_(transactions),
      logger_(logger.Named("groups")),
      home_(home),
      settings_(settings),
      memory_(budget, kGroupsMemoryParts),
      deadline_moved_(home),
      unsaved_grew_(home),
      scope_(home, "groups", [logger = logger_](const std::string& task, const Status& status) {
        logger.Error("background task failed", {{"task", task}, {"error", status}});
      }) {}

GroupCoordinator::~GroupCoordinator() = default;

// ---- every public call hops to the home shard

Task<> GroupCoordinator::Start() { return RunOn(home_, StartHere()); }
Task<> GroupCoordinator::Stop() { return RunOn(home_, StopHere()); }
Task<JoinReply> GroupCoordinator::Join(std::string group, JoinCall call) {
  return RunOn(home_, JoinHere(std::move(group), std::move(call)));
}
Task<SyncReply> GroupCoordinator::Sync(std::string group, SyncCall call) {
  return RunOn(home_, SyncHere(std::move(group), std::move(call)));
}
Task<KafkaError> GroupCoordinator::Heartbeat(std::string group, std::string member_id,
                                             std::optional<std::string> instance_id,
                                             int32_t generation) {
  return RunOn(home_, HeartbeatHere(std::move(group), std::move(member_id), std::move(instance_id),
                                    generation));
}
Task<std::vector<KafkaError>> GroupCoordinator::Leave(std::string group,
                                                      std::vector<Leaver> leavers) {
  return RunOn(home_, LeaveHere(std::move(group), std::move(leavers)));
}
Task<KafkaError> GroupCoordinator::Commit(CommitCall call) {
  return RunOn(home_, CommitHere(std::move(call)));
}
Task<GroupOffsets> GroupCoordinator::Offsets(std::string group) {
  return RunOn(home_, OffsetsHere(std::move(group)));
}
Task<KafkaError> GroupCoordinator::CommitInTransaction(std::string transactional_id,
                                                       CommitCall call) {
  return RunOn(home_, CommitInTransactionHere(std::move(transactional_id), std::move(call)));
}
Task<> GroupCoordinator::EndTransaction(std::string transactional_id, bool committed) {
  return RunOn(home_, EndTransactionHere(std::move(transactional_id), committed));
}
Task<std::set<std::pair<std::string, PartitionId>>> GroupCoordinator::UnstableOffsets(
    std::string group) {
  return RunOn(home_, UnstableOffsetsHere(std::move(group)));
}
Task<GroupCoordinator::DeletedOffsets> GroupCoordinator::DeleteOffsets(
    std::string group, std::vector<std::pair<std::string, PartitionId>> offsets) {
  return RunOn(home_, DeleteOffsetsHere(std::move(group), std::move(offsets)));
}
Task<std::vector<GroupSummary>> GroupCoordinator::List() { return RunOn(home_, ListHere()); }
Task<GroupDescription> GroupCoordinator::Describe(std::string group) {
  return RunOn(home_, DescribeHere(std::move(group)));
}
Task<KafkaError> GroupCoordinator::Delete(std::string group) {
  return RunOn(home_, DeleteHere(std::move(group)));
}

// ---- life

Task<> GroupCoordinator::StartHere() {
  started_ = env_->WallTime();
  CO_ASSIGN_OR_RETURN(auto loaded, co_await log_->LoadOffsets());
  for (auto& [key, offset] : loaded) {
    offsets_[key.group][{key.topic, key.partition}] = std::move(offset);
  }
  CO_ASSIGN_OR_RETURN(auto pending, co_await transactions_->LoadPendingOffsets());
  for (storage::PendingOffset& one : pending) {
    pending_.Add(one.transactional_id, one.key, std::move(one.offset));
  }
  CO_RETURN_IF_ERROR(co_await LoadGroups());
  log_->OnTopicDeleted([this](const std::string& topic) {
    boost::asio::dispatch(home_, [this, topic] { ForgetTopic(topic); });
  });
  scope_.Spawn("save", SaveGroups());
  scope_.Spawn("deadlines", FireDeadlines());
  scope_.Spawn("offset expiry", ExpireOffsets());
  co_return Status::OK();
}

Task<> GroupCoordinator::StopHere() {
  log_->OnTopicDeleted(nullptr);
  co_return co_await scope_.Close();
}

Task<> GroupCoordinator::LoadGroups() {
  CO_ASSIGN_OR_RETURN(auto kept, co_await log_->ListMeta(std::string(kGroupPrefix)));
  TimePoint now = env_->Now();
  for (const auto& [key, bytes] : kept) {
    std::string id = key.substr(kGroupPrefix.size());
    Result<SavedGroup> saved = DecodeSavedGroup(bytes);
    if (!saved.ok()) {  // what is there stays until the group writes anew
      logger_.Warning("group begins without its members",
                      {{"group", id}, {"error", saved.status()}});
      continue;
    }
    std::chrono::milliseconds empty_for{0};
    if (saved->members.empty() && saved->empty_since_ms <= started_.value()) {
      empty_for = std::min<std::chrono::milliseconds>(
          std::chrono::milliseconds(started_.value() - saved->empty_since_ms),
          settings_.offsets_retention);
    }
    Group& group = FindOrAdd(id);
    group.Restore(std::move(*saved), now - empty_for, now);
    AfterCall(group);
  }
  co_return Status::OK();
}

Task<> GroupCoordinator::SaveGroups() {
  for (;;) {
    while (unsaved_.empty()) {
      TimePoint retry = not_kept_.empty() ? kNoDeadline : env_->Now() + kKeepRetry;
      CO_RETURN_IF_ERROR(co_await unsaved_grew_.Wait(retry));
      if (unsaved_.empty()) unsaved_ = not_kept_;
    }
    std::deque<Save> some;  // their writes meet in few flushes
    for (auto it = unsaved_.begin(); it != unsaved_.end() && some.size() < kSavesAtOnce; ++it) {
      some.push_back({.id = it->first, .kept = it->second});
    }
    TaskScope writes(home_, "saves", [](const std::string&, const Status&) {});
    for (Save& save : some) writes.Spawn("save", SaveGroup(&save));
    Status joined = co_await writes.Join();
    if (!joined.ok()) {  // not else: who has closed a scope can't be cancelled any more
      CO_RETURN_IF_ERROR(co_await writes.Close());
      co_return joined;
    }
    for (Save& save : some) OnSaved(std::move(save));
  }
}

void GroupCoordinator::OnSaved(Save save) {
  const uint64_t version = save.kept.version;
  if (save.outcome.ok()) {
    not_kept_.erase(save.id);
  } else if (!not_kept_.insert_or_assign(save.id, std::move(save.kept)).second) {
    logger_.Debug("membership still not kept", {{"group", save.id}, {"error", save.outcome}});
  } else {
    logger_.Warning(
        "membership not kept: no commits of offsets until it is; members join again "
        "after a restart",
        {{"group", save.id}, {"error", save.outcome}});
  }
  if (unsaved_.at(save.id).version != version) return;  // there is something newer to keep
  unsaved_.erase(save.id);
  if (Group* group = Find(save.id)) AfterCall(*group);
}

Task<> GroupCoordinator::SaveGroup(Save* save) {
  std::optional<std::string> bytes;
  if (Find(save->id) != nullptr && save->kept.saved) bytes = EncodeSavedGroup(*save->kept.saved);
  save->outcome = co_await log_->PutMeta(KeyOf(save->id), std::move(bytes));
  if (Is(save->outcome, ErrorCode::kCancelled)) co_return save->outcome;
  co_return Status::OK();
}

void GroupCoordinator::NoteUnsaved(Group& group) {
  std::optional<SavedGroup> saved = group.Save();
  if (!saved) return;  // the next rebalance began within the same call: nobody heard of this one
  if (saved->members.empty()) {
    Duration empty_for = env_->Now() - group.empty_since();
    saved->empty_since_ms =
        env_->WallTime().value() -
        std::chrono::duration_cast<std::chrono::milliseconds>(empty_for).count();
  }
  unsaved_[group.id()] = {std::move(saved), next_unsaved_version_++};
  unsaved_grew_.NotifyAll();
}

Task<> GroupCoordinator::FireDeadlines() {
  for (;;) {
    TimePoint next = by_deadline_.empty() ? kNoDeadline : by_deadline_.begin()->first;
    CO_RETURN_IF_ERROR(co_await deadline_moved_.Wait(next));
    TimePoint now = env_->Now();
    std::vector<std::string> due;  // each once: what is due again at once lets others go first
    for (const auto& [deadline, id] : by_deadline_) {
      if (deadline > now) break;
      due.push_back(id);
    }
    for (const std::string& id : due) {
      auto deadline = deadlines_.find(id);
      if (deadline == deadlines_.end() || deadline->second > now) continue;
      by_deadline_.erase({deadline->second, id});
      deadlines_.erase(deadline);
      Group* group = Find(id);
      if (group == nullptr) continue;
      group->OnTime(now);
      AfterCall(*group);
    }
  }
}

Group* GroupCoordinator::Find(const std::string& id) {
  auto found = groups_.find(id);
  return found == groups_.end() ? nullptr : found->second.get();
}

Group& GroupCoordinator::FindOrAdd(const std::string& id) {
  std::unique_ptr<Group>& group = groups_[id];
  if (group == nullptr) {
    group = std::make_unique<Group>(id, settings_.limits, [env = env_](const std::string& prefix) {
      return MakeMemberId(env, prefix);
    });
  }
  return *group;
}

void GroupCoordinator::Erase(const std::string& id) {
  groups_.erase(id);
  Account(id);
}

bool GroupCoordinator::Exists(const std::string& id) const {
  return groups_.contains(id) || offsets_.contains(id) || pending_.HasGroup(id);
}

KafkaError GroupCoordinator::CheckId(const std::string& id) const {
  bool is_legal = !id.empty() && (id.size() <= kIdBytesMax || Exists(id));
  return is_legal ? KafkaError::kNone : KafkaError::kInvalidGroupId;
}

void GroupCoordinator::Account(const std::string& id) {
  auto accounted = bytes_.find(id);
  int64_t before = accounted == bytes_.end() ? 0 : accounted->second;
  const Group* group = Find(id);
  int64_t now =
      group == nullptr ? 0 : kBareGroupBytes + kGroupIdCopies * std::ssize(id) + group->bytes();
  memory_.Change(now - before);
  if (group == nullptr) {
    bytes_.erase(id);
  } else if (now != before) {
    bytes_[id] = now;
  }
}

void GroupCoordinator::DeliverReplies(Group& group) {
  for (GroupReply& reply : group.TakeReplies(env_->Now())) {
    ReplyToken token = std::visit([](const auto& typed) { return typed.token; }, reply);
    auto waiting = waiting_.find(token);
    if (waiting == waiting_.end()) continue;
    waiting->second->reply = std::move(reply);
    waiting->second->arrived.NotifyAll();
  }
}

void GroupCoordinator::AfterCall(Group& group) {
  std::string id = group.id();
  if (group.needs_saving()) NoteUnsaved(group);
  if (!unsaved_.contains(id)) DeliverReplies(group);
  TimePoint next = group.NextDeadline();
  if (group.IsIdle() && group.generation() == 0) {
    DeliverReplies(group);
    groups_.erase(id);  // nobody ever became a member
    next = kNoDeadline;
  }
  Account(id);
  auto current = deadlines_.find(id);
  if (current != deadlines_.end()) {
    if (current->second == next) return;
    by_deadline_.erase({current->second, id});
    deadlines_.erase(current);
  }
  if (next == kNoDeadline) return;
  deadlines_[id] = next;
  by_deadline_.insert({next, id});
  if (by_deadline_.begin()->second == id) deadline_moved_.NotifyAll();
}

// ---- membership

Task<GroupReply> GroupCoordinator::AwaitReply(std::string group_id, ReplyToken token) {
  Waiting waiting(home_);
  waiting_[token] = &waiting;
  // The reply may have been made before anybody waited: AfterCall runs only now.
  AfterCall(*Find(group_id));
  Status outcome;
  while (!waiting.reply && outcome.ok()) {
    Result<bool> woken = co_await waiting.arrived.Wait();
    outcome = woken.status();
  }
  waiting_.erase(token);
  if (waiting.reply) co_return std::move(*waiting.reply);
  if (Group* group = Find(group_id)) {
    group->Abandon(token, env_->Now());
    AfterCall(*group);
  }
  co_return outcome;
}

Task<JoinReply> GroupCoordinator::JoinHere(std::string group_id, JoinCall call) {
  KafkaError error = CheckId(group_id);
  if (error != KafkaError::kNone) co_return JoinReply{.error = error};
  if (!call.member_id.empty() && Find(group_id) == nullptr) {
    co_return JoinReply{.error = KafkaError::kUnknownMemberId, .member_id = call.member_id};
  }
  Group& group = FindOrAdd(group_id);
  int64_t growth = group.GrowthBy(call);
  bool may_fit = group.MayGrowBy(growth);  // else the group refuses for good
  if (!bytes_.contains(group_id)) growth += kBareGroupBytes + kGroupIdCopies * std::ssize(group_id);
  if (may_fit && !memory_.HasRoomFor(growth)) {
    AfterCall(group);
    co_return JoinReply{.error = KafkaError::kCoordinatorNotAvailable, .member_id = call.member_id};
  }
  ReplyToken token = next_token_++;
  call.token = token;
  group.Join(std::move(call), env_->Now());
  CO_ASSIGN_OR_RETURN(GroupReply reply, co_await AwaitReply(group_id, token));
  co_return std::get<JoinReply>(std::move(reply));
}

Task<SyncReply> GroupCoordinator::SyncHere(std::string group_id, SyncCall call) {
  if (group_id.empty()) co_return SyncReply{.error = KafkaError::kInvalidGroupId};
  Group* group = Find(group_id);
  if (group == nullptr) co_return SyncReply{.error = KafkaError::kUnknownMemberId};
  int64_t growth = group->GrowthBy(call);
  if (group->MayGrowBy(growth) && !memory_.HasRoomFor(growth)) {
    co_return SyncReply{.error = KafkaError::kCoordinatorNotAvailable};
  }
  ReplyToken token = next_token_++;
  call.token = token;
  group->Sync(std::move(call), env_->Now());
  CO_ASSIGN_OR_RETURN(GroupReply reply, co_await AwaitReply(group_id, token));
  co_return std::get<SyncReply>(std::move(reply));
}

Task<KafkaError> GroupCoordinator::HeartbeatHere(std::string group_id, std::string member_id,
                                                 std::optional<std::string> instance_id,
                                                 int32_t generation) {
  if (group_id.empty()) co_return KafkaError::kInvalidGroupId;
  Group* group = Find(group_id);
  if (group == nullptr) co_return KafkaError::kUnknownMemberId;
  KafkaError error = group->Heartbeat(member_id, instance_id, generation, env_->Now());
  AfterCall(*group);
  co_return error;
}

Task<std::vector<KafkaError>> GroupCoordinator::LeaveHere(std::string group_id,
                                                          std::vector<Leaver> leavers) {
  std::vector<KafkaError> errors;
  for (const Leaver& leaver : leavers) {
    Group* group = Find(group_id);
    if (group == nullptr) {
      errors.push_back(KafkaError::kUnknownMemberId);
      continue;
    }
    errors.push_back(group->Leave(leaver.member_id, leaver.instance_id, env_->Now()));
    AfterCall(*group);
  }
  co_return errors;
}

// ---- administration

Task<std::vector<GroupSummary>> GroupCoordinator::ListHere() {
  std::vector<GroupSummary> summaries;
  for (const auto& [id, group] : groups_) {
    summaries.push_back({id, group->protocol_type(), std::string(group->state_name())});
  }
  std::set<std::string> others = pending_.Groups();
  for (const auto& [id, offsets] : offsets_) others.insert(id);
  for (const std::string& id : others) {
    if (!groups_.contains(id)) summaries.push_back({id, "", "Empty"});
  }
  co_return summaries;
}

Task<GroupDescription> GroupCoordinator::DescribeHere(std::string group_id) {
  GroupDescription description;
  Group* group = Find(group_id);
  if (group == nullptr) {
    description.exists = Exists(group_id);
    if (description.exists) description.state = "Empty";
    co_return description;
  }
  description.exists = true;
  description.state = std::string(group->state_name());
  description.protocol_type = group->protocol_type();
  bool is_stable = group->state() == Group::State::kStable;
  if (is_stable) description.protocol_name = group->protocol_name();
  for (const auto& [id, member] : group->members()) {
    GroupDescription::Member& target = description.members.emplace_back();
    target.id = id;
    target.instance_id = member.instance_id;
    target.client_id = member.client_id;
    target.client_host = member.client_host;
    if (!is_stable) continue;
    target.metadata = member.MetadataFor(group->protocol_name());
    target.assignment = member.assignment;
  }
  co_return description;
}

Task<KafkaError> GroupCoordinator::DeleteHere(std::string group_id) {
  Group* group = Find(group_id);
  auto has_members = [](const Group* candidate) {
    return candidate != nullptr && candidate->state() != Group::State::kEmpty;
  };
  if (has_members(group)) co_return KafkaError::kNonEmptyGroup;
  if (!Exists(group_id)) co_return KafkaError::kGroupIdNotFound;
  // What is kept of an empty group says nothing that the offsets need: if it alone goes, and they
  // can't, nothing is lost.
  if (group != nullptr) CO_RETURN_IF_ERROR(co_await log_->PutMeta(KeyOf(group_id), std::nullopt));
  std::vector<std::pair<std::string, PartitionId>> keys;
  auto offsets = offsets_.find(group_id);
  if (offsets != offsets_.end()) {
    for (const auto& [key, offset] : offsets->second) keys.push_back(key);
  }
  for (const auto& key : pending_.OfGroup(group_id)) keys.push_back(key);
  CO_RETURN_IF_ERROR(co_await RemoveOffsets(group_id, std::move(keys)));
  group = Find(group_id);
  // Somebody may have joined meanwhile: then the group goes on without offsets.
  if (group != nullptr && !has_members(group)) {
    DeliverReplies(*group);
    Erase(group_id);
    not_kept_.erase(group_id);
    // What is about to be kept, or is being kept, is over, too.
    auto unsaved = unsaved_.find(group_id);
    if (unsaved != unsaved_.end()) unsaved->second = {std::nullopt, next_unsaved_version_++};
  }
  co_return KafkaError::kNone;
}

std::vector<std::string> SubscribedTopics(const std::string& metadata) {
  Reader reader(std::as_bytes(std::span(metadata)));
  int16_t version = 0;
  int32_t count = 0;
  std::vector<std::string> topics;
  if (!reader.ReadInt(&version) || !reader.ReadInt(&count)) return topics;
  for (int32_t i = 0; i < count; ++i) {
    int16_t size = 0;
    std::span<const std::byte> name;
    if (!reader.ReadInt(&size) || size < 0 || !reader.ReadView(static_cast<size_t>(size), &name)) {
      return {};
    }
    topics.emplace_back(reinterpret_cast<const char*>(name.data()), name.size());
  }
  return topics;
}

}  // namespace mainstem::gateway::kafka
