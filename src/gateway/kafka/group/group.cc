#include "gateway/kafka/group/group.h"

#include <algorithm>

namespace mainstem::gateway::kafka {
namespace {

// While only static members are left that are away: whatever rebalance timeout they asked for.
constexpr Duration kLeaderWaitMin = std::chrono::seconds(1);

}  // namespace

const std::string& Group::Member::MetadataFor(const std::string& protocol) const {
  static const std::string kNothing;
  for (const GroupProtocol& candidate : protocols) {
    if (candidate.name == protocol) return candidate.metadata;
  }
  return kNothing;
}

Group::Group(std::string id, GroupLimits limits,
             std::function<std::string(const std::string& prefix)> make_member_id)
    : id_(std::move(id)), limits_(limits), make_member_id_(std::move(make_member_id)) {}

std::string_view Group::state_name() const {
  switch (state_) {
    case State::kEmpty: return "Empty";
    case State::kPreparingRebalance: return "PreparingRebalance";
    case State::kCompletingRebalance: return "CompletingRebalance";
    case State::kStable: return "Stable";
  }
  return "";
}

// ---- JoinGroup

void Group::Join(JoinCall call, TimePoint now) {
  known_deadline_.reset();
  if (call.session_timeout < limits_.session_timeout_min ||
      call.session_timeout > limits_.session_timeout_max) {
    return RefuseJoin(call, KafkaError::kInvalidSessionTimeout, call.member_id);
  }
  if (!Supports(call.protocol_type, call.protocols)) {
    return RefuseJoin(call, KafkaError::kInconsistentGroupProtocol, call.member_id);
  }
  if (!MayGrowBy(GrowthBy(call))) {
    return RefuseJoin(call, KafkaError::kGroupMaxSizeReached, call.member_id);
  }
  if (call.member_id.empty()) return JoinNew(call, now);
  JoinKnown(call, now);
}

void Group::JoinNew(JoinCall& call, TimePoint now) {
  if (call.instance_id) {
    auto known = static_members_.find(*call.instance_id);
    if (known != static_members_.end()) {
      return ReplaceStaticMember(std::string(known->second), call, now);
    }
  }
  if (members_.size() + pending_.size() >= limits_.members_max) {
    return RefuseJoin(call, KafkaError::kGroupMaxSizeReached);
  }
  std::string member_id = make_member_id_(call.instance_id.value_or(call.client_id));
  if (!call.instance_id && call.requires_known_member_id) {
    AddPending(member_id, now + std::min(call.session_timeout, limits_.pending_time_max));
    return RefuseJoin(call, KafkaError::kMemberIdRequired, member_id);
  }
  AddMember(std::move(member_id), call, now);
}

void Group::JoinKnown(JoinCall& call, TimePoint now) {
  if (!call.instance_id && pending_.contains(call.member_id)) {
    return AddMember(std::string(call.member_id), call, now);
  }
  KafkaError error = CheckMember(call.member_id, call.instance_id);
  if (error != KafkaError::kNone) return RefuseJoin(call, error, call.member_id);

  Member& member = members_.at(call.member_id);
  bool is_unchanged = member.protocols == call.protocols;
  switch (state_) {
    case State::kCompletingRebalance:
      if (is_unchanged) {  // the answer got lost: say it again
        UpdateMember(member, call, now);
        return ReplyJoin(member, false);
      }
      break;
    case State::kStable:
      if (is_unchanged && member.id != leader_) {
        UpdateMember(member, call, now);
        return ReplyJoin(member, false);
      }
      break;
    case State::kPreparingRebalance:
    case State::kEmpty: break;
  }
  UpdateMember(member, call, now);
  PrepareRebalance(now);
}

// The holder of an instance id has been started anew: it takes the place of its predecessor.
void Group::ReplaceStaticMember(const std::string& old_id, JoinCall& call, TimePoint now) {
  auto node = members_.extract(old_id);
  Member& member = node.mapped();
  CountOut(member);
  member.has_reply = false;  // what is not delivered yet is its predecessor's
  if (member.join_token != 0) {
    replies_.push_back(JoinReply{.token = std::exchange(member.join_token, 0),
                                 .error = KafkaError::kFencedInstanceId,
                                 .member_id = old_id});
  }
  if (member.sync_token != 0) {
    RefuseSync(std::exchange(member.sync_token, 0), KafkaError::kFencedInstanceId);
  }
  std::string new_id = make_member_id_(*call.instance_id);
  bool was_leader = leader_ == old_id;
  bool is_unchanged = member.protocols == call.protocols;
  member.id = new_id;
  node.key() = new_id;
  members_.insert(std::move(node));
  std::replace(join_order_.begin(), join_order_.end(), old_id, new_id);
  static_members_[*call.instance_id] = new_id;
  if (was_leader) leader_ = new_id;

  Member& current = members_.at(new_id);
  CountIn(current);
  UpdateMember(current, call, now);
  if (state_ != State::kStable || !is_unchanged) return PrepareRebalance(now);
  needs_saving_ = true;  // under its new member id
  if (was_leader && !call.supports_skip_assignment) {
    // An old client that hears it is leader would assign anew; it is told its predecessor leads.
    ReplyJoin(current, false);
    JoinReply& reply = std::get<JoinReply>(replies_.back());
    reply.leader = old_id;
    reply.members.clear();
    return;
  }
  ReplyJoin(current, was_leader);
}

void Group::AddMember(std::string member_id, JoinCall& call, TimePoint now) {
  ErasePending(member_id);
  Member& member = members_[member_id];
  member.id = member_id;
  member.instance_id = call.instance_id;
  CountIn(member);
  UpdateMember(member, call, now);
  join_order_.push_back(member_id);
  if (call.instance_id) static_members_[*call.instance_id] = member_id;
  if (leader_.empty()) leader_ = member_id;
  if (protocol_type_.empty() || members_.size() == 1) protocol_type_ = call.protocol_type;
  joined_during_delay_ = true;
  PrepareRebalance(now);
}

void Group::UpdateMember(Member& member, JoinCall& call, TimePoint now) {
  if (member.join_token != 0 && member.join_token != call.token) {
    // The client gave up on its earlier call.
    replies_.push_back(JoinReply{.token = member.join_token,
                                 .error = KafkaError::kRebalanceInProgress,
                                 .member_id = member.id});
  }
  CountOut(member);
  member.client_id = call.client_id;
  member.client_host = call.client_host;
  member.session_timeout = call.session_timeout;
  member.rebalance_timeout = call.rebalance_timeout;
  member.protocols = std::move(call.protocols);
  member.supports_skip_assignment = call.supports_skip_assignment;
  member.join_token = call.token;
  CountIn(member);
  RenewSession(member, now);
}

void Group::RefuseJoin(const JoinCall& call, KafkaError error, std::string member_id) {
  replies_.push_back(
      JoinReply{.token = call.token, .error = error, .member_id = std::move(member_id)});
}

void Group::ReplyJoin(Member& member, bool skip_assignment) {
  ReplyToken token = std::exchange(member.join_token, 0);
  if (token == 0) return;
  JoinReply reply{.token = token,
                  .generation = generation_,
                  .protocol_type = protocol_type_,
                  .protocol_name = protocol_name_,
                  .leader = leader_,
                  .skip_assignment = skip_assignment,
                  .member_id = member.id};
  member.has_reply = true;
  if (member.id == leader_) {
    for (const auto& [id, other] : members_) {
      reply.members.push_back({id, other.instance_id, other.MetadataFor(protocol_name_)});
    }
  }
  replies_.push_back(std::move(reply));
}

// ---- the rebalance

void Group::PrepareRebalance(TimePoint now) {
  if (state_ == State::kPreparingRebalance) return MaybeCompleteJoin(now);
  if (state_ == State::kCompletingRebalance) ReplySyncs(KafkaError::kRebalanceInProgress);
  bool was_empty = state_ == State::kEmpty;
  state_ = State::kPreparingRebalance;
  rebalance_deadline_ = now + RebalanceTimeout();
  if (!was_empty) return MaybeCompleteJoin(now);
  // Time alone ends the first rebalance: ids given to others that may never come are not waited
  // for.
  if (limits_.initial_rebalance_delay == Duration::zero()) return CompleteJoin(now);
  is_initial_rebalance_ = true;
  initial_delay_end_ = std::min(now + limits_.initial_rebalance_delay, rebalance_deadline_);
  joined_during_delay_ = false;
}

void Group::MaybeCompleteJoin(TimePoint now) {
  if (state_ != State::kPreparingRebalance || is_initial_rebalance_ || !pending_.empty()) return;
  bool all_joined = std::all_of(members_.begin(), members_.end(),
                                [](const auto& entry) { return entry.second.join_token != 0; });
  if (all_joined) CompleteJoin(now);
}

void Group::CompleteJoin(TimePoint now) {
  // Static members may stay away until their session ends; the others are out.
  std::vector<std::string> absent;
  bool any_joined = false;
  for (const auto& [id, member] : members_) {
    any_joined |= member.join_token != 0;
    if (member.join_token == 0 && !member.instance_id) absent.push_back(id);
  }
  if (!any_joined && !members_.empty() && absent.size() < members_.size()) {
    // Nobody is there to lead: another round.
    rebalance_deadline_ = now + std::max(RebalanceTimeout(), kLeaderWaitMin);
    return;
  }
  is_initial_rebalance_ = false;
  for (const std::string& id : absent) {
    CountOut(members_.at(id));
    members_.erase(id);
    std::erase(join_order_, id);
    if (leader_ == id) leader_.clear();
  }
  ++generation_;
  if (members_.empty()) {
    state_ = State::kEmpty;
    protocol_name_.clear();
    leader_.clear();
    rebalance_deadline_ = kNoDeadline;
    empty_since_ = now;
    needs_saving_ = true;
    return;
  }
  SelectLeader();
  protocol_name_ = SelectProtocol();
  state_ = State::kCompletingRebalance;
  rebalance_deadline_ = now + RebalanceTimeout();
  for (auto& [id, member] : members_) {
    member.has_synced = member.join_token == 0;  // an absent static member is not waited for
    if (member.join_token != 0) RenewSession(member, now);
    ReplyJoin(member, false);
  }
}

void Group::SelectLeader() {
  auto leader = members_.find(leader_);
  if (leader != members_.end() && leader->second.join_token != 0) return;
  for (const std::string& id : join_order_) {
    if (members_.at(id).join_token != 0) {
      leader_ = id;
      return;
    }
  }
}

// Each member votes for the first of its protocols that all support; ties go to the lower name.
std::string Group::SelectProtocol() const {
  std::map<std::string, size_t> votes;
  for (const auto& [id, member] : members_) {
    for (const GroupProtocol& protocol : member.protocols) {
      if (!AllSupport(protocol.name)) continue;
      ++votes[protocol.name];
      break;
    }
  }
  auto best = std::max_element(votes.begin(), votes.end(),
                               [](const auto& a, const auto& b) { return a.second < b.second; });
  return best == votes.end() ? std::string() : best->first;
}

bool Group::Supports(const std::string& type, const std::vector<GroupProtocol>& protocols) const {
  if (type.empty() || protocols.empty()) return false;
  if (members_.empty()) return true;
  if (type != protocol_type_) return false;
  return std::any_of(protocols.begin(), protocols.end(),
                     [this](const GroupProtocol& candidate) { return AllSupport(candidate.name); });
}

Duration Group::RebalanceTimeout() const {
  constexpr Duration kMin = std::chrono::milliseconds(1);  // clients may ask for none
  Duration longest{};
  for (const auto& [id, member] : members_) {
    longest = std::max({longest, member.rebalance_timeout, kMin});
  }
  return longest;
}

// ---- SyncGroup

void Group::Sync(SyncCall call, TimePoint now) {
  known_deadline_.reset();
  KafkaError error = CheckMember(call.member_id, call.instance_id);
  if (error != KafkaError::kNone) return RefuseSync(call.token, error);
  if (call.generation != generation_) return RefuseSync(call.token, KafkaError::kIllegalGeneration);
  if ((call.protocol_type && *call.protocol_type != protocol_type_) ||
      (call.protocol_name && *call.protocol_name != protocol_name_)) {
    return RefuseSync(call.token, KafkaError::kInconsistentGroupProtocol);
  }
  if (state_ == State::kPreparingRebalance) {
    return RefuseSync(call.token, KafkaError::kRebalanceInProgress);
  }
  Member& member = members_.at(call.member_id);
  RenewSession(member, now);
  if (member.sync_token != 0) RefuseSync(member.sync_token, KafkaError::kRebalanceInProgress);
  member.sync_token = call.token;
  member.has_synced = true;
  if (state_ == State::kStable) return ReplySyncs(KafkaError::kNone);
  if (member.id != leader_) return;

  if (!MayGrowBy(GrowthBy(call))) {
    ReplySyncs(KafkaError::kGroupMaxSizeReached);
    return PrepareRebalance(now);
  }
  for (auto& [id, other] : members_) {
    bytes_ -= std::ssize(std::exchange(other.assignment, {}));
  }
  for (auto& [id, assignment] : call.assignments) {
    auto target = members_.find(id);
    if (target == members_.end()) continue;
    bytes_ += std::ssize(assignment) - std::ssize(target->second.assignment);
    target->second.assignment = std::move(assignment);
  }
  state_ = State::kStable;
  needs_saving_ = true;
  for (auto& [id, other] : members_) {
    if (other.sync_token != 0) RenewSession(other, now);
  }
  ReplySyncs(KafkaError::kNone);
}

void Group::ReplySyncs(KafkaError error) {
  for (auto& [id, member] : members_) {
    ReplyToken token = std::exchange(member.sync_token, 0);
    if (token == 0) continue;
    if (error != KafkaError::kNone) {
      RefuseSync(token, error);
    } else {
      member.has_reply = true;
      replies_.push_back(SyncReply{.token = token,
                                   .member_id = id,
                                   .protocol_type = protocol_type_,
                                   .protocol_name = protocol_name_,
                                   .assignment = member.assignment});
    }
  }
}

void Group::RefuseSync(ReplyToken token, KafkaError error) {
  replies_.push_back(SyncReply{.token = token, .error = error});
}

// ---- the others

KafkaError Group::CheckMember(const std::string& member_id,
                              const std::optional<std::string>& instance_id) const {
  if (instance_id) {
    auto known = static_members_.find(*instance_id);
    if (known == static_members_.end()) return KafkaError::kUnknownMemberId;
    if (known->second != member_id) return KafkaError::kFencedInstanceId;
  }
  return members_.contains(member_id) ? KafkaError::kNone : KafkaError::kUnknownMemberId;
}

KafkaError Group::Heartbeat(const std::string& member_id,
                            const std::optional<std::string>& instance_id, int32_t generation,
                            TimePoint now) {
  KafkaError error = CheckMember(member_id, instance_id);
  if (error != KafkaError::kNone) return error;
  if (generation != generation_) return KafkaError::kIllegalGeneration;
  RenewSession(members_.at(member_id), now);
  return state_ == State::kPreparingRebalance ? KafkaError::kRebalanceInProgress
                                              : KafkaError::kNone;
}

KafkaError Group::Leave(const std::string& member_id, const std::optional<std::string>& instance_id,
                        TimePoint now) {
  known_deadline_.reset();
  std::string id = member_id;
  if (instance_id) {
    auto known = static_members_.find(*instance_id);
    if (known == static_members_.end()) return KafkaError::kUnknownMemberId;
    if (!member_id.empty() && known->second != member_id) return KafkaError::kFencedInstanceId;
    id = known->second;
  } else if (ErasePending(member_id)) {
    MaybeCompleteJoin(now);
    return KafkaError::kNone;
  }
  if (!members_.contains(id)) return KafkaError::kUnknownMemberId;
  RemoveMember(id, KafkaError::kUnknownMemberId, now);
  return KafkaError::kNone;
}

KafkaError Group::CheckCommit(const std::string& member_id,
                              const std::optional<std::string>& instance_id, int32_t generation,
                              TimePoint now, bool is_transactional) {
  bool is_anonymous = generation < 0 && member_id.empty() && !instance_id;
  if (state_ == State::kEmpty && generation < 0) return KafkaError::kNone;
  if (is_anonymous && is_transactional) return KafkaError::kNone;
  if (is_anonymous) return KafkaError::kUnknownMemberId;  // a group with members is not its own
  KafkaError error = CheckMember(member_id, instance_id);
  if (error != KafkaError::kNone) return error;
  if (generation != generation_) return KafkaError::kIllegalGeneration;
  bool is_syncing = state_ == State::kCompletingRebalance;
  if (is_syncing && !is_transactional) return KafkaError::kRebalanceInProgress;
  RenewSession(members_.at(member_id), now);
  return KafkaError::kNone;
}

void Group::RemoveMember(const std::string& member_id, KafkaError reason, TimePoint now) {
  std::string id = member_id;  // the argument may live in what is erased
  Member& member = members_.at(id);
  if (member.join_token != 0) {
    replies_.push_back(JoinReply{.token = member.join_token, .error = reason, .member_id = id});
  }
  if (member.sync_token != 0) RefuseSync(member.sync_token, reason);
  if (member.instance_id) static_members_.erase(*member.instance_id);
  CountOut(member);
  members_.erase(id);
  std::erase(join_order_, id);
  if (leader_ == id) leader_ = join_order_.empty() ? std::string() : join_order_.front();
  if (members_.empty()) is_initial_rebalance_ = false;
  PrepareRebalance(now);
}

void Group::Abandon(ReplyToken token, TimePoint now) {
  known_deadline_.reset();
  for (auto& [id, member] : members_) {
    if (member.join_token == token) {
      member.join_token = 0;
      RenewSession(member, now);
      return;
    }
    if (member.sync_token == token) {
      member.sync_token = 0;
      RenewSession(member, now);
      return;
    }
  }
}

std::vector<GroupReply> Group::TakeReplies(TimePoint now) {
  if (!replies_.empty()) known_deadline_.reset();
  for (const GroupReply& reply : replies_) {
    auto member = members_.find(std::visit([](const auto& one) { return one.member_id; }, reply));
    if (member == members_.end() || !std::exchange(member->second.has_reply, false)) continue;
    RenewSession(member->second, now);
  }
  return std::exchange(replies_, {});
}

// ---- time

void Group::RenewSession(Member& member, TimePoint now) {
  member.session_deadline = now + member.session_timeout;
}

void Group::OnTime(TimePoint now) {
  known_deadline_.reset();
  for (auto it = pending_.begin(); it != pending_.end();) {
    auto pending = it++;
    if (pending->second <= now) ErasePending(std::string(pending->first));
  }
  ExpireSessions(now);
  if (state_ == State::kPreparingRebalance) {
    if (is_initial_rebalance_ && initial_delay_end_ <= now) {
      bool may_extend = joined_during_delay_ && initial_delay_end_ < rebalance_deadline_;
      joined_during_delay_ = false;
      if (may_extend) {
        initial_delay_end_ = std::min(now + limits_.initial_rebalance_delay, rebalance_deadline_);
      } else {
        CompleteJoin(now);
      }
    } else if (rebalance_deadline_ <= now) {
      CompleteJoin(now);
    } else {
      MaybeCompleteJoin(now);
    }
  } else if (state_ == State::kCompletingRebalance && rebalance_deadline_ <= now) {
    // Those that have not asked for their assignment are out.
    std::vector<std::string> late;
    for (const auto& [id, member] : members_) {
      if (!member.has_synced) late.push_back(id);
    }
    for (const std::string& id : late) RemoveMember(id, KafkaError::kUnknownMemberId, now);
    if (state_ == State::kCompletingRebalance) rebalance_deadline_ = now + RebalanceTimeout();
  }
}

void Group::ExpireSessions(TimePoint now) {
  std::vector<std::string> expired;
  for (const auto& [id, member] : members_) {
    if (!member.Waits() && member.session_deadline <= now) expired.push_back(id);
  }
  for (const std::string& id : expired) RemoveMember(id, KafkaError::kUnknownMemberId, now);
}

TimePoint Group::NextDeadline() const {
  if (known_deadline_) return *known_deadline_;
  TimePoint next = kNoDeadline;
  for (const auto& [id, deadline] : pending_) next = std::min(next, deadline);
  for (const auto& [id, member] : members_) {
    if (!member.Waits()) next = std::min(next, member.session_deadline);
  }
  if (state_ == State::kPreparingRebalance) {
    next = std::min(next, is_initial_rebalance_ ? initial_delay_end_ : rebalance_deadline_);
  }
  if (state_ == State::kCompletingRebalance) next = std::min(next, rebalance_deadline_);
  known_deadline_ = next;
  return next;
}

}  // namespace mainstem::gateway::kafka
