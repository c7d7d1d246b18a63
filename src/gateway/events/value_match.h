// One thing that a value of an event may be, as a leaf of an event pattern says it. Internal to
// gateway/events. Immutable; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "gateway/aws/value.h"

namespace mainstem::gateway::events {

// A text with * for any characters; \* and \\ are themselves. kInvalidArgument for ** and other
// escapes.
class WildcardText {
 public:
  static Result<WildcardText> Parse(std::string_view text);
  bool Matches(std::string_view value) const;

 private:
  std::vector<std::string> pieces_;  // between the stars
};

// "10.0.0.0/8", "2001:db8::/32".
class AddressRange {
 public:
  static Result<AddressRange> Parse(std::string_view text);
  bool Contains(std::string_view address) const;

 private:
  std::vector<uint8_t> bytes_;
  size_t prefix_bits_ = 0;
};

bool EqualsIgnoringCase(std::string_view a, std::string_view b);

struct ValueTest {
  enum class Kind : uint8_t {
    kEquals,
    kEqualsIgnoringCase,
    kPrefix,
    kSuffix,
    kWildcard,
    kNumeric,
    kAddress,
    kExists,
    kAbsent,
    kNoneOf,
  };
  Kind kind = Kind::kEquals;
  aws::Value literal{};  // of kEquals; its text is `text`
  std::string text{};
  bool ignores_case = false;  // of kPrefix and kSuffix
  std::optional<WildcardText> wildcard{};
  std::optional<AddressRange> range{};
  // Of kNumeric: both must hold.
  struct Bound {
    std::string op;
    double number = 0;
  };
  std::vector<Bound> bounds{};
  std::vector<ValueTest> none_of{};

  // A scalar; kExists and kAbsent are decided elsewhere.
  bool Matches(const aws::Value& value) const;
};

// What stands in a leaf's list. kInvalidArgument, with Amazon's reason.
Result<ValueTest> ParseValueTest(const aws::Value& item);

}  // namespace mainstem::gateway::events
