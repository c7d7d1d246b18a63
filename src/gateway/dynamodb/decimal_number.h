// DynamoDB's numbers: decimals of 38 significant digits, of 1E-130 to 9.99...E+125, exact. Plain
// values; any thread.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "core/status.h"

namespace mainstem::gateway::dynamodb {

class DecimalNumber {
 public:
  DecimalNumber() = default;  // 0
  // An AwsError (ValidationException) when it is no number, or one that does not fit.
  static Result<DecimalNumber> Parse(std::string_view text);

  // Without needless zeros: "0.5", "100", "-3". What has more than 38 digits before the point
  // stands as "1.5E+100", so that clients with 38 digits can read it.
  std::string ToString() const;
  // Compares as bytes like the numbers.
  std::string SortKey() const;
  bool negative() const { return negative_; }
  bool is_zero() const { return digits_.empty(); }
  DecimalNumber Negated() const;
  // Rounded to 38 digits.
  Result<DecimalNumber> Plus(const DecimalNumber& other) const;

  std::strong_ordering operator<=>(const DecimalNumber& other) const;
  bool operator==(const DecimalNumber& other) const = default;

 private:
  // Takes zeros off both ends, and checks the bounds.
  static Result<DecimalNumber> Normalized(bool negative, std::string digits, int exponent);

  bool negative_ = false;
  std::string digits_{};  // '1' to '9' at both ends; empty for 0
  int exponent_ = 0;      // the value is 0.DIGITS * 10^exponent
};

}  // namespace mainstem::gateway::dynamodb
