// Goal: a wrong script is answered with its place, what was expected and a cure. Method: golden
// texts of RenderError.
#include <gtest/gtest.h>

#include "process/sql/diagnostic.h"
#include "process/sql/parser.h"

namespace mainstem::process::sql {
namespace {

std::string ErrorOf(const std::string& text) {
  Result<Script> script = ParseScript(text);
  return script.ok() ? "no error" : RenderError(script.status());
}

TEST(ParserError, UnderlinesThePlace) {
  EXPECT_EQ(ErrorOf("SELECT SELECT FROM ev"),
            "error: line 1, column 8: unexpected keyword SELECT; expected an expression to select\n"
            " 1 | SELECT SELECT FROM ev\n"
            "   |        ^^^^^^\n");
  EXPECT_EQ(ErrorOf("SELECT a\nFROM t\nWHERE a >"),
            "error: line 3, column 10: unexpected end of the text; expected an expression\n"
            " 3 | WHERE a >\n"
            "   |          ^\n");
}

TEST(ParserError, CountsColumnsInCharacters) {
  EXPECT_EQ(ErrorOf("SELECT 'äöü', FROM t"),
            "error: line 1, column 15: unexpected keyword FROM; expected an expression to select\n"
            " 1 | SELECT 'äöü', FROM t\n"
            "   |               ^^^^\n"
            "hint: remove the comma before it\n");
}

TEST(ParserError, SuggestsTheKeywordThatWasMeant) {
  EXPECT_EQ(ErrorOf("SELEC a FROM t"),
            "error: line 1, column 1: unexpected 'SELEC'; expected a statement such as SELECT, "
            "INSERT or CREATE\n"
            " 1 | SELEC a FROM t\n"
            "   | ^^^^^\n"
            "hint: did you mean 'SELECT'?\n");
  EXPECT_EQ(ErrorOf("SELECT a FORM t"),
            "error: line 1, column 15: unexpected 't'; expected ';' or the end of the statement\n"
            " 1 | SELECT a FORM t\n"
            "   |               ^\n"
            "hint: did you mean FROM in place of 'FORM'?\n");
  EXPECT_EQ(ErrorOf("SELECT a FROM t WHRE a = 1"),
            "error: line 1, column 22: unexpected 'a'; expected ';' or the end of the statement\n"
            " 1 | SELECT a FROM t WHRE a = 1\n"
            "   |                      ^\n"
            "hint: did you mean WHERE in place of 'WHRE'?\n");
}

TEST(ParserError, SaysThatAWordIsReserved) {
  EXPECT_EQ(ErrorOf("CREATE TABLE t (value INT)"),
            "error: line 1, column 17: unexpected keyword VALUE; expected a column name\n"
            " 1 | CREATE TABLE t (value INT)\n"
            "   |                 ^^^^^\n"
            "hint: VALUE is a reserved word; write `value` to use it as a name\n");
  EXPECT_EQ(ErrorOf("SELECT user FROM t"),
            "error: line 1, column 8: unexpected keyword USER; expected an expression\n"
            " 1 | SELECT user FROM t\n"
            "   |        ^^^^\n"
            "hint: USER is a reserved word; write `user` to use it as a name\n");
  EXPECT_EQ(ErrorOf("SELECT timestamp, a FROM t"),
            "error: line 1, column 8: unexpected keyword TIMESTAMP; expected an expression\n"
            " 1 | SELECT timestamp, a FROM t\n"
            "   |        ^^^^^^^^^\n"
            "hint: TIMESTAMP is a reserved word; write `timestamp` to use it as a name\n");
}

TEST(ParserError, ExplainsQuotes) {
  EXPECT_EQ(ErrorOf("SELECT \"a\" FROM t"),
            "error: line 1, column 8: double quotes are not used in this dialect\n"
            " 1 | SELECT \"a\" FROM t\n"
            "   |        ^^^\n"
            "hint: write `a` for a name or 'a' for a string\n");
  EXPECT_EQ(ErrorOf("SELECT 'a FROM t"),
            "error: line 1, column 8: this string is not closed\n"
            " 1 | SELECT 'a FROM t\n"
            "   |        ^\n"
            "hint: close it with '\n");
  EXPECT_EQ(ErrorOf("CREATE TABLE t (a INT) WITH (connector = 'kafka')"),
            "error: line 1, column 30: unexpected 'connector'; expected an option's name as a "
            "string\n"
            " 1 | CREATE TABLE t (a INT) WITH (connector = 'kafka')\n"
            "   |                              ^^^^^^^^^\n"
            "hint: write it in single quotes: 'connector'\n");
}

TEST(ParserError, NamesTheTypeThatWasMeant) {
  EXPECT_EQ(ErrorOf("CREATE TABLE t (a TEXT)"),
            "error: line 1, column 19: unknown data type 'TEXT'\n"
            " 1 | CREATE TABLE t (a TEXT)\n"
            "   |                   ^^^^\n"
            "hint: write STRING in place of TEXT\n");
  EXPECT_EQ(ErrorOf("CREATE TABLE t (a BIGNIT)"),
            "error: line 1, column 19: unknown data type 'BIGNIT'\n"
            " 1 | CREATE TABLE t (a BIGNIT)\n"
            "   |                   ^^^^^^\n"
            "hint: did you mean 'BIGINT'?\n");
  EXPECT_EQ(ErrorOf("SELECT CAST(a AS TIMESTAMP WITH TIME ZONE) FROM t"),
            "error: line 1, column 28: TIMESTAMP WITH TIME ZONE does not exist\n"
            " 1 | SELECT CAST(a AS TIMESTAMP WITH TIME ZONE) FROM t\n"
            "   |                            ^^^^^^^^^^^^^^\n"
            "hint: use TIMESTAMP_LTZ: a moment, shown in the session's time zone\n");
}

TEST(ParserError, HelpsWithCommonSlips) {
  EXPECT_NE(ErrorOf("CREATE TABLE t (a INT, PRIMARY KEY (a))")
                .find("write PRIMARY KEY (..) NOT "
                      "ENFORCED"),
            std::string::npos);
  EXPECT_NE(ErrorOf("SELECT a FROM t WHERE a == 1").find("equality is written with a single ="),
            std::string::npos);
  EXPECT_NE(ErrorOf("CREATE TABLE t (a INT,)").find("remove the comma"), std::string::npos);
  EXPECT_NE(ErrorOf("SELECT INTERVAL 1.5 SECOND").find("write INTERVAL '1.5'"), std::string::npos);
  EXPECT_NE(ErrorOf("SELECT * FROM FLIP(TABLE t)").find("TABLE(FLIP(..))"), std::string::npos);
  EXPECT_NE(ErrorOf("SELECT 1a FROM t").find("needs backticks"), std::string::npos);
  EXPECT_NE(ErrorOf("BEGIN STATEMENT SET; INSERT INTO a SELECT 1;").find("without END"),
            std::string::npos);
}

TEST(ParserError, SaysWhatFlinkDoesNotTakeEither) {
  EXPECT_NE(
      ErrorOf("SELECT * FROM t TABLESAMPLE BERNOULLI (10)").find("TABLESAMPLE is not supported"),
      std::string::npos);
  EXPECT_NE(ErrorOf("SELECT * FROM t WHERE a != 1").find("hint: write <>"), std::string::npos);
}

TEST(ParserError, ShowsOnlyAPartOfALongLine) {
  const std::string error = ErrorOf("SELECT " + std::string(5000, ' ') + "FROM t");
  EXPECT_LT(error.size(), 600u);
}

TEST(Diagnostic, FindsNearNames) {
  EXPECT_EQ(NearestName("amout", {"user_id", "amount", "ts"}), "amount");
  EXPECT_EQ(NearestName("USER_ID", {"user_id"}), "user_id");
  EXPECT_EQ(NearestName("ab", {"xy"}), "");
  EXPECT_EQ(NearestName("completely_else", {"user_id"}), "");
}

}  // namespace
}  // namespace mainstem::process::sql
