// Where a condition on a row number comes from does not matter: through joins, filters in a row and
// views that are read twice it makes a Top-N.
#include <gtest/gtest.h>

#include "process/plan/plan_test_support.h"

namespace mainstem::process::plan {
namespace {

class RankRuleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    session_.MustRun(kEvents);
    session_.MustRun(R"(
      CREATE TABLE users (id STRING, city STRING) WITH ('connector' = 'kafka');
      CREATE VIEW numbered AS SELECT user_id AS u, amount, ROW_NUMBER() OVER (
        PARTITION BY user_id ORDER BY amount DESC) AS rn FROM ev;
      CREATE VIEW big AS SELECT * FROM numbered WHERE amount > 3;)");
  }
  // How often `what` stands in the plan of `query`; -1: it has none.
  int CountIn(const std::string& query, const std::string& what) {
    const std::string plan = session_.PlanOf(query);
    if (plan.starts_with("error")) return -1;
    int count = 0;
    for (size_t at = plan.find(what); at != std::string::npos; at = plan.find(what, at + 1)) {
      ++count;
    }
    return count;
  }
  int Ranks(const std::string& query) { return CountIn(query, "Rank("); }
  int Overs(const std::string& query) { return CountIn(query, "OverAggregate("); }

  TestSession session_;
};

TEST_F(RankRuleTest, TakesABoundThatComesThroughAJoin) {
  const std::string query =
      "SELECT n.u, amount, city FROM (SELECT user_id AS u, amount, ROW_NUMBER() OVER (PARTITION BY "
      "user_id ORDER BY amount DESC) AS rn FROM ev) n JOIN users ON n.u = users.id WHERE rn <= 3";
  EXPECT_EQ(Ranks(query), 1) << session_.PlanOf(query);
  EXPECT_EQ(Overs(query), 0);
  const std::string by_condition =
      "SELECT n.u, amount, city FROM numbered n JOIN users ON n.u = users.id AND rn <= 3";
  EXPECT_EQ(Ranks(by_condition), 1) << session_.PlanOf(by_condition);
  const std::string two_joins =
      "SELECT n.u, amount FROM numbered n JOIN users a ON n.u = a.id JOIN users b ON n.u = b.id "
      "WHERE rn <= 3 AND a.city = b.city";
  EXPECT_EQ(Ranks(two_joins), 1) << session_.PlanOf(two_joins);
}

TEST_F(RankRuleTest, LooksAtItsOwnFilterOnlyInPlansOfVersion1) {
  session_.MustRun("SET 'mainstem.plan.version' = '1'");
  const std::string own = "SELECT u, amount FROM numbered WHERE rn <= 3 AND amount > 5";
  EXPECT_EQ(Ranks(own), 1) << session_.PlanOf(own);
  const std::string by_condition =
      "SELECT n.u, amount, city FROM numbered n JOIN users ON n.u = users.id AND rn <= 3";
  EXPECT_LT(Ranks(by_condition), 1) << session_.PlanOf(by_condition);
  const std::string equal =
      "SELECT u FROM numbered WHERE rn <= 2 UNION ALL SELECT u FROM numbered WHERE rn <= 2";
  EXPECT_LT(Ranks(equal), 1) << session_.PlanOf(equal);
}

TEST_F(RankRuleTest, TakesTheBoundsOfFiltersInARow) {
  const std::string query =
      "SELECT u, amount FROM (SELECT * FROM big WHERE rn >= 2) WHERE rn <= 3 AND u <> 'x'";
  EXPECT_EQ(CountIn(query, "range=[2-3]"), 1) << session_.PlanOf(query);
}

TEST_F(RankRuleTest, MakesATopNForEachBoundOfAViewThatIsReadTwice) {
  const std::string both =
      "SELECT u, amount FROM numbered WHERE rn <= 2 UNION ALL SELECT u, amount FROM numbered WHERE "
      "rn <= 5 AND u = 'a'";
  EXPECT_EQ(Ranks(both), 2) << session_.PlanOf(both);
  EXPECT_EQ(Overs(both), 0);
  const std::string filtered =
      "SELECT u, amount FROM big WHERE rn <= 2 UNION ALL SELECT u, amount FROM big WHERE rn = "
      "1";
  EXPECT_EQ(Ranks(filtered), 2) << session_.PlanOf(filtered);
  const std::string joined =
      "SELECT a.u, b.amount FROM numbered a JOIN numbered b ON a.u = b.u WHERE a.rn = 1 AND b.rn "
      "<= 3";
  EXPECT_EQ(Ranks(joined), 2) << session_.PlanOf(joined);
  const std::string equal =
      "SELECT u FROM numbered WHERE rn <= 2 AND amount > 5 UNION ALL SELECT u FROM numbered WHERE "
      "rn < 3";
  EXPECT_EQ(Ranks(equal), 1) << session_.PlanOf(equal);
}

TEST_F(RankRuleTest, ComputesAViewThatBoundsItselfOnce) {
  session_.MustRun("CREATE VIEW best AS SELECT u, amount FROM numbered WHERE rn <= 3");
  const std::string query =
      "SELECT u FROM best WHERE amount > 5 UNION ALL SELECT u FROM best WHERE amount < 0";
  EXPECT_EQ(Ranks(query), 1) << session_.PlanOf(query);
}

TEST_F(RankRuleTest, PlansAChainOfViewsThatAllAreReadInNoTime) {
  session_.MustRun(
      "CREATE VIEW v0 AS SELECT user_id AS u, amount, ROW_NUMBER() OVER (PARTITION BY user_id "
      "ORDER BY "
      "ts) AS rn FROM ev");
  std::string query = "SELECT u FROM v0";
  for (int i = 1; i <= 30; ++i) {  // twice the time for each would be minutes
    session_.MustRun("CREATE VIEW v" + std::to_string(i) + " AS SELECT * FROM v" +
                     std::to_string(i - 1) + " WHERE amount <> " + std::to_string(i));
    query += " UNION ALL SELECT u FROM v" + std::to_string(i);
  }
  EXPECT_EQ(Ranks(query), 0) << session_.PlanOf(query);
}

TEST_F(RankRuleTest, ComputesWhatIsRandomOnceForAllBounds) {
  session_.MustRun(
      "CREATE VIEW ids AS SELECT UUID() AS id, user_id AS u, ROW_NUMBER() OVER (PARTITION BY "
      "user_id "
      "ORDER BY ts) AS rn FROM ev");
  const std::string query =
      "SELECT a.u FROM (SELECT * FROM ids WHERE rn <= 2) a JOIN (SELECT * FROM ids WHERE rn <= 5) "
      "b "
      "ON a.id = b.id";
  EXPECT_EQ(CountIn(query, "UUID()"), 1) << session_.PlanOf(query);
}

TEST_F(RankRuleTest, StillRefusesARowNumberThatNothingBounds) {
  const std::string message = session_.MessageOf(
      "SELECT u FROM numbered WHERE rn <= 2 UNION ALL SELECT u FROM numbered WHERE rn + 0 < "
      "amount");
  EXPECT_NE(message.find("an OVER window can only be ordered ASC"), std::string::npos) << message;
}

}  // namespace
}  // namespace mainstem::process::plan
