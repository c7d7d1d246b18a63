#include "cli/command.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <simdjson.h>
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "core/json_writer.h"
#include "server/settings.h"

namespace mainstem::cli {

using simdjson::dom::element;

void PrintError(const Status& status, bool json) {
  ErrorText text = mainstem::TextOf(status);
  if (json) {
    JsonWriter out;
    out.BeginObject().Key("error").BeginObject();
    out.Field("code", TraitsOf(CodeOf(status)).name).Field("message", text.message);
    if (!text.detail.empty()) out.Field("detail", text.detail);
    if (!text.hint.empty()) out.Field("hint", text.hint);
    out.EndObject().EndObject();
    fmt::print(stderr, "{}\n", out.text());
    return;
  }
  fmt::print(stderr, "error: {}\n", text.message);
  if (!text.detail.empty()) fmt::print(stderr, "{}\n", text.detail);
  if (!text.hint.empty()) fmt::print(stderr, "hint: {}\n", text.hint);
}

Status NotOfANode(std::string detail) {
  return MakeError(ErrorCode::kInternal, {.message = "the answer is not that of a Mainstem node",
                                          .detail = std::move(detail),
                                          .hint = "is --node the address of its HTTP port?"});
}

Status CannotPrint(int error) {
  return MakeError(ErrorCode::kStorageError,
                   "cannot write to standard output: " + std::generic_category().message(error));
}

Status Tell(const GlobalOptions& globals, const Outcome& outcome) {
  std::string_view text = globals.json ? outcome.json : outcome.text;
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  fmt::print("{}\n", text);
  return Status::OK();
}

Status WithJson(const std::string& text, const std::function<Status(const element&)>& use) {
  simdjson::dom::parser parser;
  element root;
  if (parser.parse(text).get(root) != simdjson::SUCCESS) {
    return MakeError(ErrorCode::kInternal,
                     {.message = "the node's answer is no JSON", .detail = text.substr(0, 200)});
  }
  try {
    return use(root);
  } catch (const simdjson::simdjson_error& error) {
    return NotOfANode(fmt::format("{}: {}", error.what(), text.substr(0, 200)));
  }
}

std::string TextOf(const element& object, std::string_view member) {
  element value;
  if (object[member].get(value) != simdjson::SUCCESS || value.is_null()) return "";
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return std::string(text);
  return simdjson::minify(value);
}

int64_t IntOf(const element& object, std::string_view member) {
  int64_t value = 0;
  if (object[member].get(value) == simdjson::SUCCESS) return value;
  return static_cast<int64_t>(NumberOf(object, member));
}

double NumberOf(const element& object, std::string_view member) {
  double value = 0;
  return object[member].get(value) == simdjson::SUCCESS ? value : 0;
}

size_t TerminalWidth() {
  if (!isatty(STDOUT_FILENO)) return 0;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

Result<std::string> ReadInput(const std::string& path) {
  std::FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
  auto failed = [&] {
    return MakeError(ErrorCode::kNotFound, fmt::format("cannot read '{}': {}", path,
                                                       std::generic_category().message(errno)));
  };
  if (file == nullptr) return failed();
  std::string text;
  char buffer[65536];
  for (size_t count; (count = std::fread(buffer, 1, sizeof buffer, file)) > 0;) {
    text.append(buffer, count);
  }
  Status status = std::ferror(file) != 0 ? failed() : Status::OK();
  if (file != stdin) std::fclose(file);
  RETURN_IF_ERROR(status);
  return text;
}

void AddSettingFlags(CLI::App& command, SettingFlags& flags) {
  command.add_option("--config", flags.config_path, "YAML file with settings")
      ->envname("MAINSTEM_CONFIG");
  command.add_option("--set", flags.assignments, "key=value of any setting; may be repeated");
  const auto& table = server::SettingTable();
  flags.flags.resize(table.size());
  for (size_t i = 0; i < table.size(); ++i) {
    flags.flags[i].first = table[i].key;
    std::string name = "--" + table[i].key;
    std::replace(name.begin(), name.end(), '.', '-');
    std::string help = table[i].help;
    if (!table[i].default_value.empty()) help += " [" + table[i].default_value + "]";
    command.add_option(name, flags.flags[i].second, help)->type_name("")->group("Settings");
  }
}

}  // namespace mainstem::cli
