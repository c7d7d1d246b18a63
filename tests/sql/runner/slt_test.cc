#include "slt_test.h"

#include <fstream>
#include <sstream>

#include "slt_file.h"
#include "sql_world.h"

namespace mainstem::sqltest {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string Join(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

std::string ReplaceAll(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::vector<std::string> AnswerLines(const StatementResult& result, const std::string& form) {
  std::vector<std::string> lines;
  if (form == "error") {
    lines.push_back(result.error.ok() ? "(no error)" : TextOf(result.error).message);
  } else if (!result.error.ok()) {
    lines.push_back("error: " + Describe(result.error));
  } else if (form == "changelog") {
    for (const TextRow& row : result.rows) lines.push_back(ToText(row));
  } else {
    for (const auto& fields : Fold(result.rows)) lines.push_back(ToText({"", fields}).substr(3));
  }
  return lines;
}

class SltRun {
 public:
  explicit SltRun(const std::vector<SltSection>& sections) {
    for (const SltSection& section : sections) {
      if (section.kind == "file") files_["/slt/" + section.argument] = Join(section.lines);
      if (section.kind == "setup") setup_ += Join(section.lines) + "\n";
    }
  }

  StatementResult Query(const std::string& query) {
    auto world = NewWorld();
    auto results = world->Execute(ReplaceAll(setup_ + query, "${DIR}", "/slt"), 1);
    return results.empty() ? StatementResult{} : std::move(results.back());
  }

  // The other two ways. Empty when they agree with the first.
  std::string OtherWays(const std::string& query) {
    std::string script = ReplaceAll(
        setup_ +
            "CREATE TABLE mainstem_out WITH ('connector' = 'memory-table', 'name' = 'out') AS " +
            query,
        "${DIR}", "/slt");
    SqlWorld::JobRun plain{.life_steps = {}, .parallelism = {1}};
    auto expected = NewWorld()->RunJob(script, plain);
    if (!expected.ok()) return "as a job: " + Describe(expected.status());
    SqlWorld::JobRun wide{.life_steps = {}, .parallelism = {2}};
    int64_t steps = 0;
    auto at_two = NewWorld()->RunJob(script, wide, &steps);
    if (!at_two.ok()) return "at parallelism 2: " + Describe(at_two.status());
    if (*at_two != *expected) return "differs at parallelism 2:\n" + Join(*at_two);
    for (int eighth = 1; eighth < 8; eighth += 2) {
      SqlWorld::JobRun killed{.life_steps = {steps * eighth / 8, steps / 2},
                              .parallelism = {2, 3, 1}};
      auto after = NewWorld()->RunJob(script, killed);
      if (!after.ok()) return "killed and restored: " + Describe(after.status());
      if (*after != *expected) return "differs when killed and restored:\n" + Join(*after);
    }
    return "";
  }

 private:
  std::unique_ptr<SqlWorld> NewWorld() {
    auto world = std::make_unique<SqlWorld>(1, 2);
    for (const auto& [path, text] : files_) world->PutFile(path, text);
    return world;
  }

  TextFiles files_;
  std::string setup_;
};

}  // namespace

std::vector<std::string> RunSltFile(const std::string& path, SltOptions options) {
  auto parsed = ParseSlt(ReadFile(path));
  if (!parsed.ok()) return {parsed.status().message()};
  std::vector<std::string> wrong;
  SltRun run(*parsed);
  for (size_t i = 0; i + 1 < parsed->size(); ++i) {
    if ((*parsed)[i].kind != "query") continue;
    SltSection& expect = (*parsed)[i + 1];
    std::string query = Join((*parsed)[i].lines);
    if (expect.kind != "expect") {
      wrong.push_back("a query without an answer: " + query);
      continue;
    }
    std::vector<std::string> got = AnswerLines(run.Query(query), expect.argument);
    if (options.rewrite) {
      expect.lines = got;
      continue;
    }
    bool same = got == expect.lines;
    if (expect.argument == "error" && !expect.lines.empty()) {
      same = got[0].find(expect.lines[0]) != std::string::npos;
    }
    if (!same) {
      wrong.push_back(query + "expected:\n" + Join(expect.lines) + "got:\n" + Join(got));
      continue;
    }
    if (expect.argument == "error") continue;
    std::string other = run.OtherWays(query);
    if (!other.empty()) wrong.push_back(query + other);
  }
  if (options.rewrite) std::ofstream(path) << PrintSlt(*parsed);
  return wrong;
}

}  // namespace mainstem::sqltest
