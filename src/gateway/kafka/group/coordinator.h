// All consumer groups of the node: feeds the state machines (group/group.h), wakes the calls that
// wait for a rebalance, fires deadlines, and keeps the committed offsets, which are durable in the
// log before a commit is answered. Lives on one shard; every method may be called from any shard
// and hops there. Membership is kept over a restart, too (group/saved_group.h): an assignment is
// durable before its members hear of it. A rebalance that was under way then begins anew. What the
// members leave here is leased from the memory budget; calls that need more than there may be are
// told to come again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/logging.h"
#include "gateway/kafka/group/group.h"
#include "gateway/kafka/group/pending_offsets.h"
#include "gateway/kafka/kept_memory.h"
#include "storage/log.h"
#include "storage/transactions.h"

namespace mainstem::gateway::kafka {

struct GroupSettings {
  GroupLimits limits;
  // Offsets are forgotten this long after their group lost its last member (or their commit).
  std::chrono::milliseconds offsets_retention = std::chrono::hours(24 * 7);
};

struct OffsetCommit {
  std::string topic;
  PartitionId partition;
  storage::CommittedOffset offset;  // commit_time_ms is set by the coordinator
  storage::TopicId topic_id{};      // which topic of the name is meant; zeros: whichever there is
};

struct CommitCall {
  std::string group;
  std::string member_id;
  std::optional<std::string> instance_id;
  int32_t generation = -1;
  std::vector<OffsetCommit> offsets;
};

struct GroupSummary {
  std::string id;
  std::string protocol_type;
  std::string state;
};

struct GroupDescription {
  bool exists = false;
  std::string state = "Dead";
  std::string protocol_type;
  std::string protocol_name;
  struct Member {
    std::string id;
    std::optional<std::string> instance_id;
    std::string client_id;
    std::string client_host;
    std::string metadata;
    std::string assignment;
  };
  std::vector<Member> members;
};

// Offsets of one group: (topic, partition) -> offset.
using GroupOffsets = std::map<std::pair<std::string, PartitionId>, storage::CommittedOffset>;

class GroupCoordinator {
 public:
  // Borrows env, logs and budget (may be null: no limit), which outlive it. `home` is the shard
  // that it lives on.
  GroupCoordinator(Env* env, storage::Log* log, storage::TransactionLog* transactions,
                   MemoryBudget* budget, Logger logger, Executor home, GroupSettings settings);
  ~GroupCoordinator();

  // Loads the committed offsets. Before anything else.
  Task<> Start();
  // Ends all waiting calls. Nothing may be called afterwards.
  Task<> Stop();

  // The token of the calls is set here.
  Task<JoinReply> Join(std::string group, JoinCall call);
  Task<SyncReply> Sync(std::string group, SyncCall call);
  Task<KafkaError> Heartbeat(std::string group, std::string member_id,
                             std::optional<std::string> instance_id, int32_t generation);
  struct Leaver {
    std::string member_id;
    std::optional<std::string> instance_id;
  };
  Task<std::vector<KafkaError>> Leave(std::string group, std::vector<Leaver> leavers);

  // Durable when it returns kNone.
  Task<KafkaError> Commit(CommitCall call);
  Task<GroupOffsets> Offsets(std::string group);
  // The same inside a transaction: the offsets count when it commits. The transaction coordinator
  // calls these, one after the other for each transactional id.
  Task<KafkaError> CommitInTransaction(std::string transactional_id, CommitCall call);
  Task<> EndTransaction(std::string transactional_id, bool committed);
  // Those that an open transaction is about to set. Ask before Offsets, not after.
  Task<std::set<std::pair<std::string, PartitionId>>> UnstableOffsets(std::string group);
  // kGroupIdNotFound, or per offset kNone / kGroupSubscribedToTopic.
  struct DeletedOffsets {
    KafkaError error = KafkaError::kNone;
    std::vector<KafkaError> offsets;
  };
  Task<DeletedOffsets> DeleteOffsets(std::string group,
                                     std::vector<std::pair<std::string, PartitionId>> offsets);

  Task<std::vector<GroupSummary>> List();
  Task<GroupDescription> Describe(std::string group);
  Task<KafkaError> Delete(std::string group);

 private:
  struct Waiting;
  // What a group was when it gave replies that wait until this is kept. By the time it is written
  // the next rebalance may have begun.
  struct Unsaved {
    std::optional<SavedGroup> saved;  // nothing: the group is over
    uint64_t version = 0;
  };
  struct Save {
    std::string id;
    Unsaved kept;
    Status outcome{};
  };

  Task<JoinReply> JoinHere(std::string group, JoinCall call);
  Task<SyncReply> SyncHere(std::string group, SyncCall call);
  Task<KafkaError> HeartbeatHere(std::string group, std::string member_id,
                                 std::optional<std::string> instance_id, int32_t generation);
  Task<std::vector<KafkaError>> LeaveHere(std::string group, std::vector<Leaver> leavers);
  Task<KafkaError> CommitHere(CommitCall call);
  Task<KafkaError> CommitInTransactionHere(std::string transactional_id, CommitCall call);
  Task<> EndTransactionHere(std::string transactional_id, bool committed);
  Task<std::set<std::pair<std::string, PartitionId>>> UnstableOffsetsHere(std::string group);
  KafkaError CheckCommit(const CommitCall& call, bool is_transactional);
  Task<GroupOffsets> OffsetsHere(std::string group);
  Task<DeletedOffsets> DeleteOffsetsHere(std::string group,
                                         std::vector<std::pair<std::string, PartitionId>> offsets);
  Task<std::vector<GroupSummary>> ListHere();
  Task<GroupDescription> DescribeHere(std::string group);
  Task<KafkaError> DeleteHere(std::string group);
  Task<> StartHere();
  Task<> StopHere();

  Task<> LoadGroups();
  Task<> SaveGroups();
  Task<> SaveGroup(Save* save);
  void OnSaved(Save save);
  void NoteUnsaved(Group& group);
  Task<> FireDeadlines();
  Task<> ExpireOffsets();

  Group& FindOrAdd(const std::string& id);
  Group* Find(const std::string& id);
  void Erase(const std::string& id);
  // Whether anything is known under the id: members, offsets, those of an open transaction.
  bool Exists(const std::string& id) const;
  // kInvalidGroupId for none, and for one that is too long and new.
  KafkaError CheckId(const std::string& id) const;
  void Account(const std::string& id);
  // Delivers what the group has to say, unless that must be kept first, and looks at its next
  // deadline. Drops it when nothing is left of it: the reference is then invalid.
  void AfterCall(Group& group);
  void DeliverReplies(Group& group);
  Task<GroupReply> AwaitReply(std::string group, ReplyToken token);
  Task<> RemoveOffsets(std::string group, std::vector<std::pair<std::string, PartitionId>> keys);
  void ForgetTopic(const std::string& topic);
  // Whether its topic was deleted; another one may have the name by now.
  bool IsOfDeletedTopic(const OffsetCommit& commit) const;
  bool IsExpired(const std::string& group, const storage::CommittedOffset& offset) const;
  std::vector<std::pair<std::string, PartitionId>> ExpiredOffsets(const std::string& group) const;

  Env* const env_;
  storage::Log* const log_;
  storage::TransactionLog* const transactions_;
  const Logger logger_;
  const Executor home_;
  const GroupSettings settings_;

  std::map<std::string, std::unique_ptr<Group>> groups_;
  std::map<std::string, int64_t> bytes_;  // of each group, as accounted
  KeptMemory memory_;
  std::map<std::string, GroupOffsets> offsets_;
  PendingOffsets pending_;
  std::map<ReplyToken, Waiting*> waiting_;
  ReplyToken next_token_ = 1;
  std::map<std::string, TimePoint> deadlines_;               // by group
  std::set<std::pair<TimePoint, std::string>> by_deadline_;  // the same, ordered
  Event deadline_moved_;
  std::map<std::string, Unsaved> unsaved_;
  // Those of which that failed, as on a full disk: it is tried again. After a crash such a group is
  // what it was before, so until then nobody commits in it: an older member could undo that.
  std::map<std::string, Unsaved> not_kept_;
  uint64_t next_unsaved_version_ = 1;
  Event unsaved_grew_;
  ProcessingTime started_{0};
  TaskScope scope_;
};

// Topics in the subscription that a member of protocol type "consumer" sent; empty when malformed.
std::vector<std::string> SubscribedTopics(const std::string& metadata);

}  // namespace mainstem::gateway::kafka
