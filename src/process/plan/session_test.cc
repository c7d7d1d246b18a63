// Goal: definitions and look-ups of a session work together. Method: run statements, read answers.
#include <gtest/gtest.h>

#include "process/plan/interval.h"
#include "process/plan/plan_test_support.h"
#include "process/plan/show_create.h"

namespace mainstem::process::plan {
namespace {

TEST(Session, ShowsATableAsItWasCreated) {
  TestSession session;
  session.MustRun(kEvents);
  session.MustRun(
      "CREATE TABLE k (id BIGINT, seen TIMESTAMP(3) METADATA FROM 'timestamp' VIRTUAL, x AS id * "
      "2, "
      "PRIMARY KEY (id) NOT ENFORCED) COMMENT 'it''s' WITH ('connector' = 'jdbc', 'password' = "
      "'p')");
  Result<Answer> shown = session.Run("SHOW CREATE TABLE k");
  ASSERT_TRUE(shown.ok());
  EXPECT_EQ(*shown->rows[0][0],
            "CREATE TABLE `default_catalog`.`default_database`.`k` (\n"
            "  `id` BIGINT NOT NULL,\n"
            "  `seen` TIMESTAMP(3) METADATA FROM 'timestamp' VIRTUAL,\n"
            "  `x` AS `id` * 2,\n"
            "  CONSTRAINT `PK_id` PRIMARY KEY (`id`) NOT ENFORCED\n"
            ")\nCOMMENT 'it''s'\nWITH (\n"
            "  'connector' = 'jdbc',\n  'password' = '******'\n)\n");
  session.MustRun("DROP TABLE k");
  session.MustRun(*shown->rows[0][0]);
}

TEST(Session, DescribesTablesAndViews) {
  TestSession session;
  session.MustRun(kEvents);
  Result<Answer> answer = session.Run("DESCRIBE ev");
  ASSERT_TRUE(answer.ok());
  ASSERT_EQ(answer->rows.size(), 3u);
  EXPECT_EQ(*answer->rows[2][1], "TIMESTAMP(3) *ROWTIME*");
  EXPECT_EQ(*answer->rows[2][5], "`ts` - INTERVAL '2' SECOND");
  session.MustRun("CREATE VIEW v AS SELECT user_id u FROM ev");
  answer = session.Run("DESC v");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(*answer->rows[0][0], "u");
}

TEST(Session, ListsAndDropsObjects) {
  TestSession session;
  session.MustRun(kEvents);
  session.MustRun("CREATE VIEW v AS SELECT 1 AS one_column");
  Result<Answer> tables = session.Run("SHOW TABLES LIKE 'e%'");
  ASSERT_TRUE(tables.ok());
  EXPECT_EQ(tables->rows.size(), 1u);
  EXPECT_NE(session.ErrorOf("DROP TABLE v").find("it is a view: use DROP VIEW"), std::string::npos);
  session.MustRun("DROP VIEW v; DROP TABLE IF EXISTS nothing_here; DROP TABLE ev");
  EXPECT_TRUE(session.Run("SHOW TABLES")->rows.empty());
}

TEST(Session, KeepsDatabasesApart) {
  TestSession session;
  session.MustRun("CREATE DATABASE d; USE d;");
  session.MustRun(kEvents);
  session.MustRun("CREATE VIEW v AS SELECT amount FROM ev; USE default_database;");
  EXPECT_NE(session.MessageOf("SELECT * FROM ev"), "no error");
  // The view's names resolve where it was made.
  EXPECT_EQ(session.ColumnsOf("SELECT * FROM d.v"), "amount INTEGER");
  EXPECT_NE(session.ErrorOf("DROP DATABASE d").find("is not empty"), std::string::npos);
  session.MustRun("DROP DATABASE d CASCADE");
}

TEST(Session, KeepsCatalogsApart) {
  TestSession session;
  session.MustRun("CREATE CATALOG c WITH ('type' = 'generic_in_memory', 'default-database' = 'd')");
  session.MustRun("CREATE CATALOG IF NOT EXISTS c WITH ('type' = 'generic_in_memory')");
  session.MustRun("USE CATALOG c");
  session.MustRun(kEvents);
  session.MustRun("USE CATALOG default_catalog");
  EXPECT_EQ(session.ColumnsOf("SELECT amount FROM c.d.ev"), "amount INTEGER");
  EXPECT_NE(session.ErrorOf("CREATE CATALOG c WITH ('type' = 'generic_in_memory')").find("exists"),
            std::string::npos);
  EXPECT_NE(session.ErrorOf("CREATE CATALOG x WITH ('type' = 'hive')").find("not available yet"),
            std::string::npos);
  EXPECT_NE(session.ErrorOf("CREATE CATALOG x").find("needs the option 'type'"), std::string::npos);
  EXPECT_NE(session.ErrorOf("DROP CATALOG default_catalog").find("in use"), std::string::npos);
  EXPECT_NE(session.ErrorOf("DROP DATABASE c.d").find("cannot be dropped"), std::string::npos);
  session.MustRun("DROP CATALOG c; DROP CATALOG IF EXISTS c");
  EXPECT_NE(session.ErrorOf("SELECT amount FROM c.d.ev"), "no error");
}

TEST(Session, ModifiesColumnsKeysAndWatermark) {
  TestSession session;
  session.MustRun(
      "CREATE TABLE t (a INT, b STRING, c AS a + 1) WITH ('connector' = 'filesystem', "
      "'path' = 'x', 'format' = 'json')");
  session.MustRun(
      "ALTER TABLE t ADD (ts TIMESTAMP(3) FIRST, k BIGINT AFTER a, "
      "PRIMARY KEY (k) NOT ENFORCED, WATERMARK FOR ts AS ts)");
  session.MustRun(
      "ALTER TABLE t MODIFY (a BIGINT AFTER b, WATERMARK FOR ts AS ts - INTERVAL '1' "
      "SECOND)");
  EXPECT_EQ(session.ColumnsOf("SELECT k, b, a, c FROM t"),
            "k BIGINT NOT NULL, b VARCHAR, a BIGINT, c BIGINT");
  session.MustRun("ALTER TABLE t RENAME b TO text");
  session.MustRun("ALTER TABLE t RENAME k TO id");
  session.MustRun("ALTER TABLE t MODIFY PRIMARY KEY (id, text) NOT ENFORCED");
  EXPECT_EQ(session.ColumnsOf("SELECT text, id FROM t"),
            "text VARCHAR NOT NULL, id BIGINT NOT NULL");
  const auto refused = [&](const std::string& what) {
    return session.ErrorOf("ALTER TABLE t " + what);
  };
  EXPECT_NE(refused("RENAME a TO z").find("used by the computed column 'c'"), std::string::npos);
  EXPECT_NE(refused("DROP a").find("used by the computed column 'c'"), std::string::npos);
  EXPECT_NE(refused("RENAME ts TO z").find("used by the watermark"), std::string::npos);
  EXPECT_NE(refused("DROP id").find("used by the primary key"), std::string::npos);
  EXPECT_NE(refused("ADD WATERMARK FOR ts AS ts").find("a watermark already"), std::string::npos);
  EXPECT_NE(refused("ADD PRIMARY KEY (a) NOT ENFORCED").find("a primary key already"),
            std::string::npos);
  EXPECT_NE(refused("ADD (y INT AFTER nowhere)").find("'nowhere' not found"), std::string::npos);
  EXPECT_NE(refused("MODIFY nowhere INT").find("'nowhere' not found"), std::string::npos);
  EXPECT_NE(refused("RENAME text TO a").find("there already"), std::string::npos);
  session.MustRun("ALTER TABLE t DROP (a, c)");
  EXPECT_NE(session.ErrorOf("SELECT c FROM t"), "no error");
}

TEST(Session, ChangesTables) {
  TestSession session;
  session.MustRun(kEvents);
  session.MustRun("ALTER TABLE ev ADD (extra STRING, twice AS amount * 2)");
  EXPECT_EQ(session.ColumnsOf("SELECT extra, twice FROM ev"), "extra VARCHAR, twice INTEGER");
  session.MustRun("ALTER TABLE ev DROP extra");
  session.MustRun("ALTER TABLE ev SET ('path' = 'other')");
  session.MustRun("ALTER TABLE ev RENAME TO events");
  EXPECT_EQ(session.ColumnsOf("SELECT twice FROM events"), "twice INTEGER");
  EXPECT_NE(session.ErrorOf("ALTER TABLE events DROP ts").find("used by the watermark"),
            std::string::npos);
}

TEST(Session, SaysWhenAViewNoLongerFits) {
  TestSession session;
  session.MustRun(kEvents);
  session.MustRun("CREATE VIEW v AS SELECT amount FROM ev; ALTER TABLE ev DROP amount");
  EXPECT_NE(session.ErrorOf("SELECT * FROM v").find("view 'v' is no longer valid"),
            std::string::npos);
}

TEST(Session, GivesStatementsToTheCaller) {
  TestSession session;
  session.MustRun(kEvents);
  session.MustRun("CREATE TABLE p (a STRING) WITH ('connector' = 'print')");
  Result<Answer> job = session.Run("INSERT INTO p SELECT user_id FROM ev");
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(job->kind, AnswerKind::kJob);
  EXPECT_EQ(job->sql, "INSERT INTO p SELECT user_id FROM ev");
  EXPECT_EQ(session.Run("SELECT 1")->kind, AnswerKind::kQuery);
  EXPECT_EQ(session.Run("SHOW JOBS")->kind, AnswerKind::kShowJobs);
  EXPECT_EQ(session.Run("STOP JOB 'j'")->job_id, "j");
}

int64_t Interval(const std::string& text) {
  const Result<sql::ParsedExpression> parsed = sql::ParseExpression("INTERVAL " + text);
  if (!parsed.ok()) return -1;
  const Result<IntervalValue> value = ParseInterval(sql::As<sql::IntervalExpr>(*parsed->expr));
  return value.ok() ? value->value : -1;
}

TEST(Interval, ReadsAllForms) {
  EXPECT_EQ(Interval("'10' SECOND"), 10'000);
  EXPECT_EQ(Interval("'-4' SECOND"), -4'000);
  EXPECT_EQ(Interval("-'-4' SECOND"), 4'000);
  EXPECT_EQ(Interval("'1 02:03:04.5' DAY TO SECOND(3)"), 93'784'500);
  EXPECT_EQ(Interval("'02:03' HOUR TO MINUTE"), 7'380'000);
  EXPECT_EQ(Interval("'1-2' YEAR TO MONTH"), 14);
  EXPECT_EQ(Interval("'2' WEEK"), 1'209'600'000);
  EXPECT_EQ(Interval("'1.25' SECOND"), 1'250);
  for (const char* bad : {"'x' SECOND", "'1 2' DAY", "'1:99' HOUR TO MINUTE", "'' DAY",
                          "'1' MONTH TO DAY", "'99999999999999999999' DAY"}) {
    EXPECT_EQ(Interval(bad), -1) << bad;
  }
}

TEST(ShowCreate, MatchesLikePatterns) {
  EXPECT_TRUE(MatchesLike("clicks", "c%k_", false));
  EXPECT_TRUE(MatchesLike("a", "%", false));
  EXPECT_FALSE(MatchesLike("abc", "b%", false));
  EXPECT_TRUE(MatchesLike("ABC", "a%c", true));
}

}  // namespace
}  // namespace mainstem::process::plan
