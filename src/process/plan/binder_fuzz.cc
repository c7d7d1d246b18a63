// Any script is planned or refused: no crash, no endless work; a plan prints, and explains itself.
// Inputs are changed token by token, so that most of them still parse: other names of the same
// script, keywords and functions in place of others, groups in parentheses moved from script to
// script. The corpus is made by tests/sqlfuzz/corpus.py.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "process/plan/planner.h"
#include "process/plan/session.h"
#include "process/sql/lexer.h"
#include "process/sql/parser.h"

namespace mainstem::process::plan {
namespace {

constexpr size_t kBytesMax = 8192;

// Of connectors: what the planner may hear from them, by their names and formats alone.
class Facts final : public TableFacts {
 public:
  Status Check(const connector::TableDescriptor& table) const override {
    if (Option(table, "connector").empty()) {
      return MakeError(ErrorCode::kInvalidConfig, "no connector is named");
    }
    return Status::OK();
  }
  Result<SourceFacts> OfSource(const connector::TableDescriptor& table) const override {
    SourceFacts facts;
    facts.upserts = Option(table, "connector") == "upsert-kafka";
    facts.can_look_up = Option(table, "connector") == "jdbc";
    facts.reads_rows_by_name = Option(table, "format") == "json";
    if (SendsChanges(table)) {
      facts.mode = {.update_before = !facts.upserts, .update_after = true, .deletes = true};
    }
    return facts;
  }
  Result<connector::SinkMode> SinkMode(const connector::TableDescriptor& table) const override {
    if (Option(table, "connector") == "print" || SendsChanges(table)) {
      return connector::SinkMode::kRetract;
    }
    return Option(table, "connector") == "jdbc" ? connector::SinkMode::kUpsert
                                                : connector::SinkMode::kAppendOnly;
  }

 private:
  static std::string Option(const connector::TableDescriptor& table, const std::string& key) {
    auto found = table.options.find(key);
    return found == table.options.end() ? "" : found->second;
  }
  static bool SendsChanges(const connector::TableDescriptor& table) {
    return Option(table, "connector") == "upsert-kafka" ||
           Option(table, "format").starts_with("debezium");
  }
};

constexpr char kCatalog[] = R"(
CREATE TABLE ev (user_id STRING, amount INT, price DECIMAL(10, 2), tags ARRAY<STRING>,
  m MAP<STRING, INT>, r ROW<p INT, q STRING>, ts TIMESTAMP(3), pt AS PROCTIME(),
  WATERMARK FOR ts AS ts - INTERVAL '2' SECOND
) WITH ('connector' = 'filesystem', 'path' = 'x', 'format' = 'json');
CREATE TABLE ch (id INT, name STRING, d DATE, b BOOLEAN, f DOUBLE, ts TIMESTAMP_LTZ(3),
  WATERMARK FOR ts AS ts, PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector' = 'upsert-kafka', 'topic' = 'x', 'key.format' = 'json',
  'value.format' = 'json');
CREATE TABLE dim (id INT, name STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'jdbc');
)";

void Run(Session* session, const std::string& text) {
  auto script = sql::ParseScript(text);
  if (!script.ok()) return;
  for (const sql::StatementPtr& statement : script->statements) {
    auto answer = session->Execute(*statement);
    if (!answer.ok()) {
      if (sql::RenderError(answer.status()).empty()) std::abort();
      continue;
    }
    if (!answer->plan.sinks.empty() && PrintPlan(answer->plan, true).empty()) std::abort();
  }
}

// ---- mutations

using Words = std::vector<std::string>;

// What may stand in a query besides the names of its tables.
const char* const kVocabulary[] = {
    "SELECT",
    "DISTINCT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "HAVING",
    "ORDER BY",
    "LIMIT 3",
    "UNION ALL",
    "UNION",
    "INTERSECT",
    "EXCEPT ALL",
    "JOIN",
    "LEFT JOIN",
    "FULL JOIN",
    "CROSS JOIN",
    "ON",
    "USING",
    "NATURAL JOIN",
    "AND",
    "OR",
    "NOT",
    "IN",
    "EXISTS",
    "IS NULL",
    "IS NOT DISTINCT FROM",
    "BETWEEN",
    "LIKE",
    "CASE WHEN",
    "THEN",
    "ELSE",
    "END",
    "NULL",
    "TRUE",
    "0",
    "1",
    "-1",
    "2147483647",
    "1.5",
    "1e300",
    "99999999999999999.5",
    "''",
    "'a'",
    "DATE '2024-02-29'",
    "TIMESTAMP '2024-02-29 00:00:00'",
    "INTERVAL '1' DAY",
    "INTERVAL '1' MONTH",
    "CAST(NULL AS INT)",
    "COUNT(*)",
    "SUM(amount)",
    "MAX(DISTINCT user_id)",
    "FILTER (WHERE amount > 1)",
    "OVER (PARTITION BY user_id ORDER BY ts)",
    "ROW_NUMBER() OVER (ORDER BY amount DESC)",
    "ROLLUP",
    "CUBE",
    "GROUPING SETS",
    "GROUPING(user_id)",
    "TABLE(TUMBLE(TABLE ev, DESCRIPTOR(ts), INTERVAL '10' SECOND))",
    "window_start",
    "window_end",
    "TABLE(HOP(TABLE ev, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND))",
    "window_time",
    "TABLE(SESSION(TABLE ev PARTITION BY user_id, DESCRIPTOR(ts), INTERVAL '10' SECOND))",
    "PROCTIME()",
    "FOR SYSTEM_TIME AS OF",
    "UNNEST(tags)",
    "ARRAY[1, 2]",
    "MAP['a', 1]",
    "ROW(1, 'a')",
    "(",
    ")",
    ",",
    "*",
    ".",
    "=",
    "<>",
    "<",
    "+",
    "-",
    "/",
    "||",
    "[1]",
    "ev",
    "ch",
    "dim",
    "user_id",
    "amount",
    "ts",
    "price",
    "tags",
    "id",
    "name",
    "COALESCE(amount, 0)",
    "SUBSTRING(name FROM 2)",
    "TO_TIMESTAMP(name)",
    "CURRENT_TIMESTAMP",
    "JSON_VALUE(name, '$.a')",
    "EXPLAIN",
    "CREATE VIEW v AS",
    "WITH w AS (SELECT 1)",
    "AS x",
    "LATERAL",
    "VALUES (1, 'a')",
    "EXTRACT(DAY FROM ts)",
    "FLOOR(ts TO DAY)",
    "LAG(amount)",
    "MATCH_RECOGNIZE (ORDER BY ts MEASURES A.amount AS a PATTERN (A B+ C) DEFINE B AS TRUE)"};

Words WordsOf(std::string_view text) {
  Words words;
  sql::SourceText source{std::string(text)};
  auto tokens = sql::Tokenize(source);
  if (!tokens.ok()) return words;
  for (const sql::Token& token : *tokens) {
    std::string_view word = source.Slice(token.span);
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

size_t Join(const Words& words, uint8_t* data, size_t max_size) {
  std::string text;
  for (const std::string& word : words) text += word + " ";
  size_t size = std::min(text.size(), max_size);
  std::memcpy(data, text.data(), size);
  return size;
}

size_t Below(std::mt19937* random, size_t limit) { return limit == 0 ? 0 : (*random)() % limit; }

struct Range {
  size_t begin = 0;
  size_t end = 0;
};

// A few words in a row, or all between parentheses that match.
Range SomeRange(const Words& words, std::mt19937* random) {
  size_t begin = Below(random, words.size());
  if (Below(random, 2) == 0) {
    for (size_t i = 0; i < words.size(); ++i) {
      size_t at = (begin + i) % words.size();
      if (words[at] != "(") continue;
      int depth = 0;
      for (size_t end = at; end < words.size(); ++end) {
        depth += words[end] == "(" ? 1 : words[end] == ")" ? -1 : 0;
        if (depth == 0) return {at, end + 1};
      }
    }
  }
  return {begin, std::min(words.size(), begin + 1 + Below(random, 4))};
}

void Change(Words* words, std::mt19937* random) {
  if (words->empty()) words->push_back("SELECT");
  const Range range = SomeRange(*words, random);
  const auto begin = words->begin() + static_cast<ptrdiff_t>(range.begin);
  const auto end = words->begin() + static_cast<ptrdiff_t>(range.end);
  const std::string word = kVocabulary[Below(random, std::size(kVocabulary))];
  switch (Below(random, 7)) {
    case 0: words->erase(begin, end); break;
    case 1: words->insert(begin, word); break;
    case 2: *begin = word; break;
    case 3: *begin = (*words)[Below(random, words->size())]; break;
    case 4: std::swap(*begin, (*words)[Below(random, words->size())]); break;
    case 5: {  // twice
      const Words copy(begin, end);
      const size_t at = Below(random, words->size());
      words->insert(words->begin() + static_cast<ptrdiff_t>(at), copy.begin(), copy.end());
      break;
    }
    default: {  // in place of another one
      const Words copy(begin, end);
      const Range other = SomeRange(*words, random);
      const auto at = words->begin() + static_cast<ptrdiff_t>(other.begin);
      words->erase(at, words->begin() + static_cast<ptrdiff_t>(other.end));
      words->insert(words->begin() + static_cast<ptrdiff_t>(other.begin), copy.begin(), copy.end());
    }
  }
}

std::string_view TextOf(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace
}  // namespace mainstem::process::plan

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  using namespace mainstem::process::plan;  // NOLINT
  std::mt19937 random(seed);
  Words words = WordsOf(TextOf(data, size));
  if (words.empty() || Below(&random, 20) == 0) return LLVMFuzzerMutate(data, size, max_size);
  for (size_t i = 0; i <= Below(&random, 3); ++i) Change(&words, &random);
  return Join(words, data, max_size);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data, size_t size, const uint8_t* data2,
                                            size_t size2, uint8_t* out, size_t max_out_size,
                                            unsigned int seed) {
  using namespace mainstem::process::plan;  // NOLINT
  std::mt19937 random(seed);
  Words words = WordsOf(TextOf(data, size));
  const Words other = WordsOf(TextOf(data2, size2));
  if (words.empty() || other.empty()) return 0;
  const Range range = SomeRange(words, &random);
  const Range given = SomeRange(other, &random);
  words.erase(words.begin() + static_cast<ptrdiff_t>(range.begin),
              words.begin() + static_cast<ptrdiff_t>(range.end));
  words.insert(words.begin() + static_cast<ptrdiff_t>(range.begin),
               other.begin() + static_cast<ptrdiff_t>(given.begin),
               other.begin() + static_cast<ptrdiff_t>(given.end));
  return Join(words, out, max_out_size);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem::process;        // NOLINT
  using namespace mainstem::process::plan;  // NOLINT
  if (size > kBytesMax) return 0;
  static const FunctionRegistry kFunctions = MakeBuiltinRegistry();
  static const Facts kFacts;
  Session session(&kFunctions, &kFacts);
  Run(&session, kCatalog);
  Run(&session, std::string(TextOf(data, size)));
  return 0;
}
