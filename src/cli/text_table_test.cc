#include "cli/text_table.h"

#include <gtest/gtest.h>

namespace mainstem::cli {
namespace {

TEST(TextTableTest, AlignsNumbersToTheRight) {
  TextTable table({"topic", "records"});
  table.Add({"clicks", "12"});
  table.Add({"a", "1,234"});
  EXPECT_EQ(table.Render(0),
            "topic   records\n"
            "---------------\n"
            "clicks       12\n"
            "a         1,234\n");
}

TEST(TextTableTest, CutsTheWidestColumnToTheTerminal) {
  TextTable table({"k", "value"});
  table.Add({"a", std::string(100, 'x')});
  std::string text = table.Render(20);
  EXPECT_NE(text.find("…"), std::string::npos);
  EXPECT_EQ(text.find(std::string(21, 'x')), std::string::npos);
}

TEST(TextTableTest, SaysWhenThereIsNothing) { EXPECT_EQ(TextTable({"a"}).Render(0), "(none)\n"); }

TEST(TextTableTest, WritesAmountsForPeople) {
  EXPECT_EQ(HumanBytes(1536), "1.5 KiB");
  EXPECT_EQ(HumanBytes(12), "12 B");
  EXPECT_EQ(HumanCount(1234567), "1,234,567");
  EXPECT_EQ(HumanCount(-1000), "-1,000");
  EXPECT_EQ(HumanDuration(1500), "1.5s");
  EXPECT_EQ(HumanDuration(93784000), "1d 2h");
  EXPECT_EQ(HumanTime(1700000000120), "2023-11-14 22:13:20.120");
}

}  // namespace
}  // namespace mainstem::cli
