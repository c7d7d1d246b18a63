#include "cli/typed_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mainstem::cli {
namespace {

using testing::ElementsAre;

std::vector<std::string> StatementsOf(const std::vector<std::string>& lines, bool* rest = nullptr) {
  TypedScript script;
  std::vector<std::string> found;
  for (const std::string& line : lines) {
    script.Add(line);
    while (auto statement = script.Next()) found.push_back(*statement);
  }
  if (rest != nullptr) *rest = !script.empty();
  return found;
}

TEST(TypedScriptTest, CutsStatementsOfOneLineAndOfSeveral) {
  EXPECT_THAT(StatementsOf({"SELECT 1; SELECT", "2;"}), ElementsAre("SELECT 1;", " SELECT\n2;"));
}

TEST(TypedScriptTest, KnowsStringsNamesAndComments) {
  EXPECT_THAT(StatementsOf({"SELECT 'a;", "it''s; b', `n;m`;"}),
              ElementsAre("SELECT 'a;\nit''s; b', `n;m`;"));
  EXPECT_THAT(StatementsOf({"-- first; it's", "/* ; ", " ' */ SELECT 1 -- ;", ";"}),
              ElementsAre("-- first; it's\n/* ; \n ' */ SELECT 1 -- ;\n;"));
}

TEST(TypedScriptTest, WhatFollowsAStatementIsNoStatementYet) {
  bool rest = true;
  EXPECT_THAT(StatementsOf({"SELECT 5; -- note"}, &rest), ElementsAre("SELECT 5;"));
  EXPECT_FALSE(rest);
  StatementsOf({"SELECT 5; SELECT"}, &rest);
  EXPECT_TRUE(rest);
  StatementsOf({"/* open"}, &rest);
  EXPECT_TRUE(rest);
}

TEST(TypedScriptTest, AStatementSetIsOneStatement) {
  for (const char* head : {"EXECUTE STATEMENT SET", "/* x */ begin statement set;"}) {
    std::string begin =
        std::string(head) == "EXECUTE STATEMENT SET" ? "EXECUTE STATEMENT SET BEGIN" : head;
    EXPECT_THAT(StatementsOf({begin, "INSERT INTO a SELECT 1;", "INSERT INTO b SELECT 2;",
                              "END; SELECT 1;"}),
                ElementsAre(begin + "\nINSERT INTO a SELECT 1;\nINSERT INTO b SELECT 2;\nEND;",
                            " SELECT 1;"));
  }
}

TEST(TypedScriptTest, AnEndOfACaseEndsNoSet) {
  std::string set =
      "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT CASE WHEN b > 0 THEN 1 END; "
      "INSERT INTO c SELECT 2; END;";
  EXPECT_THAT(StatementsOf({set + " SELECT 1;"}), ElementsAre(set, " SELECT 1;"));
  std::string explain =
      "EXPLAIN CHANGELOG_MODE STATEMENT SET BEGIN INSERT INTO a SELECT 1; "
      "INSERT INTO b SELECT 2; END;";
  EXPECT_THAT(StatementsOf({explain}), ElementsAre(explain));
  EXPECT_THAT(StatementsOf({"SELECT CASE WHEN a THEN 1 END; SELECT 2;"}),
              ElementsAre("SELECT CASE WHEN a THEN 1 END;", " SELECT 2;"));
}

TEST(TypedScriptTest, KeepsDefinitionsOnly) {
  for (const char* kept : {"CREATE TABLE t (a INT);", "-- c\ncreate view v as select 1;",
                           "SET 'a' = 'b';", "USE db;", "RESET 'a';", "DROP TABLE t;"}) {
    EXPECT_TRUE(IsDefinition(kept)) << kept;
  }
  for (const char* not_kept : {"INSERT INTO t SELECT 1;", "SELECT 1;",
                               "CREATE TABLE t WITH ('connector' = 'print') AS SELECT 1 AS a;",
                               "CREATE TABLE t (a INT); INSERT INTO t SELECT 1;", "nonsense;"}) {
    EXPECT_FALSE(IsDefinition(not_kept)) << not_kept;
  }
}

}  // namespace
}  // namespace mainstem::cli
