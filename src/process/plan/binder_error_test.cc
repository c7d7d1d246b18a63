// Goal: what Flink refuses is refused, with the place and a cure. Method: golden errors.
#include <gtest/gtest.h>

#include "process/plan/plan_test_support.h"

namespace mainstem::process::plan {
namespace {

class BinderErrorTest : public ::testing::Test {
 protected:
  void SetUp() override { session_.MustRun(kEvents); }
  TestSession session_;
};

TEST_F(BinderErrorTest, SuggestsTheColumnThatWasMeant) {
  EXPECT_EQ(session_.ErrorOf("SELECT user_id,\n  amout FROM ev"),
            "error: line 2, column 3: column 'amout' not found in any table\n"
            " 2 |   amout FROM ev\n"
            "   |   ^^^^^\n"
            "hint: did you mean 'amount'?\n");
  EXPECT_EQ(session_.ErrorOf("SELECT * FROM evv"),
            "error: line 1, column 15: table 'evv' not found\n"
            " 1 | SELECT * FROM evv\n"
            "   |               ^^^\n"
            "hint: did you mean 'ev'?\n");
  EXPECT_EQ(session_.MessageOf("SELECT e.amount FROM ev AS x"),
            "line 1, column 8: table or column 'e' not found");
  EXPECT_EQ(session_.MessageOf("SELECT nope FROM ev"),
            "line 1, column 8: column 'nope' not found in any table");
}

TEST_F(BinderErrorTest, RefusesWhatFlinkRefuses) {
  EXPECT_EQ(session_.MessageOf("SELECT * FROM ev ORDER BY amount"),
            "line 1, column 18: sort on a non-time-attribute field is not supported");
  EXPECT_EQ(session_.MessageOf("SELECT user_id, amount FROM ev GROUP BY user_id"),
            "line 1, column 17: expression 'amount' is not being grouped");
  EXPECT_EQ(session_.MessageOf("SELECT amount + user_id FROM ev").substr(0, 46),
            "line 1, column 8: Cannot apply '+' to argument");
  EXPECT_NE(session_.MessageOf("SELECT * FROM ev WHERE user_id = 5"), "no error");
  EXPECT_EQ(session_.MessageOf("SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE ev, DESCRIPTOR(user_id), "
                               "INTERVAL '10' SECOND)) GROUP BY window_start, window_end"),
            "line 1, column 56: the window function TUMBLE requires the timecol to be a time "
            "attribute, but 'user_id' is VARCHAR(2147483647)");
  EXPECT_EQ(session_.MessageOf("SELECT user_id FROM ev UNION ALL SELECT user_id, amount FROM ev"),
            "line 1, column 24: column count mismatch in UNION ALL: 1 on the left, 2 on the right");
  EXPECT_EQ(session_.MessageOf("SELECT COUNT(*) FROM TABLE(HOP(TABLE ev, DESCRIPTOR(ts), INTERVAL "
                               "'3' SECOND, INTERVAL '10' SECOND)) GROUP BY window_start, "
                               "window_end"),
            "line 1, column 28: HOP table function based aggregate requires size must be an "
            "integral multiple of slide, but got size 10000 ms and slide 3000 ms");
  EXPECT_EQ(session_.MessageOf("SELECT UNKNOWN_FN(amount) FROM ev").substr(0, 26),
            "line 1, column 8: No match");
}

TEST_F(BinderErrorTest, RefusesMisplacedAggregates) {
  EXPECT_EQ(session_.ErrorOf("SELECT user_id FROM ev WHERE COUNT(*) > 1"),
            "error: line 1, column 30: an aggregate function is not allowed in WHERE\n"
            " 1 | SELECT user_id FROM ev WHERE COUNT(*) > 1\n"
            "   |                              ^^^^^^^^\n"
            "hint: filter groups with HAVING\n");
  EXPECT_EQ(session_.MessageOf("SELECT SUM(COUNT(*)) FROM ev"),
            "line 1, column 12: aggregate functions cannot be nested");
  EXPECT_EQ(session_.MessageOf("SELECT user_id, COUNT(*) FROM ev"),
            "line 1, column 8: expression 'user_id' is not being grouped");
  EXPECT_EQ(session_.MessageOf("SELECT user_id FROM ev WHERE amount"),
            "line 1, column 30: the condition of WHERE must be BOOLEAN, not INTEGER");
}

TEST_F(BinderErrorTest, SaysThatGroupByDoesNotSeeAliases) {
  EXPECT_EQ(session_.ErrorOf("SELECT amount * 2 AS twice, COUNT(*) FROM ev GROUP BY twice"),
            "error: line 1, column 55: 'twice' is a name given in SELECT, which GROUP BY does not "
            "see\n"
            " 1 | SELECT amount * 2 AS twice, COUNT(*) FROM ev GROUP BY twice\n"
            "   |                                                       ^^^^^\n"
            "hint: write GROUP BY (amount * 2)\n");
}

TEST_F(BinderErrorTest, SaysWhatIsNotAvailableYetAtItsPlace) {
  const auto unsupported = [this](const std::string& query) {
    const Result<Answer> answer = session_.Run(query);
    EXPECT_FALSE(answer.ok()) << query;
    EXPECT_EQ(CodeOf(answer.status()), ErrorCode::kUnsupported)
        << sql::RenderError(answer.status());
    return answer.ok() ? "" : TextOf(answer.status()).message;
  };
  EXPECT_EQ(unsupported("SELECT 1 FROM ev a WHERE EXISTS (SELECT 1 FROM ev b WHERE b.amount = "
                        "(SELECT MAX(c.amount) FROM ev c WHERE c.amount = a.amount))"),
            "line 1, column 119: a column of a query two levels around a subquery is not available "
            "yet");
  EXPECT_EQ(unsupported("SELECT 1 FROM ev a, LATERAL (SELECT amount FROM ev LIMIT 1) AS t"),
            "line 1, column 52: LIMIT without ORDER BY in a LATERAL subquery is not available yet");
}

TEST_F(BinderErrorTest, SaysWhatASubqueryOfSeveralRowsTakes) {
  EXPECT_EQ(
      session_.MessageOf("SELECT 1 FROM ev a RIGHT JOIN LATERAL (SELECT 1 AS x) AS t ON TRUE"),
      "line 1, column 20: LATERAL stands on the right of an INNER, CROSS or LEFT JOIN");
  EXPECT_EQ(session_.MessageOf("SELECT 1 FROM ev WHERE amount > ALL (SELECT 1, 2)"),
            "line 1, column 24: 1 values are compared with the 2 columns of the subquery");
  EXPECT_EQ(session_.MessageOf("SELECT amount = ANY (SELECT missing FROM ev) FROM ev"),
            "line 1, column 29: column 'missing' not found in any table");
}

TEST_F(BinderErrorTest, RefusesColumnsOfTheQueryAroundWhereNoJoinCanCheckThem) {
  for (const std::string subquery :
       {"SELECT 1 FROM ev b JOIN ev c ON b.amount = a.amount",
        "SELECT 1 FROM (SELECT a.amount + 1 AS z FROM ev) x WHERE z = 2",
        "SELECT 1 FROM ev b WHERE a.amount IN (SELECT amount FROM ev)",
        "SELECT 1 FROM ev b GROUP BY a.amount",
        "SELECT b.amount FROM ev b GROUP BY b.amount HAVING COUNT(*) > a.amount",
        "SELECT a.amount FROM ev b"}) {
    const std::string message =
        session_.MessageOf("SELECT * FROM ev a WHERE EXISTS (" + subquery + ")");
    EXPECT_NE(message.find("a column of the query around a subquery, outside of the subquery's "
                           "WHERE, is not available yet"),
              std::string::npos)
        << subquery << ": " << message;
  }
}

TEST_F(BinderErrorTest, SaysWhatIsWrongWithAJoin) {
  EXPECT_EQ(session_.MessageOf("SELECT * FROM ev a JOIN ev b ON amount = 1"),
            "line 1, column 33: column 'amount' is ambiguous");
  EXPECT_EQ(session_.MessageOf("SELECT * FROM ev a JOIN ev b ON a.amount = b.user_id"),
            "line 1, column 33: implicit type conversion between INTEGER and VARCHAR is not "
            "supported now");
  EXPECT_EQ(session_.MessageOf("SELECT * FROM ev a JOIN ev b USING (amuont)"),
            "line 1, column 37: column 'amuont' is not on the left side of the join");
  EXPECT_EQ(session_.MessageOf("SELECT * FROM ev WHERE (user_id, amount) IN (SELECT user_id "
                               "FROM ev)"),
            "line 1, column 24: IN compares 2 values with the 1 columns of the subquery");
  EXPECT_EQ(session_.MessageOf("SELECT * FROM ev a WHERE EXISTS (SELECT 1 FROM ev b WHERE b.amount "
                               "= c.amount)"),
            "line 1, column 70: table or column 'c' not found");
}

TEST_F(BinderErrorTest, ChecksDefinitionsOfTables) {
  EXPECT_EQ(session_.MessageOf("CREATE TABLE t (a INT, a INT) WITH ('connector' = 'kafka')"),
            "line 1, column 24: column 'a' is there twice");
  EXPECT_EQ(session_.MessageOf("CREATE TABLE t (a INT, WATERMARK FOR a AS a) WITH ('connector' = "
                               "'kafka')"),
            "line 1, column 38: 'a' cannot carry event time: it must be TIMESTAMP(p) or "
            "TIMESTAMP_LTZ(p) with p from 0 to 3, but it is INTEGER");
  EXPECT_EQ(session_.MessageOf("CREATE TABLE t (a INT, PRIMARY KEY (b) NOT ENFORCED) WITH "
                               "('connector' = 'kafka')"),
            "line 1, column 37: column 'b' not found in the table");
  EXPECT_EQ(session_.MessageOf("CREATE TABLE t (a INT, b AS c + 1) WITH ('connector' = 'kafka')"),
            "line 1, column 29: column 'c' not found in any table");
  EXPECT_EQ(session_.MessageOf("CREATE TABLE t (a INT) WITH ('connector' = 'nonesuch')"),
            "line 1, column 29: unknown connector 'nonesuch'");
  EXPECT_EQ(session_.MessageOf("CREATE TABLE ev (a INT) WITH ('connector' = 'kafka')"),
            "line 1, column 14: table 'ev' exists already");
  EXPECT_EQ(session_.MessageOf("CREATE TABLE t (a DECIMAL(50, 2)) WITH ('connector' = 'kafka')"),
            "line 1, column 19: DECIMAL(50) is out of range: 1 to 38");
}

TEST_F(BinderErrorTest, ChecksSettings) {
  EXPECT_EQ(session_.ErrorOf("SET 'pipeline.auto-watermark-intervall' = '0'"),
            "error: line 1, column 5: unknown setting 'pipeline.auto-watermark-intervall'\n"
            " 1 | SET 'pipeline.auto-watermark-intervall' = '0'\n"
            "   |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
            "hint: did you mean 'pipeline.auto-watermark-interval'?\n");
  EXPECT_NE(session_.MessageOf("SET 'table.exec.state.ttl' = 'soon'").find("is no duration"),
            std::string::npos);
  EXPECT_NE(session_.MessageOf("SET 'execution.runtime-mode' = 'fast'").find("streaming|batch"),
            std::string::npos);
  EXPECT_NE(session_.MessageOf("SET 'table.local-time-zone' = 'Mars/Base'"), "no error");
  session_.MustRun("SET 'some.other.engine' = 'x'; SET 'table.local-time-zone' = 'Asia/Shanghai'");
}

}  // namespace
}  // namespace mainstem::process::plan
