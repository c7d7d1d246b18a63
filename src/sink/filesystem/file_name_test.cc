#include "sink/filesystem/file_name.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include "core/sim/sim_env.h"
#include "format/time_zone.h"

namespace mainstem::sink {
namespace {

constexpr int64_t kNoon = 1796040000;  // 2026-11-30 12:00:00 UTC

std::string NameIn(const std::string& text, const std::string& zone) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  auto pattern = FileNamePattern::Compile(text, {.zone = *format::ParseTimeZone(zone)});
  CHECK_OK(pattern);
  return pattern->NameOf({.first_row = {.seconds = kNoon, .nanos = 0}}, &env);
}

std::string MessageOf(const std::string& text) {
  auto pattern = FileNamePattern::Compile(text, {});
  return pattern.ok() ? "accepted" : TextOf(pattern.status()).message;
}

TEST(FileNameTest, WritesTheFirstRowsTimeInTheZone) {
  EXPECT_TRUE(RE2::FullMatch(
      NameIn("a/!{timestamp:yyyy/MM/dd/HH}/b-!{timestamp:yyyy-MM-dd-HH-mm-ss}-!{random:uuid}.gz",
             "UTC"),
      R"(a/2026/11/30/12/b-2026-11-30-12-00-00-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.gz)"));
  EXPECT_TRUE(RE2::FullMatch(NameIn("!{timestamp:'day='dd'/h='HH}/!{random:uuid}", "Asia/Tokyo"),
                             "day=30/h=21/[-0-9a-f]{36}"));
}

TEST(FileNameTest, GivesEachRandomStringAnotherValue) {
  std::string name =
      NameIn("!{firehose:random-string}/!{firehose:random-string}/!{random:uuid}", "UTC");
  std::string first, second;
  ASSERT_TRUE(RE2::FullMatch(name, "([a-z0-9]{11})/([a-z0-9]{11})/.{36}", &first, &second));
  EXPECT_NE(first, second);
}

TEST(FileNameTest, RefusesWhatIsNoNameOrNoExpression) {
  EXPECT_EQ(MessageOf("a/!{timestamp:HH}"), "would give several files one name");
  EXPECT_EQ(MessageOf("!{random:uuid"), "has an expression without its '}'");
  EXPECT_EQ(MessageOf("!{partitionKeyFromLambda:a}/!{random:uuid}"),
            "has the unknown expression '!{partitionKeyFromLambda:a}'");
  EXPECT_NE(MessageOf("!{timestamp:QQ}/!{random:uuid}"), "accepted");
  for (const char* text : {"/a/!{random:uuid}", "a//!{random:uuid}", "../!{random:uuid}",
                           "_mainstem/!{random:uuid}", "!{random:uuid}/"}) {
    EXPECT_EQ(MessageOf(text), "is no name of a file below the table's path") << text;
  }
}

TEST(FileNameTest, HoldsTheValuesOfKeys) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  const std::string text = "!{partitionKeyFromQuery:b}/x=!{partitionKeyFromQuery:a}/!{random:uuid}";
  auto pattern = FileNamePattern::Compile(text, {.keys = {"a", "b"}});
  CHECK_OK(pattern);
  EXPECT_TRUE(pattern->has_keys());
  const std::vector<std::string> values = {"1", "c/d"};
  EXPECT_TRUE(RE2::FullMatch(pattern->NameOf({.values = &values}, &env), "c/d/x=1/.{36}"));
  EXPECT_TRUE(pattern->CheckKeys(values).ok());
  const std::vector<std::vector<std::string>> wrong = {{"1", ".."},
                                                       {"1", "/etc"},
                                                       {"1", "a//b"},
                                                       {"1", "a/"},
                                                       {"1", "_mainstem"},
                                                       {"a/../../b", "c"},
                                                       {std::string(254, 'a'), "b"},
                                                       {"1", std::string("a\0", 2)}};
  for (const auto& bad : wrong) {
    EXPECT_TRUE(Is(pattern->CheckKeys(bad), ErrorCode::kInvalidRecord)) << bad[0] << bad[1];
  }
  EXPECT_EQ(MessageOf(text), "has !{partitionKeyFromQuery:b}, a key that no query gives");
}

}  // namespace
}  // namespace mainstem::sink
