#include "gateway/dynamodb/legacy_parameters.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "gateway/dynamodb/errors.h"
#include "gateway/dynamodb/expression_evaluation.h"

namespace mainstem::gateway::dynamodb {
namespace {

using ConditionKind = Condition::Kind;

struct LegacyOperator {
  std::string_view name;
  ConditionKind kind;
  Comparison comparison = Comparison::kEqual;
  bool negated = false;
  size_t operand_count = 1;  // 0 with kIn: any number
};

constexpr LegacyOperator kLegacyOperators[] = {
    {"EQ", ConditionKind::kCompare, Comparison::kEqual},
    {"NE", ConditionKind::kCompare, Comparison::kNotEqual},
    {"LE", ConditionKind::kCompare, Comparison::kLessEqual},
    {"LT", ConditionKind::kCompare, Comparison::kLess},
    {"GE", ConditionKind::kCompare, Comparison::kGreaterEqual},
    {"GT", ConditionKind::kCompare, Comparison::kGreater},
    {"NOT_NULL", ConditionKind::kExists, Comparison::kEqual, false, 0},
    {"NULL", ConditionKind::kNotExists, Comparison::kEqual, false, 0},
    {"CONTAINS", ConditionKind::kContains},
    {"NOT_CONTAINS", ConditionKind::kContains, Comparison::kEqual, true},
    {"BEGINS_WITH", ConditionKind::kBeginsWith},
    {"IN", ConditionKind::kIn, Comparison::kEqual, false, 0},
    {"BETWEEN", ConditionKind::kBetween, Comparison::kEqual, false, 2},
};

bool IsScalar(ValueType type) {
  return type == ValueType::kString || type == ValueType::kNumber || type == ValueType::kBinary;
}

bool TakesType(const LegacyOperator& known, ValueType type) {
  bool is_flag = type == ValueType::kBoolean || type == ValueType::kNull;
  switch (known.kind) {
    case ConditionKind::kBeginsWith:
      return type == ValueType::kString || type == ValueType::kBinary;
    case ConditionKind::kContains: return IsScalar(type) || is_flag;
    case ConditionKind::kCompare:
      return IsScalar(type) || known.comparison == Comparison::kEqual ||
             known.comparison == Comparison::kNotEqual;
    default: return IsScalar(type);
  }
}

// `operands`: of one condition, its attribute first.
Status CheckTypes(const LegacyOperator& known, const std::vector<Operand>& operands) {
  for (size_t i = 1; i < operands.size(); ++i) {
    ValueType type = operands[i].value.type;
    if (!TakesType(known, type)) {
      return InvalidValue(
          fmt::format("ComparisonOperator {} is not valid for {} AttributeValue type", known.name,
                      NameOf(type)));
    }
    if (type != operands[1].value.type) {
      return InvalidValue("AttributeValues inside AttributeValueList must be of same type");
    }
  }
  bool falls = known.kind == ConditionKind::kBetween &&
               CompareValues(operands[1].value, operands[2].value).value_or(0) > 0;
  if (!falls) return Status::OK();
  return Invalid(
      "The BETWEEN condition was provided a range where the lower bound is greater than the upper "
      "bound");
}

Operand OfPath(std::string_view name) {
  return {.kind = Operand::Kind::kPath, .path = {{.name = std::string(name)}}};
}

Result<Condition> FromOperator(const LegacyOperator& known, std::string_view attribute,
                               const std::vector<const aws::Value*>& values) {
  size_t count = values.size();
  bool fits = known.kind == ConditionKind::kIn ? count >= 1 : count == known.operand_count;
  if (!fits) {
    return InvalidValue(
        fmt::format("Invalid number of argument(s) for the {} ComparisonOperator", known.name));
  }
  Condition out{.kind = known.kind, .comparison = known.comparison};
  out.operands.push_back(OfPath(attribute));
  for (const aws::Value* given : values) {
    ASSIGN_OR_RETURN(AttributeValue value, ParseAttributeValue(*given));
    out.operands.push_back({.kind = Operand::Kind::kValue, .value = std::move(value)});
  }
  RETURN_IF_ERROR(CheckTypes(known, out.operands));
  if (!known.negated) return out;
  Condition negated{.kind = ConditionKind::kNot};
  negated.parts.push_back(std::move(out));
  return negated;
}

// Expected's older form: {"Exists": false} or {"Value": ...}.
Result<Condition> FromExists(std::string_view attribute, const aws::Value& value) {
  const aws::Value& exists = value["Exists"];
  const aws::Value& expected = value["Value"];
  bool must_exist = exists.is_null() || exists.boolean;
  if (must_exist && expected.is_null()) {
    return InvalidValue(fmt::format("Value must be provided when Exists is {} for Attribute: {}",
                                    exists.is_null() ? "null" : "true", attribute));
  }
  if (!must_exist && !expected.is_null()) {
    return InvalidValue(
        fmt::format("Value cannot be used when Exists is false for Attribute: {}", attribute));
  }
  Condition out{.kind = must_exist ? ConditionKind::kCompare : ConditionKind::kNotExists};
  out.operands.push_back(OfPath(attribute));
  if (!must_exist) return out;
  ASSIGN_OR_RETURN(AttributeValue parsed, ParseAttributeValue(expected));
  out.operands.push_back({.kind = Operand::Kind::kValue, .value = std::move(parsed)});
  return out;
}

Status CheckKinds(const aws::Value& value) {
  using Kind = aws::Value::Kind;
  if (value.kind != Kind::kMap) return WrongJson("Unexpected value type in payload");
  struct Known {
    std::string_view name;
    Kind kind;
  };
  constexpr Known kKnown[] = {{"ComparisonOperator", Kind::kString},
                              {"AttributeValueList", Kind::kList},
                              {"Exists", Kind::kBoolean},
                              {"Value", Kind::kMap}};
  for (const Known& known : kKnown) {
    const aws::Value& given = value[known.name];
    if (!given.is_null() && given.kind != known.kind) {
      return WrongJson("Unexpected value type in payload");
    }
  }
  return Status::OK();
}

Result<Condition> FromLegacy(std::string_view attribute, const aws::Value& value) {
  RETURN_IF_ERROR(CheckKinds(value));
  const aws::Value& comparison = value["ComparisonOperator"];
  const aws::Value& list = value["AttributeValueList"];
  auto refuse = [&](std::string_view what) {
    return InvalidValue(fmt::format("{} for Attribute: {}", what, attribute));
  };
  if (comparison.is_null()) {
    if (list.is_null()) return FromExists(attribute, value);
    return refuse("AttributeValueList can only be used with a ComparisonOperator");
  }
  if (!value["Exists"].is_null()) {
    return refuse("Exists and ComparisonOperator cannot be used together");
  }
  if (!value["Value"].is_null() && !list.is_null()) {
    return refuse("Value and AttributeValueList cannot be used together");
  }
  std::vector<const aws::Value*> values;
  for (const aws::Member& member : list.members) values.push_back(&member.value);
  if (!value["Value"].is_null()) values.push_back(&value["Value"]);
  auto known = std::find_if(std::begin(kLegacyOperators), std::end(kLegacyOperators),
                            [&](const LegacyOperator& o) { return o.name == comparison.text; });
  if (known == std::end(kLegacyOperators)) {
    return Invalid(fmt::format("Unsupported operator on {}", comparison.text));
  }
  return FromOperator(*known, attribute, values);
}

Status TakeUpdate(std::string_view attribute, const aws::Value& value, Update* update) {
  std::string_view action = value["Action"].is_null() ? "PUT" : value["Action"].text;
  Path path{{.name = std::string(attribute)}};
  std::optional<AttributeValue> given;
  if (!value["Value"].is_null()) {
    ASSIGN_OR_RETURN(given, ParseAttributeValue(value["Value"]));
  }
  if (action == "DELETE" && !given) {
    update->removes.push_back(std::move(path));
    return Status::OK();
  }
  if (!given) {
    return InvalidValue("Only DELETE action is allowed when no attribute value is specified");
  }
  if (action == "PUT") {
    UpdateValue operand{.operand = {.kind = Operand::Kind::kValue, .value = *std::move(given)}};
    update->sets.push_back({.path = std::move(path), .value = std::move(operand)});
    return Status::OK();
  }
  bool adds = action == "ADD";
  ValueType type = given->type;
  bool can_add = type == ValueType::kNumber || type == ValueType::kList;
  if (!adds && action != "DELETE") return InvalidValue(fmt::format("Unknown action {}", action));
  if (!given->is_set() && !(adds && can_add)) {
    return InvalidValue(
        fmt::format("{} action is not supported for the type {}", action, NameOf(type)));
  }
  (adds ? update->adds : update->deletes)
      .push_back({.path = std::move(path), .value = *std::move(given)});
  return Status::OK();
}

}  // namespace

Result<Condition> ConditionOfParameter(std::string_view parameter, const aws::Value& value,
                                       bool any) {
  if (value.kind != aws::Value::Kind::kMap) return Invalid(fmt::format("{} is no map", parameter));
  Condition out{.kind = any && !value.members.empty() ? ConditionKind::kOr : ConditionKind::kAnd};
  for (const aws::Member& member : value.members) {
    ASSIGN_OR_RETURN(Condition part, FromLegacy(member.name, member.value));
    out.parts.push_back(std::move(part));
  }
  return out;
}

Result<Update> UpdateOfParameter(const aws::Value& attribute_updates) {
  Update update;
  update.adds_to_lists = true;
  for (const aws::Member& member : attribute_updates.members) {
    RETURN_IF_ERROR(TakeUpdate(member.name, member.value, &update));
  }
  return update;
}

std::vector<Path> ProjectionOfParameter(const aws::Value& attributes_to_get) {
  std::vector<Path> paths;
  for (const aws::Member& member : attributes_to_get.members) {
    paths.push_back({{.name = std::string(member.value.text)}});
  }
  return paths;
}

Status CheckConditionalOperator(const aws::Value& input, const aws::Value& conditions) {
  if (input["ConditionalOperator"].is_null()) return Status::OK();
  if (conditions.members.empty()) {
    return Invalid("ConditionalOperator cannot be used without Filter or Expected");
  }
  if (conditions.members.size() > 1) return Status::OK();
  return Invalid(
      "ConditionalOperator can only be used when Filter or Expected has two or more elements");
}

Status RefuseMixedParameters(const aws::Value& input) {
  constexpr std::string_view kOlder[] = {
      "Expected",    "AttributeUpdates", "AttributesToGet",    "KeyConditions",
      "QueryFilter", "ScanFilter",       "ConditionalOperator"};
  constexpr std::string_view kExpressions[] = {"ConditionExpression", "UpdateExpression",
                                               "ProjectionExpression", "KeyConditionExpression",
                                               "FilterExpression"};
  std::vector<std::string_view> older;
  std::vector<std::string_view> expressions;
  for (std::string_view name : kOlder) {
    if (!input[name].is_null()) older.push_back(name);
  }
  for (std::string_view name : kExpressions) {
    if (!input[name].is_null()) expressions.push_back(name);
  }
  if (older.empty() || expressions.empty()) return Status::OK();
  return Invalid(
      fmt::format("Can not use both expression and non-expression parameters in the same request: "
                  "Non-expression parameters: {{{}}} Expression parameters: {{{}}}",
                  fmt::join(older, ", "), fmt::join(expressions, ", ")));
}

}  // namespace mainstem::gateway::dynamodb
