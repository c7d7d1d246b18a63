// Deletion vectors: bytes as the format has them, what is written is read, and damage is told.
#include "connector/iceberg/deletion_vector.h"

#include <gtest/gtest.h>

namespace mainstem::connector::iceberg {
namespace {

Positions SomePositions() {
  Positions positions;
  for (uint64_t position : {1, 3, 70000}) positions.add(position);
  positions.add((uint64_t{1} << 33) + 5);
  for (uint64_t position = 100000; position < 170000; position += 2) positions.add(position);
  return positions;
}

TEST(DeletionVectorTest, HasTheBytesOfTheFormat) {
  Positions positions;
  positions.add(uint64_t{1});
  positions.add(uint64_t{3});
  std::string expected(
      "\0\0\0\x24"                  // length
      "\xd1\xd3\x39\x64"            // magic number
      "\1\0\0\0\0\0\0\0"            // one bitmap
      "\0\0\0\0"                    // of the positions below 2^32
      "\x3a\x30\0\0\1\0\0\0"        // Roaring without runs, one container
      "\0\0\1\0\x10\0\0\0\1\0\3\0"  // of 2 values (less 1), where it is, the values
      ,
      40);
  std::string blob = DeletionVectorBlob(positions);
  ASSERT_EQ(blob.size(), expected.size() + 4);
  EXPECT_EQ(blob.substr(0, expected.size()), expected);
}

TEST(DeletionVectorTest, ReadsWhatItWrites) {
  auto read = ParseDeletionVectorBlob(DeletionVectorBlob(SomePositions()));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, SomePositions());
}

TEST(DeletionVectorTest, TellsDamage) {
  std::string blob = DeletionVectorBlob(SomePositions());
  for (size_t i = 0; i < blob.size(); i += 97) {
    std::string damaged = blob;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x40);
    EXPECT_TRUE(Is(ParseDeletionVectorBlob(damaged).status(), ErrorCode::kCorruptStorage)) << i;
    EXPECT_FALSE(ParseDeletionVectorBlob(blob.substr(0, i)).ok()) << i;
  }
}

TEST(DeletionVectorTest, AFileSaysWhereItsVectorsAre) {
  Positions one;
  one.add(uint64_t{7});
  VectorFile file = WriteVectorFile({{"s3://lake/a.parquet", one}, {"b", SomePositions()}});
  ASSERT_EQ(file.vectors.size(), 2u);
  EXPECT_EQ(file.vectors[0].data_file, "s3://lake/a.parquet");
  EXPECT_EQ(file.vectors[0].cardinality, 1);
  for (const PlacedVector& placed : file.vectors) {
    auto read = ParseDeletionVectorBlob(
        file.bytes.substr(static_cast<size_t>(placed.offset), static_cast<size_t>(placed.length)));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(static_cast<int64_t>(read->cardinality()), placed.cardinality);
  }
  EXPECT_TRUE(file.bytes.starts_with("PFA1") && file.bytes.ends_with("PFA1"));
  EXPECT_NE(file.bytes.find(R"("referenced-data-file":"s3://lake/a.parquet","cardinality":"1")"),
            std::string::npos);
}

TEST(DeletionVectorTest, ShortVectorsStandBeforeLongOnes) {
  Positions one, two;
  one.add(uint64_t{7});
  two.add(uint64_t{7});
  two.add(uint64_t{9});
  VectorFile file = WriteVectorFile({{"a", SomePositions()}, {"b", one}, {"c", two}, {"d", one}});
  std::vector<std::string> names;
  int64_t end = 4;  // of the magic number
  for (const PlacedVector& placed : file.vectors) {
    names.push_back(placed.data_file);
    EXPECT_EQ(placed.offset, end) << placed.data_file;
    end = placed.offset + placed.length;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"b", "d", "c", "a"}));
}

}  // namespace
}  // namespace mainstem::connector::iceberg
