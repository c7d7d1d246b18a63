// Goal: queries get Flink's columns and types, plans of the right shape, and the right row kinds on
// each edge. Method: golden plans over pretended connectors.
#include <gtest/gtest.h>

#include "process/plan/plan_test_support.h"

namespace mainstem::process::plan {
namespace {

class PlannerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    session_.MustRun(kEvents);
    session_.MustRun(R"(
      CREATE TABLE cust (id INT, name STRING, city STRING, credit DECIMAL(10,2),
        PRIMARY KEY (id) NOT ENFORCED)
      WITH ('connector' = 'filesystem', 'path' = 'c', 'format' = 'debezium-json');
      CREATE TABLE app (user_id STRING, c BIGINT) WITH ('connector' = 'kafka');
      CREATE TABLE up_user (user_id STRING, c BIGINT, PRIMARY KEY (user_id) NOT ENFORCED)
        WITH ('connector' = 'upsert-kafka');
      CREATE TABLE up_c (user_id STRING, c BIGINT, PRIMARY KEY (c) NOT ENFORCED)
        WITH ('connector' = 'upsert-kafka');
      CREATE TABLE out_print (user_id STRING, c BIGINT) WITH ('connector' = 'print');)");
  }
  TestSession session_;
};

TEST_F(PlannerTest, ReadsOnlyTheColumnsThatAreAskedFor) {
  EXPECT_EQ(session_.PlanOf("SELECT user_id FROM cust_less WHERE 1 = 1").substr(0, 6), "error:");
  session_.MustRun(
      "CREATE TABLE wide (a INT, b INT, c INT, d INT, e AS a + d) WITH ('connector' = 'kafka')");
  EXPECT_EQ(session_.PlanOf("SELECT e FROM wide WHERE c > 1"),
            "Collect(fields=[e], changelogMode=[I], id=sink-1)\n"
            "+- Project(select=[(a + d) AS e], changelogMode=[I], id=project-1)\n"
            "   +- Filter(where=[(c > 1)], changelogMode=[I], id=filter-1)\n"
            "      +- TableSourceScan(table=[default_catalog.default_database.wide], "
            "fields=[a, c, d], changelogMode=[I], id=scan-1)\n");
}

TEST_F(PlannerTest, ReadsOnlyTheFieldsOfRowsThatAreAskedFor) {
  const std::string columns =
      " (k INT, r ROW<a INT, s ROW<x INT, y STRING, z INT>, b STRING>, "
      "ts AS CASE WHEN k = 0 THEN r.s.x ELSE r.s.z END) WITH ('connector' = 'kafka', 'format' = '";
  session_.MustRun("CREATE TABLE by_name" + columns + "json');" +  //
                   "CREATE TABLE by_place" + columns + "csv')");
  const auto scanned = [&](const std::string& query) {
    const std::string plan = session_.PlanOf(query);
    const size_t begin = plan.find("fields=[", plan.find("TableSourceScan"));
    return plan.substr(begin, plan.find(']', begin) + 1 - begin);
  };
  EXPECT_EQ(scanned("SELECT r.b, v.ts FROM by_name AS v WHERE k > 1"),
            "fields=[k, r.s.x, r.s.z, r.b]");
  EXPECT_EQ(scanned("SELECT q.s.y FROM (SELECT r AS q FROM by_name) WHERE q.a > 1"),
            "fields=[r.a, r.s.y]");
  EXPECT_EQ(scanned("SELECT q.y FROM (SELECT r.s AS q, k FROM by_name WHERE r IS NOT NULL)"),
            "fields=[r]");
  EXPECT_EQ(scanned("SELECT r FROM by_name WHERE r.a > 1"), "fields=[r]");
  EXPECT_EQ(scanned("SELECT r.a FROM by_place"), "fields=[r]");
}

TEST_F(PlannerTest, FindsTheKeysOfJoinsAndFiltersBelowThem) {
  EXPECT_EQ(
      session_.PlanOf("SELECT ev.amount, name FROM ev, cust WHERE CHAR_LENGTH(user_id) = id AND "
                      "amount > 3 AND city = 'Oslo' AND credit < amount"),
      "Collect(fields=[amount, name], changelogMode=[I,UB,UA,D], id=sink-1)\n"
      "+- Project(select=[amount, name], changelogMode=[I,UB,UA,D], id=project-2)\n"
      "   +- Join(joinType=[INNER], where=[($key3 = id) AND (credit < CAST(amount AS DECIMAL(10, "
      "0)))], select=[amount, $key3, id, name, city, credit], changelogMode=[I,UB,UA,D], "
      "id=join-1)\n"
      "      :- Project(select=[amount, CHAR_LENGTH(user_id) AS $key3], changelogMode=[I], "
      "id=project-1)\n"
      "      :  +- Filter(where=[(amount > 3)], changelogMode=[I], id=filter-1)\n"
      "      :     +- WatermarkAssigner(rowtime=[ts], watermark=[(ts - 2:INTERVAL SECOND)], "
      "changelogMode=[I], id=watermark-1)\n"
      "      :        +- TableSourceScan(table=[default_catalog.default_database.ev], "
      "fields=[user_id, amount, ts], changelogMode=[I], id=scan-1)\n"
      "      +- Filter(where=[(city = CAST('Oslo' AS STRING))], changelogMode=[I,UB,UA,D], "
      "id=filter-2)\n"
      "         +- TableSourceScan(table=[default_catalog.default_database.cust], fields=[id, "
      "name, "
      "city, credit], changelogMode=[I,UB,UA,D], id=scan-2)\n");
}

TEST_F(PlannerTest, KnowsTheKeysOfAJoinsResult) {
  // Each order has one customer at most: the order's key identifies the result.
  session_.MustRun(
      "CREATE TABLE orders (oid INT, cid INT, PRIMARY KEY (oid) NOT ENFORCED) WITH ('connector' = "
      "'upsert-kafka');"
      "CREATE TABLE enriched (oid INT, name STRING, PRIMARY KEY (oid) NOT ENFORCED) WITH "
      "('connector' = 'upsert-kafka');");
  EXPECT_EQ(session_.MessageOf("INSERT INTO enriched SELECT oid, name FROM orders LEFT JOIN cust "
                               "ON cid = id"),
            "no error");
  EXPECT_NE(session_.MessageOf("INSERT INTO enriched SELECT oid, name FROM orders LEFT JOIN cust "
                               "ON cid < id"),
            "no error");
  const std::string message = session_.MessageOf(
      "INSERT INTO app SELECT e.user_id, CAST(amount AS BIGINT) FROM ev e LEFT JOIN app a ON "
      "e.user_id = a.user_id");
  EXPECT_NE(message.find("a LEFT JOIN (what it padded with NULLs may match later)"),
            std::string::npos)
      << message;
}

TEST_F(PlannerTest, FusesWindowFunctionAndAggregate) {
  EXPECT_EQ(session_.PlanOf("SELECT window_start, window_end, COUNT(*) c, SUM(amount) s FROM "
                            "TABLE(TUMBLE(TABLE ev, DESCRIPTOR(ts), INTERVAL '10' SECOND)) WHERE "
                            "amount > 3 GROUP BY window_start, window_end"),
            "Collect(fields=[window_start, window_end, c, s], changelogMode=[I], id=sink-1)\n"
            "+- Project(select=[window_start, window_end, agg$0 AS c, agg$1 AS s], "
            "changelogMode=[I], id=project-1)\n"
            "   +- WindowAggregate(window=[TUMBLE(time_col=[ts], size=[10 s])], "
            "select=[COUNT(*) AS agg$0, SUM(amount) AS agg$1, window_start, window_end], "
            "changelogMode=[I], id=window-aggregate-1)\n"
            "      +- Filter(where=[(amount > 3)], changelogMode=[I], id=filter-1)\n"
            "         +- WatermarkAssigner(rowtime=[ts], watermark=[(ts - 2:INTERVAL SECOND)], "
            "changelogMode=[I], id=watermark-1)\n"
            "            +- TableSourceScan(table=[default_catalog.default_database.ev], "
            "fields=[amount, ts], changelogMode=[I], id=scan-1)\n");
}

TEST_F(PlannerTest, TakesTheOlderWindowsToo) {
  EXPECT_EQ(session_.ColumnsOf("SELECT user_id, TUMBLE_START(ts, INTERVAL '1' MINUTE) AS ws, "
                               "TUMBLE_ROWTIME(ts, INTERVAL '1' MINUTE) rt, COUNT(*) FROM ev GROUP "
                               "BY user_id, TUMBLE(ts, INTERVAL '1' MINUTE)"),
            "user_id VARCHAR, ws TIMESTAMP_WITHOUT_TIME_ZONE(3) NOT NULL, rt "
            "TIMESTAMP_WITHOUT_TIME_ZONE(3), EXPR$3 BIGINT NOT NULL");
  EXPECT_EQ(session_.MessageOf("SELECT TUMBLE_END(ts, INTERVAL '2' MINUTE) FROM ev GROUP BY "
                               "TUMBLE(ts, INTERVAL '1' MINUTE)"),
            "line 1, column 8: the arguments of TUMBLE_END differ from those of TUMBLE in GROUP "
            "BY");
}

TEST_F(PlannerTest, GroupsWithoutTheWindowsEndAsAnOrdinaryAggregate) {
  const std::string plan = session_.PlanOf(
      "SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE ev, DESCRIPTOR(ts), INTERVAL '10' "
      "SECOND)) GROUP BY window_start");
  EXPECT_NE(plan.find("GroupAggregate(groupBy=[window_start]"), std::string::npos) << plan;
  EXPECT_NE(plan.find("WindowTableFunction(window=[TUMBLE(time_col=[ts], size=[10 s])]"),
            std::string::npos);
}

TEST_F(PlannerTest, AggregatesWindowsOfWindows) {
  const std::string plan = session_.PlanOf(
      "SELECT window_start, window_end, MAX(c) FROM (SELECT user_id, window_start, window_end, "
      "COUNT(*) c FROM TABLE(TUMBLE(TABLE ev, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY "
      "user_id, window_start, window_end) GROUP BY window_start, window_end");
  EXPECT_NE(plan.find("WindowAggregate(window=[win_start=[window_start], win_end=[window_end]]"),
            std::string::npos)
      << plan;
}

TEST_F(PlannerTest, SendsUpdateBeforeOnlyWhereItIsNeeded) {
  const std::string upsert =
      session_.PlanOf("INSERT INTO up_user SELECT user_id, COUNT(*) FROM ev GROUP BY user_id");
  EXPECT_NE(upsert.find("COUNT(*) AS agg$0], changelogMode=[I,UA]"), std::string::npos) << upsert;
  const std::string retract =
      session_.PlanOf("INSERT INTO out_print SELECT user_id, COUNT(*) FROM ev GROUP BY user_id");
  EXPECT_NE(retract.find("COUNT(*) AS agg$0], changelogMode=[I,UB,UA]"), std::string::npos)
      << retract;
  const std::string nested = session_.PlanOf(
      "SELECT c, COUNT(*) FROM (SELECT user_id, COUNT(*) c FROM ev GROUP BY user_id) GROUP BY c");
  EXPECT_NE(nested.find("groupBy=[c], select=[c, COUNT(*) AS agg$0], changelogMode=[I,UB,UA,D]"),
            std::string::npos)
      << nested;
  const std::string having = session_.PlanOf(
      "INSERT INTO up_user SELECT user_id, COUNT(*) FROM ev GROUP BY user_id HAVING COUNT(*) > 1");
  EXPECT_NE(having.find("COUNT(*) AS agg$0], changelogMode=[I,UB,UA]"), std::string::npos)
      << having;
}

TEST_F(PlannerTest, TellsAggregatesToRetract) {
  Result<Answer> answer = session_.Run("SELECT city, MIN(credit) FROM cust GROUP BY city");
  ASSERT_TRUE(answer.ok()) << sql::RenderError(answer.status());
  for (const PlanNode* node : InTopologicalOrder(answer->plan)) {
    if (node->kind != NodeKind::kGroupAggregate) continue;
    const auto& aggregate = static_cast<const GroupAggregateNode&>(*node);
    EXPECT_TRUE(aggregate.aggregates[0].call.needs_retract);
    EXPECT_TRUE(node->changelog.deletes);
  }
}

TEST_F(PlannerTest, RefusesUpdatesForAnAppendOnlySink) {
  EXPECT_EQ(
      session_.ErrorOf("INSERT INTO app SELECT user_id, COUNT(*) FROM ev GROUP BY user_id"),
      "error: line 1, column 13: table 'default_catalog.default_database.app' takes new rows only, "
      "but GROUP BY user_id updates rows already written\n"
      " 1 | INSERT INTO app SELECT user_id, COUNT(*) FROM ev GROUP BY user_id\n"
      "   |             ^^^\n"
      "hint: write into a table that takes updates (jdbc or upsert-kafka with a PRIMARY KEY, "
      "print), or aggregate over windows (TABLE(TUMBLE(..))), which send each result once\n");
}

TEST_F(PlannerTest, AKeyThatAnInsertWidensStaysTheKey) {
  session_.MustRun(
      "CREATE TABLE wide (k STRING, n BIGINT, c BIGINT, PRIMARY KEY (k, n) NOT ENFORCED) "
      "WITH ('connector' = 'upsert-kafka')");
  const std::string from = " FROM (VALUES ('a', 1), ('b', 2)) AS t (k, n) GROUP BY k, n";
  EXPECT_NE(session_.PlanOf("INSERT INTO wide SELECT k, n, COUNT(*)" + from)
                .find("Sink(table=[default_catalog.default_database.wide]"),
            std::string::npos);
  EXPECT_NE(session_.ErrorOf("INSERT INTO wide SELECT SUBSTRING(k, 1, 1), n, COUNT(*)" + from)
                .find("the query's rows have no upsert key"),
            std::string::npos);
}

TEST_F(PlannerTest, KnowsAKeyByEachOfItsNamesAndWithoutConstants) {
  session_.MustRun(
      "CREATE TABLE twice (k STRING, k2 STRING, c BIGINT, PRIMARY KEY (k2) NOT ENFORCED) WITH "
      "('connector' = 'upsert-kafka');"
      "CREATE TABLE fixed (k STRING, n INT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = "
      "'upsert-kafka');");
  const std::string twice =
      "INSERT INTO twice SELECT user_id, user_id, COUNT(*) FROM ev GROUP BY user_id";
  const std::string fixed = "INSERT INTO fixed SELECT DISTINCT user_id, 5 FROM ev";
  EXPECT_EQ(session_.MessageOf(twice), "no error");
  EXPECT_EQ(session_.MessageOf(fixed), "no error");
  // Jobs of before are planned as they were.
  session_.MustRun("SET 'mainstem.plan.version' = '2'");
  EXPECT_THAT(session_.MessageOf(twice), testing::HasSubstr("upsert key ([k]) differs"));
  EXPECT_THAT(session_.MessageOf(fixed), testing::HasSubstr("upsert key ([k, n]) differs"));
}

TEST_F(PlannerTest, JoinsInARowKeepOnlyWhatIsAskedFor) {
  session_.MustRun(
      "CREATE TABLE l (k INT, a INT) WITH ('connector' = 'kafka');"
      "CREATE TABLE m (k INT, b INT) WITH ('connector' = 'kafka');"
      "CREATE TABLE r (k INT, c INT) WITH ('connector' = 'kafka');");
  const std::string by_using = "SELECT k, a, b, c FROM l JOIN m USING (k) JOIN r USING (k)";
  const std::string by_on = "SELECT l.k, a, b, c FROM l JOIN m ON l.k = m.k JOIN r ON l.k = r.k";
  // Between the joins: k once.
  const std::string upper = "where=[(k = k)], select=[k, a, b, k, c]";
  EXPECT_THAT(session_.PlanOf(by_using), testing::HasSubstr(upper));
  EXPECT_THAT(session_.PlanOf(by_on), testing::HasSubstr(upper));
  // Jobs of before: by USING as now, by ON all columns.
  session_.MustRun("SET 'mainstem.plan.version' = '2'");
  EXPECT_THAT(session_.PlanOf(by_using), testing::HasSubstr(upper));
  EXPECT_THAT(session_.PlanOf(by_on), testing::HasSubstr("select=[k, a, k, b, k, c]"));
  EXPECT_THAT(session_.ErrorOf("SELECT m.k FROM l JOIN m USING (k)"),
              testing::HasSubstr("column 'k' not found in table 'm'"));
}

TEST_F(PlannerTest, AsksForOnConflictWhenKeysDiffer) {
  const std::string query = "SELECT user_id, COUNT(*) FROM ev GROUP BY user_id";
  EXPECT_NE(session_.ErrorOf("INSERT INTO up_c " + query)
                .find("the query's upsert key ([user_id]) differs from the primary key [c]"),
            std::string::npos);
  EXPECT_NE(session_.ErrorOf("INSERT INTO up_user SELECT user_id, CAST(amount AS BIGINT) FROM ev")
                .find("no upsert key: several may fall on one primary key [user_id]"),
            std::string::npos);
  const std::string plan =
      session_.PlanOf("INSERT INTO up_c " + query + " ON CONFLICT DO DEDUPLICATE");
  EXPECT_NE(plan.find("upsertMaterialize=[true], conflictStrategy=[DEDUPLICATE], "
                      "changelogMode=[I,UB,UA]"),
            std::string::npos)
      << plan;
  session_.MustRun("SET 'table.exec.sink.require-on-conflict' = 'false'");
  EXPECT_NE(session_.PlanOf("INSERT INTO up_c " + query).find("upsertMaterialize"),
            std::string::npos);
}

TEST_F(PlannerTest, AcceptsOneBoundOfTheWindowAsAKey) {
  session_.MustRun(
      "CREATE TABLE per_minute (ws TIMESTAMP(3), user_id STRING, c BIGINT, PRIMARY KEY (ws, "
      "user_id) NOT ENFORCED) WITH ('connector' = 'jdbc')");
  const std::string plan = session_.PlanOf(
      "INSERT INTO per_minute SELECT window_start, user_id, COUNT(*) FROM TABLE(TUMBLE(TABLE ev, "
      "DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, user_id");
  EXPECT_EQ(plan.find("error"), std::string::npos) << plan;
  EXPECT_EQ(plan.find("upsertMaterialize"), std::string::npos) << plan;
}

TEST_F(PlannerTest, ReadsASharedSourceOnce) {
  const std::string plan = session_.PlanOf(
      "EXECUTE STATEMENT SET BEGIN\n"
      "INSERT INTO out_print SELECT user_id, CAST(amount AS BIGINT) FROM ev;\n"
      "INSERT INTO app SELECT user_id, CAST(1 AS BIGINT) FROM ev WHERE amount > 5;\n"
      "END;");
  const size_t first = plan.find("TableSourceScan");
  EXPECT_NE(first, std::string::npos) << plan;
  EXPECT_EQ(plan.find("TableSourceScan", first + 1), std::string::npos) << plan;
  EXPECT_NE(plan.find("Reused(reference=[watermark-1])"), std::string::npos) << plan;
}

TEST_F(PlannerTest, CastsToTheColumnsOfTheSink) {
  EXPECT_NE(session_.PlanOf("INSERT INTO out_print (c) SELECT amount FROM ev")
                .find("CAST(amount AS BIGINT)"),
            std::string::npos);
  EXPECT_EQ(session_.MessageOf("INSERT INTO out_print SELECT amount, 1 FROM ev"),
            "line 1, column 23: column 'user_id' of 'out_print' is VARCHAR(2147483647), but the "
            "query gives INTEGER for it");
  EXPECT_EQ(session_.MessageOf("INSERT INTO out_print SELECT user_id FROM ev"),
            "line 1, column 23: the query has 1 columns, but 2 of 'out_print' are to be filled");
  EXPECT_EQ(session_.MessageOf("INSERT INTO out_print (nope) SELECT user_id FROM ev"),
            "line 1, column 24: table 'out_print' has no column 'nope'");
}

TEST_F(PlannerTest, NamesResultColumnsAsFlink) {
  EXPECT_EQ(session_.ColumnsOf("SELECT user_id, amount * 2, amount AS a, 'x' FROM ev"),
            "user_id VARCHAR, EXPR$1 INTEGER, a INTEGER, EXPR$3 CHAR(1) NOT NULL");
  EXPECT_EQ(session_.ColumnsOf("SELECT * FROM (VALUES (1, 'a'), (2, CAST(NULL AS STRING))) AS v "
                               "(id, name)"),
            "id INTEGER NOT NULL, name VARCHAR");
  EXPECT_EQ(session_.ColumnsOf("SELECT amount, amount FROM ev"), "amount INTEGER, amount0 INTEGER");
  EXPECT_EQ(session_.ColumnsOf("SELECT 1 UNION ALL SELECT CAST(2 AS BIGINT)"),
            "EXPR$0 BIGINT NOT NULL");
}

TEST_F(PlannerTest, KeepsTimeThroughViewsAndLosesItInAggregates) {
  session_.MustRun(
      "CREATE VIEW big (who, `when`, n) AS SELECT user_id, ts, amount FROM ev WHERE amount > 10");
  EXPECT_EQ(session_
                .PlanOf("SELECT window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE big, "
                        "DESCRIPTOR(`when`), INTERVAL '1' HOUR)) GROUP BY window_start, "
                        "window_end")
                .substr(0, 8),
            "Collect(");
  EXPECT_NE(session_
                .ErrorOf("SELECT window_end FROM TABLE(TUMBLE((SELECT MAX(ts) AS ts FROM ev), "
                         "DESCRIPTOR(ts), INTERVAL '1' HOUR))")
                .find("requires the timecol to be a time attribute, but 'ts' is TIMESTAMP(3)"),
            std::string::npos);
  EXPECT_NE(session_
                .ErrorOf("SELECT window_end FROM TABLE(TUMBLE((SELECT CAST(ts AS TIMESTAMP(3)) "
                         "AS ts FROM ev), DESCRIPTOR(ts), INTERVAL '1' HOUR))")
                .find("requires the timecol to be a time attribute"),
            std::string::npos);
}

TEST_F(PlannerTest, ExpandsCommonTablesAndSubqueries) {
  EXPECT_EQ(session_.ColumnsOf("WITH a AS (SELECT user_id u, amount n FROM ev), b (x) AS (SELECT "
                               "SUM(n) FROM a) SELECT x + 1 FROM b"),
            "EXPR$0 INTEGER");
  EXPECT_NE(
      session_.ErrorOf("WITH a AS (SELECT 1 FROM a) SELECT * FROM a").find("table 'a' not found"),
      std::string::npos);
}

TEST_F(PlannerTest, AppliesHintsAndLike) {
  session_.MustRun(
      "CREATE TABLE ev2 (doubled AS amount * 2) WITH ('path' = 'y') LIKE ev (INCLUDING ALL "
      "OVERWRITING OPTIONS)");
  EXPECT_EQ(session_.ColumnsOf("SELECT user_id, doubled FROM ev2"),
            "user_id VARCHAR, doubled INTEGER");
  Result<Answer> answer = session_.Run("SELECT user_id FROM ev /*+ OPTIONS('path' = 'z') */");
  ASSERT_TRUE(answer.ok()) << sql::RenderError(answer.status());
  const auto order = InTopologicalOrder(answer->plan);
  EXPECT_EQ(static_cast<const ScanNode&>(*order[0]).table.options.at("path"), "z");
}

TEST_F(PlannerTest, CreatesAndFillsATableFromAQuery) {
  Result<Answer> answer = session_.Run(
      "CREATE TABLE ct WITH ('connector' = 'kafka') AS SELECT user_id, amount FROM ev");
  ASSERT_TRUE(answer.ok()) << sql::RenderError(answer.status());
  EXPECT_EQ(answer->kind, AnswerKind::kJob);
  EXPECT_EQ(session_.ColumnsOf("SELECT * FROM ct"), "user_id VARCHAR, amount INTEGER");
}

TEST_F(PlannerTest, PutsMetadataAndComputedColumnsInPlace) {
  session_.MustRun(R"(
    CREATE TABLE k (
      event_at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
      `offset` BIGINT METADATA VIRTUAL,
      a INT,
      pt AS PROCTIME(),
      day_of AS CAST(event_at AS DATE),
      WATERMARK FOR event_at AS event_at
    ) WITH ('connector' = 'kafka'))");
  EXPECT_EQ(session_.ColumnsOf("SELECT * FROM k"),
            "event_at TIMESTAMP_WITH_LOCAL_TIME_ZONE(3), offset BIGINT, a INTEGER, pt "
            "TIMESTAMP_WITH_LOCAL_TIME_ZONE(3) NOT NULL, day_of DATE");
  Result<Answer> answer = session_.Run("INSERT INTO k SELECT CURRENT_TIMESTAMP, 1");
  ASSERT_TRUE(answer.ok()) << sql::RenderError(answer.status());
  const connector::TableDescriptor& sink = answer->plan.sinks[0]->table;
  EXPECT_EQ(sink.schema->ToString(true).substr(0, 2), "a:");
  EXPECT_EQ(sink.metadata_columns.size(), 1u);
}

TEST_F(PlannerTest, ExplainsInThreeStages) {
  Result<Answer> answer = session_.Run("EXPLAIN SELECT user_id FROM ev WHERE amount > 1");
  ASSERT_TRUE(answer.ok()) << sql::RenderError(answer.status());
  const std::string text = *answer->rows[0][0];
  EXPECT_NE(text.find("== Syntax Tree ==\nSELECT user_id FROM ev WHERE (amount > 1)"),
            std::string::npos);
  EXPECT_NE(text.find("== Logical Plan ==\nCollect("), std::string::npos);
  EXPECT_NE(text.find("== Optimized Plan ==\nCollect(fields=[user_id], changelogMode=[I]"),
            std::string::npos);
}

TEST_F(PlannerTest, SurvivesDoublingSubqueries) {
  std::string query = "SELECT amount AS a FROM ev";
  for (int i = 0; i < 60; ++i) query = "SELECT a + a AS a FROM (" + query + ")";
  EXPECT_EQ(session_.ColumnsOf(query), "a INTEGER");
}

TEST_F(PlannerTest, GivesNullTheTypeOfTheSinksColumn) {
  const std::string values = session_.PlanOf("INSERT INTO out_print VALUES ('a', NULL), ('b', 2)");
  EXPECT_NE(values.find("Values(rows=[2]"), std::string::npos) << values;
  const std::string all_null = session_.PlanOf("INSERT INTO out_print VALUES ('a', NULL)");
  EXPECT_EQ(all_null.find("error"), std::string::npos) << all_null;
  const std::string select = session_.PlanOf("INSERT INTO out_print SELECT NULL, 1 FROM ev");
  EXPECT_EQ(select.find("error"), std::string::npos) << select;
  EXPECT_NE(session_.ErrorOf("SELECT NULL FROM ev").find("illegal use of NULL"), std::string::npos);
}

TEST_F(PlannerTest, BoundsTheDepthOfQueriesThroughViews) {
  // Each view nests some subqueries; together they would be thousands of levels deep.
  session_.MustRun("CREATE VIEW v0 AS SELECT amount AS a FROM ev");
  std::string last;
  for (int view = 1; view < 12; ++view) {
    std::string query = "SELECT a + 1 AS a FROM v" + std::to_string(view - 1);
    for (int i = 0; i < 30; ++i) query = "SELECT a + 1 AS a FROM (" + query + ")";
    last = session_.ErrorOf("CREATE VIEW v" + std::to_string(view) + " AS " + query);
    if (last != "no error") break;
  }
  EXPECT_NE(last.find("nested more than 200 deep"), std::string::npos) << last;
}

TEST_F(PlannerTest, ComputesAViewThatKeepsStateOnce) {
  session_.MustRun(
      "CREATE VIEW totals AS SELECT user_id, COUNT(*) AS c FROM ev GROUP BY user_id;"
      "CREATE VIEW costly AS SELECT user_id, amount FROM ev WHERE amount > 10");
  const auto count = [](const std::string& plan, std::string_view what) {
    int found = 0;
    for (size_t at = plan.find(what); at != std::string::npos; at = plan.find(what, at + 1)) {
      ++found;
    }
    return found;
  };
  const std::string twice = session_.PlanOf(
      "SELECT user_id FROM totals WHERE c > 5 UNION ALL SELECT user_id FROM totals WHERE c < 3");
  EXPECT_EQ(count(twice, "GroupAggregate("), 1) << twice;
  // A view that is no work to compute again is planned for each of its users.
  const std::string cheap = session_.PlanOf(
      "SELECT user_id FROM costly WHERE amount > 20 UNION ALL SELECT user_id FROM costly");
  EXPECT_EQ(count(cheap, "(amount > 10)"), 2) << cheap;
}

TEST_F(PlannerTest, BindsTheDeepestTreesThatParse) {
  std::string sum = "amount";
  for (int i = 0; i < 390; ++i) sum += " + 1";
  EXPECT_EQ(session_.ColumnsOf("SELECT " + sum + " AS a FROM ev"), "a INTEGER");
  std::string nested = "SELECT amount FROM ev";
  for (int i = 0; i < 120; ++i) nested = "SELECT * FROM (" + nested + ") WHERE amount > 0";
  EXPECT_EQ(session_.ColumnsOf(nested), "amount INTEGER");
}

}  // namespace
}  // namespace mainstem::process::plan
