#include "server/kafka_groups.h"

#include <gtest/gtest.h>

namespace mainstem::server {
namespace {

TEST(KafkaGroupsTest, ReadsAConsumersAssignment) {
  using namespace std::string_literals;
  std::string bytes = "\0\1"s + "\0\0\0\1"s + "\0\6clicks"s + "\0\0\0\2"s + "\0\0\0\0"s +
                      "\0\0\0\3"s + "\xff\xff\xff\xff"s;
  auto partitions = ParseAssignment(bytes);
  ASSERT_EQ(partitions.size(), 2u);
  EXPECT_EQ(partitions[1], std::pair("clicks"s, PartitionId(3)));
}

TEST(KafkaGroupsTest, TakesAMalformedAssignmentForNone) {
  using namespace std::string_literals;
  EXPECT_TRUE(ParseAssignment("").empty());
  EXPECT_TRUE(ParseAssignment("\0\1\x7f\xff\xff\xff\0\3abc\x7f\xff\xff\xff"s).empty());
}

}  // namespace
}  // namespace mainstem::server
