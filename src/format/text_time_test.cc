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

}  // namespace
}  // namespace mainstem::format
