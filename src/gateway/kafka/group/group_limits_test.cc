// What members may leave with a group: bytes, protocols, ids that nobody came back with.
#include <gtest/gtest.h>

#include "gateway/kafka/group/group.h"

namespace mainstem::gateway::kafka {
namespace {

using namespace std::chrono_literals;
using State = Group::State;

class GroupLimitsTest : public ::testing::Test {
 protected:
  JoinCall Call(std::vector<GroupProtocol> protocols = {{"range", ""}}) {
    JoinCall call;
    call.token = ++next_token_;
    call.client_id = "c";
    call.session_timeout = 10s;
    call.rebalance_timeout = 60s;
    call.protocol_type = "consumer";
    call.protocols = std::move(protocols);
    return call;
  }
  // The answer, which must come at once.
  JoinReply Join(JoinCall call) {
    ReplyToken token = call.token;
    group_.Join(std::move(call), now_);
    for (GroupReply& reply : group_.TakeReplies(now_)) {
      auto* joined = std::get_if<JoinReply>(&reply);
      if (joined != nullptr && joined->token == token) return *joined;
    }
    return {.error = KafkaError::kUnknown};
  }
  SyncCall SyncOf(const std::string& member, std::string assignment) {
    SyncCall call;
    call.token = ++next_token_;
    call.member_id = member;
    call.generation = group_.generation();
    call.assignments.emplace_back(member, std::move(assignment));
    return call;
  }
  KafkaError Sync(const std::string& member, std::string assignment) {
    SyncCall call = SyncOf(member, std::move(assignment));
    ReplyToken token = call.token;
    group_.Sync(std::move(call), now_);
    for (GroupReply& reply : group_.TakeReplies(now_)) {
      auto* synced = std::get_if<SyncReply>(&reply);
      if (synced != nullptr && synced->token == token) return synced->error;
    }
    return KafkaError::kUnknown;
  }
  void Pass(Duration duration) {
    now_ += duration;
    group_.OnTime(now_);
    (void)group_.TakeReplies(now_);
  }
  static std::string Half() { return std::string((GroupLimits().bytes_max / 2), 'x'); }

  TimePoint now_{1h};
  ReplyToken next_token_ = 0;
  int next_id_ = 0;
  Group group_{"g", GroupLimits(), [this](const std::string& prefix) {
                 return prefix + "-" + std::to_string(++next_id_);
               }};
};

TEST_F(GroupLimitsTest, AMemberWithoutEndOfProtocolsIsRefused) {
  std::vector<GroupProtocol> many;
  for (int i = 0; i < 50'000; ++i) many.push_back({"a" + std::to_string(i), ""});
  EXPECT_EQ(Join(Call(std::move(many))).error, KafkaError::kGroupMaxSizeReached);
  EXPECT_TRUE(group_.IsIdle());
  EXPECT_EQ(group_.bytes(), 0);
}

TEST_F(GroupLimitsTest, OneThatNeedsMoreThanThereMayBeIsRefusedAndTheOthersGoOn) {
  JoinReply first = Join(Call({{"range", Half()}}));
  EXPECT_EQ(first.error, KafkaError::kNone);
  EXPECT_EQ(Sync(first.member_id, "all"), KafkaError::kNone);
  EXPECT_EQ(Join(Call({{"range", Half()}})).error, KafkaError::kGroupMaxSizeReached);
  EXPECT_EQ(group_.Heartbeat(first.member_id, {}, 1, now_), KafkaError::kNone);
  // It may come again as it is, and with less.
  JoinCall again = Call({{"range", Half()}});
  again.member_id = first.member_id;
  EXPECT_EQ(Join(std::move(again)).error, KafkaError::kNone);
  JoinCall smaller = Call({{"range", "less"}});
  smaller.member_id = first.member_id;
  EXPECT_EQ(Join(std::move(smaller)).error, KafkaError::kNone);
  EXPECT_LT(group_.bytes(), 10'000);
  EXPECT_EQ(group_.Leave(first.member_id, {}, now_), KafkaError::kNone);
  EXPECT_EQ(group_.bytes(), 0);
}

// It could never be kept, and would be tried for ever.
TEST_F(GroupLimitsTest, AnAssignmentThatIsTooLargeIsRefused) {
  JoinReply joined = Join(Call({{"range", Half()}}));
  EXPECT_EQ(Sync(joined.member_id, Half()), KafkaError::kGroupMaxSizeReached);
  EXPECT_EQ(group_.state(), State::kPreparingRebalance);
  EXPECT_FALSE(group_.needs_saving());
}

TEST_F(GroupLimitsTest, AProtocolThatOneMemberNamesTwiceIsSupportedOnce) {
  JoinReply first = Join(Call({{"a", ""}, {"a", ""}}));
  EXPECT_EQ(Sync(first.member_id, "all"), KafkaError::kNone);
  EXPECT_EQ(Join(Call({{"b", ""}})).error, KafkaError::kInconsistentGroupProtocol);
  group_.Join(Call({{"b", ""}, {"a", ""}}), now_);
  JoinCall again = Call({{"a", ""}, {"b", ""}});
  again.member_id = first.member_id;
  EXPECT_EQ(Join(std::move(again)).protocol_name, "a");
}

TEST_F(GroupLimitsTest, AnIdThatWasGivenOutWaitsAMinuteAtMost) {
  JoinCall call = Call();
  call.requires_known_member_id = true;
  call.session_timeout = 30min;
  EXPECT_EQ(Join(std::move(call)).error, KafkaError::kMemberIdRequired);
  EXPECT_FALSE(group_.IsIdle());
  Pass(1min);
  EXPECT_TRUE(group_.IsIdle());
  EXPECT_EQ(group_.bytes(), 0);
}

// The answer that its predecessor never got does not keep it alive.
TEST_F(GroupLimitsTest, AStaticMemberThatTookOverAndLeftEndsWithItsSession) {
  JoinCall leading = Call();
  leading.instance_id = "i";
  JoinReply first = Join(std::move(leading));
  EXPECT_EQ(Sync(first.member_id, ""), KafkaError::kNone);
  group_.Join(Call(), now_);
  JoinCall again = Call();
  again.instance_id = "i";
  again.member_id = first.member_id;
  EXPECT_EQ(Join(std::move(again)).generation, 2);
  group_.Sync(SyncOf(first.member_id, ""), now_);  // not delivered: it is being kept
  JoinCall successor = Call({{"range", "other topics"}});
  successor.instance_id = "i";
  ReplyToken token = successor.token;
  group_.Join(std::move(successor), now_);
  (void)group_.TakeReplies(now_);
  group_.Abandon(token, now_);
  Pass(10s);
  for (const auto& [id, member] : group_.members()) EXPECT_FALSE(member.instance_id) << id;
}

}  // namespace
}  // namespace mainstem::gateway::kafka
