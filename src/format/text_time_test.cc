// Goal: TimestampReader says what ParseTimestamp says, whatever it has read before.
#include "format/text_time.h"

#include <gtest/gtest.h>

namespace mainstem::format {
namespace {

constexpr TimestampStyle kStyles[] = {TimestampStyle::kSql,   TimestampStyle::kSqlZulu,
                                      TimestampStyle::kIso,   TimestampStyle::kIsoZulu,
                                      TimestampStyle::kLoose, TimestampStyle::kLooseUtc};

TEST(TimestampReaderTest, SaysWhatParseTimestampSaysWhateverItReadBefore) {
  const std::vector<std::string> texts = {"2026-01-02 03:04:05",
                                          "2026-01-02 03:04:05.678",
                                          "2026-01-02 23:59:59.999",
                                          "2026-01-02 24:00:00",
                                          "2026-01-02 03:60:00",
                                          "2026-01-02 03:04:5x",
                                          "2026-01-02 03:04:05.6",
                                          "2026-01-02 03:04:05.678901",
                                          "2026-01-02T03:04:05",
                                          "2026-01-02T03:04:05.678Z",
                                          "2026-01-02 03:04:05Z",
                                          "2026-01-02 03:04:05.678Z",
                                          "2026-01-02x03:04:05",
                                          "2026-01-02",
                                          "",
                                          "1969-12-31 23:59:59.001",
                                          "0001-01-01 00:00:00",
                                          "2026-02-30 00:00:00",
                                          "2026-1-2 03:04:05",
                                          "2026-01-02 03:04:05+01:00",
                                          "2026-01-02 03.04.05.678"};
  for (TimestampStyle style : kStyles) {
    for (const std::string& before : texts) {
      TimestampReader reader;
      for (const std::string& text : texts) {
        Instant ignored;
        reader.Read(before, style, &ignored);
        Instant expected;
        Instant got;
        const bool parses = ParseTimestamp(text, style, &expected);
        ASSERT_EQ(reader.Read(text, style, &got), parses) << text << " after " << before;
        if (!parses) continue;
        EXPECT_EQ(got.seconds, expected.seconds) << text << " after " << before;
        EXPECT_EQ(got.nanos, expected.nanos) << text << " after " << before;
      }
    }
  }
}

TEST(TimestampPatternTest, WritesWhatItsLettersSay) {
  const Instant instant{.seconds = 1769868303, .nanos = 4005006};  // 2026-01-31 14:05:03.004005006
  auto write = [&](const char* letters, int32_t offset_seconds, Instant at) {
    auto pattern = TimestampPattern::Compile(letters);
    CHECK_OK(pattern);
    std::string out;
    pattern->Append(at, {.offset_seconds = offset_seconds}, &out);
    return out;
  };
  EXPECT_EQ(write("yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSSX", 0, instant),
            "2026-01-31T14:05:03.004005006Z");
  EXPECT_EQ(write("yy M d h a E EEEE MMM MMMM", 0, instant),
            "26 1 31 2 PM Sat Saturday Jan January");
  EXPECT_EQ(write("dd HH X XX xxx x Z", 34200, instant), "31 23 +0930 +0930 +09:30 +0930 +0930");
  EXPECT_EQ(write("dd HH X x Z", 36000, instant), "01 00 +10 +10 +1000");
  EXPECT_EQ(write("yyyy-MM-dd HH E", -18000, {.seconds = -1, .nanos = 0}), "1969-12-31 18 Wed");
}

}  // namespace
}  // namespace mainstem::format
