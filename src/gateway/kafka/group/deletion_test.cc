// A group is deleted while the disk fails at any operation, or the power goes: then all of it is
// gone, or its offsets are there. Never is it a group that has forgotten where it was.
#include <gtest/gtest.h>

#include "gateway/kafka/group/coordinator.h"
#include "gateway/kafka/testing/tiny_log.h"

namespace mainstem::gateway::kafka {
namespace {

using namespace std::chrono_literals;

struct Deletion {
  bool has_begun = false;
  bool is_done = false;
};

Status AsStatus(KafkaError error) {
  if (error == KafkaError::kNone) return Status::OK();
  return MakeError(ErrorCode::kInternal, fmt::format("error {}", Code(error)));
}

// With an offset, and without members again.
Task<> MakeGroup(GroupCoordinator* groups, storage::Log* log) {
  JoinCall join;
  join.session_timeout = join.rebalance_timeout = 60s;
  join.protocol_type = "consumer";
  join.protocols = {{"range", "topics"}};
  CO_ASSIGN_OR_RETURN(JoinReply joined, co_await groups->Join("g", std::move(join)));
  SyncCall sync;
  sync.member_id = joined.member_id;
  sync.generation = joined.generation;
  CO_RETURN_IF_ERROR((co_await groups->Sync("g", std::move(sync))));
  CommitCall call{.group = "g", .member_id = joined.member_id, .generation = joined.generation};
  call.offsets.push_back({.topic = "t", .partition = PartitionId(0), .offset = {}});
  CO_ASSIGN_OR_RETURN(KafkaError error, co_await groups->Commit(std::move(call)));
  CO_RETURN_IF_ERROR(AsStatus(error));
  std::vector<GroupCoordinator::Leaver> leavers(1);
  leavers[0].member_id = joined.member_id;
  CO_RETURN_IF_ERROR((co_await groups->Leave("g", std::move(leavers))));
  for (int i = 0; i < 100; ++i) {  // it is kept soon, not at once
    CO_ASSIGN_OR_RETURN(auto meta, co_await log->ListMeta("kafka-groups/"));
    CO_ASSIGN_OR_RETURN(SavedGroup saved, DecodeSavedGroup(meta.at("kafka-groups/g")));
    if (saved.members.empty()) co_return Status::OK();
    CO_RETURN_IF_ERROR(co_await Sleep(5ms));
  }
  co_return MakeError(ErrorCode::kInternal, "the group is not kept");
}

Task<> MakeAndDelete(GroupCoordinator* groups, storage::Log* log, Deletion* deletion) {
  CO_RETURN_IF_ERROR(co_await MakeGroup(groups, log));
  deletion->has_begun = true;
  CO_ASSIGN_OR_RETURN(KafkaError error, co_await groups->Delete("g"));
  CO_RETURN_IF_ERROR(AsStatus(error));
  deletion->is_done = true;
  co_return Status::OK();
}

Task<> OpenAndDelete(SimEnv* env, Deletion* deletion) {
  CO_ASSIGN_OR_RETURN(auto log, co_await storage::EmbeddedLog::Open(env, TinyLog()));
  GroupCoordinator groups(env, log.get(), log.get(), nullptr, Logger::Silent(), env->shard(0),
                          GroupSettings());
  Status status = co_await groups.Start();
  if (status.ok()) status = co_await MakeAndDelete(&groups, log.get(), deletion);
  Status stopped = co_await groups.Stop();
  stopped &= co_await log->Stop();
  co_return status.ok() ? stopped : status;
}

Task<> LookAfterDeletion(SimEnv* env, const Deletion* deletion) {
  CO_ASSIGN_OR_RETURN(auto log, co_await storage::EmbeddedLog::Open(env, TinyLog()));
  CO_ASSIGN_OR_RETURN(auto offsets, co_await log->LoadOffsets());
  CO_ASSIGN_OR_RETURN(auto meta, co_await log->ListMeta("kafka-groups/"));
  if (deletion->is_done) {
    EXPECT_TRUE(offsets.empty());
    EXPECT_TRUE(meta.empty());
  } else if (deletion->has_begun && !meta.empty()) {
    EXPECT_EQ(offsets.size(), 1u);
  }
  co_return co_await log->Stop();
}

TEST(GroupDeletionTest, WhateverFailsAGroupThatIsThereHasItsOffsets) {
  Deletion deletion;
  int begun = 0;
  auto body = [&](SimEnv* env) {
    deletion = Deletion();
    return OpenAndDelete(env, &deletion);
  };
  auto check = [&](SimEnv* env) {
    begun += deletion.has_begun && !deletion.is_done;
    return LookAfterDeletion(env, &deletion);
  };
  Result<int64_t> tried = ForEachFault(3, {.body = body, .check = check});
  ASSERT_TRUE(tried.ok()) << Describe(tried.status());
  EXPECT_GT(begun, 0);
}

}  // namespace
}  // namespace mainstem::gateway::kafka
