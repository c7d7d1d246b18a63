#include "source/kinesis/start_time.h"

#include <gtest/gtest.h>

namespace mainstem::source {
namespace {

TEST(StartTimeTest, ReadsFlinksDefaultOthersAndSeconds) {
  auto read = [](const std::string& text, const std::string& format = kStartTimeFormat) {
    return ParseStartTime(text, format, "Europe/Berlin").ValueOr(-1);
  };
  EXPECT_EQ(read("2026-01-01T00:00:00.000+00:00"), 1767225600000);
  EXPECT_EQ(read("2026-01-01T00:00:00.123Z"), 1767225600123);
  EXPECT_EQ(read("2026-01-01T02:00:00.500+02:00"), 1767225600500);
  EXPECT_EQ(read("1767225600.25"), 1767225600250);
  EXPECT_EQ(read("01.01.2026 01:00", "dd.MM.yyyy HH:mm"), 1767225600000);
  EXPECT_EQ(read("at 2026-01-01 00:00:00Z", "'at' yyyy-MM-dd HH:mm:ssXXX"), 1767225600000);
  EXPECT_EQ(read("yesterday"), -1);
}

TEST(StartTimeTest, NamesLettersThatItDoesNotKnow) {
  Status status = ParseStartTime("1", "yyyy G", "UTC").status();
  EXPECT_NE(TextOf(status).message.find("'G'"), std::string::npos) << Describe(status);
  EXPECT_FALSE(ParseStartTime("1", "yyyy'", "UTC").ok());
}

}  // namespace
}  // namespace mainstem::source
