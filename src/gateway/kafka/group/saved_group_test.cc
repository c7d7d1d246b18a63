// What of a group outlives a restart: its bytes, and a group that goes on from them.
#include "gateway/kafka/group/saved_group.h"

#include <gtest/gtest.h>

#include "gateway/kafka/group/group.h"

namespace mainstem::gateway::kafka {
namespace {

using std::chrono::seconds;

const TimePoint kNow{seconds(1000)};

SavedGroup Example() {
  SavedGroup group{.generation = 7,
                   .protocol_type = "consumer",
                   .protocol_name = "range",
                   .leader = "m1",
                   .empty_since_ms = -1};
  SavedGroup::Member& member = group.members.emplace_back();
  member.id = "m1";
  member.instance_id = "i1";
  member.client_id = "c";
  member.client_host = "/h";
  member.session_timeout_ms = 45000;
  member.rebalance_timeout_ms = 300000;
  member.supports_skip_assignment = true;
  member.protocols.push_back({"range", {"ab"}});
  member.assignment.data = "xyz";
  return group;
}

TEST(SavedGroupTest, BytesAreGolden) {
  static constexpr char kText[] =
      "\x01"              // version
      "\x00\x00\x00\x07"  // generation
      "\x09"
      "consumer"
      "\x06"
      "range"
      "\x03"
      "m1"
      "\xff\xff\xff\xff\xff\xff\xff\xff"  // empty since
      "\x02"                              // one member
      "\x03"
      "m1"
      "\x03"
      "i1"
      "\x02"
      "c"
      "\x03"
      "/h"
      "\x00\x00\x00\x00\x00\x00\xaf\xc8"  // session timeout
      "\x00\x00\x00\x00\x00\x04\x93\xe0"  // rebalance timeout
      "\x01"                              // skips assignments
      "\x02\x06"
      "range"
      "\x03"
      "ab"
      "\x00"  // no tags: protocol
      "\x04"
      "xyz"
      "\x00"   // member
      "\x00";  // group
  const std::string_view kGolden(kText, sizeof kText - 1);
  EXPECT_EQ(EncodeSavedGroup(Example()), kGolden);
  Result<SavedGroup> decoded = DecodeSavedGroup(kGolden);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, Example());
}

TEST(SavedGroupTest, DamagedBytesAreRefused) {
  std::string bytes = EncodeSavedGroup(Example());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_TRUE(Is(DecodeSavedGroup(bytes.substr(0, size)).status(), ErrorCode::kCorruptStorage));
  }
  EXPECT_FALSE(DecodeSavedGroup(bytes + "x").ok());
  bytes[0] = 2;
  EXPECT_FALSE(DecodeSavedGroup(bytes).ok());
}

class RestoredGroupTest : public ::testing::Test {
 protected:
  static Group Make() {
    return Group("g", {}, [](const std::string& prefix) { return prefix + "-new"; });
  }
  static JoinCall Call(std::string instance_id) {
    JoinCall call;
    call.token = 1;
    call.instance_id = std::move(instance_id);
    call.client_id = "c";
    call.session_timeout = seconds(45);
    call.rebalance_timeout = seconds(60);
    call.protocol_type = "consumer";
    call.protocols = {{"range", "ab"}};
    return call;
  }
};

TEST_F(RestoredGroupTest, MembersGoOnInTheirGeneration) {
  Group group = Make();
  group.Restore(Example(), kNow, kNow);
  EXPECT_EQ(group.state(), Group::State::kStable);
  EXPECT_EQ(group.Heartbeat("m1", "i1", 7, kNow), KafkaError::kNone);
  EXPECT_EQ(group.CheckCommit("m1", "i1", 7, kNow), KafkaError::kNone);
  EXPECT_EQ(group.Heartbeat("m1", "i1", 8, kNow), KafkaError::kIllegalGeneration);
  group.OnTime(kNow + seconds(10));
  EXPECT_EQ(group.NextDeadline(), kNow + seconds(45));
  SyncCall sync{.token = 5, .member_id = "m1", .instance_id = "i1", .generation = 7};
  group.Sync(std::move(sync), kNow);
  EXPECT_EQ(std::get<SyncReply>(group.TakeReplies(kNow).at(0)).assignment, "xyz");
  EXPECT_EQ(*group.Save(), Example());
}

TEST_F(RestoredGroupTest, AMemberThatDoesNotComeBackIsOutAfterItsSession) {
  Group group = Make();
  group.Restore(Example(), kNow, kNow);
  group.OnTime(kNow + seconds(44));
  EXPECT_EQ(group.state(), Group::State::kStable);
  group.OnTime(kNow + seconds(45));
  EXPECT_EQ(group.state(), Group::State::kEmpty);
  EXPECT_TRUE(group.needs_saving());
  SavedGroup saved = *group.Save();
  EXPECT_TRUE(saved.members.empty());
  EXPECT_EQ(saved.protocol_type, "consumer");
  EXPECT_EQ(saved.generation, 8);
}

TEST_F(RestoredGroupTest, ADynamicMemberHasToComeBackSoon) {
  SavedGroup saved = Example();
  saved.members[0].instance_id.reset();
  Group group = Make();
  group.Restore(std::move(saved), kNow, kNow);
  EXPECT_EQ(group.NextDeadline(), kNow + seconds(10));
  EXPECT_EQ(group.Heartbeat("m1", std::nullopt, 7, kNow), KafkaError::kNone);
  group.OnTime(kNow + seconds(10));
  EXPECT_EQ(group.NextDeadline(), kNow + seconds(45));
}

TEST_F(RestoredGroupTest, OnlyWhatMembersRelyOnIsWorthSaving) {
  Group group = Make();
  group.Restore(Example(), kNow, kNow);
  EXPECT_FALSE(group.needs_saving());
  group.Join(Call("i1"), kNow);  // the static member was started anew: it has another id
  EXPECT_TRUE(group.needs_saving());
  EXPECT_EQ(group.Save()->members.at(0).id, "i1-new");
  group.Join(Call("i2"), kNow);
  EXPECT_EQ(group.state(), Group::State::kPreparingRebalance);
  EXPECT_FALSE(group.needs_saving());
  EXPECT_FALSE(group.Save().has_value());
}

}  // namespace
}  // namespace mainstem::gateway::kafka
