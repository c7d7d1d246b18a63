#include "sink/kafka/partitioner.h"

#include <gtest/gtest.h>

namespace mainstem::sink {
namespace {

TEST(PartitionerTest, HashesLikeKafkasClients) {
  // As Kafka's own client library gives for these keys.
  EXPECT_EQ(static_cast<int32_t>(MurmurHash2("21")), -973932308);
  EXPECT_EQ(static_cast<int32_t>(MurmurHash2("foobar")), -790332482);
  EXPECT_EQ(static_cast<int32_t>(MurmurHash2("a-little-bit-long-string")), -985981536);
  EXPECT_EQ(static_cast<int32_t>(MurmurHash2("a-little-bit-longer-string")), -1486304829);
  EXPECT_EQ(static_cast<int32_t>(MurmurHash2("abc")), 479470107);
}

TEST(PartitionerTest, EqualKeysMeetInOnePartition) {
  Partitioner one(PartitionerKind::kDefault, 0), other(PartitionerKind::kDefault, 5);
  for (int i = 0; i < 100; ++i) {
    std::string key = "key" + std::to_string(i);
    int32_t partition = one.Choose(key, 7);
    EXPECT_GE(partition, 0);
    EXPECT_LT(partition, 7);
    other.NextBatch();
    EXPECT_EQ(other.Choose(key, 7), partition);
  }
}

TEST(PartitionerTest, WithoutKeyBatchesTakeTurns) {
  Partitioner partitioner(PartitionerKind::kDefault, 0);
  std::vector<int32_t> partitions;
  for (int i = 0; i < 6; ++i) {
    partitioner.NextBatch();
    partitions.push_back(partitioner.Choose(std::nullopt, 3));
    EXPECT_EQ(partitioner.Choose(std::nullopt, 3), partitions.back());
  }
  EXPECT_EQ(partitions, (std::vector<int32_t>{1, 2, 0, 1, 2, 0}));
}

TEST(PartitionerTest, FixedKeepsToOnePartitionPerWriter) {
  Partitioner partitioner(PartitionerKind::kFixed, 4);
  partitioner.NextBatch();
  EXPECT_EQ(partitioner.Choose("any", 3), 1);
}

}  // namespace
}  // namespace mainstem::sink
