// The cases in shared/cases/flink: a query.sql, its files, and what Flink answered. `list_path`
// names those that must pass, one a line: "011 changelog" (exact sequence at parallelism 1) or "033
// rows" (the same changes in another order across keys); "-" before the number: known not to work
// yet. Folded rows must agree at parallelism 1 and 2.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include <simdjson.h>

#include "slt_test.h"
#include "sql_world.h"

namespace mainstem::sqltest {
namespace {

namespace fs = std::filesystem;

struct Expected {
  std::string compare;  // "changelog", "final"; empty: an error is expected
  std::vector<TextRow> changelog;
  std::vector<std::string> columns;
};

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// Answers of queries in order; entries about other statements are left out.
std::vector<Expected> ReadExpected(const fs::path& path) {
  simdjson::dom::parser parser;
  std::vector<Expected> all;
  simdjson::dom::array entries = parser.load(path.string());
  for (simdjson::dom::object entry : entries) {
    if (entry["q"].error()) continue;
    Expected& expected = all.emplace_back();
    if (!entry["error"].error()) continue;
    expected.compare = std::string(std::string_view(entry["compare"]));
    for (simdjson::dom::array column : simdjson::dom::array(entry["columns"])) {
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
  return all;
}

bool IsQuery(const std::string& text) {
  size_t at = text.find_first_not_of(" \n\t(");
  std::string word;
  while (at < text.size() && std::isalpha(static_cast<unsigned char>(text[at]))) {
    word += static_cast<char>(std::toupper(static_cast<unsigned char>(text[at++])));
  }
  for (const char* known : {"SELECT", "WITH", "VALUES", "EXPLAIN", "SHOW", "DESCRIBE"}) {
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
  if (expected.compare.empty()) return got.error.ok() ? "    should have been refused\n" : "";
  if (!got.error.ok()) return "    failed: " + Describe(got.error) + "\n";
  if (got.columns != expected.columns) {
    std::string out = "    columns differ:";
    for (const std::string& column : got.columns) out += " [" + column + "]";
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

std::string RunCase(const fs::path& directory, const std::string& how) {
  std::string script = ReadFile(directory / "query.sql");
  for (size_t at; (at = script.find("${CASE}")) != std::string::npos;) {
    script.replace(at, 7, "/case");
  }
  std::vector<Expected> expected = ReadExpected(directory / "expected.json");
  std::string wrong;
  for (int parallelism : {1, 2}) {
    SqlWorld world(1, 4);
    for (const auto& file : fs::directory_iterator(directory)) {
      std::string name = file.path().filename().string();
      if (file.is_regular_file() && name != "query.sql" && name != "expected.json") {
        world.PutFile("/case/" + name, ReadFile(file.path()));
      }
    }
    size_t query = 0;
    for (const StatementResult& result : world.Execute(script, parallelism)) {
      if (!IsQuery(result.text)) continue;
      if (query == expected.size()) break;
      std::string difference =
          Compare(expected[query], result, how == "changelog", parallelism > 1 || how == "final");
      ++query;
      if (difference.empty()) continue;
      wrong += fmt::format("  query {} at parallelism {}:\n{}", query, parallelism, difference);
    }
    if (query < expected.size()) wrong += "  some queries have no answer\n";
  }
  return wrong;
}

}  // namespace

int RunFlinkCases(const std::string& directory, const std::string& list_path,
                  const std::vector<std::string>& filters) {
  std::map<std::string, std::string> listed;  // number -> how
  std::istringstream list(ReadFile(list_path));
  std::string number, how;
  while (list >> number >> how) listed[number] = how;
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
    std::string wrong = RunCase(folder, must_pass ? it->second : "changelog");
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
