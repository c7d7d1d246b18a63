// Goal: the grammar is taken as Flink takes it. Method: parse, print the tree back with all
// parentheses, compare; and look at the fields of statements.
#include "process/sql/parser.h"

#include <gtest/gtest.h>

#include "process/sql/diagnostic.h"

namespace mainstem::process::sql {
namespace {

std::string Reprint(const std::string& text) {
  Result<ParsedExpression> parsed = ParseExpression(text);
  return parsed.ok() ? ToSql(*parsed->expr) : RenderError(parsed.status());
}

std::string ReprintQuery(const std::string& text) {
  Result<StatementPtr> parsed = ParseStatement(text);
  if (!parsed.ok()) return RenderError(parsed.status());
  EXPECT_EQ((*parsed)->kind, StatementKind::kQuery);
  const std::string once = ToSql(*As<QueryStatement>(**parsed).query);
  return once;
}

StatementPtr Parse(const std::string& text) {
  Result<StatementPtr> parsed = ParseStatement(text);
  EXPECT_TRUE(parsed.ok()) << RenderError(parsed.status());
  return parsed.ok() ? std::move(parsed).ValueUnsafe() : nullptr;
}

TEST(ParserExpression, FollowsPrecedence) {
  EXPECT_EQ(Reprint("a + b * c - d"), "((a + (b * c)) - d)");
  EXPECT_EQ(Reprint("a OR b AND NOT c = d"), "(a OR (b AND (NOT (c = d))))");
  EXPECT_EQ(Reprint("-a * 2"), "((-a) * 2)");
  EXPECT_EQ(Reprint("a || b || 'x'"), "((a || b) || 'x')");
  EXPECT_EQ(Reprint("a <> 1 AND b <> 2"), "((a <> 1) AND (b <> 2))");
  EXPECT_EQ(Reprint("a = b IS NULL"), "((a = b) IS NULL)");
  EXPECT_EQ(Reprint("7 % -3"), "(7 % (-3))");
  EXPECT_EQ(Reprint("a BETWEEN 1 AND 2 AND b"), "((a BETWEEN 1 AND 2) AND b)");
}

TEST(ParserExpression, TakesTestsAndPredicates) {
  EXPECT_EQ(Reprint("a IS NOT DISTINCT FROM b + 1"), "(a IS NOT DISTINCT FROM (b + 1))");
  EXPECT_EQ(Reprint("a NOT IN (1, 2)"), "(a NOT IN (1, 2))");
  EXPECT_EQ(Reprint("a IN (SELECT b FROM t)"), "(a IN (SELECT b FROM t))");
  EXPECT_EQ(Reprint("a NOT LIKE 'x!%' ESCAPE '!'"), "(a NOT LIKE 'x!%' ESCAPE '!')");
  EXPECT_EQ(Reprint("a IS TRUE OR b IS NOT UNKNOWN"), "((a IS TRUE) OR (b IS NOT UNKNOWN))");
  EXPECT_EQ(Reprint("a IS JSON OBJECT"), "(a IS JSON OBJECT)");
  EXPECT_EQ(Reprint("a > ALL (SELECT 1)"), "(a > ALL (SELECT 1))");
  EXPECT_EQ(Reprint("EXISTS (SELECT 1)"), "EXISTS (SELECT 1)");
  EXPECT_EQ(Reprint("a NOT BETWEEN SYMMETRIC 2 AND 1"), "(a NOT BETWEEN SYMMETRIC 2 AND 1)");
}

TEST(ParserExpression, TakesLiterals) {
  EXPECT_EQ(Reprint("'it''s'"), "'it''s'");
  EXPECT_EQ(Reprint("1.5e-3"), "1.5e-3");
  EXPECT_EQ(Reprint(".5"), ".5");
  EXPECT_EQ(Reprint("TIMESTAMP '2026-01-01 00:00:00'"), "TIMESTAMP '2026-01-01 00:00:00'");
  EXPECT_EQ(Reprint("DATE '2026-01-01'"), "DATE '2026-01-01'");
  EXPECT_EQ(Reprint("INTERVAL '1 02:03' DAY(3) TO MINUTE"), "INTERVAL '1 02:03' DAY(3) TO MINUTE");
  EXPECT_EQ(Reprint("INTERVAL -'5' SECONDS"), "INTERVAL -'5' SECOND");
  EXPECT_EQ(Reprint("X'0aFF'"), "X'0aFF'");
  EXPECT_EQ(Reprint("ARRAY[1, 2][1]"), "ARRAY[1, 2][1]");
  EXPECT_EQ(Reprint("MAP['a', 1]['a']"), "MAP['a', 1]['a']");
  EXPECT_EQ(Reprint("(1, 'a')"), "ROW(1, 'a')");
}

TEST(ParserExpression, NormalisesFunctionsWithSyntaxOfTheirOwn) {
  EXPECT_EQ(Reprint("EXTRACT(YEAR FROM ts)"), "EXTRACT(<YEAR>, ts)");
  EXPECT_EQ(Reprint("FLOOR(ts TO HOUR)"), "FLOOR(ts, <HOUR>)");
  EXPECT_EQ(Reprint("POSITION('c' IN s)"), "POSITION('c', s)");
  EXPECT_EQ(Reprint("TRIM(LEADING 'x' FROM s)"), "TRIM(<LEADING>, 'x', s)");
  EXPECT_EQ(Reprint("TRIM(s)"), "TRIM(<BOTH>, ' ', s)");
  EXPECT_EQ(Reprint("SUBSTRING(s FROM 2 FOR 3)"), "SUBSTRING(s, 2, 3)");
  EXPECT_EQ(Reprint("OVERLAY(s PLACING 'z' FROM 2 FOR 1)"), "OVERLAY(s, 'z', 2, 1)");
  EXPECT_EQ(Reprint("TIMESTAMPDIFF(MONTH, a, b)"), "TIMESTAMPDIFF(<MONTH>, a, b)");
  EXPECT_EQ(Reprint("(a - b) DAY"), "(a - b) DAY");
  EXPECT_EQ(Reprint("JSON_VALUE(j, '$.a' RETURNING INT DEFAULT 1 ON EMPTY NULL ON ERROR)"),
            "JSON_VALUE(j, '$.a' RETURNING INT DEFAULT 1 ON EMPTY NULL ON ERROR)");
  EXPECT_EQ(Reprint("JSON_OBJECT(KEY 'a' VALUE 1, 'b' VALUE x NULL ON NULL)"),
            "JSON_OBJECT('a', 1, 'b', x NULL ON NULL)");
}

TEST(ParserExpression, TakesAggregatesWithFilterAndOver) {
  EXPECT_EQ(Reprint("COUNT(*)"), "COUNT(*)");
  EXPECT_EQ(Reprint("COUNT(DISTINCT a) FILTER (WHERE b > 1)"),
            "COUNT(DISTINCT a) FILTER (WHERE (b > 1))");
  EXPECT_EQ(Reprint("SUM(a) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '4' SECOND "
                    "PRECEDING AND CURRENT ROW)"),
            "SUM(a) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '4' SECOND PRECEDING "
            "AND CURRENT ROW)");
  EXPECT_EQ(Reprint("LISTAGG(a, '|')"), "LISTAGG(a, '|')");
  EXPECT_EQ(Reprint("ROW_NUMBER() OVER w"), "ROW_NUMBER() OVER (w)");
}

TEST(ParserExpression, JoinsLongConditionsInABalancedTree) {
  std::string text = "a = 0";
  for (int i = 1; i < 5000; ++i) text += " OR a = " + std::to_string(i);
  Result<ParsedExpression> parsed = ParseExpression(text);
  ASSERT_TRUE(parsed.ok()) << RenderError(parsed.status());
  EXPECT_LE(parsed->expr->height, 20u);
}

TEST(ParserExpression, RefusesEndlessNesting) {
  for (const std::string& unit :
       {std::string("("), std::string("- "), std::string("NOT "), std::string("CASE WHEN "),
        std::string("f("), std::string("(SELECT ")}) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += unit;
    Result<ParsedExpression> parsed = ParseExpression(text + "1");
    ASSERT_FALSE(parsed.ok());
    EXPECT_NE(parsed.status().ToString().find("levels deep"), std::string::npos) << unit;
  }
  std::string sum = "1";
  for (int i = 0; i < 100'000; ++i) sum += "+1";
  EXPECT_FALSE(ParseExpression(sum).ok());
}

TEST(ParserQuery, TakesClausesOfSelect) {
  EXPECT_EQ(ReprintQuery("select a, b as x, t.* from t where a > 1 group by a, b having count(*) > "
                         "2 order by a desc nulls last limit 5 offset 2"),
            "SELECT a, b AS x, t.* FROM t WHERE (a > 1) GROUP BY a, b HAVING (count(*) > 2) ORDER "
            "BY a DESC NULLS LAST LIMIT 5 OFFSET 2");
  EXPECT_EQ(ReprintQuery("SELECT DISTINCT a FROM t FETCH NEXT 3 ROWS ONLY"),
            "SELECT DISTINCT a FROM t LIMIT 3");
  EXPECT_EQ(ReprintQuery("SELECT a FROM t GROUP BY GROUPING SETS ((a, b), (a), ()), ROLLUP (c)"),
            "SELECT a FROM t GROUP BY GROUPING SETS ((a, b), a, ()), ROLLUP (c)");
}

TEST(ParserQuery, TakesWindowTableFunctions) {
  EXPECT_EQ(ReprintQuery("SELECT * FROM TABLE(TUMBLE(TABLE ev, DESCRIPTOR(ts), INTERVAL '10' "
                         "SECOND))"),
            "SELECT * FROM TABLE(TUMBLE(TABLE ev, DESCRIPTOR(ts), INTERVAL '10' SECOND))");
  EXPECT_EQ(ReprintQuery("SELECT * FROM TABLE(TUMBLE(DATA => TABLE ev, TIMECOL => DESCRIPTOR(ts), "
                         "SIZE => INTERVAL '1' HOUR))"),
            "SELECT * FROM TABLE(TUMBLE(DATA => TABLE ev, TIMECOL => DESCRIPTOR(ts), SIZE => "
            "INTERVAL '1' HOUR))");
  EXPECT_EQ(ReprintQuery("SELECT * FROM TABLE(SESSION(TABLE ev PARTITION BY a, DESCRIPTOR(ts), "
                         "INTERVAL '10' SECOND))"),
            "SELECT * FROM TABLE(SESSION(TABLE ev PARTITION BY (a), DESCRIPTOR(ts), INTERVAL '10' "
            "SECOND))");
}

TEST(ParserQuery, TakesJoinsAndTableFunctions) {
  EXPECT_EQ(ReprintQuery("SELECT 1 FROM a JOIN b ON a.x = b.x LEFT JOIN c USING (y), d"),
            "SELECT 1 FROM (((a JOIN b ON (a.x = b.x)) LEFT JOIN c USING (y)), d)");
  EXPECT_EQ(ReprintQuery("SELECT 1 FROM p JOIN r FOR SYSTEM_TIME AS OF p.ts AS x ON p.c = x.c"),
            "SELECT 1 FROM (p JOIN r FOR SYSTEM_TIME AS OF p.ts AS x ON (p.c = x.c))");
  EXPECT_EQ(ReprintQuery("SELECT 1 FROM t CROSS JOIN UNNEST(tags) WITH ORDINALITY AS u (tag, n)"),
            "SELECT 1 FROM (t CROSS JOIN UNNEST(tags) WITH ORDINALITY AS u (tag, n))");
  EXPECT_EQ(ReprintQuery("SELECT 1 FROM t, LATERAL TABLE(split(t.a)) AS s (w)"),
            "SELECT 1 FROM (t, LATERAL TABLE(split(t.a)) AS s (w))");
  EXPECT_EQ(ReprintQuery("SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v (id, name)"),
            "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v (id, name)");
}

TEST(ParserQuery, TakesSetOperationsCommonTablesAndHints) {
  EXPECT_EQ(ReprintQuery("SELECT 1 UNION ALL SELECT 2 INTERSECT SELECT 3"),
            "(SELECT 1 UNION ALL (SELECT 2 INTERSECT SELECT 3))");
  EXPECT_EQ(ReprintQuery("WITH a (x) AS (SELECT 1), b AS (SELECT x FROM a) SELECT * FROM b"),
            "WITH a (x) AS (SELECT 1), b AS (SELECT x FROM a) SELECT * FROM b");
  EXPECT_EQ(ReprintQuery("SELECT a FROM t /*+ OPTIONS('path'='x', 'a.b'='1') */ AS u"),
            "SELECT a FROM t /*+ OPTIONS('path'='x', 'a.b'='1') */ AS u");
  EXPECT_EQ(ReprintQuery("SELECT /*+ STATE_TTL('t'='1d') */ a FROM t"),
            "SELECT /*+ STATE_TTL('t'='1d') */ a FROM t");
}

TEST(ParserQuery, PrintsWhatItParsesBackTo) {
  const std::string text =
      "SELECT a, CASE WHEN (b > 1) THEN 'x' ELSE NULL END AS y FROM (SELECT * FROM t) AS s WHERE "
      "(NOT (a IN (1, 2))) GROUP BY a ORDER BY a";
  EXPECT_EQ(ReprintQuery(text), text);
}

TEST(ParserDdl, TakesACreateTableWithEverything) {
  const StatementPtr statement = Parse(R"(
    CREATE TEMPORARY TABLE IF NOT EXISTS cat.db.t (
      id BIGINT NOT NULL COMMENT 'the id',
      `value` DECIMAL(10, 2),
      r ROW<a INT, b ARRAY<MAP<STRING, TIMESTAMP_LTZ(3)>>>,
      doubled AS id * 2 COMMENT 'twice',
      kt TIMESTAMP(3) METADATA FROM 'timestamp' VIRTUAL,
      `partition` INT METADATA,
      PRIMARY KEY (id) NOT ENFORCED,
      WATERMARK FOR kt AS kt - INTERVAL '5' SECOND
    ) COMMENT 'all' PARTITIONED BY (id) WITH ('connector' = 'kafka', 'topic' = 'it''s'))");
  ASSERT_NE(statement, nullptr);
  ASSERT_EQ(statement->kind, StatementKind::kCreateTable);
  const auto& table = As<CreateTable>(*statement);
  EXPECT_TRUE(table.temporary);
  EXPECT_TRUE(table.if_not_exists);
  EXPECT_EQ(table.name.ToString(), "cat.db.t");
  ASSERT_EQ(table.columns.size(), 6u);
  EXPECT_FALSE(table.columns[0].type->nullable);
  EXPECT_EQ(table.columns[0].comment, "the id");
  EXPECT_EQ(ToSql(*table.columns[1].type), "DECIMAL(10, 2)");
  EXPECT_EQ(ToSql(*table.columns[2].type), "ROW<a INT, b ARRAY<MAP<STRING, TIMESTAMP_LTZ(3)>>>");
  EXPECT_EQ(table.columns[3].kind, ColumnKind::kComputed);
  EXPECT_EQ(table.columns[4].metadata_key, "timestamp");
  EXPECT_TRUE(table.columns[4].is_virtual);
  EXPECT_EQ(table.columns[5].metadata_key, "partition");
  ASSERT_TRUE(table.watermark.has_value());
  EXPECT_EQ(ToSql(*table.watermark->expr), "(kt - INTERVAL '5' SECOND)");
  ASSERT_TRUE(table.primary_key.has_value());
  ASSERT_EQ(table.options.size(), 2u);
  EXPECT_EQ(table.options[1].value, "it's");
}

TEST(ParserDdl, TakesLikeAndAsSelect) {
  const StatementPtr like = Parse(
      "CREATE TABLE b (x AS a * 2) WITH ('path' = 'p') LIKE a (INCLUDING ALL OVERWRITING "
      "OPTIONS)");
  ASSERT_NE(like, nullptr);
  ASSERT_TRUE(As<CreateTable>(*like).like.has_value());
  EXPECT_EQ(As<CreateTable>(*like).like->options.size(), 2u);
  const StatementPtr as = Parse("CREATE TABLE c WITH ('connector' = 'print') AS SELECT a FROM t");
  ASSERT_NE(as, nullptr);
  EXPECT_EQ(ToSql(*As<CreateTable>(*as).as_query), "SELECT a FROM t");
}

TEST(ParserStatement, PutsStatementSetsTogether) {
  Result<Script> script = ParseScript(
      "SET 'a' = 'b'; BEGIN STATEMENT SET; INSERT INTO x SELECT 1; INSERT INTO y SELECT 2; END;\n"
      "EXECUTE STATEMENT SET BEGIN INSERT INTO z VALUES (1); END;");
  ASSERT_TRUE(script.ok()) << RenderError(script.status());
  ASSERT_EQ(script->statements.size(), 3u);
  EXPECT_EQ(As<StatementSet>(*script->statements[1]).inserts.size(), 2u);
  EXPECT_EQ(As<StatementSet>(*script->statements[2]).inserts.size(), 1u);
}

TEST(ParserStatement, TakesInsertWithColumnsAndConflictClause) {
  const StatementPtr statement =
      Parse("INSERT INTO t (a, b) SELECT 1, 2 FROM x ON CONFLICT DO DEDUPLICATE");
  ASSERT_NE(statement, nullptr);
  const auto& insert = As<Insert>(*statement);
  EXPECT_EQ(insert.columns.size(), 2u);
  EXPECT_EQ(insert.on_conflict, ConflictAction::kDeduplicate);
}

TEST(ParserStatement, KeepsTheTextOfEachStatement) {
  Result<Script> script = ParseScript("SELECT 1 ;\n  SELECT 'ö', 2 -- end\n;");
  ASSERT_TRUE(script.ok());
  ASSERT_EQ(script->statements.size(), 2u);
  EXPECT_EQ(script->source->Slice(script->statements[1]->span), "SELECT 'ö', 2");
  EXPECT_EQ(script->statements[1]->span.line, 2u);
  EXPECT_EQ(script->statements[1]->span.column, 3u);
}

TEST(ParserStatement, TakesTheSmallStatements) {
  for (const char* text : {"SET",
                           "SET 'k' = 'v'",
                           "SET table.dml-sync = true",
                           "RESET",
                           "RESET 'k'",
                           "SHOW TABLES",
                           "SHOW CREATE TABLE t",
                           "SHOW COLUMNS FROM t LIKE 'a%'",
                           "DESCRIBE t",
                           "DESC EXTENDED t",
                           "USE CATALOG c",
                           "USE db",
                           "DROP TABLE IF EXISTS a.b",
                           "DROP TEMPORARY VIEW v",
                           "ALTER TABLE t RENAME TO u",
                           "ALTER TABLE t SET ('a' = 'b')",
                           "ALTER TABLE t ADD (c INT FIRST, WATERMARK FOR ts AS ts)",
                           "ALTER TABLE t DROP c",
                           "CREATE DATABASE d",
                           "CREATE CATALOG c WITH ('type' = 'x')",
                           "CREATE VIEW v (a) AS SELECT 1",
                           "EXPLAIN SELECT 1",
                           "EXPLAIN CHANGELOG_MODE INSERT INTO t SELECT 1",
                           "EXPLAIN PLAN FOR SELECT 1",
                           "EXPLAIN WATERMARK FOR JOB 'x'",
                           "STOP JOB 'x' WITH SAVEPOINT",
                           "LOAD MODULE m",
                           "ADD JAR 'x.jar'",
                           "SHOW JOBS",
                           "CREATE FUNCTION f AS 'a.b' LANGUAGE JAVA",
                           "VALUES (1), (2)",
                           "(SELECT 1)"}) {
    EXPECT_NE(Parse(text), nullptr) << text;
  }
}

}  // namespace
}  // namespace mainstem::process::sql
