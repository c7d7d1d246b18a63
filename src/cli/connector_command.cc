// mainstem connector: what tables can be connected to, with which options, and whether it works.
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/text_table.h"
#include "connector/description.h"
#include "core/suggest.h"
#include "process/sql/substitute.h"
#include "server/connectors.h"

namespace mainstem::cli {
namespace {

using connector::ConnectorRegistry;
using connector::ConnectorSpec;

std::string DirectionsOf(const ConnectorSpec& spec) {
  if (spec.make_source && spec.make_sink) return "source, sink";
  return spec.make_source ? "source" : "sink";
}

Status ListConnectors(const GlobalOptions& globals) {
  const ConnectorRegistry registry = server::MakeConnectorRegistry({});
  if (globals.json) {
    JsonWriter json;
    json.BeginObject().Key("connectors").BeginArray();
    for (const ConnectorSpec* spec : registry.List()) WriteDescription(*spec, &json);
    fmt::print("{}\n", json.EndArray().EndObject().Take());
    return Status::OK();
  }
  TextTable table({"connector", "is", "what"});
  for (const ConnectorSpec* spec : registry.List()) {
    table.Add({spec->name, DirectionsOf(*spec), spec->documentation});
  }
  fmt::print("{}", table.Render(TerminalWidth()));
  return Status::OK();
}

void PrintConnector(const ConnectorSpec& spec) {
  fmt::print("{} ({}): {}\n\n", spec.name, DirectionsOf(spec), spec.documentation);
  TextTable options({"option", "default", "meaning"});
  for (const connector::OptionSpec& option : spec.options) {
    std::string meaning = option.documentation;
    if (option.secret) meaning += " (never shown)";
    options.Add({option.name, option.required ? "required" : option.default_value, meaning});
  }
  fmt::print("{}", options.Render(TerminalWidth()));
  const std::vector<std::string> formats = FormatsOf(spec);
  if (!formats.empty()) {
    fmt::print("\n'format' (and their options '<format>.<option>'): {}\n",
               fmt::join(formats, ", "));
  }
  if (spec.metadata_keys.empty()) return;
  fmt::print("\nMETADATA columns:\n");
  TextTable metadata({"key", "type"});
  for (const auto& [key, type] : spec.metadata_keys) metadata.Add({key, type});
  fmt::print("{}", metadata.Render(TerminalWidth()));
}

Status ShowConnector(const GlobalOptions& globals, const std::string& name) {
  const ConnectorRegistry registry = server::MakeConnectorRegistry({});
  const ConnectorSpec* spec = registry.Find(name);
  if (spec == nullptr) {
    return MakeError(ErrorCode::kNotFound,
                     {.message = fmt::format("there is no connector '{}'", name),
                      .hint = SuggestionFor(name, registry.Names())});
  }
  if (!globals.json) {
    PrintConnector(*spec);
    return Status::OK();
  }
  JsonWriter json;
  WriteDescription(*spec, &json);
  fmt::print("{}\n", json.Take());
  return Status::OK();
}

struct CheckOptions {
  std::string file;
  std::vector<std::string> tables;
  std::vector<std::string> defines;
};

void PrintDifferences(const simdjson::dom::element& check) {
  simdjson::dom::array differences;
  if (check["differences"].get(differences) != simdjson::SUCCESS) return;
  const bool evolves = TextOf(check, "evolves") == "true";
  for (const simdjson::dom::element& difference : differences) {
    fmt::print("       differs: {}\n", TextOf(difference, "problem"));
    const std::string statement = TextOf(difference, "statement");
    if (statement.empty()) continue;
    const bool is_made = TextOf(difference, "kind") == "table";
    fmt::print("         {}: {}\n",
               evolves || is_made ? "a job runs" : "'drift' = 'evolve' would run", statement);
  }
}

// Prints one table's outcome; whether it was good.
bool PrintCheck(const simdjson::dom::element& check) {
  bool is_ok = TextOf(check, "ok") == "true";
  std::string name = TextOf(check, "table");
  fmt::print("{:6} {} as a {} ({}): {}\n", is_ok ? "ok" : "FAILED",
             name.substr(name.rfind('.') + 1), TextOf(check, "as"), TextOf(check, "connector"),
             TextOf(check, is_ok ? "found" : "problem"));
  for (const char* member : {"detail", "hint"}) {
    std::string text = TextOf(check, member);
    if (!text.empty()) fmt::print("       {}: {}\n", member, text);
  }
  PrintDifferences(check);
  return is_ok;
}

class TableChecker {
 public:
  TableChecker(const GlobalOptions& globals, std::string script)
      : client_(globals.node), script_(std::move(script)) {}

  // The node's answer: {"checks": [..]}.
  Result<std::string> Ask(const std::vector<std::string>& tables, bool lists_only) {
    JsonWriter request;
    request.BeginObject().Field("script", script_).Key("tables").BeginArray();
    for (const std::string& table : tables) request.Value(table);
    request.EndArray();
    if (lists_only) request.Field("list", true);
    request.EndObject();
    return client_.Call(
        {.method = "POST", .path = "/api/v1/connectors/check", .body = request.Take()});
  }

  // Table after table, so that what is known can be read while others keep it waiting.
  Status CheckAndPrint(const std::vector<std::string>& tables, int64_t* failed) {
    ASSIGN_OR_RETURN(std::string listed, Ask(tables, true));
    std::vector<std::string> names;  // a table may be both source and sink
    RETURN_IF_ERROR(WithJson(listed, [&](const simdjson::dom::element& root) -> Status {
      for (const simdjson::dom::element& check : root["checks"].get_array()) {
        std::string name = TextOf(check, "table");
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
      }
      return Status::OK();
    }));
    for (const std::string& name : names) {
      ASSIGN_OR_RETURN(std::string answer, Ask({name}, false));
      RETURN_IF_ERROR(WithJson(answer, [&](const simdjson::dom::element& root) -> Status {
        for (const simdjson::dom::element& check : root["checks"].get_array()) {
          *failed += PrintCheck(check) ? 0 : 1;
        }
        return Status::OK();
      }));
      std::fflush(stdout);
    }
    return Status::OK();
  }

 private:
  HttpClient client_;
  const std::string script_;
};

Status CheckTables(const GlobalOptions& globals, const CheckOptions& options) {
  ASSIGN_OR_RETURN(std::string text, ReadInput(options.file));
  ASSIGN_OR_RETURN(std::string script, process::sql::Substitute(text, options.defines));
  TableChecker checker(globals, std::move(script));
  int64_t failed = 0;
  if (globals.json) {
    ASSIGN_OR_RETURN(std::string answer, checker.Ask(options.tables, false));
    fmt::print("{}\n", answer);
    RETURN_IF_ERROR(WithJson(answer, [&](const simdjson::dom::element& root) -> Status {
      for (const simdjson::dom::element& check : root["checks"].get_array()) {
        failed += TextOf(check, "ok") == "true" ? 0 : 1;
      }
      return Status::OK();
    }));
  } else {
    RETURN_IF_ERROR(checker.CheckAndPrint(options.tables, &failed));
  }
  if (failed == 0) return Status::OK();
  return MakeError(ErrorCode::kUnavailable, fmt::format("{} of the connections failed", failed));
}

}  // namespace

void AddConnectorCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen) {
  auto* command = app.add_subcommand(
      "connector", "what tables can be connected to, with which options, and whether it works");
  command->require_subcommand(1);
  command->footer(
      "Examples:\n"
      "  mainstem connector list\n"
      "  mainstem connector show jdbc\n"
      "  mainstem connector show kafka --json | jq -r '.options[].name'\n"
      "  mainstem connector check pipeline.sql orders -D URL=jdbc:postgresql://db/shop");
  auto* list = command->add_subcommand("list", "every connector");
  list->callback(
      [&globals, &chosen] { chosen.action = [&globals] { return ListConnectors(globals); }; });
  auto* show = command->add_subcommand("show", "options, formats and metadata of one");
  auto name = std::make_shared<std::string>();
  show->add_option("NAME", *name, "'connector' = 'NAME'")->required();
  show->callback([&globals, &chosen, name] {
    chosen.action = [&globals, name] { return ShowConnector(globals, *name); };
  });
  auto* check = command->add_subcommand(
      "check", "try from the node what a script's tables connect to: connection, rights, schema");
  auto options = std::make_shared<CheckOptions>();
  check->add_option("FILE", options->file, "SQL file, - for standard input")->required();
  check->add_option("TABLE", options->tables, "only these");
  check->add_option("-D,--define", options->defines, "NAME=value: replaces ${NAME} in the script");
  check->callback([&globals, &chosen, options] {
    chosen.action = [&globals, options] { return CheckTables(globals, *options); };
  });
}

}  // namespace mainstem::cli
