#include "gateway/logs/comparison.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <re2/re2.h>

namespace mainstem::gateway::logs {
namespace {

constexpr int64_t kRegexMemory = 1 << 20;
// A byte costs RE2 up to a step for each instruction of the program.
constexpr int kRegexProgramMax = 500;
constexpr std::string_view kRegexSigns = ":_#=@/;,-^$?[]{}|\\*+.";

bool IsRegexCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kRegexSigns.find(c) != std::string_view::npos;
}

bool Holds(CompareOp op, double value, double operand) {
  switch (op) {
    case CompareOp::kEqual: return value == operand;
    case CompareOp::kNotEqual: return value != operand;
    case CompareOp::kLess: return value < operand;
    case CompareOp::kLessEqual: return value <= operand;
    case CompareOp::kGreater: return value > operand;
    case CompareOp::kGreaterEqual: return value >= operand;
  }
  return false;
}

}  // namespace

Result<std::shared_ptr<const re2::RE2>> MakeFilterRegex(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), IsRegexCharacter)) {
    return MakeError(
        ErrorCode::kInvalidArgument,
        fmt::format("the regular expression %{}% has a character that is not supported", text));
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kRegexMemory);
  auto regex =
      std::make_shared<const re2::RE2>(re2::StringPiece(text.data(), text.size()), options);
  if (regex->ok() && regex->ProgramSize() <= kRegexProgramMax) return regex;
  if (regex->ok()) {
    return MakeError(
        ErrorCode::kInvalidArgument,
        fmt::format("the regular expression %{}% is too complex: it takes {} instructions, more "
                    "than {}; repeat less",
                    text, regex->ProgramSize(), kRegexProgramMax));
  }
  return MakeError(ErrorCode::kInvalidArgument,
                   fmt::format("the regular expression %{}% is broken: {}", text, regex->error()));
}

bool FindRegex(const re2::RE2& regex, std::string_view text) {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), regex);
}

std::optional<double> ParseFilterNumber(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  size_t digit = text.starts_with('-') ? 1 : 0;
  if (digit >= text.size() || !((text[digit] >= '0' && text[digit] <= '9') || text[digit] == '.')) {
    return std::nullopt;  // "inf" and "nan" are texts
  }
  double value = 0;
  const char* end = text.data() + text.size();
  auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

Result<Comparison> Comparison::Make(CompareOp op, Operand operand) {
  Comparison comparison;
  comparison.op_ = op;
  comparison.regex_ = std::move(operand.regex);
  bool orders = op != CompareOp::kEqual && op != CompareOp::kNotEqual;
  if (comparison.regex_ == nullptr && !operand.quoted) {
    comparison.number_ = ParseFilterNumber(operand.text);
  }
  if (orders && !comparison.number_) {
    return MakeError(ErrorCode::kInvalidArgument,
                     fmt::format("'{}' is no number to compare with", operand.text));
  }
  std::string_view text = operand.text;
  comparison.open_begin_ = text.starts_with('*');
  if (comparison.open_begin_) text.remove_prefix(1);
  comparison.open_end_ = text.ends_with('*') || (text.empty() && comparison.open_begin_);
  if (text.ends_with('*')) text.remove_suffix(1);
  comparison.text_ = text;
  return comparison;
}

bool Comparison::EqualsText(std::string_view value) const {
  if (open_begin_ && open_end_) return value.find(text_) != std::string_view::npos;
  if (open_begin_) return value.ends_with(text_);
  if (open_end_) return value.starts_with(text_);
  return value == text_;
}

bool Comparison::Matches(std::string_view value) const {
  if (number_) {
    auto number = ParseFilterNumber(value);
    if (number) return Holds(op_, *number, *number_);
    if (op_ != CompareOp::kEqual && op_ != CompareOp::kNotEqual) return false;
  }
  bool equal = regex_ != nullptr ? FindRegex(*regex_, value) : EqualsText(value);
  return equal == (op_ == CompareOp::kEqual);
}

}  // namespace mainstem::gateway::logs
