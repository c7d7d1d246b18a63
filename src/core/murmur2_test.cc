// Expected values: Kafka's own client library (kafka-python's murmur2, which its tests compare with
// the Java client's).
#include "core/murmur2.h"

#include <gtest/gtest.h>

namespace mainstem {
namespace {

TEST(Murmur2, AgreesWithKafkasClients) {
  EXPECT_EQ(Murmur2(std::string_view("", 0)), 275646681u);
  EXPECT_EQ(Murmur2(std::string_view("a", 1)), 2731586172u);
  EXPECT_EQ(Murmur2(std::string_view("ab", 2)), 316155434u);
  EXPECT_EQ(Murmur2(std::string_view("abc", 3)), 479470107u);
  EXPECT_EQ(Murmur2(std::string_view("abcd", 4)), 2971317748u);
  EXPECT_EQ(Murmur2(std::string_view("user-42", 7)), 1459644460u);
  EXPECT_EQ(Murmur2(std::string_view("a-longer-key-0123456789", 23)), 2976932595u);
  EXPECT_EQ(Murmur2(std::string_view("\xff\x80\x00\x01\x02", 5)), 2481180980u);
}

}  // namespace
}  // namespace mainstem
