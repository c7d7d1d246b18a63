// sqlfuzz_runner: runs many small SQL scripts in one process, each in the ways that it is asked
// for, and says what rows they leave. A request a line of JSON on standard input, an answer a line
// on standard output, in turn:
//   {"seed": 7, "script": "CREATE TABLE ..", "inputs": {"t1.jsonl": "{..}\n{..}\n"}, "ways":
//   ["end", "killed"]}
//   {"ways": [{"way": "end", "rows": [["1", null]]}, {"way": "killed", "code": "Unsupported",
//   "error": ".."}]}
// The script fills the table `result` (connector 'mainstem-result').
#include <iostream>
#include <random>
#include <string>

#include <simdjson.h>

#include "core/json_writer.h"
#include "server/connectors.h"
#include "sqltest/sql_world.h"

namespace mainstem::sqltest {
namespace {

constexpr char kResult[] = "default_catalog.default_database.result";
constexpr int kKills = 3;

struct Request {
  uint64_t seed = 1;
  std::string script;
  Inputs inputs;
  std::vector<std::string> ways;
};

Result<Request> ParseRequest(const std::string& line,
                             const connector::ConnectorRegistry* connectors) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  Request request;
  std::string_view script;
  simdjson::dom::object inputs;
  simdjson::dom::array ways;
  if (parser.parse(line).get(root) || root["seed"].get(request.seed) ||
      root["script"].get(script) || root["inputs"].get(inputs) || root["ways"].get(ways)) {
    return MakeError(ErrorCode::kInvalidArgument, "the request is not one");
  }
  request.script = std::string(script);
  request.inputs.connectors = connectors;
  for (auto [name, value] : inputs) {
    std::string_view text;
    if (value.get(text)) return MakeError(ErrorCode::kInvalidArgument, "an input is no text");
    ASSIGN_OR_RETURN(Fixture fixture,
                     ParseFixture(std::string(name), std::string(text), SqlWorldOptions().clock));
    request.inputs.fixtures[TableOfFixture(name)] =
        std::make_shared<const Fixture>(std::move(fixture));
  }
  for (simdjson::dom::element way : ways) {
    std::string_view name;
    if (way.get(name)) return MakeError(ErrorCode::kInvalidArgument, "a way is no text");
    request.ways.emplace_back(name);
  }
  return request;
}

class Run {
 public:
  explicit Run(Request request) : request_(std::move(request)), random_(request_.seed) {}

  Result<std::vector<Fields>> Go(const std::string& way) {
    if (way == "end") return Left({.seed = 1, .lines = 1024}, {{}, {1}}, &steps_);
    if (way == "small") return Left({.lines = 1}, {{}, {1}});
    if (way == "parallel") return Left({.lines = 2, .unsteady = true}, {{}, {3}});
    if (way == "killed") return Killed();
    return MakeError(ErrorCode::kInvalidArgument, fmt::format("no way is called '{}'", way));
  }

 private:
  struct Circumstances {
    uint64_t seed = 0;  // 0: another one
    size_t lines = 1;   // of an input that come together
    bool unsteady = false;
  };

  Result<std::vector<Fields>> Left(const Circumstances& with, const SqlWorld::JobRun& run,
                                   int64_t* steps = nullptr) {
    Inputs inputs = request_.inputs;
    inputs.lines_per_read = with.lines;
    inputs.unsteady = with.unsteady;
    SqlWorld world({.seed = with.seed == 0 ? random_() : with.seed, .inputs = std::move(inputs)});
    RETURN_IF_ERROR(world.RunJobs(request_.script, run, steps));
    return Fold(world.captures()[kResult].rows);
  }

  // At moments anywhere in the run, restored at other parallelisms.
  Result<std::vector<Fields>> Killed() {
    const Circumstances with{.lines = 1, .unsteady = true};
    int64_t steps = 0;
    RETURN_IF_ERROR(Left(with, {{}, {2}}, &steps).status());
    SqlWorld::JobRun run{.life_steps = {}, .parallelism = {2, 3, 1}};
    for (int i = 0; i < kKills; ++i) {
      run.life_steps.push_back(static_cast<int64_t>(random_() % static_cast<uint64_t>(steps)) + 1);
    }
    return Left(with, run);
  }

  Request request_;
  std::mt19937_64 random_;
  int64_t steps_ = 0;
};

void WriteRows(const std::vector<Fields>& rows, JsonWriter* json) {
  json->Key("rows").BeginArray();
  for (const Fields& fields : rows) {
    json->BeginArray();
    for (const auto& field : fields) {
      if (field) {
        json->Value(*field);
      } else {
        json->Null();
      }
    }
    json->EndArray();
  }
  json->EndArray();
}

std::string Answer(const std::string& line, const connector::ConnectorRegistry* connectors) {
  JsonWriter json;
  json.BeginObject().Key("ways").BeginArray();
  auto request = ParseRequest(line, connectors);
  std::vector<std::string> ways =
      request.ok() ? request->ways : std::vector<std::string>{"request"};
  Status refused = request.status();
  std::optional<Run> run;
  if (request.ok()) run.emplace(std::move(*request));
  for (const std::string& way : ways) {
    json.BeginObject().Field("way", way);
    Result<std::vector<Fields>> rows = run ? run->Go(way) : refused;
    if (rows.ok()) {
      WriteRows(*rows, &json);
    } else {
      ErrorText text = TextOf(rows.status());
      json.Field("code", TraitsOf(CodeOf(rows.status())).name);
      json.Field("error", text.message).Field("detail", text.detail);
    }
    json.EndObject();
    if (!rows.ok()) break;
  }
  json.EndArray().EndObject();
  return json.Take();
}

}  // namespace
}  // namespace mainstem::sqltest

int main() {
  std::ios::sync_with_stdio(false);
  const mainstem::connector::ConnectorRegistry connectors =
      mainstem::server::MakeConnectorRegistry({});
  std::string line;
  while (std::getline(std::cin, line)) {
    std::cout << mainstem::sqltest::Answer(line, &connectors) << std::endl;
  }
}
