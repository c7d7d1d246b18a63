// mainstem sql: statements for a running node, from -e, a file, a pipe or a prompt.
#include <unistd.h>

#include <absl/strings/ascii.h>
#include <fmt/format.h>
#include <simdjson.h>
#include <CLI/CLI.hpp>
#include <iostream>
#include <optional>
#include <vector>

#include "cli/command.h"
#include "cli/line_editor.h"
#include "cli/result_printer.h"
#include "cli/signals.h"
#include "cli/typed_script.h"
#include "core/json_writer.h"

namespace mainstem::cli {
namespace {

using simdjson::dom::element;

struct SqlOptions {
  std::optional<std::string> statement;
  std::string file;
};

// One line of the node's NDJSON answer; the shapes stand in docs/admin-api.md.
Status HandleLine(const element& line, ResultPrinter& printer) {
  element value;
  if (line["error"].get(value) == simdjson::SUCCESS) {
    return ToldError(value, ErrorCode::kInvalidArgument);
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
    return printer.Flush();
  } else if (line["job"].get(value) == simdjson::SUCCESS) {
    return printer.Job(TextOf(line, "job"));
  } else if (line["done"].get(value) == simdjson::SUCCESS) {
    RETURN_IF_ERROR(printer.Done());
    return printer.Message(TextOf(line, "done"));
  }
  return Status::OK();
}

// Runs `definitions` in silence, then `script`. kCancelled soon after `cancelled` (may be null) has
// become true.
Status RunScript(const GlobalOptions& globals, const std::vector<std::string>& definitions,
                 const std::string& script, const std::atomic<bool>* cancelled = nullptr) {
  HttpClient client(globals.node);
  client.set_cancelled(cancelled);
  ResultPrinter printer({.json = globals.json});
  JsonWriter body;
  body.BeginObject().Field("script", script).Field("wait_for_inserts", false);
  if (!definitions.empty()) {
    body.Key("definitions").BeginArray();
    for (const std::string& definition : definitions) body.Value(definition);
    body.EndArray();
  }
  body.EndObject();
  bool is_ours = false;
  Status failed;
  auto handle = [&](const element& root) -> Status {
    element value;
    bool is_done = root["done"].get(value) == simdjson::SUCCESS;
    is_ours |= is_done || root["error"].get(value) == simdjson::SUCCESS;
    return HandleLine(root, printer);
  };
  RETURN_IF_ERROR(client.Stream({.method = "POST", .path = "/api/v1/sql", .body = body.Take()},
                                [&](std::string_view line) {
                                  if (line.empty()) return true;
                                  failed = WithJson(std::string(line), handle);
                                  return failed.ok();
                                }));
  if (failed.ok() && !is_ours && !absl::StripAsciiWhitespace(script).empty()) {
    return NotOfANode("");
  }
  return failed;
}

// "  quit ; " -> "QUIT": how words of the prompt itself are told from statements.
std::string WordOf(std::string word) {
  auto is_beside = [](unsigned char c) { return c == ';' || absl::ascii_isspace(c); };
  while (!word.empty() && is_beside(static_cast<unsigned char>(word.back()))) word.pop_back();
  absl::StripLeadingAsciiWhitespace(&word);
  absl::AsciiStrToUpper(&word);
  return word;
}

constexpr std::string_view kPromptHelp =
    "SHOW TABLES;  DESCRIBE t;  SHOW JOBS;         what is there\n"
    "SELECT ... FROM t WHERE ...;                  rows as they come; Ctrl-C ends an endless "
    "one\n"
    "CREATE TABLE, VIEW ...;  SET 'key' = 'v';     kept for this session\n"
    "INSERT INTO t SELECT ...;                     starts a job that goes on without the prompt\n"
    "EXPLAIN SELECT ...;                           the plan\n"
    "HELP, QUIT (or EXIT, Ctrl-D). Up and Ctrl-R: earlier lines; Ctrl-C: forget what is typed. "
    "The language: docs/sql.md\n";

// The lines of a person at a terminal, or of whatever else stands in for one.
class PromptInput {
 public:
  PromptInput() {
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) return;
    interrupt_.emplace();
    editor_.emplace(SqlHistoryPath(), &*interrupt_);
  }
  // Becomes true when Ctrl-C comes while no line is read; null where that ends the program.
  const std::atomic<bool>* interrupted() const { return interrupt_ ? interrupt_->flag() : nullptr; }
  // nullopt: there are no more.
  std::optional<LineEditor::Line> Read(bool continues) {
    const char* prompt = continues ? "  -> " : "sql> ";
    if (editor_) return editor_->Read(prompt, continues);
    fmt::print("{}", prompt);
    std::fflush(stdout);
    LineEditor::Line line;
    if (!std::getline(std::cin, line.text)) return std::nullopt;
    return line;
  }

 private:
  std::optional<InterruptFlag> interrupt_;
  std::optional<LineEditor> editor_;
};

Status Prompt(const GlobalOptions& globals) {
  fmt::print("Mainstem SQL at {}. End a statement with ; and the session with QUIT. HELP helps.\n",
             globals.node);
  std::vector<std::string>
      session;  // definitions typed so far: each request is a session of its own
  TypedScript typed;
  PromptInput input;
  while (auto line = input.Read(!typed.empty())) {
    if (line->is_cancelled) {
      typed.Clear();
      continue;
    }
    std::string word = typed.empty() ? WordOf(line->text) : "";
    if (word == "QUIT" || word == "EXIT") return Status::OK();
    if (word == "HELP" || word == "?") {
      fmt::print("{}", kPromptHelp);
      continue;
    }
    typed.Add(line->text);
    while (auto statement = typed.Next()) {
      Status status = RunScript(globals, session, *statement, input.interrupted());
      if (!status.ok()) {
        if (Is(status, ErrorCode::kCancelled)) {
          fmt::print("\n");
        } else {
          PrintError(status, globals.json);
        }
        typed.Clear();  // what was typed behind it counted on it
      } else if (IsDefinition(*statement)) {
        session.push_back(std::move(*statement));
      }
    }
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
      "  mainstem sql                      a prompt, with editing and a history\n"
      "The history is ~/.local/state/mainstem/sql_history; statements that seem to hold a secret "
      "are\n"
      "not kept.");
  auto options = std::make_shared<SqlOptions>();
  auto* typed =
      command->add_option("-e,--execute", options->statement, "statements, separated by ;");
  command->add_option("-f,--file", options->file, "SQL file, - for standard input")
      ->excludes(typed);
  command->callback([&globals, &chosen, options] {
    chosen.action = [&globals, options]() -> Status {
      if (options->statement) return RunScript(globals, {}, *options->statement);
      if (options->file.empty() && isatty(STDIN_FILENO)) return Prompt(globals);
      ASSIGN_OR_RETURN(std::string script, ReadInput(options->file.empty() ? "-" : options->file));
      return RunScript(globals, {}, script);
    };
  });
}

}  // namespace mainstem::cli
