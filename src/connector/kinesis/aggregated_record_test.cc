#include "connector/kinesis/aggregated_record.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

namespace mainstem::connector {
namespace {

std::string Packed(const std::string& message) {
  std::string digest(16, '\0');
  EVP_Digest(message.data(), message.size(), reinterpret_cast<unsigned char*>(digest.data()),
             nullptr, EVP_md5(), nullptr);
  return "\xF3\x89\x9A\xC2" + message + digest;
}

// Two keys, a hash key, three records; the last one with a tag.
const std::string kMessage(
    "\x0a\x02k1\x0a\x02k2\x12\x01"
    "7\x1a\x06\x08\x00\x1a\x02v1\x1a\x08\x08\x01\x10\x00\x1a\x02v2\x1a\x09\x08\x00\x1a\x00\x22\x03"
    "\x0a\x01t",
    40);

TEST(AggregatedRecordTest, UnpacksInOrder) {
  std::string data = Packed(kMessage);
  auto records = UnpackAggregatedRecord(data);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].partition_key, "k1");
  EXPECT_EQ(records[0].data, "v1");
  EXPECT_EQ(records[1].partition_key, "k2");
  EXPECT_EQ(records[1].data, "v2");
  EXPECT_EQ(records[2].partition_key, "k1");
  EXPECT_EQ(records[2].data, "");
}

TEST(AggregatedRecordTest, WhatIsNotWholeIsARecordLikeAnyOther) {
  std::string data = Packed(kMessage);
  EXPECT_TRUE(UnpackAggregatedRecord("").empty());
  EXPECT_TRUE(UnpackAggregatedRecord("plain").empty());
  EXPECT_TRUE(UnpackAggregatedRecord(data.substr(0, 10)).empty());
  for (size_t i = 0; i < data.size(); ++i) {
    std::string broken = data;
    broken[i] = static_cast<char>(broken[i] ^ 1);
    EXPECT_TRUE(UnpackAggregatedRecord(broken).empty()) << i;
  }
  for (size_t size = 0; size < kMessage.size(); ++size) {
    for (const UserRecord& record : UnpackAggregatedRecord(Packed(kMessage.substr(0, size)))) {
      EXPECT_TRUE(record.data == "v1" || record.data == "v2");  // cut between two records
    }
  }
  EXPECT_TRUE(UnpackAggregatedRecord(Packed(std::string("\x1a\x04\x08\x05\x1a\x00", 6))).empty());
}

TEST(AggregatedRecordTest, UnpacksOnlySoMuch) {
  std::string record("\x1a\x04\x08\x00\x1a\x00", 6);
  std::string key = std::string("\x0a\x80\x02", 3) + std::string(256, 'k');
  std::string message = key;
  for (size_t i = 0; i < kUserRecordBytesMax / 256; ++i) message += record;
  EXPECT_FALSE(UnpackAggregatedRecord(Packed(message)).empty());
  EXPECT_TRUE(UnpackAggregatedRecord(Packed(message + record)).empty());
  EXPECT_EQ(UnpackAggregatedRecord(Packed(key + record + record), 512).size(), 2u);
  EXPECT_TRUE(UnpackAggregatedRecord(Packed(key + record + record), 511).empty());
}

TEST(AggregatedRecordTest, KeysAreNoLongerThanAnyRecords) {
  std::string record("\x1a\x04\x08\x00\x1a\x00", 6);
  auto with_key = [&](const std::string& key) {
    std::string message = "\x0a";
    message.push_back(static_cast<char>((key.size() & 0x7F) | 0x80));
    message.push_back(static_cast<char>(key.size() >> 7));
    return UnpackAggregatedRecord(Packed(message + key + record));
  };
  EXPECT_FALSE(with_key(std::string(256, 'k')).empty());
  EXPECT_TRUE(with_key(std::string(257, 'k')).empty());
  std::string umlauts;
  for (int i = 0; i < 256; ++i) umlauts += "ä";
  EXPECT_FALSE(with_key(umlauts).empty());
  EXPECT_TRUE(with_key(umlauts + "k").empty());
}

}  // namespace
}  // namespace mainstem::connector
