// ExpressionAttributeNames and ExpressionAttributeValues.
#include <algorithm>

#include <fmt/format.h>

#include "gateway/dynamodb/errors.h"
#include "gateway/dynamodb/expression_parser.h"

namespace mainstem::gateway::dynamodb {
namespace {

bool IsPlaceholder(std::string_view text, char sign) {
  if (text.size() < 2 || text[0] != sign) return false;
  return std::all_of(text.begin() + 1, text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

Result<Placeholders> Placeholders::Make(const aws::Value& input) {
  Placeholders out;
  const aws::Value& names = input["ExpressionAttributeNames"];
  const aws::Value& values = input["ExpressionAttributeValues"];
  for (const aws::Value* map : {&names, &values}) {
    if (map->is_null() || !map->members.empty()) continue;
    return Invalid(fmt::format("{} must not be empty", map == &names
                                                           ? "ExpressionAttributeNames"
                                                           : "ExpressionAttributeValues"));
  }
  for (const aws::Member& member : names.members) {
    if (!IsPlaceholder(member.name, '#')) {
      return Invalid(fmt::format(
          "ExpressionAttributeNames contains invalid key: Syntax error; key: \"{}\"", member.name));
    }
    out.names_[std::string(member.name)] = member.value.text;
    out.unused_names_.emplace(member.name);
  }
  for (const aws::Member& member : values.members) {
    if (!IsPlaceholder(member.name, ':')) {
      return Invalid(
          fmt::format("ExpressionAttributeValues contains invalid key: Syntax error; key: \"{}\"",
                      member.name));
    }
    auto value = ParseAttributeValue(member.value);
    if (!value.ok() && aws::ToAwsError(value.status()).name.ends_with("ValidationException")) {
      return Invalid(fmt::format("ExpressionAttributeValues contains invalid value: {} for key {}",
                                 aws::ToAwsError(value.status()).message, member.name));
    }
    RETURN_IF_ERROR(value);
    out.values_[std::string(member.name)] = std::move(*value);
    out.unused_values_.emplace(member.name);
  }
  return out;
}

Result<std::string> Placeholders::TakeName(std::string_view parameter,
                                           std::string_view placeholder) {
  auto found = names_.find(placeholder);
  if (found == names_.end()) {
    return Invalid(
        fmt::format("Invalid {}: An expression attribute name used in the document path is not "
                    "defined; attribute name: {}",
                    parameter, placeholder));
  }
  unused_names_.erase(found->first);
  return found->second;
}

Result<AttributeValue> Placeholders::TakeValue(std::string_view parameter,
                                               std::string_view placeholder) {
  auto found = values_.find(placeholder);
  if (found == values_.end()) {
    return Invalid(fmt::format(
        "Invalid {}: An expression attribute value used in expression is not defined; attribute "
        "value: {}",
        parameter, placeholder));
  }
  unused_values_.erase(found->first);
  return found->second;
}

Status Placeholders::CheckUse(std::string_view parameter) const {
  for (bool is_name : {true, false}) {
    const auto& unused = is_name ? unused_names_ : unused_values_;
    std::string_view what = is_name ? "ExpressionAttributeNames" : "ExpressionAttributeValues";
    if (unused.empty()) continue;
    if (!parsed_any_ && is_name) {
      return Invalid("ExpressionAttributeNames can only be specified when using expressions");
    }
    if (!parsed_any_) {
      return Invalid(fmt::format("{} can only be specified when using expressions: {} is null",
                                 what, parameter));
    }
    return Invalid(fmt::format("Value provided in {} unused in expressions: keys: {{{}}}", what,
                               fmt::join(unused, ", ")));
  }
  return Status::OK();
}

}  // namespace mainstem::gateway::dynamodb
