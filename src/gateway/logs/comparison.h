// One comparison of a filter pattern: an operator and what a value is compared with: a text with a
// star at its ends, a number, or a regular expression. Pure; any thread.
// Source: CloudWatch Logs user guide, "Filter pattern syntax".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/status.h"

namespace re2 {
class RE2;
}

namespace mainstem::gateway::logs {

// What a pattern allows between two % signs: RE2's syntax, but only Amazon's characters: letters,
// digits, : _ # = @ / ; , - and ^ $ ? [ ] { } | \ * + . (no parentheses). kInvalidArgument.
Result<std::shared_ptr<const re2::RE2>> MakeFilterRegex(std::string_view text);
bool FindRegex(const re2::RE2& regex, std::string_view text);

enum class CompareOp : uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

struct Operand {
  std::string text;
  bool quoted = false;
  std::shared_ptr<const re2::RE2> regex{};  // instead of the text
};

// A decimal number with an optional sign and exponent, and nothing else.
std::optional<double> ParseFilterNumber(std::string_view text);

class Comparison {
 public:
  // kInvalidArgument when the operator orders and the operand is no number.
  static Result<Comparison> Make(CompareOp op, Operand operand);
  // A number is compared as such when both sides are numbers and the operand stands without quotes.
  bool Matches(std::string_view value) const;

 private:
  Comparison() = default;
  bool EqualsText(std::string_view value) const;

  CompareOp op_ = CompareOp::kEqual;
  std::string text_;  // without the stars
  bool open_begin_ = false;
  bool open_end_ = false;
  std::optional<double> number_;
  std::shared_ptr<const re2::RE2> regex_;
};

}  // namespace mainstem::gateway::logs
