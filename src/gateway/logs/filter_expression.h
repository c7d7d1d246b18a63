// Conditions joined by && and ||, as they stand in JSON and space-delimited filter patterns.
// Internal to gateway/logs. Pure; any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/logs/comparison.h"

namespace mainstem::gateway::logs {

enum class FilterTest : uint8_t { kCompare, kIsNull, kIsTrue, kIsFalse, kNotExists };

struct FilterExpression {
  enum class Kind : uint8_t { kAll, kAny, kTest };
  Kind kind = Kind::kTest;
  std::vector<FilterExpression> parts{};  // of kAll, kAny
  size_t selector = 0;                    // of kTest: which value, counted by who reads them
  FilterTest test = FilterTest::kCompare;
  std::optional<Comparison> comparison{};  // of kCompare

  // `holds` decides a single test.
  bool Evaluate(const std::function<bool(const FilterExpression& test)>& holds) const;
};

// Reads a pattern from left to right. Views into the pattern.
class PatternScanner {
 public:
  explicit PatternScanner(std::string_view pattern) : rest_(pattern) {}

  bool AtEnd();
  char Peek();  // behind blanks; 0 at the end
  // Takes the text if it comes next, behind blanks.
  bool Take(std::string_view text);
  // The same for a keyword, which no letter may follow.
  bool TakeWord(std::string_view word);
  // The longest run of characters that are wanted, without blanks before it; may be empty.
  std::string_view TakeRun(bool (*wanted)(char c));
  // "quoted", %regex% or a bare text.
  Result<Operand> TakeOperand();
  Status Error(std::string_view expected);
  int regex_count() const { return regex_count_; }

 private:
  void SkipBlanks();
  Result<std::string> TakeQuoted();

  std::string_view rest_;
  int regex_count_ = 0;
};

// Takes a selector at the scanner's place and gives its number.
using TakeSelector = std::function<Result<size_t>(PatternScanner* scanner)>;
// `with_states`: IS NULL, IS TRUE, IS FALSE, NOT EXISTS are tests, too. kInvalidArgument.
Result<FilterExpression> ParseFilterExpression(PatternScanner* scanner, bool with_states,
                                               const TakeSelector& take_selector);

}  // namespace mainstem::gateway::logs
