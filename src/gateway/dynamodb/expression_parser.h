// Texts of DynamoDB's expressions to trees, with Amazon's errors. Pure; fuzzed by
// dynamodb_expression_fuzz.cc.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/aws/value.h"
#include "gateway/dynamodb/expression.h"

namespace mainstem::gateway::dynamodb {

// ExpressionAttributeNames and ExpressionAttributeValues of one request, and which of them its
// expressions have used.
class Placeholders {
 public:
  // `input`: the request, or the part of it that has the two members.
  static Result<Placeholders> Make(const aws::Value& input);

  Result<std::string> TakeName(std::string_view parameter, std::string_view placeholder);
  Result<AttributeValue> TakeValue(std::string_view parameter, std::string_view placeholder);
  // After all expressions: an error when something was given for nothing. `parameter`: which
  // expression there could have been.
  Status CheckUse(std::string_view parameter) const;

 private:
  std::map<std::string, std::string, std::less<>> names_;
  std::map<std::string, AttributeValue, std::less<>> values_;
  std::set<std::string, std::less<>> unused_names_;
  std::set<std::string, std::less<>> unused_values_;
  bool parsed_any_ = false;

  friend class ExpressionParser;
};

// `parameter`: "ConditionExpression", "FilterExpression" or "KeyConditionExpression".
Result<Condition> ParseCondition(std::string_view parameter, std::string_view text,
                                 Placeholders* placeholders);
Result<Update> ParseUpdate(std::string_view text, Placeholders* placeholders);
Result<std::vector<Path>> ParseProjection(std::string_view text, Placeholders* placeholders);
// An error when one of the paths is the beginning of another.
Status CheckOverlap(std::string_view parameter, const std::vector<Path>& paths);

}  // namespace mainstem::gateway::dynamodb
