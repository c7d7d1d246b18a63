// mainstem sql: statements for a running node, from -e, a file, a pipe or a prompt.
#include <unistd.h>

#include <fmt/format.h>
#include <simdjson.h>
#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/command.h"
#include "cli/result_printer.h"
#include "core/json_writer.h"

namespace mainstem::cli {
namespace {

using simdjson::dom::element;

struct SqlOptions {
  std::string statement;
  std::string file;
};

// One line of the node's NDJSON answer; the shapes stand in docs/admin-api.md.
Status HandleLine(const element& line, ResultPrinter& printer) {
  element value;
  if (line["error"].get(value) == simdjson::SUCCESS) {
    return MakeError(ErrorCode::kInvalidArgument, {.message = TextOf(value, "message"),
                                                   .detail = TextOf(value, "detail"),
                                                   .hint = TextOf(value, "hint")});
  }
  if (line["columns"].get(value) == simdjson::SUCCESS) {
    std::vector<std::string> names, types;
    for (element column : value.get_array()) {
      names.push_back(TextOf(column, "name"));
      types.push_back(TextOf(column, "type"));
    }
    printer.Columns(std::move(names), types);
  } else if (line["rows"].get(value) == simdjson::SUCCESS) {
    for (element row : value.get_array()) {
      std::string_view kind;
      std::vector<std::optional<std::string>> fields;
      size_t index = 0;
      for (element field : row.get_array()) {
        std::string_view text;
        bool is_text = field.get(text) == simdjson::SUCCESS;
        if (index++ == 0) {
          kind = text;
        } else if (is_text) {
          fields.emplace_back(std::string(text));
        } else {
          fields.emplace_back(std::nullopt);
        }
      }
      printer.Row(kind, fields);
    }
  } else if (line["job"].get(value) == simdjson::SUCCESS) {
    printer.Job(TextOf(line, "job"));
  } else if (line["done"].get(value) == simdjson::SUCCESS) {
    printer.Done();
    printer.Message(TextOf(line, "done"));
  }
  return Status::OK();
}

Status RunScript(const GlobalOptions& globals, const std::string& script) {
  HttpClient client(globals.node);
  ResultPrinter printer({.json = globals.json});
  Status failed;
  RETURN_IF_ERROR(client.Stream(
      {.method = "POST",
       .path = "/api/v1/sql",
       .body = "{\"script\":" + JsonQuote(script) + ",\"wait_for_inserts\":false}"},
      [&](std::string_view line) {
        if (line.empty()) return true;
        failed = WithJson(std::string(line),
                          [&](const element& root) { return HandleLine(root, printer); });
        return failed.ok();
      }));
  return failed;
}

Status Prompt(const GlobalOptions& globals) {
  fmt::print("Mainstem SQL at {}. End a statement with ; and the session with Ctrl-D.\n",
             globals.node);
  std::string session;  // DDL typed so far: each request is a session of its own
  std::string statement, line;
  while (true) {
    fmt::print("{}", statement.empty() ? "sql> " : "  -> ");
    std::fflush(stdout);
    if (!std::getline(std::cin, line)) break;
    statement += line + "\n";
    size_t last = statement.find_last_not_of(" \n\t");
    if (last == std::string::npos) {
      statement.clear();
      continue;
    }
    if (statement[last] != ';') continue;
    Status status = RunScript(globals, session + statement);
    std::string head = statement.substr(statement.find_first_not_of(" \n\t"), 4);
    for (char& c : head) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    bool keeps = head == "CREA" || head == "SET " || head == "DROP" || head == "ALTE";
    if (!status.ok()) {
      PrintError(status, globals.json);
    } else if (keeps) {
      session += statement;
    }
    statement.clear();
  }
  fmt::print("\n");
  return Status::OK();
}

}  // namespace

void AddSqlCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen) {
  auto* command = app.add_subcommand("sql", "run SQL on a running node, or open a prompt");
  command->footer(
      "Examples:\n"
      "  mainstem sql -e \"SELECT 1 + 1\"\n"
      "  mainstem sql -f report.sql --json | jq .row\n"
      "  mainstem sql                      a prompt");
  auto options = std::make_shared<SqlOptions>();
  command->add_option("-e,--execute", options->statement, "statements, separated by ;");
  command->add_option("-f,--file", options->file, "SQL file, - for standard input");
  command->callback([&globals, &chosen, options] {
    chosen.action = [&globals, options]() -> Status {
      if (!options->statement.empty()) return RunScript(globals, options->statement);
      if (options->file.empty() && isatty(STDIN_FILENO)) return Prompt(globals);
      ASSIGN_OR_RETURN(std::string script, ReadInput(options->file.empty() ? "-" : options->file));
      return RunScript(globals, script);
    };
  });
}

}  // namespace mainstem::cli
