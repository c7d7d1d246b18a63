#include "gateway/dynamodb/key_condition.h"

#include <algorithm>

#include <fmt/format.h>

#include "gateway/dynamodb/errors.h"

namespace mainstem::gateway::dynamodb {
namespace {

using ConditionKind = Condition::Kind;

Status Flatten(const Condition& condition, std::vector<Condition>* parts) {
  if (condition.kind == ConditionKind::kAnd) {
    for (const Condition& part : condition.parts) RETURN_IF_ERROR(Flatten(part, parts));
    return Status::OK();
  }
  if (condition.kind == ConditionKind::kOr || condition.kind == ConditionKind::kNot) {
    return Invalid(fmt::format(
        "Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: {}",
        condition.kind == ConditionKind::kOr ? "OR" : "NOT"));
  }
  parts->push_back(condition);
  return Status::OK();
}

// The attribute stands first, values behind it.
Status PutPathFirst(Condition* condition) {
  auto& operands = condition->operands;
  bool turned = condition->kind == ConditionKind::kCompare &&
                operands[0].kind == Operand::Kind::kValue &&
                operands[1].kind == Operand::Kind::kPath;
  if (turned) {
    std::swap(operands[0], operands[1]);
    switch (condition->comparison) {
      case Comparison::kLess: condition->comparison = Comparison::kGreater; break;
      case Comparison::kLessEqual: condition->comparison = Comparison::kGreaterEqual; break;
      case Comparison::kGreater: condition->comparison = Comparison::kLess; break;
      case Comparison::kGreaterEqual: condition->comparison = Comparison::kLessEqual; break;
      default: break;
    }
  }
  bool good = operands[0].kind == Operand::Kind::kPath && operands[0].path.size() == 1 &&
              std::all_of(operands.begin() + 1, operands.end(), [](const Operand& operand) {
                return operand.kind == Operand::Kind::kValue;
              });
  return good ? Status::OK() : Invalid("Query key condition not supported");
}

Status CheckKeyOperands(const Condition& condition, const KeyAttribute& key) {
  for (size_t i = 1; i < condition.operands.size(); ++i) {
    const AttributeValue& value = condition.operands[i].value;
    if (value.type != key.type) {
      return InvalidValue("Condition parameter type does not match schema type");
    }
    if (!value.text.empty()) continue;
    return Invalid(fmt::format(
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
        "contain an empty string value. Key: {}",
        key.name));
  }
  return Status::OK();
}

bool IsRangeCondition(const Condition& condition) {
  if (condition.kind == ConditionKind::kBetween || condition.kind == ConditionKind::kBeginsWith)
    return true;
  return condition.kind == ConditionKind::kCompare && condition.comparison != Comparison::kNotEqual;
}

std::string NextText(std::string text) {
  text.push_back('\0');
  return text;
}

// Behind all texts that begin with `prefix`; nothing: there are none.
std::optional<std::string> EndOfPrefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xFF') prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

void TakeRange(const Condition& condition, KeyCondition* out) {
  std::string first = SortTextOf(condition.operands[1].value);
  if (condition.kind == ConditionKind::kBetween) {
    out->sort_begin = std::move(first);
    out->sort_end = NextText(SortTextOf(condition.operands[2].value));
    return;
  }
  if (condition.kind == ConditionKind::kBeginsWith) {
    out->sort_end = EndOfPrefix(first);
    out->sort_begin = std::move(first);
    return;
  }
  switch (condition.comparison) {
    case Comparison::kLess: out->sort_end = std::move(first); break;
    case Comparison::kLessEqual: out->sort_end = NextText(std::move(first)); break;
    case Comparison::kGreater: out->sort_begin = NextText(std::move(first)); break;
    case Comparison::kGreaterEqual: out->sort_begin = std::move(first); break;
    default: out->sort_end = NextText(first); out->sort_begin = std::move(first);
  }
}

}  // namespace

Result<KeyCondition> KeyConditionOf(const Condition& condition, const KeySchema& keys) {
  std::vector<Condition> parts;
  RETURN_IF_ERROR(Flatten(condition, &parts));
  std::optional<KeyCondition> out;
  std::optional<Condition> range;
  for (Condition& part : parts) {
    RETURN_IF_ERROR(PutPathFirst(&part));
    const std::string& name = part.operands[0].path[0].name;
    if (name == keys.hash.name && !out) {
      RETURN_IF_ERROR(CheckKeyOperands(part, keys.hash));
      bool is_equal = part.kind == ConditionKind::kCompare && part.comparison == Comparison::kEqual;
      if (!is_equal) return Invalid("Query key condition not supported");
      out = KeyCondition{.partition = part.operands[1].value};
    } else if (keys.range && name == keys.range->name && !range) {
      RETURN_IF_ERROR(CheckKeyOperands(part, *keys.range));
      if (!IsRangeCondition(part)) return Invalid("Query key condition not supported");
      range = part;
    } else if (name == keys.hash.name || (keys.range && name == keys.range->name)) {
      return Invalid("KeyConditionExpressions must only contain one condition per key");
    } else if (!out && parts.size() == 1) {
      return Invalid(fmt::format("Query condition missed key schema element: {}", keys.hash.name));
    } else {
      return Invalid(fmt::format("Query condition missed key schema element: {}",
                                 keys.range ? keys.range->name : keys.hash.name));
    }
  }
  if (!out) {
    return Invalid(fmt::format("Query condition missed key schema element: {}", keys.hash.name));
  }
  if (range) TakeRange(*range, &*out);
  return *std::move(out);
}

}  // namespace mainstem::gateway::dynamodb
