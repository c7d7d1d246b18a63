#include "connector/drift.h"

#include <gtest/gtest.h>

namespace mainstem::connector {
namespace {

Difference Missing(const std::string& column, bool blocks = true) {
  return {.column = column,
          .problem = "column '" + column + "' does not exist",
          .cure = "add " + column,
          .blocks = blocks};
}

TEST(DriftErrorTest, NothingThatBlocksIsNoError) {
  EXPECT_TRUE(DriftError("place: ", {}).ok());
  EXPECT_TRUE(DriftError("place: ", {Missing("a", false)}).ok());
}

TEST(DriftErrorTest, TheFirstThatBlocksIsTheErrorAndTheOthersItsDetail) {
  Status status =
      DriftError("place: ", {Missing("a", false), Missing("b"), Missing("c"), Missing("d")});
  EXPECT_EQ(CodeOf(status), ErrorCode::kInvalidArgument);
  ErrorText text = TextOf(status);
  EXPECT_EQ(text.message, "place: column 'b' does not exist");
  EXPECT_EQ(text.detail, "also: column 'c' does not exist; column 'd' does not exist");
  EXPECT_EQ(text.hint, "add b");
}

TEST(DriftErrorTest, AMissingTableIsNotFound) {
  Difference table{.kind = DifferenceKind::kTable, .problem = "there is no table"};
  EXPECT_EQ(CodeOf(DriftError("", {table})), ErrorCode::kNotFound);
}

// A table whose columns are added by statements, each one's own name.
struct ScriptedTable {
  Differences left;
  std::vector<std::string> ran = {};
  std::string forbidden = {};

  Status Run() {
    return RunStatements(
        "t", [this]() -> Result<Differences> { return left; },
        [this](const std::string& statement) {
          ran.push_back(statement);
          if (statement == forbidden) return MakeError(ErrorCode::kPermissionDenied, "no");
          std::erase_if(left, [&](const Difference& d) { return d.statement == statement; });
          return Status::OK();
        });
  }
};

Difference Mendable(const std::string& statement) {
  Difference difference = Missing("a");
  difference.statement = statement;
  return difference;
}

TEST(RunStatementsTest, RunsWhatThereIsToRun) {
  ScriptedTable table{.left = {Mendable("one"), Missing("b", false), Mendable("two")}};
  EXPECT_TRUE(table.Run().ok());
  EXPECT_EQ(table.ran, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(table.left.size(), 1u);
}

TEST(RunStatementsTest, ChangesNothingWhereThatWouldNotMakeTheTableFit) {
  ScriptedTable table{.left = {Mendable("one"), Missing("b")}};
  EXPECT_TRUE(table.Run().ok());
  EXPECT_TRUE(table.ran.empty());
}

TEST(RunStatementsTest, WhatCannotBeRunIsAnErrorThatNamesIt) {
  ScriptedTable table{.left = {Mendable("one"), Mendable("two")}, .forbidden = "one"};
  Status status = table.Run();
  EXPECT_EQ(CodeOf(status), ErrorCode::kPermissionDenied);
  EXPECT_EQ(TextOf(status).message, "table 't' cannot be changed by one: no");
  EXPECT_EQ(TextOf(status).hint, "let somebody run it who may");
  EXPECT_EQ(table.ran.size(), 1u);
}

TEST(RunStatementsTest, WhatRowsCanDoWithoutMayFail) {
  ScriptedTable table{.left = {Mendable("one"), Mendable("two")}, .forbidden = "one"};
  table.left[0].blocks = false;
  EXPECT_TRUE(table.Run().ok());
  EXPECT_EQ(table.ran, (std::vector<std::string>{"one", "two"}));
}

TEST(RunStatementsTest, WhatAnotherWriterHasRunMeanwhileIsNoError) {
  Differences before = {Mendable("one")};
  int looks = 0;
  Status status = RunStatements(
      "t", [&]() -> Result<Differences> { return ++looks == 1 ? before : Differences{}; },
      [](const std::string&) { return MakeError(ErrorCode::kInvalidArgument, "it is there"); });
  EXPECT_TRUE(status.ok());
}

TEST(DriftPolicyTest, IsAnOptionOfTheTable) {
  TableDescriptor table{.name = "t", .schema = nullptr};
  TableOptions without(table);
  EXPECT_EQ(DriftPolicyOf(&without), DriftPolicy::kFail);
  table.options["drift"] = "Park";
  TableOptions park(table);
  EXPECT_EQ(DriftPolicyOf(&park), DriftPolicy::kPark);
  table.options["drift"] = "evolv";
  TableOptions wrong(table);
  DriftPolicyOf(&wrong);
  EXPECT_NE(TextOf(wrong.status()).message.find("'fail', 'park', 'evolve'"), std::string::npos);
}

}  // namespace
}  // namespace mainstem::connector
