// Conditions reach the joins they belong to, and outer joins whose padding nobody sees are none.
#include <gtest/gtest.h>

#include "process/plan/plan_test_support.h"

namespace mainstem::process::plan {
namespace {

class JoinRulesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    session_.MustRun(R"(
      CREATE TABLE a (id INT, x INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
        WITH ('connector' = 'kafka');
      CREATE TABLE b (id INT, y INT, s STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
        WITH ('connector' = 'kafka');
      CREATE TABLE c (id INT, z INT) WITH ('connector' = 'kafka');
      CREATE TABLE app (id INT, y INT) WITH ('connector' = 'kafka');)");
  }
  // "LEFT" of the first join of the query's plan.
  std::string TypeOf(const std::string& query) {
    const std::string plan = session_.PlanOf(query);
    const size_t begin = plan.find("joinType=[");
    if (begin == std::string::npos) return plan;
    return plan.substr(begin + 10, plan.find(']', begin) - begin - 10);
  }
  std::string TypeWhere(const std::string& type, const std::string& where) {
    return TypeOf("SELECT a.id, y FROM a " + type + " JOIN b ON a.id = b.id WHERE " + where);
  }

  TestSession session_;
};

TEST_F(JoinRulesTest, AnOuterJoinWithoutVisiblePaddingIsPlainer) {
  for (const char* where :
       {"y > 3", "y IS NOT NULL", "a.x = y", "y + 1 = a.x", "CAST(y AS BIGINT) = 5", "NOT y = 3",
        "y IN (1, 2)", "y BETWEEN 1 AND 3", "y > 1 OR b.s = 'q'", "(y = 1) IS TRUE",
        "a.x > 0 AND b.s <> ''"}) {
    EXPECT_EQ(TypeWhere("LEFT", where), "INNER") << where;
  }
  for (const char* where :
       {"y IS NULL", "COALESCE(y, 0) > 3", "a.x > 3", "y > 1 OR a.x > 1", "(y = 1) IS NOT TRUE",
        "y IS DISTINCT FROM 3", "CASE WHEN y IS NULL THEN 1 ELSE y END = 1"}) {
    EXPECT_EQ(TypeWhere("LEFT", where), "LEFT") << where;
  }
  EXPECT_EQ(TypeWhere("RIGHT", "x > 3"), "INNER");
  EXPECT_EQ(TypeWhere("RIGHT", "y > 3"), "RIGHT");
  EXPECT_EQ(TypeWhere("FULL", "x > 3"), "LEFT");
  EXPECT_EQ(TypeWhere("FULL", "y > 3"), "RIGHT");
  EXPECT_EQ(TypeWhere("FULL", "x > y"), "INNER");
  EXPECT_EQ(TypeWhere("FULL", "x IS NULL"), "FULL");
}

TEST_F(JoinRulesTest, StaysAsItIsInPlansOfVersion1) {
  session_.MustRun("SET 'mainstem.plan.version' = '1'");
  EXPECT_EQ(TypeWhere("LEFT", "y > 3"), "LEFT");
  EXPECT_EQ(TypeWhere("FULL", "x > y"), "FULL");
}

TEST_F(JoinRulesTest, AnAppendOnlySinkTakesALeftJoinWithoutVisiblePadding) {
  EXPECT_EQ(session_.MessageOf("INSERT INTO app SELECT a.id, y FROM a LEFT JOIN b ON a.id = b.id "
                               "WHERE y > 3"),
            "no error");
  // Through an inner query, and a condition of a join above.
  EXPECT_EQ(session_.MessageOf("INSERT INTO app SELECT id, y FROM (SELECT a.id, y FROM a LEFT JOIN "
                               "b ON a.id = b.id) WHERE y > 3"),
            "no error");
  EXPECT_NE(session_.MessageOf("INSERT INTO app SELECT a.id, y FROM a LEFT JOIN b ON a.id = b.id"),
            "no error");
}

TEST_F(JoinRulesTest, FiltersInARowMakeAnIntervalJoin) {
  const std::string plan = session_.PlanOf(
      "SELECT id, y FROM (SELECT a.id, y, a.ts AS ta, b.ts AS tb FROM a, b WHERE a.id = b.id AND "
      "a.ts >= b.ts) WHERE ta <= tb + INTERVAL '5' SECOND");
  EXPECT_NE(plan.find("IntervalJoin("), std::string::npos) << plan;
  const std::string below_another = session_.PlanOf(
      "SELECT q.id, y FROM (SELECT a.id, y, a.ts AS ta, b.ts AS tb FROM a, b WHERE a.id = b.id AND "
      "a.ts >= b.ts) q JOIN c ON q.id = c.id WHERE ta <= tb + INTERVAL '5' SECOND");
  EXPECT_NE(below_another.find("IntervalJoin("), std::string::npos) << below_another;
}

}  // namespace
}  // namespace mainstem::process::plan
