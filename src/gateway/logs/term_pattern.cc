// Patterns of terms: each is looked for anywhere in the message, in the same case.
#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "gateway/logs/filter_expression.h"
#include "gateway/logs/filter_pattern_kinds.h"

namespace mainstem::gateway::logs {
namespace {

// Beyond ASCII every character counts as a letter.
bool IsTermCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool IsIn(const Operand& term, std::string_view message) {
  if (term.regex != nullptr) return FindRegex(*term.regex, message);
  return message.find(term.text) != std::string_view::npos;
}

class TermPattern final : public FilterPattern::Kind {
 public:
  Status Add(PatternScanner* scanner) {
    std::vector<Operand>* terms = &wanted_;
    if (scanner->Take("-")) {
      terms = &excluded_;
    } else if (scanner->Take("?")) {
      terms = &any_;
    }
    ASSIGN_OR_RETURN(Operand term, scanner->TakeOperand());
    if (scanner->regex_count() > 1) return scanner->Error("only one %regex%");
    bool plain = !term.quoted && term.regex == nullptr;
    if (plain && !std::all_of(term.text.begin(), term.text.end(), IsTermCharacter)) {
      return MakeError(ErrorCode::kInvalidArgument,
                       fmt::format("Invalid character(s) in term '{}'", term.text));
    }
    terms->push_back(std::move(term));
    return Status::OK();
  }

  bool Matches(std::string_view message) override {
    auto is_in = [&](const Operand& term) { return IsIn(term, message); };
    if (std::any_of(excluded_.begin(), excluded_.end(), is_in)) return false;
    // Beside other terms the optional ones count for nothing.
    if (wanted_.empty() && excluded_.empty() && !any_.empty()) {
      return std::any_of(any_.begin(), any_.end(), is_in);
    }
    return std::all_of(wanted_.begin(), wanted_.end(), is_in);
  }

 private:
  std::vector<Operand> wanted_;
  std::vector<Operand> excluded_;
  std::vector<Operand> any_;
};

}  // namespace

Result<std::unique_ptr<FilterPattern::Kind>> ParseTermPattern(std::string_view pattern) {
  auto kind = std::make_unique<TermPattern>();
  PatternScanner scanner(pattern);
  while (!scanner.AtEnd()) RETURN_IF_ERROR(kind->Add(&scanner));
  return kind;
}

}  // namespace mainstem::gateway::logs
