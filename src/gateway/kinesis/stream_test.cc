#include "gateway/kinesis/stream.h"

#include <gtest/gtest.h>

#include "gateway/kinesis/shard_iterator.h"
#include "gateway/kinesis/shard_page.h"

namespace mainstem::gateway::kinesis {
namespace {

constexpr int64_t kHour = 3'600'000;
constexpr int64_t kCreated = 1'700'000'000'000;

storage::TopicInfo Topic(int32_t partitions) {
  storage::TopicInfo topic{.name = "s", .id = {1}, .partition_count = partitions};
  topic.config["retention.ms"] = std::to_string(24 * kHour);
  return topic;
}

// Two shards; the first was split an hour after the stream was made, its children were merged
// another hour later.
StreamMeta Lineage() {
  StreamMeta meta{.created_ms = kCreated,
                  .tags = {{"a", "ä\""}},
                  .consumers = {{"c", 5, {{"t", "v"}}}, {"d", 6}}};
  std::vector<HashKeyRange> halves = EvenRanges(2);
  std::vector<HashKeyRange> quarters = EvenRanges(4);
  meta.shards = {
      {.range = halves[0], .created_ms = kCreated, .closed_ms = kCreated + kHour},
      {.range = halves[1], .created_ms = kCreated},
      {.range = quarters[0],
       .created_ms = kCreated + kHour,
       .parent = 0,
       .closed_ms = kCreated + 2 * kHour},
      {.range = quarters[1],
       .created_ms = kCreated + kHour,
       .parent = 0,
       .closed_ms = kCreated + 2 * kHour},
      {.range = halves[0], .created_ms = kCreated + 2 * kHour, .parent = 2, .adjacent = 3},
  };
  return meta;
}

std::vector<int32_t> Selected(const Stream& stream, ShardPage page) {
  std::vector<int32_t> indexes;
  for (const Shard* shard : SelectShards(stream, page)) indexes.push_back(shard->index);
  return indexes;
}

using Indexes = std::vector<int32_t>;

TEST(StreamTest, SharesTheHashSpaceEvenlyUntilItIsResharded) {
  Stream stream(Topic(4), {.created_ms = kCreated}, nullptr);
  EXPECT_EQ(stream.open_count(), 4u);
  EXPECT_EQ(stream.Route(0).index, 0);
  EXPECT_EQ(stream.Route(kHashKeyMax).index, 3);
  EXPECT_EQ(stream.Route(EvenRanges(4)[2].first).index, 2);
  EXPECT_EQ(stream.Route(EvenRanges(4)[2].first - 1).index, 1);
}

TEST(StreamTest, RoutesOnlyToOpenShards) {
  Stream stream(Topic(5), Lineage(), nullptr);
  EXPECT_EQ(stream.open_count(), 2u);
  EXPECT_EQ(stream.Route(0).index, 4);
  EXPECT_EQ(stream.Route(EvenRanges(2)[0].last).index, 4);
  EXPECT_EQ(stream.Route(kHashKeyMax).index, 1);
  EXPECT_EQ(stream.FindShard(0)->children, (Indexes{2, 3}));
  EXPECT_EQ(stream.FindShard(3)->children, Indexes{4});
  EXPECT_FALSE(stream.is_updating());
}

TEST(StreamTest, APartitionThatKafkaAddedLaterCanBeReadAndIsNotRoutedTo) {
  Stream stream(Topic(6), Lineage(), nullptr);
  EXPECT_EQ(stream.shards().size(), 6u);
  EXPECT_EQ(stream.Route(kHashKeyMax).index, 1);
}

TEST(StreamTest, AShardWithChildrenIsClosingUntilItIsClosed) {
  StreamMeta meta = Lineage();
  meta.shards[2].closed_ms = 0;
  Stream stream(Topic(5), meta, nullptr);
  EXPECT_TRUE(stream.is_updating());
  EXPECT_TRUE(stream.FindShard(2)->closing());
  EXPECT_EQ(stream.Route(0).index, 4);
}

TEST(ShardPageTest, FiltersByTheTimesWhenShardsWereOpen) {
  Stream stream(Topic(5), Lineage(), nullptr);
  int64_t now = kCreated + 3 * kHour;
  auto select = [&](ShardFilterType filter, int64_t time_ms = 0) {
    return Selected(stream, {.filter = filter, .time_ms = time_ms, .now_ms = now});
  };
  EXPECT_EQ(select(ShardFilterType::kFromTrimHorizon), (Indexes{0, 1, 2, 3, 4}));
  EXPECT_EQ(select(ShardFilterType::kAtTrimHorizon), (Indexes{0, 1}));
  EXPECT_EQ(select(ShardFilterType::kAtLatest), (Indexes{1, 4}));
  int64_t between = kCreated + kHour + kHour / 2;
  EXPECT_EQ(select(ShardFilterType::kAtTimestamp, between), (Indexes{1, 2, 3}));
  EXPECT_EQ(select(ShardFilterType::kFromTimestamp, between), (Indexes{1, 2, 3, 4}));
  EXPECT_EQ(Selected(stream, {.now_ms = now, .after = ShardName(2)}), (Indexes{3, 4}));
}

// A child's time may lie a second behind its parent's: there is no hole in between.
TEST(ShardPageTest, ChildrenBeginWhereTheirParentsEnd) {
  StreamMeta meta = Lineage();
  meta.shards[2].created_ms = meta.shards[3].created_ms = kCreated + kHour + 900;
  meta.shards[4].created_ms = kCreated + 2 * kHour + 900;
  Stream stream(Topic(5), meta, nullptr);
  auto at = [&](int64_t time_ms) {
    return Selected(stream, {.filter = ShardFilterType::kAtTimestamp,
                             .time_ms = time_ms,
                             .now_ms = kCreated + 3 * kHour});
  };
  EXPECT_EQ(at(kCreated + kHour - 1), (Indexes{0, 1}));
  EXPECT_EQ(at(kCreated + kHour), (Indexes{1, 2, 3}));
  EXPECT_EQ(at(kCreated + 2 * kHour), (Indexes{1, 4}));
}

TEST(ShardPageTest, LeavesOutWhatHasExpired) {
  Stream stream(Topic(5), Lineage(), nullptr);
  ShardPage page{.now_ms = kCreated + 25 * kHour + kHour / 2};
  EXPECT_EQ(Selected(stream, page), (Indexes{1, 2, 3, 4}));
  page.now_ms = kCreated + 27 * kHour;
  EXPECT_EQ(Selected(stream, page), (Indexes{1, 4}));
}

TEST(ShardPageTest, ReadsBackWhatItWrote) {
  ShardPage page{.topic_id = {9, 8},
                 .filter = ShardFilterType::kAtTimestamp,
                 .time_ms = -5,
                 .now_ms = kCreated,
                 .after = ShardName(7)};
  auto back = DecodeShardPage(EncodeShardPage(page));
  ASSERT_TRUE(back);
  EXPECT_EQ(EncodeShardPage(*back), EncodeShardPage(page));
  EXPECT_EQ(back->after, ShardName(7));
  EXPECT_FALSE(DecodeShardPage("short"));
  EXPECT_FALSE(DecodeShardPage(std::string(40, '\x7f')));
}

TEST(ShardIteratorTest, ReadsBackWhatItWrote) {
  ShardIterator iterator{
      .topic_id = {1, 2, 3}, .shard = 5, .offset = Offset(1) + (1LL << 40), .stream_name = "name"};
  EXPECT_EQ(DecodeShardIterator(EncodeShardIterator(iterator)), iterator);
  EXPECT_FALSE(DecodeShardIterator("short"));
  EXPECT_FALSE(DecodeShardIterator(std::string(40, '\xff')));
}

TEST(StreamMetaTest, ReadsBackWhatItWrote) {
  auto back = DecodeStreamMeta(EncodeStreamMeta(Lineage()));
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(*back, Lineage());
  storage::TopicId id{0xAB, 1, 255};
  EXPECT_EQ(ParseStreamMetaKey(StreamMetaKey(id)), id);
  EXPECT_FALSE(ParseStreamMetaKey("kinesis/streams/xyz"));
}

TEST(StreamMetaTest, RefusesWhatItCouldNotHaveWritten) {
  std::string good = EncodeStreamMeta(Lineage());
  for (std::string text : {std::string(), std::string("{}"), std::string("[]"), good + "x",
                           good.substr(0, good.size() / 2)}) {
    EXPECT_TRUE(Is(DecodeStreamMeta(text).status(), ErrorCode::kCorruptStorage)) << text;
  }
  // A parent that comes later.
  size_t parent = good.find("\"parent\":0");
  good.replace(parent, 10, "\"parent\":4");
  EXPECT_FALSE(DecodeStreamMeta(good).ok());
}

}  // namespace
}  // namespace mainstem::gateway::kinesis
