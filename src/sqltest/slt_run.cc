#include "sqltest/slt_run.h"

#include <fstream>
#include <random>
#include <sstream>

#include "sqltest/slt_file.h"
#include "sqltest/sql_world.h"

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
  SltRun(const std::vector<SltSection>& sections, const SltOptions& options) : seed_(options.seed) {
    inputs_.connectors = options.connectors;
    inputs_.lines_per_read = 2;
    for (const SltSection& section : sections) {
      if (section.kind == "file") inputs_.files["/slt/" + section.argument] = Join(section.lines);
      if (section.kind == "setup") setup_ += Join(section.lines) + "\n";
    }
  }

  Status TakeInputs(const std::string& path, const std::vector<SltSection>& sections) {
    for (const SltSection& section : sections) {
      if (section.kind != "input") continue;
      ASSIGN_OR_RETURN(Fixture fixture, ParseFixture(path + "/" + section.argument,
                                                     Join(section.lines), SqlWorldOptions().clock));
      inputs_.fixtures[TableOfFixture(section.argument)] =
          std::make_shared<const Fixture>(std::move(fixture));
    }
    return Status::OK();
  }

  StatementResult Query(const std::string& query) {
    auto results = NewWorld({})->Execute(ReplaceAll(setup_ + query, "${DIR}", "/slt"), 1);
    return results.empty() ? StatementResult{} : std::move(results.back());
  }

  // The other two ways. Empty when they agree with the first.
  std::string OtherWays(const std::string& query) {
    std::string script = ReplaceAll(
        setup_ +
            fmt::format("CREATE TABLE {} WITH ('connector' = '{}') AS ", kOut, kResultConnector) +
            query,
        "${DIR}", "/slt");
    auto expected = Left(script, {.life_steps = {}, .parallelism = {1}}, {});
    if (!expected.ok()) return "as a job: " + Describe(expected.status());
    int64_t steps = 0;
    WorldOptions other{.seed = seed_, .unsteady = true};
    auto at_two = Left(script, {.life_steps = {}, .parallelism = {2}}, other, &steps);
    if (!at_two.ok()) return "at parallelism 2: " + Describe(at_two.status());
    if (*at_two != *expected) return "differs at parallelism 2:\n" + Lines(*at_two);
    std::mt19937_64 random(seed_);
    for (int eighth = 0; eighth < 8; eighth += 2) {
      // Somewhere in each quarter of the run, and once more.
      auto part = static_cast<int64_t>(random() % static_cast<uint64_t>(steps / 4 + 1));
      other.seed = random();
      auto after = Left(
          script, {.life_steps = {steps * eighth / 8 + part, steps / 2}, .parallelism = {2, 3, 1}},
          other);
      if (!after.ok()) return "killed and restored: " + Describe(after.status());
      if (*after != *expected) return "differs when killed and restored:\n" + Lines(*after);
    }
    return "";
  }

 private:
  static constexpr char kOut[] = "mainstem_out";

  static std::string Lines(const std::vector<Fields>& rows) {
    std::string out;
    for (const Fields& fields : rows) out += ToText({"", fields}).substr(3) + "\n";
    return out;
  }

  struct WorldOptions {
    uint64_t seed = 1;
    bool unsteady = false;
  };
  std::unique_ptr<SqlWorld> NewWorld(WorldOptions options) {
    Inputs inputs = inputs_;
    inputs.unsteady = options.unsteady;
    return std::make_unique<SqlWorld>(SqlWorldOptions{.seed = options.seed, .inputs = inputs});
  }

  // The rows that a run leaves.
  Result<std::vector<Fields>> Left(const std::string& script, const SqlWorld::JobRun& run,
                                   WorldOptions options, int64_t* steps = nullptr) {
    auto world = NewWorld(options);
    RETURN_IF_ERROR(world->RunJobs(script, run, steps));
    return Fold(world->captures()[std::string("default_catalog.default_database.") + kOut].rows);
  }

  uint64_t seed_;
  Inputs inputs_;
  std::string setup_;
};

}  // namespace

std::vector<SltFailure> RunSltFile(const std::string& path, SltOptions options) {
  auto parsed = ParseSlt(ReadFile(path));
  if (!parsed.ok()) return {{.message = parsed.status().message()}};
  std::vector<SltFailure> wrong;
  SltRun run(*parsed, options);
  Status taken = run.TakeInputs(path, *parsed);
  if (!taken.ok()) {
    ErrorText text = TextOf(taken);
    return {{.message = text.message, .detail = text.detail}};
  }
  for (size_t i = 0; i + 1 < parsed->size(); ++i) {
    if ((*parsed)[i].kind != "query") continue;
    SltSection& expect = (*parsed)[i + 1];
    int line = (*parsed)[i].line;
    std::string query = Join((*parsed)[i].lines);
    if (expect.kind != "expect") {
      wrong.push_back({.line = line, .message = "a query without an answer", .detail = query});
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
      wrong.push_back(
          {.line = line,
           .message = "another answer than expected",
           .detail = query + "expected:\n" + Join(expect.lines) + "got:\n" + Join(got)});
      continue;
    }
    if (expect.argument == "error") continue;
    std::string other = run.OtherWays(query);
    if (other.empty()) continue;
    size_t end = std::min(other.find('\n'), other.size());
    wrong.push_back({.line = line,
                     .message = other.substr(0, end),
                     .detail = query + other.substr(std::min(end + 1, other.size()))});
  }
  if (options.rewrite) std::ofstream(path) << PrintSlt(*parsed);
  return wrong;
}

}  // namespace mainstem::sqltest
