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
  auto pattern = FileNamePattern::Compile(text, *format::ParseTimeZone(zone));
  CHECK_OK(pattern);
  return pattern->NameOf({.seconds = kNoon, .nanos = 0}, &env);
}

std::string MessageOf(const std::string& text) {
  auto pattern = FileNamePattern::Compile(text, absl::UTCTimeZone());
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
  EXPECT_EQ(MessageOf("!{partitionKeyFromQuery:a}/!{random:uuid}"),
            "has the unknown expression '!{partitionKeyFromQuery:a}'");
  EXPECT_NE(MessageOf("!{timestamp:QQ}/!{random:uuid}"), "accepted");
  for (const char* text : {"/a/!{random:uuid}", "a//!{random:uuid}", "../!{random:uuid}",
                           "_mainstem/!{random:uuid}", "!{random:uuid}/"}) {
    EXPECT_EQ(MessageOf(text), "is no name of a file below the table's path") << text;
  }
}

}  // namespace
}  // namespace mainstem::sink
