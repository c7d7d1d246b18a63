#include "source/filesystem/line_buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace mainstem::source {
namespace {

struct Given {
  std::string text;
  int64_t offset;
  bool too_long;
  bool operator==(const Given&) const = default;
};

// Feeds `text` in pieces and notes every line and the position after it.
std::vector<Given> Feed(LineBuffer* lines, const std::string& text, size_t piece) {
  std::vector<Given> given;
  LineBuffer::Line line;
  for (size_t at = 0; at < text.size(); at += piece) {
    size_t size = std::min(piece, text.size() - at);
    std::memcpy(lines->Prepare(piece).data(), text.data() + at, size);
    lines->Commit(size);
    while (lines->Next(&line))
      given.push_back({std::string(line.text), line.offset, line.too_long});
  }
  return given;
}

TEST(LineBufferTest, GivesTheSameLinesInWhateverPiecesBytesCome) {
  std::string text = "one\n\ntwo\r\nthree, which is long\nlast";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    LineBuffer lines(0, 100);
    EXPECT_EQ(Feed(&lines, text, piece), (std::vector<Given>{{"one", 0, false},
                                                             {"", 4, false},
                                                             {"two", 5, false},
                                                             {"three, which is long", 10, false}}));
    EXPECT_EQ(lines.position(), 31);
    LineBuffer::Line rest;
    ASSERT_TRUE(lines.TakeRest(&rest));
    EXPECT_EQ(rest.text, "last");
    EXPECT_FALSE(lines.TakeRest(&rest));
    EXPECT_EQ(lines.position(), 35);
  }
}

TEST(LineBufferTest, GivesRecordsOfCsvWhoseQuotesHoldLineBreaks) {
  format::CsvQuoting quoting{.escape = '\\', .allow_comments = true};
  std::string text =
      "\xEF\xBB\xBF\"a\nb\",1\n"          // behind a byte-order mark
      "x\"y,\"\"\n"                       // a quote within a plain text; nothing in quotes
      "# say \"so\n"                      // a comment
      "\"c\"\"\n\",\"d\\\"\n\r\ne\"\r\n"  // a doubled and an escaped one
      "\"f\"g,\"h\n\"\n"                  // text behind a quoted field: csv will say so
      "i\n";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    LineBuffer lines(0, 100, quoting);
    std::vector<Given> given = Feed(&lines, text, piece);
    std::vector<std::string> records;
    for (const Given& record : given) records.push_back(record.text);
    EXPECT_EQ(records,
              (std::vector<std::string>{"\xEF\xBB\xBF\"a\nb\",1", "x\"y,\"\"", "# say \"so",
                                        "\"c\"\"\n\",\"d\\\"\n\r\ne\"", "\"f\"g,\"h\n\"", "i"}))
        << piece;
    EXPECT_EQ(lines.position(), static_cast<int64_t>(text.size()));
  }
}

TEST(LineBufferTest, EndsARecordWhoseQuoteNobodyClosesAtTheFirstLineBehindTheLimit) {
  std::string text = "a\n\"b\n" + std::string(30, 'x') + "\n" + std::string(30, 'y') + "\nc\n";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    LineBuffer lines(0, 50, format::CsvQuoting());
    std::vector<Given> given = Feed(&lines, text, piece);
    ASSERT_EQ(given.size(), 3u) << piece;
    EXPECT_TRUE(given[1].too_long);
    EXPECT_EQ(given[1].offset, 2);
    EXPECT_EQ(given[2], (Given{"c", 67, false}));
  }
}

TEST(LineBufferTest, PassesOverALongLineInBoundedMemory) {
  std::string text = "a\n" + std::string(100000, 'x') + "\nb\n";
  for (size_t piece : {7u, 1000u, 200000u}) {
    LineBuffer lines(0, 50);
    std::vector<Given> given = Feed(&lines, text, piece);
    ASSERT_EQ(given.size(), 3u);
    EXPECT_EQ(given[1].offset, 2);
    EXPECT_TRUE(given[1].too_long);
    EXPECT_LE(given[1].text.size(), size_t{64} << 10);
    EXPECT_EQ(given[2].text, "b");
    EXPECT_EQ(given[2].offset, 100003);
  }
}

TEST(LineBufferTest, StaysAtTheLineThatIsPassedOver) {
  LineBuffer lines(1000, 10);
  Feed(&lines, "ab\n" + std::string(500, 'x'), 64);
  EXPECT_EQ(lines.position(), 1003);
  EXPECT_EQ(lines.Tail(), "ab\n");
  EXPECT_EQ(lines.end_offset(), 1503);
}

TEST(LineBufferTest, RemembersTheBytesBeforeThePosition) {
  LineBuffer lines(0, 1000);
  std::string text;
  for (int i = 0; i < 100; ++i) text += "line " + std::to_string(i) + "\n";
  Feed(&lines, text, 33);
  EXPECT_EQ(lines.Tail(), text.substr(text.size() - LineBuffer::kTailBytes));
  lines.Reset(5, "abcde");
  EXPECT_EQ(lines.Tail(), "abcde");
  EXPECT_EQ(lines.position(), 5);
}

}  // namespace
}  // namespace mainstem::source
