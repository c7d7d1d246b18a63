#include "sqltest/row_diff.h"

#include <gtest/gtest.h>

namespace mainstem::sqltest {
namespace {

TEST(ExpectedFileTest, ReadsWhatItHasWritten) {
  std::vector<std::string> columns = {"k", "text"};
  std::vector<TextRow> rows = {{"+I", {"a", "x | y"}},
                               {"-U", {std::nullopt, ""}},
                               {"+U", {"<NULL>", " in \"quotes\"\n"}},
                               {"-D", {"ä", "back\\slash"}}};
  std::string text = PrintExpected(ExpectedForm::kChangelog, columns, rows);
  Result<std::vector<TextRow>> read =
      ParseExpected({.path = "e", .form = ExpectedForm::kChangelog, .text = text}, columns);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(*read, rows);
  EXPECT_EQ(text.substr(0, text.find('\n', 25)), "op | k        | text\n+I | a        | \"x | y\"");
}

TEST(ExpectedFileTest, RefusesOtherColumnsAndKinds) {
  auto message = [](const std::string& text) {
    ExpectedText file{.path = "e", .form = ExpectedForm::kChangelog, .text = text};
    return TextOf(ParseExpected(file, {"k", "v"}).status()).message;
  };
  EXPECT_EQ(message("op | k | w\n"), "e: line 1, column 10: expected column 'v', not 'w'");
  EXPECT_EQ(message("op | k\n"), "e: line 1, column 7: column 'v' is missing");
  EXPECT_EQ(message("op | k | v\n++ | 1 | 2\n"),
            "e: line 2, column 1: '++' is no kind of a change");
  EXPECT_EQ(message("op | k | v\n+I | 1\n"), "e: line 2, column 1: 2 fields for 3 columns");
}

TEST(RowDiffTest, PairsRowsByTheirKey) {
  RowDiff diff =
      DiffTables({{"a", "1"}, {"b", "2"}, {"c", "3"}}, {{"b", "2"}, {"c", "4"}, {"d", "5"}}, {0});
  EXPECT_EQ(diff.Summary(), "1 missing, 1 unexpected, 1 differs");
  EXPECT_EQ(Render(diff, ExpectedForm::kTable, {"key", "n"}, {}),
            "             | key | n\n"
            "  missing    | a   | 1\n"
            "  unexpected | d   | 5\n"
            "  expected   | c   | 3\n"
            "  got        | c   | 4\n"
            "             |     | ^\n");
}

TEST(RowDiffTest, PairsRowsThatAreAlikeWhereThereIsNoKey) {
  RowDiff diff = DiffTables({{"a", "b", "1"}}, {{"a", "b", "2"}}, {});
  EXPECT_EQ(diff.Summary(), "1 differs");
  EXPECT_EQ(DiffTables({{"a", "b", "1"}}, {{"a", "c", "2"}}, {}).Summary(),
            "1 missing, 1 unexpected");
}

TEST(RowDiffTest, CountsEqualRows) {
  EXPECT_TRUE(DiffTables({{"a"}, {"b"}, {"a"}}, {{"b"}, {"a"}, {"a"}}, {}).empty());
  EXPECT_EQ(DiffTables({{"a"}, {"a"}}, {{"a"}}, {}).Summary(), "1 missing");
}

TEST(RowDiffTest, ShowsWhereAChangelogTurnsOff) {
  std::vector<TextRow> expected = {{"+I", {"a"}}, {"+I", {"b"}}, {"-D", {"a"}}, {"+I", {"z"}}};
  std::vector<TextRow> got = {{"+I", {"a"}}, {"+I", {"b"}}, {"+I", {"c"}}, {"+I", {"z"}}};
  RowDiff diff = DiffChangelogs(expected, got);
  EXPECT_EQ(diff.Summary(), "1 missing, 1 unexpected");
  EXPECT_EQ(Render(diff, ExpectedForm::kChangelog, {"k"}, {}),
            "             | op | k\n"
            "             | +I | b\n"
            "  missing    | -D | a\n"
            "  unexpected | +I | c\n"
            "             | +I | z\n");
  std::swap(expected[0], expected[1]);
  expected[2] = got[2];
  EXPECT_EQ(DiffChangelogs(expected, got).Summary(), "the same changes in another order");
}

TEST(RowDiffTest, ShowsSoManyRowsAtMost) {
  std::vector<Fields> many;
  for (int i = 0; i < 100; ++i) many.push_back({std::to_string(i)});
  std::string text =
      Render(DiffTables(many, {}, {}), ExpectedForm::kTable, {"n"}, {.indent = "", .lines_max = 3});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5);
  EXPECT_TRUE(text.ends_with(".. and 97 more\n"));
}

}  // namespace
}  // namespace mainstem::sqltest
