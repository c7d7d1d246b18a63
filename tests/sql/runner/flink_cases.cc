// Cases recorded from a real Flink: a query.sql, its files, and what Flink answered. `list_path`
// names those that must pass, one a line: "011 changelog" (exact sequence at parallelism 1), "033
// rows" (the same changes in another order across keys) or "017 final" (the same table in the end),
// then the numbers of queries that are not compared, or with ":final" by the table in the end
// alone. Folded rows must agree at parallelism 1 and 2. Statements that Flink takes must be taken,
// those that it refuses refused.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <span>
#include <sstream>

#include <simdjson.h>

#include "flink_cases.h"
#include "process/sql/parser.h"
#include "sqltest/sql_world.h"

namespace mainstem::sqltest {
namespace {

namespace fs = std::filesystem;

struct Listed {
  std::string how;
  // Numbers of queries, from 1.
  std::set<size_t> not_compared;
  std::set<size_t> by_table;
};

struct Expected {
  std::string statement;  // a statement that is no query, and must be refused; else empty
  std::string compare;    // "changelog", "final"; empty: an error is expected
  std::vector<TextRow> changelog;
  std::vector<std::string> columns;  // types
  std::vector<std::string> column_names;
};

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// Answers of queries in order, then those about other statements.
std::vector<Expected> ReadExpected(const fs::path& path) {
  simdjson::dom::parser parser;
  std::vector<Expected> all, statements;
  simdjson::dom::array entries = parser.load(path.string());
  for (simdjson::dom::object entry : entries) {
    if (entry["q"].error()) {
      statements.emplace_back().statement = std::string(std::string_view(entry["statement"]));
      continue;
    }
    Expected& expected = all.emplace_back();
    if (!entry["error"].error()) continue;
    expected.compare = std::string(std::string_view(entry["compare"]));
    for (simdjson::dom::array column : simdjson::dom::array(entry["columns"])) {
      expected.column_names.emplace_back(std::string_view(column.at(0)));
      expected.columns.emplace_back(std::string_view(column.at(1)));
    }
    for (simdjson::dom::array row : simdjson::dom::array(entry["changelog"])) {
      TextRow& text = expected.changelog.emplace_back();
      bool first = true;
      for (simdjson::dom::element field : row) {
        if (first) {
          text.kind = std::string(std::string_view(field));
        } else if (field.is_null()) {
          text.fields.emplace_back();
        } else {
          text.fields.emplace_back(std::string(std::string_view(field)));
        }
        first = false;
      }
    }
  }
  all.insert(all.end(), statements.begin(), statements.end());
  return all;
}

bool IsRefusal(const Status& error) {
  if (error.ok()) return false;
  const ErrorCode code = CodeOf(error);
  return code == ErrorCode::kSyntaxError || code == ErrorCode::kSemanticError ||
         code == ErrorCode::kEvaluationError || code == ErrorCode::kDecodeError ||
         code == ErrorCode::kInvalidArgument;
}

// The statements of a script that may hold syntax errors, and what each of them is refused for.
std::vector<std::pair<std::string, Status>> Split(const std::string& script) {
  std::vector<std::pair<std::string, Status>> statements;
  std::string text;
  char quote = 0;
  for (size_t i = 0; i < script.size(); ++i) {
    const char c = script[i];
    if (quote == 0 && script.compare(i, 2, "--") == 0) {
      i = std::min(script.find('\n', i), script.size());
      continue;
    }
    if (quote == 0 && c == ';') {
      statements.emplace_back(text, process::sql::ParseStatement(text).status());
      text.clear();
      continue;
    }
    if (c == '\'' || c == '`') quote = quote == 0 ? c : quote == c ? 0 : quote;
    text += c;
  }
  return statements;
}

// Runs the script; statements that can't be parsed fail for themselves.
std::vector<StatementResult> Run(SqlWorld* world, const std::string& script, int parallelism) {
  if (process::sql::ParseScript(script).ok()) return world->Execute(script, parallelism);
  const auto statements = Split(script);
  std::string good;
  for (const auto& [text, status] : statements) {
    if (status.ok()) good += text + ";";
  }
  std::vector<StatementResult> ran = world->Execute(good, parallelism), results;
  size_t next = 0;
  for (const auto& [text, status] : statements) {
    if (!status.ok()) {
      StatementResult& failed = results.emplace_back();
      failed.text = text;
      failed.error = status;
    } else if (next < ran.size()) {
      results.push_back(std::move(ran[next++]));
    }
  }
  return results;
}

std::string Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \n\t");
  const size_t end = text.find_last_not_of(" \n\t;");
  return begin == text.npos ? "" : std::string(text.substr(begin, end + 1 - begin));
}

bool IsQuery(const std::string& text) {
  size_t at = text.find_first_not_of(" \n\t(");
  std::string word;
  while (at < text.size() && std::isalpha(static_cast<unsigned char>(text[at]))) {
    word += static_cast<char>(std::toupper(static_cast<unsigned char>(text[at++])));
  }
  for (const char* known :
       {"SELECT", "WITH", "VALUES", "EXPLAIN", "SHOW", "DESCRIBE", "DESC", "TABLE"}) {
    if (word == known) return true;
  }
  return false;
}

std::string Lines(const std::vector<TextRow>& rows) {
  std::string out;
  for (const TextRow& row : rows) out += "      " + ToText(row) + "\n";
  return out;
}

std::string Compare(const Expected& expected, const StatementResult& got, bool exact_order,
                    bool fold_only) {
  if (expected.compare.empty()) {
    if (got.error.ok()) return "    should have been refused\n";
    return IsRefusal(got.error) ? ""
                                : "    refused for another reason: " + Describe(got.error) + "\n";
  }
  if (!got.error.ok()) return "    failed: " + Describe(got.error) + "\n";
  if (got.columns != expected.columns || got.column_names != expected.column_names) {
    std::string out = "    columns differ:";
    for (size_t i = 0; i < got.columns.size(); ++i) {
      out += " [" + got.column_names[i] + " " + got.columns[i] + "]";
    }
    out += "\n    expected:";
    for (size_t i = 0; i < expected.columns.size(); ++i) {
      out += " [" + expected.column_names[i] + " " + expected.columns[i] + "]";
    }
    return out + "\n";
  }
  if (Fold(got.rows) != Fold(expected.changelog)) {
    return "    rows differ; got\n" + Lines(got.rows) + "    expected\n" +
           Lines(expected.changelog);
  }
  if (fold_only || expected.compare != "changelog") return "";
  std::vector<TextRow> a = got.rows, b = expected.changelog;
  if (!exact_order) {
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
  }
  if (a == b) return "";
  return "    changelog differs; got\n" + Lines(got.rows) + "    expected\n" +
         Lines(expected.changelog);
}

// Statements that are no queries: those that Flink refuses are in `expected`.
std::string CompareStatements(const std::vector<StatementResult>& results,
                              std::span<const Expected> expected) {
  std::string wrong;
  std::map<std::string, size_t> refusals;
  for (const Expected& entry : expected) ++refusals[entry.statement];
  std::map<std::string, size_t> seen, refused;
  for (const StatementResult& result : results) {
    const std::string text = Trimmed(result.text);
    if (IsQuery(result.text)) continue;
    ++seen[text];
    if (IsRefusal(result.error)) ++refused[text];
    if (result.error.ok() || refusals.contains(text)) continue;
    wrong += "  should have been taken: " + text + "\n    " + Describe(result.error) + "\n";
  }
  for (const auto& [statement, count] : refusals) {
    if (seen[statement] > 0 && refused[statement] >= count) continue;
    wrong += "  should have been refused: " + statement + "\n";
  }
  return wrong;
}

std::string RunCase(const fs::path& directory, const Listed& listed,
                    const connector::ConnectorRegistry& connectors) {
  std::string script = ReadFile(directory / "query.sql");
  for (size_t at; (at = script.find("${CASE}")) != std::string::npos;) {
    script.replace(at, 7, "/case");
  }
  std::vector<Expected> expected = ReadExpected(directory / "expected.json");
  const auto query_count = static_cast<size_t>(
      std::count_if(expected.begin(), expected.end(),
                    [](const Expected& entry) { return entry.statement.empty(); }));
  std::string wrong;
  for (int parallelism : {1, 2}) {
    SqlWorldOptions options;
    options.inputs.lines_per_read = 4;
    options.inputs.connectors = &connectors;
    for (const auto& file : fs::directory_iterator(directory)) {
      std::string name = file.path().filename().string();
      if (file.is_regular_file() && name != "query.sql" && name != "expected.json") {
        options.inputs.files["/case/" + name] = ReadFile(file.path());
      }
    }
    SqlWorld world(std::move(options));
    const std::vector<StatementResult> results = Run(&world, script, parallelism);
    const auto note = [&](size_t number, const std::string& difference) {
      if (difference.empty()) return;
      wrong += fmt::format("  query {} at parallelism {}:\n{}", number, parallelism, difference);
    };
    size_t query = 0;
    for (const StatementResult& result : results) {
      if (!IsQuery(result.text) || query == query_count) continue;
      const size_t number = ++query;
      if (listed.not_compared.contains(number)) continue;
      note(number,
           Compare(expected[number - 1], result, listed.how == "changelog",
                   parallelism > 1 || listed.how == "final" || listed.by_table.contains(number)));
    }
    for (; query < query_count; ++query) note(query + 1, "    has no answer\n");
    wrong += CompareStatements(results, std::span(expected).subspan(query_count));
  }
  return wrong;
}

}  // namespace

int RunFlinkCases(const std::string& directory, const std::string& list_path,
                  const connector::ConnectorRegistry& connectors,
                  const std::vector<std::string>& filters) {
  std::map<std::string, Listed> listed;  // by number
  std::istringstream list(ReadFile(list_path));
  std::string line, number;
  while (std::getline(list, line)) {
    std::istringstream words(line);
    if (!(words >> number)) continue;
    Listed& entry = listed[number];
    words >> entry.how;
    for (size_t query; words >> query;) {
      std::string how;
      if (words.peek() == ':') words >> how;
      (how == ":final" ? entry.by_table : entry.not_compared).insert(query);
    }
  }
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (fs::exists(entry.path() / "query.sql")) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  int failed = 0, passed = 0, not_yet = 0;
  for (const fs::path& folder : folders) {
    std::string name = folder.filename().string();
    bool wanted = filters.empty();
    for (const std::string& filter : filters) wanted |= name.find(filter) != std::string::npos;
    if (!wanted || fs::exists(folder / "setup.sql")) continue;
    auto it = listed.find(name.substr(0, 3));
    bool must_pass = it != listed.end();
    std::string wrong =
        RunCase(folder, must_pass ? it->second : Listed{"changelog", {}, {}}, connectors);
    if (wrong.empty()) {
      ++passed;
      std::cout << "pass     " << name << (must_pass ? "" : " (not listed)") << "\n";
    } else if (must_pass) {
      ++failed;
      std::cout << "FAIL     " << name << "\n" << wrong;
    } else {
      ++not_yet;
      std::cout << "not yet  " << name << "\n";
      if (!filters.empty()) std::cout << wrong;
    }
  }
  std::cout << fmt::format("flink cases: {} pass, {} fail, {} not yet\n", passed, failed, not_yet);
  return failed;
}

}  // namespace mainstem::sqltest
