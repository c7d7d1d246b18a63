// One consumer group of the classic protocol as a pure state machine: calls and the current time
// go in, replies come out, no I/O and no clock. The coordinator (group/coordinator.h) feeds it and
// delivers the replies.
//
//   Empty -> PreparingRebalance -> CompletingRebalance -> Stable -> PreparingRebalance ...
//
// JoinGroup and SyncGroup may have to wait: the caller passes a token, and the answer for that
// token comes out of TakeReplies() at once or after a later call. Deadlines (sessions, rebalance,
// members that were given an id but did not come back) fire when OnTime is called at or after
// NextDeadline(). Not thread-safe. What is to survive a restart comes out of Save() and goes back
// in by Restore(): members then go on in their generation as if nothing had happened.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "core/executor.h"
#include "gateway/kafka/error_codes.h"
#include "gateway/kafka/group/saved_group.h"

namespace mainstem::gateway::kafka {

using ReplyToken = uint64_t;  // 0: none

struct GroupLimits {
  Duration session_timeout_min = std::chrono::seconds(6);
  Duration session_timeout_max = std::chrono::minutes(30);
  // How long a group that was empty waits for more members before its first generation.
  Duration initial_rebalance_delay = Duration::zero();
  size_t members_max = 10'000;
  // Of what members say of themselves and are assigned, about as it is kept in memory, and saved in
  // one frame of the journal. A call that needs more is refused, unless it needs no more than now.
  int64_t bytes_max = 4 << 20;
  // How long an id that was given out waits for its member, however long its session is to be.
  Duration pending_time_max = std::chrono::minutes(1);
  // How long a member may take to come back after a restart of the node, unless it is static or its
  // session is shorter: those that ended meanwhile hold up the others no longer than this.
  Duration return_time_max = std::chrono::seconds(10);
};

struct GroupProtocol {
  std::string name;
  std::string metadata;  // opaque
  bool operator==(const GroupProtocol&) const = default;
};

struct JoinCall {
  ReplyToken token = 0;
  std::string member_id;  // empty: a new member
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  Duration session_timeout{};
  Duration rebalance_timeout{};
  std::string protocol_type;
  std::vector<GroupProtocol> protocols;  // in the member's order of preference
  // Answer a new member with an id to come back with (JoinGroup v4 and up).
  bool requires_known_member_id = false;
  // The leader understands "no assignment needed" (v9 and up).
  bool supports_skip_assignment = false;
};

struct JoinReply {
  ReplyToken token = 0;
  KafkaError error = KafkaError::kNone;
  int32_t generation = -1;
  std::string protocol_type;
  std::string protocol_name;
  std::string leader;
  bool skip_assignment = false;
  std::string member_id;
  struct Member {
    std::string id;
    std::optional<std::string> instance_id;
    std::string metadata;
  };
  std::vector<Member> members;  // for the leader only
};

struct SyncCall {
  ReplyToken token = 0;
  std::string member_id;
  std::optional<std::string> instance_id;
  int32_t generation = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::vector<std::pair<std::string, std::string>> assignments;  // by member id; the leader's
};

struct SyncReply {
  ReplyToken token = 0;
  KafkaError error = KafkaError::kNone;
  std::string member_id;  // empty with an error
  std::string protocol_type;
  std::string protocol_name;
  std::string assignment;
};

using GroupReply = std::variant<JoinReply, SyncReply>;

class Group {
 public:
  enum class State : uint8_t { kEmpty, kPreparingRebalance, kCompletingRebalance, kStable };

  struct Member {
    std::string id;
    std::optional<std::string> instance_id;
    std::string client_id;
    std::string client_host;
    Duration session_timeout{};
    Duration rebalance_timeout{};
    std::vector<GroupProtocol> protocols;
    std::string assignment;
    TimePoint session_deadline;
    ReplyToken join_token = 0;  // waits for the end of the rebalance
    ReplyToken sync_token = 0;  // waits for the leader's assignment
    bool has_synced = false;    // in this generation
    bool has_reply = false;     // that is not delivered yet
    bool supports_skip_assignment = false;

    const std::string& MetadataFor(const std::string& protocol) const;
    // For an answer of ours: it can't send heartbeats, and is alive.
    bool Waits() const { return join_token != 0 || sync_token != 0 || has_reply; }
  };

  // `make_member_id(prefix)` gives a new unique id.
  Group(std::string id, GroupLimits limits,
        std::function<std::string(const std::string& prefix)> make_member_id);

  void Join(JoinCall call, TimePoint now);
  void Sync(SyncCall call, TimePoint now);
  KafkaError Heartbeat(const std::string& member_id, const std::optional<std::string>& instance_id,
                       int32_t generation, TimePoint now);
  KafkaError Leave(const std::string& member_id, const std::optional<std::string>& instance_id,
                   TimePoint now);
  // Whether an offset commit of this caller is welcome; a member's session is renewed by it.
  // Producers may commit in a transaction without naming a member, and during a rebalance.
  KafkaError CheckCommit(const std::string& member_id,
                         const std::optional<std::string>& instance_id, int32_t generation,
                         TimePoint now, bool is_transactional = false);
  // The caller of this token has gone: no reply is made for it any more.
  void Abandon(ReplyToken token, TimePoint now);

  void OnTime(TimePoint now);
  // Or a little before: heartbeats since the last other call are not looked at.
  TimePoint NextDeadline() const;

  // About what is kept in memory, and how much more it would be after a call.
  int64_t bytes() const { return bytes_; }
  int64_t GrowthBy(const JoinCall& call) const;
  int64_t GrowthBy(const SyncCall& call) const;
  // Within its own limit.
  bool MayGrowBy(int64_t growth) const {
    return growth <= 0 || bytes_ + growth <= limits_.bytes_max;
  }

  // Whether a restart would lose something that members rely on: an assignment that was handed out,
  // or the end of the last member. Replies made since then wait until it is kept.
  bool needs_saving() const { return needs_saving_; }
  // Nothing during a rebalance: what was kept before is still the best there is. Resets the above.
  // `empty_since_ms` of the answer is left to the caller, who knows wall time.
  std::optional<SavedGroup> Save();
  // For a fresh group only. The members have to be heard of soon (return_time_max).
  void Restore(SavedGroup saved, TimePoint empty_since, TimePoint now);

  // Those that are delivered now: a member's session begins anew with its reply, and does not end
  // before.
  std::vector<GroupReply> TakeReplies(TimePoint now);

  const std::string& id() const { return id_; }
  State state() const { return state_; }
  std::string_view state_name() const;
  int32_t generation() const { return generation_; }
  const std::string& protocol_type() const { return protocol_type_; }
  const std::string& protocol_name() const { return protocol_name_; }
  const std::map<std::string, Member>& members() const { return members_; }
  // No members, none expected: may be deleted or forgotten.
  bool IsIdle() const { return state_ == State::kEmpty && pending_.empty(); }
  // When the last member left, while Empty.
  TimePoint empty_since() const { return empty_since_; }

 private:
  void JoinNew(JoinCall& call, TimePoint now);
  void JoinKnown(JoinCall& call, TimePoint now);
  void ReplaceStaticMember(const std::string& old_id, JoinCall& call, TimePoint now);
  void AddMember(std::string member_id, JoinCall& call, TimePoint now);
  void UpdateMember(Member& member, JoinCall& call, TimePoint now);
  void RemoveMember(const std::string& member_id, KafkaError reason, TimePoint now);
  void AddPending(const std::string& member_id, TimePoint deadline);
  bool ErasePending(const std::string& member_id);
  // Into what all members add up to, and out of it: around each change of a member.
  void CountIn(const Member& member);
  void CountOut(const Member& member);
  bool AllSupport(const std::string& protocol) const;

  void PrepareRebalance(TimePoint now);
  void MaybeCompleteJoin(TimePoint now);
  void CompleteJoin(TimePoint now);
  void SelectLeader();
  void ReplyJoin(Member& member, bool skip_assignment);
  void ReplySyncs(KafkaError error);
  void RefuseJoin(const JoinCall& call, KafkaError error, std::string member_id = {});
  void RefuseSync(ReplyToken token, KafkaError error);

  // kNone, kUnknownMemberId or kFencedInstanceId.
  KafkaError CheckMember(const std::string& member_id,
                         const std::optional<std::string>& instance_id) const;
  bool Supports(const std::string& type, const std::vector<GroupProtocol>& protocols) const;
  std::string SelectProtocol() const;
  void RenewSession(Member& member, TimePoint now);
  void ExpireSessions(TimePoint now);
  Duration RebalanceTimeout() const;

  const std::string id_;
  const GroupLimits limits_;
  const std::function<std::string(const std::string&)> make_member_id_;

  State state_ = State::kEmpty;
  int32_t generation_ = 0;
  std::string protocol_type_;
  std::string protocol_name_;
  std::string leader_;  // member id; empty: none
  std::map<std::string, Member> members_;
  std::vector<std::string> join_order_;                  // member ids, for choosing a leader
  std::map<std::string, std::string> static_members_;    // instance id -> member id
  std::map<std::string, TimePoint> pending_;             // ids given out, until they come back
  absl::flat_hash_map<std::string, size_t> supporters_;  // members by protocol
  int64_t bytes_ = 0;
  mutable std::optional<TimePoint> known_deadline_;  // nothing: has to be looked for
  // End of PreparingRebalance, or of waiting for SyncGroup in CompletingRebalance.
  TimePoint rebalance_deadline_ = kNoDeadline;
  // The first rebalance of an empty group waits for more members up to here, not for all to join.
  bool is_initial_rebalance_ = false;
  TimePoint initial_delay_end_ = kNoDeadline;
  bool joined_during_delay_ = false;
  TimePoint empty_since_{};
  bool needs_saving_ = false;
  std::vector<GroupReply> replies_;
};

}  // namespace mainstem::gateway::kafka
