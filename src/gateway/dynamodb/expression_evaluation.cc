#include "gateway/dynamodb/expression_evaluation.h"

#include <algorithm>

#include <fmt/format.h>

#include "gateway/dynamodb/errors.h"

namespace mainstem::gateway::dynamodb {
namespace {

Status BadPath() {
  return Invalid("The document path provided in the update expression is invalid for update");
}
Status BadType() {
  return Invalid("An operand in the update expression has an incorrect data type");
}
Status NoSuchAttribute() {
  return Invalid("The provided expression refers to an attribute that does not exist in the item");
}

std::optional<DecimalNumber> SizeFunction(const AttributeValue& value) {
  size_t size = 0;
  switch (value.type) {
    case ValueType::kString:
      for (char c : value.text) size += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
      break;
    case ValueType::kBinary: size = value.text.size(); break;
    case ValueType::kMap: size = value.map.size(); break;
    case ValueType::kList: size = value.list.size(); break;
    case ValueType::kStringSet:
    case ValueType::kNumberSet:
    case ValueType::kBinarySet: size = value.set.size(); break;
    default: return std::nullopt;
  }
  return DecimalNumber::Parse(std::to_string(size)).ValueOrDie();
}

// Nothing when it refers to what is not there.
std::optional<AttributeValue> ValueOf(const Operand& operand, const Item& item) {
  if (operand.kind == Operand::Kind::kValue) return operand.value;
  const AttributeValue* found = FindValue(operand.path, item);
  if (found == nullptr) return std::nullopt;
  if (operand.kind == Operand::Kind::kPath) return *found;
  auto size = SizeFunction(*found);
  if (!size) return std::nullopt;
  return AttributeValue::OfNumber(*size);
}

bool Compares(Comparison comparison, const AttributeValue& a, const AttributeValue& b) {
  if (comparison == Comparison::kEqual) return a == b;
  if (comparison == Comparison::kNotEqual) return !(a == b);
  auto order = CompareValues(a, b);
  if (!order) return false;
  switch (comparison) {
    case Comparison::kLess: return *order < 0;
    case Comparison::kLessEqual: return *order <= 0;
    case Comparison::kGreater: return *order > 0;
    default: return *order >= 0;
  }
}

bool BeginsWith(const AttributeValue& value, const AttributeValue& prefix) {
  bool is_text = value.type == ValueType::kString || value.type == ValueType::kBinary;
  return is_text && value.type == prefix.type && value.text.starts_with(prefix.text);
}

ValueType ElementType(ValueType set) {
  if (set == ValueType::kStringSet) return ValueType::kString;
  return set == ValueType::kNumberSet ? ValueType::kNumber : ValueType::kBinary;
}

bool Contains(const AttributeValue& value, const AttributeValue& part) {
  if (value.type == ValueType::kString || value.type == ValueType::kBinary) {
    return part.type == value.type && value.text.find(part.text) != std::string::npos;
  }
  if (value.type == ValueType::kList) {
    return std::find(value.list.begin(), value.list.end(), part) != value.list.end();
  }
  return value.is_set() && part.type == ElementType(value.type) &&
         std::binary_search(value.set.begin(), value.set.end(), part.text);
}

bool HoldsOfOperands(const Condition& condition,
                     const std::vector<std::optional<AttributeValue>>& values) {
  using Kind = Condition::Kind;
  if (condition.kind == Kind::kExists) return values[0].has_value();
  if (condition.kind == Kind::kNotExists) return !values[0].has_value();
  // What is not there differs from everything.
  if (condition.kind == Kind::kCompare && condition.comparison == Comparison::kNotEqual &&
      (!values[0] || !values[1])) {
    return values[0].has_value() || values[1].has_value();
  }
  if (!values[0]) return false;
  const AttributeValue& first = *values[0];
  if (condition.kind == Kind::kIn) {
    return std::find(values.begin() + 1, values.end(), values[0]) != values.end();
  }
  bool all_there = std::all_of(values.begin(), values.end(),
                               [](const auto& value) { return value.has_value(); });
  if (!all_there) return false;
  switch (condition.kind) {
    case Kind::kCompare: return Compares(condition.comparison, first, *values[1]);
    case Kind::kBetween:
      return Compares(Comparison::kGreaterEqual, first, *values[1]) &&
             Compares(Comparison::kLessEqual, first, *values[2]);
    case Kind::kHasType: return NameOf(first.type) == values[1]->text;
    case Kind::kBeginsWith: return BeginsWith(first, *values[1]);
    case Kind::kContains: return Contains(first, *values[1]);
    default: return false;
  }
}

const AttributeValue* StepInto(const AttributeValue& value, const PathStep& step) {
  if (step.index >= 0) {
    auto index = static_cast<size_t>(step.index);
    bool there = value.type == ValueType::kList && index < value.list.size();
    return there ? &value.list[index] : nullptr;
  }
  if (value.type != ValueType::kMap) return nullptr;
  auto found = value.map.find(step.name);
  return found == value.map.end() ? nullptr : &found->second;
}

// Of a tree of values that is being made: what the path's last step stands in. Null when nothing
// can.
AttributeValue* ParentOf(const Path& path, AttributeValue* root) {
  AttributeValue* at = root;
  for (size_t i = 0; i + 1 < path.size() && at != nullptr; ++i) {
    at = const_cast<AttributeValue*>(StepInto(*at, path[i]));
  }
  if (at == nullptr) return nullptr;
  bool wants_list = path.back().index >= 0;
  return at->type == (wants_list ? ValueType::kList : ValueType::kMap) ? at : nullptr;
}

Status Put(const Path& path, AttributeValue value, AttributeValue* root) {
  AttributeValue* parent = ParentOf(path, root);
  if (parent == nullptr) return BadPath();
  const PathStep& last = path.back();
  if (last.index < 0) {
    parent->map[last.name] = std::move(value);
  } else if (static_cast<size_t>(last.index) < parent->list.size()) {
    parent->list[static_cast<size_t>(last.index)] = std::move(value);
  } else {
    parent->list.push_back(std::move(value));
  }
  return Status::OK();
}

Status Remove(const Path& path, AttributeValue* root) {
  AttributeValue* parent = ParentOf(path, root);
  // An attribute that is not there may be removed; within one that is not there nothing can.
  if (parent == nullptr) return path.size() == 1 ? Status::OK() : BadPath();
  const PathStep& last = path.back();
  if (last.index < 0) {
    parent->map.erase(last.name);
  } else if (static_cast<size_t>(last.index) < parent->list.size()) {
    parent->list.erase(parent->list.begin() + last.index);
  }
  return Status::OK();
}

Result<AttributeValue> Evaluate(const UpdateValue& value, const Item& before) {
  using Kind = UpdateValue::Kind;
  if (value.kind == Kind::kOperand) {
    auto found = ValueOf(value.operand, before);
    if (!found) return NoSuchAttribute();
    return *std::move(found);
  }
  if (value.kind == Kind::kIfNotExists) {
    const AttributeValue* found = FindValue(value.operand.path, before);
    if (found != nullptr) return *found;
    return Evaluate(value.parts[0], before);
  }
  ASSIGN_OR_RETURN(AttributeValue first, Evaluate(value.parts[0], before));
  ASSIGN_OR_RETURN(AttributeValue second, Evaluate(value.parts[1], before));
  if (value.kind == Kind::kListAppend) {
    if (first.type != ValueType::kList || second.type != ValueType::kList) return BadType();
    first.list.insert(first.list.end(), second.list.begin(), second.list.end());
    return first;
  }
  if (first.type != ValueType::kNumber || second.type != ValueType::kNumber) return BadType();
  DecimalNumber other = second.number();
  if (value.kind == Kind::kMinus) other = other.Negated();
  ASSIGN_OR_RETURN(DecimalNumber sum, first.number().Plus(other));
  return AttributeValue::OfNumber(sum);
}

Result<AttributeValue> Added(const AttributeValue* before, const AttributeValue& value,
                             bool to_lists) {
  if (before == nullptr) return value;
  if (before->type != value.type) return BadType();
  AttributeValue out = *before;
  if (value.type == ValueType::kNumber) {
    ASSIGN_OR_RETURN(DecimalNumber sum, before->number().Plus(value.number()));
    return AttributeValue::OfNumber(sum);
  }
  if (value.type == ValueType::kList && to_lists) {
    out.list.insert(out.list.end(), value.list.begin(), value.list.end());
    return out;
  }
  if (!value.is_set()) return BadType();
  out.set.clear();
  std::set_union(before->set.begin(), before->set.end(), value.set.begin(), value.set.end(),
                 std::back_inserter(out.set));
  return out;
}

// Nothing when no element is left: then there is no attribute either.
Result<std::optional<AttributeValue>> Reduced(const AttributeValue& before,
                                              const AttributeValue& value) {
  if (before.type != value.type || !value.is_set()) return BadType();
  AttributeValue out = before;
  out.set.clear();
  std::set_difference(before.set.begin(), before.set.end(), value.set.begin(), value.set.end(),
                      std::back_inserter(out.set));
  std::optional<AttributeValue> left;
  if (!out.set.empty()) left = std::move(out);
  return left;
}

// Sets that have nothing left are removed with what else is: lists would be shifted.
Status ApplyDelete(const Update::Change& change, const Item& before, AttributeValue* root,
                   std::vector<Path>* removes) {
  const AttributeValue* found = FindValue(change.path, before);
  if (found == nullptr) return Status::OK();
  ASSIGN_OR_RETURN(auto left, Reduced(*found, change.value));
  if (left) return Put(change.path, *std::move(left), root);
  removes->push_back(change.path);
  return Status::OK();
}

// Of each list what comes later first, with all that lies within, so that the others keep their
// places.
void OrderForRemoval(std::vector<Path>* paths) {
  auto step_before = [](const PathStep& a, const PathStep& b) {
    return a.index != b.index ? a.index > b.index : a.name < b.name;
  };
  std::sort(paths->begin(), paths->end(), [step_before](const Path& a, const Path& b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), step_before);
  });
}

// What of `value` lies at the paths, of which `depth` steps have led to it.
AttributeValue ProjectInto(const std::vector<const Path*>& paths, size_t depth,
                           const AttributeValue& value) {
  bool whole = std::any_of(paths.begin(), paths.end(),
                           [&](const Path* path) { return path->size() == depth; });
  if (whole) return value;
  AttributeValue out{.type = value.type};
  auto under = [&](const PathStep& step) {
    std::vector<const Path*> found;
    for (const Path* path : paths) {
      if ((*path)[depth] == step) found.push_back(path);
    }
    return found;
  };
  auto leads_somewhere = [&](const std::vector<const Path*>& found, const AttributeValue& inner) {
    return std::any_of(found.begin(), found.end(), [&](const Path* path) {
      const AttributeValue* at = &inner;
      for (size_t i = depth + 1; i < path->size() && at != nullptr; ++i) {
        at = StepInto(*at, (*path)[i]);
      }
      return at != nullptr;
    });
  };
  for (const auto& [name, inner] : value.map) {
    auto found = under({.name = name});
    if (leads_somewhere(found, inner)) out.map[name] = ProjectInto(found, depth + 1, inner);
  }
  for (size_t i = 0; i < value.list.size(); ++i) {
    auto found = under({.index = static_cast<int64_t>(i)});
    if (leads_somewhere(found, value.list[i])) {
      out.list.push_back(ProjectInto(found, depth + 1, value.list[i]));
    }
  }
  return out;
}

}  // namespace

const AttributeValue* FindValue(const Path& path, const Item& item) {
  auto found = item.find(path[0].name);
  const AttributeValue* at = found == item.end() ? nullptr : &found->second;
  for (size_t i = 1; i < path.size() && at != nullptr; ++i) at = StepInto(*at, path[i]);
  return at;
}

std::optional<int> CompareValues(const AttributeValue& a, const AttributeValue& b) {
  if (a.type != b.type) return std::nullopt;
  if (a.type == ValueType::kNumber) {
    auto order = a.number() <=> b.number();
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }
  if (a.type != ValueType::kString && a.type != ValueType::kBinary) return std::nullopt;
  int order = a.text.compare(b.text);  // as unsigned bytes
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

bool Holds(const Condition& condition, const Item& item) {
  auto holds = [&](const Condition& part) { return Holds(part, item); };
  const auto& parts = condition.parts;
  switch (condition.kind) {
    case Condition::Kind::kAnd: return std::all_of(parts.begin(), parts.end(), holds);
    case Condition::Kind::kOr: return std::any_of(parts.begin(), parts.end(), holds);
    case Condition::Kind::kNot: return !Holds(parts[0], item);
    default: break;
  }
  std::vector<std::optional<AttributeValue>> values;
  for (const Operand& operand : condition.operands) values.push_back(ValueOf(operand, item));
  return HoldsOfOperands(condition, values);
}

Result<UpdateOutcome> ApplyUpdate(const Update& update, const Item& before) {
  UpdateOutcome outcome;
  AttributeValue root{.type = ValueType::kMap, .map = before};
  std::vector<std::pair<const Path*, AttributeValue>> puts;
  for (const Update::Assignment& set : update.sets) {
    ASSIGN_OR_RETURN(AttributeValue value, Evaluate(set.value, before));
    puts.emplace_back(&set.path, std::move(value));
  }
  for (const Update::Change& add : update.adds) {
    const AttributeValue* found = FindValue(add.path, before);
    ASSIGN_OR_RETURN(AttributeValue value, Added(found, add.value, update.adds_to_lists));
    puts.emplace_back(&add.path, std::move(value));
  }
  for (auto& [path, value] : puts) {
    int above = static_cast<int>(path->size()) - 1;
    if (above + NestingOf(value) > kNestingMax) return NestsTooDeeply();
    RETURN_IF_ERROR(Put(*path, std::move(value), &root));
    outcome.touched.push_back(*path);
  }
  std::vector<Path> removes = update.removes;
  outcome.touched.insert(outcome.touched.end(), removes.begin(), removes.end());
  for (const Update::Change& change : update.deletes) {
    RETURN_IF_ERROR(ApplyDelete(change, before, &root, &removes));
    outcome.touched.push_back(change.path);
  }
  OrderForRemoval(&removes);
  for (const Path& path : removes) RETURN_IF_ERROR(Remove(path, &root));
  outcome.item = std::move(root.map);
  return outcome;
}

Item Project(const std::vector<Path>& paths, const Item& item) {
  std::vector<const Path*> pointers;
  for (const Path& path : paths) pointers.push_back(&path);
  AttributeValue root{.type = ValueType::kMap, .map = item};
  return ProjectInto(pointers, 0, root).map;
}

}  // namespace mainstem::gateway::dynamodb
