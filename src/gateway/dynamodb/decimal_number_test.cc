#include "gateway/dynamodb/decimal_number.h"

#include <gtest/gtest.h>

#include "gateway/aws/aws_error.h"

namespace mainstem::gateway::dynamodb {
namespace {

std::string Normal(std::string_view text) {
  auto number = DecimalNumber::Parse(text);
  return number.ok() ? number->ToString() : aws::ToAwsError(number.status()).message.substr(0, 10);
}

std::string Sum(std::string_view a, std::string_view b) {
  auto sum = DecimalNumber::Parse(a)->Plus(*DecimalNumber::Parse(b));
  return sum.ok() ? sum->ToString() : "error";
}

TEST(DecimalNumberTest, WritesNumbersInOneWay) {
  EXPECT_EQ(Normal("0"), "0");
  EXPECT_EQ(Normal("-0.000"), "0");
  EXPECT_EQ(Normal("007"), "7");
  EXPECT_EQ(Normal("+1.50"), "1.5");
  EXPECT_EQ(Normal(".5"), "0.5");
  EXPECT_EQ(Normal("5."), "5");
  EXPECT_EQ(Normal("1E3"), "1000");
  EXPECT_EQ(Normal("-12.5e-3"), "-0.0125");
  EXPECT_EQ(Normal("99999999999999999999999999999999999999"),
            "99999999999999999999999999999999999999");
  EXPECT_EQ(Normal("-1.50E125"), "-1.5E+125");
  EXPECT_EQ(Normal("1E-130"), "0." + std::string(129, '0') + "1");
}

TEST(DecimalNumberTest, RefusesWhatDynamoDbRefuses) {
  EXPECT_EQ(Normal("1E126"), "Number ove");
  EXPECT_EQ(Normal("1E-131"), "Number und");
  EXPECT_EQ(Normal("123456789012345678901234567890123456789"), "Attempting");
  for (const char* text :
       {"", "-", ".", "1e", "e5", "1.2.3", "abc", "1 ", "0x10", "NaN", "1e999999999999"}) {
    EXPECT_EQ(Normal(text), "The parame") << text;
  }
}

TEST(DecimalNumberTest, AddsExactly) {
  EXPECT_EQ(Sum("0.1", "0.2"), "0.3");
  EXPECT_EQ(Sum("99", "1"), "100");
  EXPECT_EQ(Sum("1", "-1"), "0");
  EXPECT_EQ(Sum("-5", "3"), "-2");
  EXPECT_EQ(Sum("5", "-8.25"), "-3.25");
  EXPECT_EQ(Sum("1E20", "1E-10"), "100000000000000000000.0000000001");
  EXPECT_EQ(Sum("99999999999999999999999999999999999999", "1"), "1E+38");
  EXPECT_EQ(Sum("1E125", "1"), "1E+125");  // rounded
  EXPECT_EQ(Sum("9.9E125", "9.9E125"), "error");
}

TEST(DecimalNumberTest, SortsByItsBytes) {
  const char* sorted[] = {"-1E125", "-123",    "-12.3", "-12",    "-1.5", "-1",
                          "-0.5",   "-1E-130", "0",     "1E-130", "0.5",  "1",
                          "1.05",   "1.5",     "2",     "12",     "12.3", "1E125"};
  for (size_t i = 1; i < std::size(sorted); ++i) {
    DecimalNumber a = *DecimalNumber::Parse(sorted[i - 1]);
    DecimalNumber b = *DecimalNumber::Parse(sorted[i]);
    EXPECT_LT(a.SortKey(), b.SortKey()) << sorted[i];
    EXPECT_LT(a, b);
    EXPECT_EQ(a.Negated().Negated(), a);
  }
}

}  // namespace
}  // namespace mainstem::gateway::dynamodb
