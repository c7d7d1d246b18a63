// The state machine of section "groups, classic protocol": every test drives time by hand.
#include "gateway/kafka/group/group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mainstem::gateway::kafka {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using State = Group::State;

class GroupTest : public ::testing::Test {
 protected:
  explicit GroupTest(GroupLimits limits = {})
      : group_("g", limits, [this](const std::string& prefix) {
          return prefix + "-" + std::to_string(++next_id_);
        }) {}

  JoinCall Call(std::string member_id = "",
                std::vector<GroupProtocol> protocols = {{"range", ""}}) {
    JoinCall call;
    call.token = ++next_token_;
    call.member_id = std::move(member_id);
    call.client_id = "c";
    call.session_timeout = seconds(10);
    call.rebalance_timeout = seconds(60);
    call.protocol_type = "consumer";
    call.protocols = std::move(protocols);
    return call;
  }
  JoinCall StaticCall(std::string instance_id, std::string member_id = "") {
    JoinCall call = Call(std::move(member_id));
    call.instance_id = std::move(instance_id);
    return call;
  }

  // Returns the token.
  ReplyToken Join(JoinCall call) {
    ReplyToken token = call.token;
    group_.Join(std::move(call), now_);
    Deliver();
    return token;
  }
  ReplyToken Sync(const std::string& member_id, int32_t generation,
                  std::vector<std::pair<std::string, std::string>> assignments = {}) {
    SyncCall call;
    call.token = ++next_token_;
    call.member_id = member_id;
    call.generation = generation;
    call.assignments = std::move(assignments);
    ReplyToken token = call.token;
    group_.Sync(std::move(call), now_);
    Deliver();
    return token;
  }
  void Deliver() {
    for (GroupReply& reply : group_.TakeReplies(now_)) arrived_.push_back(std::move(reply));
  }
  template <typename Reply>
  std::optional<Reply> Take(ReplyToken token) {
    Deliver();
    for (auto it = arrived_.begin(); it != arrived_.end(); ++it) {
      const auto* typed = std::get_if<Reply>(&*it);
      if (typed == nullptr || typed->token != token) continue;
      Reply reply = *typed;
      arrived_.erase(it);
      return reply;
    }
    return std::nullopt;
  }
  JoinReply Joined(ReplyToken token) { return Take<JoinReply>(token).value_or(kNoReply); }
  std::optional<SyncReply> Synced(ReplyToken token) { return Take<SyncReply>(token); }
  void Pass(Duration duration) {
    now_ += duration;
    group_.OnTime(now_);
    Deliver();
  }
  // A group with one member that is stable; returns its id.
  std::string MakeStable(JoinCall call) {
    JoinReply reply = Joined(Join(std::move(call)));
    Sync(reply.member_id, reply.generation, {{reply.member_id, "all"}});
    EXPECT_EQ(group_.state(), State::kStable);
    return reply.member_id;
  }
  // Two members, stable; the first leads.
  std::pair<std::string, std::string> MakePair() {
    std::string first = MakeStable(Call());
    ReplyToken second_token = Join(Call());
    ReplyToken first_token = Join(Call(first));
    std::string second = Joined(second_token).member_id;
    EXPECT_EQ(Joined(first_token).generation, 2);
    Sync(second, 2);
    Sync(first, 2, {{first, "a"}, {second, "b"}});
    EXPECT_EQ(group_.state(), State::kStable);
    return {first, second};
  }

  static inline const JoinReply kNoReply = {.error = KafkaError::kUnknown};
  TimePoint now_{seconds(1000)};
  int next_id_ = 0;
  ReplyToken next_token_ = 0;
  std::vector<GroupReply> arrived_;
  Group group_;
};

TEST_F(GroupTest, FirstMemberLeadsAndBecomesStableAfterItsSync) {
  JoinReply joined = Joined(Join(Call("", {{"range", "meta"}})));
  EXPECT_EQ(joined.error, KafkaError::kNone);
  EXPECT_EQ(joined.generation, 1);
  EXPECT_EQ(joined.protocol_name, "range");
  EXPECT_EQ(joined.leader, joined.member_id);
  ASSERT_EQ(joined.members.size(), 1u);
  EXPECT_EQ(joined.members[0].metadata, "meta");
  EXPECT_EQ(group_.state(), State::kCompletingRebalance);
  auto synced = Synced(Sync(joined.member_id, 1, {{joined.member_id, "mine"}}));
  ASSERT_TRUE(synced.has_value());
  EXPECT_EQ(synced->assignment, "mine");
  EXPECT_EQ(group_.state(), State::kStable);
}

TEST_F(GroupTest, NewMemberIsGivenAnIdToComeBackWith) {
  JoinCall call = Call();
  call.requires_known_member_id = true;
  JoinReply refused = Joined(Join(call));
  EXPECT_EQ(refused.error, KafkaError::kMemberIdRequired);
  EXPECT_FALSE(refused.member_id.empty());
  JoinReply joined = Joined(Join(Call(refused.member_id)));
  EXPECT_EQ(joined.error, KafkaError::kNone);
  EXPECT_EQ(joined.member_id, refused.member_id);
}

TEST_F(GroupTest, ForgetsAnIdThatDidNotComeBackWithinItsSession) {
  JoinCall call = Call();
  call.requires_known_member_id = true;
  std::string id = Joined(Join(call)).member_id;
  EXPECT_FALSE(group_.IsIdle());
  Pass(seconds(10));
  EXPECT_TRUE(group_.IsIdle());
  EXPECT_EQ(Joined(Join(Call(id))).error, KafkaError::kUnknownMemberId);
}

TEST_F(GroupTest, SecondMemberWaitsUntilTheFirstHasJoinedAgain) {
  std::string first = MakeStable(Call());
  ReplyToken second = Join(Call());
  EXPECT_FALSE(Take<JoinReply>(second).has_value());
  EXPECT_EQ(group_.Heartbeat(first, std::nullopt, 1, now_), KafkaError::kRebalanceInProgress);
  ReplyToken again = Join(Call(first));
  JoinReply leader = Joined(again);
  JoinReply follower = Joined(second);
  EXPECT_EQ(leader.generation, 2);
  EXPECT_EQ(leader.members.size(), 2u);
  EXPECT_EQ(follower.leader, first);
  EXPECT_TRUE(follower.members.empty());
}

TEST_F(GroupTest, FollowersWaitForTheLeadersAssignment) {
  auto [first, second] = MakePair();
  ReplyToken first_join = Join(Call(first));
  Join(Call(second));
  EXPECT_EQ(Joined(first_join).generation, 3);
  ReplyToken follower = Sync(second, 3);
  EXPECT_FALSE(Synced(follower).has_value());
  Sync(first, 3, {{second, "for second"}});
  auto synced = Synced(follower);
  ASSERT_TRUE(synced.has_value());
  EXPECT_EQ(synced->assignment, "for second");
}

TEST_F(GroupTest, RebalanceEndsWithoutMembersThatDoNotComeBack) {
  auto [first, second] = MakePair();
  ReplyToken token = Join(Call(first));  // the leader asks for a rebalance
  for (int i = 0; i < 9; ++i) {
    Pass(seconds(6));  // the second is alive but does not join
    EXPECT_EQ(group_.Heartbeat(second, std::nullopt, 2, now_), KafkaError::kRebalanceInProgress);
  }
  EXPECT_FALSE(Take<JoinReply>(token).has_value());
  Pass(seconds(6));
  JoinReply reply = Joined(token);
  EXPECT_EQ(reply.generation, 3);
  EXPECT_EQ(reply.members.size(), 1u);
  EXPECT_EQ(group_.Heartbeat(second, std::nullopt, 3, now_), KafkaError::kUnknownMemberId);
}

TEST_F(GroupTest, MembersThatDoNotSyncAreOutAfterTheRebalanceTimeout) {
  auto [first, second] = MakePair();
  Join(Call(first));
  Join(Call(second));
  ASSERT_EQ(group_.state(), State::kCompletingRebalance);
  ReplyToken follower = Sync(second, 3);
  for (int i = 0; i < 6; ++i) {
    Pass(seconds(9));
    group_.Heartbeat(first, std::nullopt, 3, now_);
  }
  Pass(seconds(6));  // 60 s: the leader never synced
  auto synced = Synced(follower);
  ASSERT_TRUE(synced.has_value());
  EXPECT_EQ(synced->error, KafkaError::kRebalanceInProgress);
  EXPECT_EQ(group_.state(), State::kPreparingRebalance);
  EXPECT_EQ(group_.members().count(first), 0u);
}

TEST_F(GroupTest, SilentMemberIsRemovedWhenItsSessionEnds) {
  std::string member = MakeStable(Call());
  Pass(milliseconds(9999));
  EXPECT_EQ(group_.Heartbeat(member, std::nullopt, 1, now_), KafkaError::kNone);
  Pass(milliseconds(9999));
  EXPECT_EQ(group_.state(), State::kStable);
  Pass(milliseconds(1));
  EXPECT_EQ(group_.state(), State::kEmpty);
  EXPECT_EQ(group_.Heartbeat(member, std::nullopt, 1, now_), KafkaError::kUnknownMemberId);
}

TEST_F(GroupTest, WaitingForAJoinKeepsAMemberAlive) {
  std::string first = MakeStable(Call());
  ReplyToken waiting = Join(Call());  // the first does not come back
  for (int i = 0; i < 4; ++i) {
    Pass(seconds(9));
    group_.Heartbeat(first, std::nullopt, 1, now_);
  }
  EXPECT_EQ(group_.members().size(), 2u);
  Pass(seconds(10));  // the first is silent too long
  JoinReply reply = Joined(waiting);
  EXPECT_EQ(reply.error, KafkaError::kNone);
  EXPECT_EQ(reply.members.size(), 1u);
}

TEST_F(GroupTest, AbandonedJoinLetsTheSessionEnd) {
  std::string first = MakeStable(Call());
  ReplyToken waiting = Join(Call());
  group_.Abandon(waiting, now_);
  Join(Call(first));
  EXPECT_EQ(group_.state(), State::kPreparingRebalance);  // it still counts as a member
  Pass(seconds(10));
  EXPECT_EQ(group_.members().size(), 1u);
  EXPECT_EQ(group_.state(), State::kCompletingRebalance);
}

TEST_F(GroupTest, FollowerThatAsksAgainIsAnsweredAtOnce) {
  auto [first, second] = MakePair();
  JoinReply reply = Joined(Join(Call(second)));
  EXPECT_EQ(reply.error, KafkaError::kNone);
  EXPECT_EQ(reply.generation, 2);
  EXPECT_EQ(group_.state(), State::kStable);
}

TEST_F(GroupTest, ChangedMetadataStartsARebalance) {
  auto [first, second] = MakePair();
  ReplyToken token = Join(Call(second, {{"range", "other topics"}}));
  EXPECT_FALSE(Take<JoinReply>(token).has_value());
  EXPECT_EQ(group_.state(), State::kPreparingRebalance);
}

TEST_F(GroupTest, LostJoinAnswerIsRepeatedWhileCompleting) {
  JoinReply first = Joined(Join(Call()));
  JoinReply again = Joined(Join(Call(first.member_id)));
  EXPECT_EQ(again.generation, first.generation);
  EXPECT_EQ(again.members.size(), 1u);
  EXPECT_EQ(group_.state(), State::kCompletingRebalance);
}

TEST_F(GroupTest, ChoosesTheProtocolThatMostMembersPrefer) {
  std::string a = MakeStable(Call("", {{"range", ""}, {"sticky", ""}}));
  ReplyToken b = Join(Call("", {{"sticky", ""}, {"range", ""}}));
  ReplyToken c = Join(Call("", {{"sticky", ""}, {"range", ""}}));
  Join(Call(a, {{"range", ""}, {"sticky", ""}}));
  EXPECT_EQ(Joined(b).protocol_name, "sticky");
  EXPECT_EQ(Joined(c).protocol_name, "sticky");
}

TEST_F(GroupTest, RefusesWhatDoesNotFitTheGroup) {
  MakeStable(Call());
  EXPECT_EQ(Joined(Join(Call("", {{"other", ""}}))).error, KafkaError::kInconsistentGroupProtocol);
  JoinCall other_type = Call();
  other_type.protocol_type = "connect";
  EXPECT_EQ(Joined(Join(other_type)).error, KafkaError::kInconsistentGroupProtocol);
  JoinCall short_session = Call();
  short_session.session_timeout = seconds(1);
  EXPECT_EQ(Joined(Join(short_session)).error, KafkaError::kInvalidSessionTimeout);
  EXPECT_EQ(Joined(Join(Call("nobody"))).error, KafkaError::kUnknownMemberId);
}

TEST_F(GroupTest, ChecksGenerationAndMemberOfSyncAndHeartbeat) {
  JoinReply joined = Joined(Join(Call()));
  EXPECT_EQ(Synced(Sync(joined.member_id, 7))->error, KafkaError::kIllegalGeneration);
  EXPECT_EQ(Synced(Sync("nobody", 1))->error, KafkaError::kUnknownMemberId);
  SyncCall call;
  call.token = 999;
  call.member_id = joined.member_id;
  call.generation = 1;
  call.protocol_name = "other";
  group_.Sync(call, now_);
  EXPECT_EQ(Synced(999)->error, KafkaError::kInconsistentGroupProtocol);
  EXPECT_EQ(group_.Heartbeat(joined.member_id, std::nullopt, 1, now_), KafkaError::kNone);
  EXPECT_EQ(group_.Heartbeat(joined.member_id, std::nullopt, 2, now_),
            KafkaError::kIllegalGeneration);
}

TEST_F(GroupTest, CommitsAreTakenFromMembersOfTheGenerationOnly) {
  EXPECT_EQ(group_.CheckCommit("", std::nullopt, -1, now_), KafkaError::kNone);  // empty group
  JoinReply joined = Joined(Join(Call()));
  const std::string& id = joined.member_id;
  EXPECT_EQ(group_.CheckCommit(id, std::nullopt, 1, now_), KafkaError::kRebalanceInProgress);
  Sync(id, 1);
  EXPECT_EQ(group_.CheckCommit(id, std::nullopt, 1, now_), KafkaError::kNone);
  EXPECT_EQ(group_.CheckCommit(id, std::nullopt, 8, now_), KafkaError::kIllegalGeneration);
  EXPECT_EQ(group_.CheckCommit("x", std::nullopt, 1, now_), KafkaError::kUnknownMemberId);
  EXPECT_EQ(group_.CheckCommit("", std::nullopt, -1, now_), KafkaError::kUnknownMemberId);
  Join(Call());  // a rebalance begins: commits of the old generation still count
  EXPECT_EQ(group_.CheckCommit(id, std::nullopt, 1, now_), KafkaError::kNone);
}

TEST_F(GroupTest, LastMemberLeavesAnEmptyGroupThatKeepsItsType) {
  std::string member = MakeStable(Call());
  EXPECT_EQ(group_.Leave("x", std::nullopt, now_), KafkaError::kUnknownMemberId);
  EXPECT_EQ(group_.Leave(member, std::nullopt, now_), KafkaError::kNone);
  EXPECT_EQ(group_.state(), State::kEmpty);
  EXPECT_TRUE(group_.IsIdle());
  EXPECT_EQ(group_.generation(), 2);
  EXPECT_EQ(group_.protocol_type(), "consumer");
  EXPECT_EQ(group_.empty_since(), now_);
}

TEST_F(GroupTest, LeavingDuringARebalanceLetsItEnd) {
  auto [first, second] = MakePair();
  ReplyToken token = Join(Call(first));
  EXPECT_EQ(group_.Leave(second, std::nullopt, now_), KafkaError::kNone);
  EXPECT_EQ(Joined(token).members.size(), 1u);
}

TEST_F(GroupTest, RebalanceWaitsForAMemberThatWasJustGivenAnId) {
  std::string first = MakeStable(Call());
  JoinCall call = Call();
  call.requires_known_member_id = true;
  std::string second = Joined(Join(call)).member_id;
  ReplyToken first_token = Join(Call(first));
  EXPECT_FALSE(Take<JoinReply>(first_token).has_value());
  ReplyToken second_token = Join(Call(second));
  EXPECT_EQ(Joined(first_token).members.size(), 2u);
  EXPECT_EQ(Joined(second_token).generation, 2);
}

TEST_F(GroupTest, FirstRebalanceDoesNotWaitForIdsThatMayNeverComeBack) {
  JoinCall call = Call();
  call.requires_known_member_id = true;
  Join(call);
  EXPECT_EQ(Joined(Join(Call())).generation, 1);
}

TEST_F(GroupTest, RestartedStaticMemberTakesOverWithoutARebalance) {
  std::string old_id = MakeStable(StaticCall("i1"));
  JoinCall call = StaticCall("i1");
  call.supports_skip_assignment = true;
  JoinReply reply = Joined(Join(call));
  EXPECT_EQ(reply.error, KafkaError::kNone);
  EXPECT_NE(reply.member_id, old_id);
  EXPECT_EQ(reply.generation, 1);
  EXPECT_TRUE(reply.skip_assignment);
  EXPECT_EQ(reply.leader, reply.member_id);
  EXPECT_EQ(group_.state(), State::kStable);
  auto synced = Synced(Sync(reply.member_id, 1));
  ASSERT_TRUE(synced.has_value());
  EXPECT_EQ(synced->assignment, "all");
  EXPECT_EQ(group_.Heartbeat(old_id, "i1", 1, now_), KafkaError::kFencedInstanceId);
  EXPECT_EQ(Joined(Join(StaticCall("i1", old_id))).error, KafkaError::kFencedInstanceId);
}

TEST_F(GroupTest, OldClientThatComesBackAsStaticLeaderIsNotToldToAssign) {
  std::string old_id = MakeStable(StaticCall("i1"));
  JoinReply reply = Joined(Join(StaticCall("i1")));
  EXPECT_EQ(reply.leader, old_id);
  EXPECT_TRUE(reply.members.empty());
}

TEST_F(GroupTest, RestartedStaticMemberWithOtherTopicsRebalances) {
  MakeStable(StaticCall("i1"));
  JoinCall call = StaticCall("i1");
  call.protocols[0].metadata = "other topics";
  JoinReply reply = Joined(Join(call));
  EXPECT_EQ(reply.generation, 2);
  EXPECT_EQ(group_.state(), State::kCompletingRebalance);
}

TEST_F(GroupTest, AbsentStaticMemberKeepsItsPlaceThroughARebalance) {
  JoinCall patient = StaticCall("i1");
  patient.session_timeout = seconds(300);
  std::string absent = MakeStable(patient);
  ReplyToken other = Join(Call());
  Pass(seconds(60));
  JoinReply reply = Joined(other);
  EXPECT_EQ(reply.generation, 2);
  EXPECT_EQ(reply.leader, reply.member_id);  // the absent one can't lead
  EXPECT_EQ(reply.members.size(), 2u);
  EXPECT_EQ(group_.members().count(absent), 1u);
}

// It may ask for no rebalance timeout at all.
TEST_F(GroupTest, AbsentStaticMemberAloneIsLookedForWithoutHaste) {
  JoinCall patient = Call();
  std::string dynamic = MakeStable(std::move(patient));
  JoinCall odd = StaticCall("s");
  odd.rebalance_timeout = Duration::zero();
  ReplyToken token = Join(std::move(odd));
  Join(Call(dynamic));
  std::string id = Joined(token).member_id;
  Sync(dynamic, 2, {});
  Sync(id, 2, {});
  ASSERT_EQ(group_.state(), State::kStable);
  group_.Leave(dynamic, std::nullopt, now_);
  for (int i = 0; i < 3; ++i) {
    Pass(milliseconds(1));
    EXPECT_GE(group_.NextDeadline(), now_ + milliseconds(500));
  }
  Pass(seconds(11));  // its session ends
  EXPECT_EQ(group_.state(), State::kEmpty);
}

TEST_F(GroupTest, AReplyThatIsHeldBackKeepsItsMemberAlive) {
  JoinCall call = Call();
  ReplyToken token = call.token;
  group_.Join(std::move(call), now_);
  now_ += seconds(30);
  group_.OnTime(now_);
  JoinReply reply = Joined(token);
  EXPECT_EQ(reply.error, KafkaError::kNone);
  EXPECT_EQ(group_.Heartbeat(reply.member_id, std::nullopt, reply.generation, now_),
            KafkaError::kNone);
  Pass(seconds(11));
  EXPECT_EQ(group_.state(), State::kEmpty);
}

TEST_F(GroupTest, StaticMemberIsRemovedByItsInstanceId) {
  MakeStable(StaticCall("i1"));
  EXPECT_EQ(group_.Leave("", "i2", now_), KafkaError::kUnknownMemberId);
  EXPECT_EQ(group_.Leave("other", "i1", now_), KafkaError::kFencedInstanceId);
  EXPECT_EQ(group_.Leave("", "i1", now_), KafkaError::kNone);
  EXPECT_EQ(group_.state(), State::kEmpty);
}

TEST_F(GroupTest, NextDeadlineIsTheEarliestThingToHappen) {
  EXPECT_EQ(group_.NextDeadline(), kNoDeadline);
  std::string member = MakeStable(Call());
  EXPECT_EQ(group_.NextDeadline(), now_ + seconds(10));
  now_ += seconds(4);
  group_.Heartbeat(member, std::nullopt, 1, now_);
  EXPECT_EQ(group_.NextDeadline(), now_ + seconds(6));  // a heartbeat alone looks at no others
  Pass(seconds(6));
  EXPECT_EQ(group_.state(), State::kStable);
  EXPECT_EQ(group_.NextDeadline(), now_ + seconds(4));
}

class DelayedGroupTest : public GroupTest {
 protected:
  DelayedGroupTest() : GroupTest({.initial_rebalance_delay = seconds(3)}) {}
};

TEST_F(DelayedGroupTest, EmptyGroupWaitsForMoreMembers) {
  ReplyToken first = Join(Call());
  Pass(seconds(2));
  ReplyToken second = Join(Call());
  Pass(seconds(1));  // somebody came: wait once more
  EXPECT_FALSE(Take<JoinReply>(first).has_value());
  Pass(seconds(3));
  EXPECT_EQ(Joined(first).members.size(), 2u);
  EXPECT_EQ(Joined(second).generation, 1);
}

TEST_F(DelayedGroupTest, WaitsNoLongerThanTheRebalanceTimeout) {
  ReplyToken first = Join(Call());
  for (int i = 0; i < 20; ++i) {
    Join(Call());
    Pass(seconds(3));
  }
  EXPECT_EQ(Joined(first).error, KafkaError::kNone);
}

class SmallGroupTest : public GroupTest {
 protected:
  SmallGroupTest() : GroupTest({.members_max = 1}) {}
};

TEST_F(SmallGroupTest, RefusesMoreMembersThanAllowed) {
  MakeStable(Call());
  EXPECT_EQ(Joined(Join(Call())).error, KafkaError::kGroupMaxSizeReached);
}

}  // namespace
}  // namespace mainstem::gateway::kafka
