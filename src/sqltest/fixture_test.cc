#include "sqltest/fixture.h"

#include <gtest/gtest.h>

namespace mainstem::sqltest {
namespace {

constexpr ProcessingTime kBegin{1'000'000};

TEST(FixtureTest, TakesItsKindFromTheFilesName) {
  auto kind = [](const std::string& name) { return ParseFixture(name, "", kBegin)->kind; };
  EXPECT_EQ(kind("input/a.jsonl"), FixtureKind::kRows);
  EXPECT_EQ(kind("input/a.csv"), FixtureKind::kRows);
  EXPECT_EQ(kind("input/a.debezium.jsonl"), FixtureKind::kChanges);
  EXPECT_EQ(kind("input/a.topic.jsonl"), FixtureKind::kTopic);
  EXPECT_EQ(kind("input/a.log"), FixtureKind::kMessages);
  EXPECT_EQ(ParseFixture("a.debezium.jsonl", "", kBegin)->format, "debezium-json");
  EXPECT_EQ(TableOfFixture("orders.debezium.jsonl"), "orders");
}

TEST(FixtureTest, MovesTheClockAndThePartition) {
  Result<Fixture> fixture = ParseFixture("a.jsonl",
                                         "{\"a\":1}\n\n#@ wait 10 s\n#@ partition 2\n"
                                         "-D {\"a\":2}\r\n#@ at 1970-01-01 01:00:00\n{\"a\":3}",
                                         kBegin);
  ASSERT_TRUE(fixture.ok()) << fixture.status().ToString();
  ASSERT_EQ(fixture->lines.size(), 3u);
  EXPECT_EQ(fixture->partition_count, 3);
  EXPECT_EQ(fixture->lines[0].arrival, kBegin);
  EXPECT_EQ(fixture->lines[1].arrival, kBegin + 10'000);
  EXPECT_EQ(fixture->lines[1].partition, 2);
  EXPECT_EQ(fixture->lines[1].kind, RowKind::kDelete);
  EXPECT_EQ(fixture->lines[1].text, "{\"a\":2}");
  EXPECT_EQ(fixture->lines[1].number, 5);
  EXPECT_EQ(fixture->lines[2].arrival, ProcessingTime(3'600'000));
}

TEST(FixtureTest, LeavesMessagesOfAnotherFormatAsTheyAre) {
  Result<Fixture> fixture = ParseFixture("a.log", "+I x\n  y\n#@ bad\nz\n", kBegin);
  ASSERT_TRUE(fixture.ok());
  EXPECT_EQ(fixture->lines[0].text, "+I x");
  EXPECT_EQ(fixture->lines[1].text, "  y");
  EXPECT_FALSE(fixture->lines[1].bad);
  EXPECT_TRUE(fixture->lines[2].bad);
}

TEST(FixtureTest, ShowsThePlaceOfAWrongLine) {
  Status status = ParseFixture("in/a.csv", "a,b\n#@  wiat 1 s\n", kBegin).status();
  EXPECT_EQ(TextOf(status).message, "in/a.csv: line 2, column 5: '#@ wiat' is not known");
  EXPECT_EQ(TextOf(status).detail, " 2 | #@  wiat 1 s\n   |     ^");
  EXPECT_EQ(TextOf(status).hint, "did you mean 'wait'?");
  EXPECT_FALSE(ParseFixture("a.csv", "#@ wait soon", kBegin).ok());
  EXPECT_FALSE(ParseFixture("a.csv", "#@ at 1970-01-01 00:00:00", kBegin).ok());
  EXPECT_FALSE(ParseFixture("a.csv", "#@ partition -1", kBegin).ok());
  EXPECT_FALSE(ParseFixture("a.csv", "#@ bad", kBegin).ok());
}

}  // namespace
}  // namespace mainstem::sqltest
