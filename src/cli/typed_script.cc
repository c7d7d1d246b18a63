#include "cli/typed_script.h"

#include <array>
#include <vector>

#include <absl/strings/ascii.h>

#include "process/sql/parser.h"

namespace mainstem::cli {
namespace {

// Goes over SQL text character by character, past comments, and past strings and quoted names as a
// whole.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // Where the first statement ends, behind its ';'.
  std::optional<size_t> FindEnd() {
    while (SkipBlank()) {
      char c = text_[at_];
      if (c == ';') {
        ++at_;
        if (!is_set_ || part_ == std::vector<std::string>{"END"}) return at_;
        part_.clear();
      } else if (c == '\'' || c == '`') {
        if (!SkipQuoted(c)) return std::nullopt;
        Count("");
      } else if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_') {
        Count(TakeWord());
      } else {
        ++at_;
        Count("");
      }
    }
    return std::nullopt;
  }

  // To the next character that says something; false at the end, or in a comment that is not
  // closed.
  bool SkipBlank() {
    while (at_ < text_.size()) {
      std::string_view rest = text_.substr(at_);
      if (rest.starts_with("--")) {
        size_t end = rest.find('\n');
        at_ = end == std::string_view::npos ? text_.size() : at_ + end;
      } else if (rest.starts_with("/*")) {
        size_t end = rest.find("*/", 2);
        if (end == std::string_view::npos) return false;
        at_ += end + 2;
      } else if (absl::ascii_isspace(static_cast<unsigned char>(rest[0]))) {
        ++at_;
      } else {
        return true;
      }
    }
    return false;
  }
  bool at_end() const { return at_ == text_.size(); }

 private:
  bool SkipQuoted(char quote) {  // a doubled quote is two strings beside each other
    size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) return false;
    at_ = end + 1;
    return true;
  }

  std::string TakeWord() {
    size_t begin = at_;
    while (at_ < text_.size() &&
           (absl::ascii_isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_')) {
      ++at_;
    }
    std::string word(text_.substr(begin, at_ - begin));
    absl::AsciiStrToUpper(&word);
    return word;
  }

  // What stands between two ';' is a part; of the words of one the first few are kept.
  void Count(const std::string& word) {
    if (part_.size() < kPartWords) part_.push_back(word);
    if (is_set_) return;
    before_ = {before_[1], before_[2], word};
    if (part_ == std::vector<std::string>{"BEGIN", "STATEMENT", "SET"}) is_set_ = true;
    // EXECUTE, EXPLAIN .. or COMPILE PLAN .. FOR STATEMENT SET BEGIN
    if (before_ == std::array<std::string, 3>{"STATEMENT", "SET", "BEGIN"}) {
      is_set_ = true;
      part_.clear();
    }
  }

  std::string_view text_;
  size_t at_ = 0;
  static constexpr size_t kPartWords = 4;
  std::vector<std::string> part_;
  std::array<std::string, 3> before_;  // the last words
  bool is_set_ = false;                // a statement set: it ends with END as a part of its own
};

}  // namespace

void TypedScript::Add(std::string_view line) {
  text_ += line;
  text_ += '\n';
}

std::optional<std::string> TypedScript::Next() {
  auto end = Scanner(text_).FindEnd();
  if (!end) return std::nullopt;
  std::string statement = text_.substr(0, *end);
  text_.erase(0, *end);
  // The rest of its last line is no line of the next one.
  const size_t rest = text_.find_first_not_of(" \t\r");
  if (rest != std::string::npos && text_[rest] == '\n') text_.erase(0, rest + 1);
  return statement;
}

bool TypedScript::empty() const {
  Scanner scanner(text_);
  return !scanner.SkipBlank() && scanner.at_end();
}

bool IsDefinition(const std::string& statement) {
  using process::sql::StatementKind;
  auto script = process::sql::ParseScript(statement);
  if (!script.ok() || script->statements.size() != 1) return false;
  const process::sql::Statement& parsed = *script->statements[0];
  switch (parsed.kind) {
    case StatementKind::kCreateTable:
      return process::sql::As<process::sql::CreateTable>(parsed).as_query == nullptr;
    case StatementKind::kCreateView:
    case StatementKind::kCreateDatabase:
    case StatementKind::kCreateCatalog:
    case StatementKind::kCreateFunction:
    case StatementKind::kDrop:
    case StatementKind::kAlterTable:
    case StatementKind::kAlterView:
    case StatementKind::kAlterDatabase:
    case StatementKind::kUse:
    case StatementKind::kSet:
    case StatementKind::kReset: return true;
    default: return false;
  }
}

}  // namespace mainstem::cli
