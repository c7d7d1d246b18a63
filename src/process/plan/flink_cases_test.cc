// Goal: columns, types and refusals equal those of a real Flink. Method: plan the scripts of the
// case folder (NNN-name/query.sql, expected.json) and compare each query's columns. The folder is
// named by MAINSTEM_FLINK_CASES, or is shared/cases/flink beside a parent of the working directory;
// skipped, and said so, where it is absent.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>
#include <simdjson.h>

#include "process/plan/plan_test_support.h"

namespace mainstem::process::plan {
namespace {

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

struct Expected {
  bool error = false;
  std::string columns;  // as TestSession::ColumnsOf
  std::string statement;
};

// By query number, from 1; failing statements have a text instead.
std::vector<Expected> ReadExpected(const std::filesystem::path& path) {
  std::vector<Expected> out;
  simdjson::dom::parser parser;
  simdjson::dom::array entries;
  if (parser.load(path.string()).get(entries) != simdjson::SUCCESS) return out;
  for (const simdjson::dom::element entry : entries) {
    Expected expected;
    std::string_view text;
    expected.error = entry["error"].get(text) == simdjson::SUCCESS;
    if (entry["statement"].get(text) == simdjson::SUCCESS) expected.statement = text;
    simdjson::dom::array columns;
    if (entry["columns"].get(columns) == simdjson::SUCCESS) {
      for (const simdjson::dom::element column : columns) {
        expected.columns += (expected.columns.empty() ? "" : ", ") +
                            std::string(column.at(0).get_string().value()) + " " +
                            std::string(column.at(1).get_string().value());
      }
    }
    out.push_back(std::move(expected));
  }
  return out;
}

bool IsQuery(const sql::Statement& statement) {
  return statement.kind == sql::StatementKind::kQuery ||
         statement.kind == sql::StatementKind::kExplain ||
         statement.kind == sql::StatementKind::kShow ||
         statement.kind == sql::StatementKind::kDescribe;
}

std::string ColumnsOf(const Answer& answer) {
  if (answer.kind != AnswerKind::kQuery) return {};
  std::string out;
  for (const RowField& column : answer.plan.sinks[0]->columns) {
    out += (out.empty() ? "" : ", ") + column.name() + " " + column.type().ToResultString();
  }
  return out;
}

// Failures that happen when rows flow, which planning does not see.
bool FailsAtRunTimeOnly(const std::string& case_name) {
  static const std::set<std::string> kCases = {"053", "055", "057", "067", "044", "049", "050"};
  return kCases.contains(case_name.substr(0, 3));
}

std::filesystem::path CasesFolder() {
  if (const char* named = std::getenv("MAINSTEM_FLINK_CASES")) return named;
  std::filesystem::path at = std::filesystem::current_path();
  while (true) {
    const std::filesystem::path cases = at / "shared" / "cases" / "flink";
    if (std::filesystem::exists(cases)) return cases;
    if (at == at.parent_path()) return {};
    at = at.parent_path();
  }
}

// Empty where it is absent.
std::filesystem::path CaseFolder(const std::string& number) {
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator(CasesFolder(), absent)) {
    if (entry.path().filename().string().rfind(number, 0) == 0) return entry.path();
  }
  return {};
}

// A function that is not built in yet: its own folder's business.
bool MissesAFunction(const Status& status) {
  return TextOf(status).message.find("No match found for function") != std::string::npos;
}

// For ./test, which names at its end what it could not check.
void NoteMissingCase(const std::string& number) {
  const char* path = std::getenv("MAINSTEM_UNCHECKED");
  if (path != nullptr) std::ofstream(path, std::ios::app) << "plan/flink/" << number << "\n";
}

class FlinkCases : public ::testing::TestWithParam<std::string> {};

TEST_P(FlinkCases, GetTheColumnsOfFlink) {
  const std::filesystem::path folder = CaseFolder(GetParam());
  if (folder.empty()) {
    NoteMissingCase(GetParam());
    GTEST_SKIP() << "no case " << GetParam() << ": set MAINSTEM_FLINK_CASES";
  }
  const std::vector<Expected> expected = ReadExpected(folder / "expected.json");
  ASSERT_FALSE(expected.empty());

  TestSession session;
  // Statement by statement: a wrong one must not hide the others.
  std::stringstream text(ReadFile(folder / "query.sql"));
  std::string statement, line;
  size_t query = 0, failed_statements = 0;
  for (const Expected& entry : expected) failed_statements += !entry.statement.empty();
  std::vector<Expected> queries;
  for (const Expected& entry : expected) {
    if (entry.statement.empty()) queries.push_back(entry);
  }
  while (std::getline(text, line)) {
    if (line.rfind("--", 0) == 0) continue;
    statement += line + "\n";
    if (line.empty() || line.back() != ';') continue;
    const std::string sql_text = statement;
    statement.clear();
    const Result<Answer> answer = session.Run(sql_text);
    const Result<sql::Script> parsed = sql::ParseScript(sql_text);
    const bool is_query = !parsed.ok() || IsQuery(*parsed->statements[0]);
    if (!is_query) {
      bool must_fail = false;
      for (const Expected& entry : expected) {
        must_fail = must_fail ||
                    (!entry.statement.empty() && sql_text.rfind(entry.statement + ";", 0) == 0);
      }
      EXPECT_EQ(!answer.ok(), must_fail)
          << sql_text << (answer.ok() ? "" : sql::RenderError(answer.status()));
      continue;
    }
    ASSERT_LT(query, queries.size()) << sql_text;
    const Expected& want = queries[query++];
    if (!answer.ok() && Is(answer.status(), ErrorCode::kUnsupported)) continue;
    if (want.error) {
      const bool must_fail = !FailsAtRunTimeOnly(GetParam());
      EXPECT_TRUE(!must_fail || !answer.ok()) << sql_text;
      continue;
    }
    if (!answer.ok() && MissesAFunction(answer.status())) continue;
    ASSERT_TRUE(answer.ok()) << sql_text << sql::RenderError(answer.status());
    if (answer->kind == AnswerKind::kQuery) {
      EXPECT_EQ(ColumnsOf(*answer), want.columns) << sql_text;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, FlinkCases,
                         ::testing::Values("001", "003", "005", "007", "009", "011", "013", "015",
                                           "043", "045", "047", "049", "051", "053", "055", "057",
                                           "059", "061", "063", "065", "067", "069", "071", "073",
                                           "075", "077", "079", "081"));

}  // namespace
}  // namespace mainstem::process::plan
