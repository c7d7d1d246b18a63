#include "gateway/events/event_pattern.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "gateway/aws/body_codec.h"
#include "gateway/events/value_match.h"

namespace mainstem::gateway::events {

// An object of a pattern without $or, a leaf, or both where $or brought them together.
struct EventPattern::Node {
  std::map<std::string, Node> fields{};
  std::vector<ValueTest> tests{};   // of a leaf: one of them
  std::vector<std::string> path{};  // of a leaf: from the event's root

  bool is_leaf() const { return !tests.empty(); }
};

namespace {

using Node = EventPattern::Node;
using ValueKind = aws::Value::Kind;

constexpr size_t kAlternativesMax = 1000;

Status BadPattern(std::string message) {
  return MakeError(ErrorCode::kInvalidArgument, std::move(message));
}

// Both must hold, for one and the same element of a list. Of leaves at one place the later one
// counts, as in event-ruler.
void MergeNodes(const Node& from, Node* into) {
  if (from.is_leaf()) {
    into->tests = from.tests;
    into->path = from.path;
  }
  for (const auto& [name, field] : from.fields) MergeNodes(field, &into->fields[name]);
}

class PatternParser {
 public:
  // All combinations of what the $or in it allow.
  Result<std::vector<Node>> ParseObject(const aws::Value& object) {
    if (object.members.empty()) return BadPattern("Empty objects are not allowed");
    std::vector<Node> combinations(1);
    for (const aws::Member& member : object.members) {
      ASSIGN_OR_RETURN(std::vector<Node> choices, ParseMember(member));
      std::vector<Node> combined;
      if (combinations.size() * choices.size() > kAlternativesMax) {
        return BadPattern(fmt::format("more than {} combinations of $or", kAlternativesMax));
      }
      for (const Node& before : combinations) {
        for (const Node& choice : choices) {
          combined.push_back(before);
          MergeNodes(choice, &combined.back());
        }
      }
      combinations = std::move(combined);
    }
    return combinations;
  }

 private:
  // As objects of the enclosing one.
  Result<std::vector<Node>> ParseMember(const aws::Member& member) {
    if (member.name == "$or" && IsOr(member.value)) return ParseOr(member.value);
    std::string name(member.name);
    path_.push_back(name);
    std::vector<Node> inner;
    if (member.value.kind == ValueKind::kMap) {
      ASSIGN_OR_RETURN(inner, ParseObject(member.value));
    } else if (member.value.kind == ValueKind::kList) {
      ASSIGN_OR_RETURN(Node leaf, ParseLeaf(member.value));
      inner.push_back(std::move(leaf));
    } else {
      return BadPattern(fmt::format("\"{}\" must be an object or an array", name));
    }
    path_.pop_back();
    std::vector<Node> nodes;
    for (Node& node : inner) {
      Node outer;
      outer.fields[name] = std::move(node);
      nodes.push_back(std::move(outer));
    }
    return nodes;
  }

  // Otherwise it is a field of that name.
  static bool IsOr(const aws::Value& value) {
    return value.kind == ValueKind::kList && value.members.size() >= 2 &&
           std::all_of(value.members.begin(), value.members.end(), [](const aws::Member& item) {
             return item.value.kind == ValueKind::kMap && !IsTest(item.value);
           });
  }
  static bool IsTest(const aws::Value& object) {
    static constexpr std::string_view kNames[] = {
        "prefix",       "suffix", "numeric",  "cidr",
        "anything-but", "exists", "wildcard", "equals-ignore-case"};
    return object.members.size() == 1 && std::find(std::begin(kNames), std::end(kNames),
                                                   object.members[0].name) != std::end(kNames);
  }

  Result<std::vector<Node>> ParseOr(const aws::Value& choices) {
    std::vector<Node> nodes;
    for (const aws::Member& item : choices.members) {
      ASSIGN_OR_RETURN(std::vector<Node> some, ParseObject(item.value));
      std::move(some.begin(), some.end(), std::back_inserter(nodes));
      if (nodes.size() > kAlternativesMax) return BadPattern("too many combinations of $or");
    }
    return nodes;
  }

  Result<Node> ParseLeaf(const aws::Value& list) {
    if (list.members.empty()) return BadPattern("Empty arrays are not allowed");
    Node leaf{.path = path_};
    for (const aws::Member& item : list.members) {
      ASSIGN_OR_RETURN(ValueTest test, ParseValueTest(item.value));
      leaf.tests.push_back(std::move(test));
    }
    return leaf;
  }

  std::vector<std::string> path_;
};

// Whether a scalar stands anywhere at the path, lists flattened.
bool HasLeaf(const aws::Value& at, const std::vector<std::string>& path, size_t depth) {
  if (at.kind == ValueKind::kList) {
    return std::any_of(at.members.begin(), at.members.end(),
                       [&](const aws::Member& item) { return HasLeaf(item.value, path, depth); });
  }
  if (depth == path.size()) return at.kind != ValueKind::kMap;
  if (at.kind != ValueKind::kMap) return false;
  for (const aws::Member& member : at.members) {
    if (member.name == path[depth]) return HasLeaf(member.value, path, depth + 1);
  }
  return false;
}

const aws::Value* FindMember(const aws::Value& object, std::string_view name) {
  // Of members with the same name the last one counts.
  for (auto it = object.members.rbegin(); it != object.members.rend(); ++it) {
    if (it->name == name) return &it->value;
  }
  return nullptr;
}

class PatternMatch {
 public:
  explicit PatternMatch(const aws::Value& event) : event_(event) {}

  // `value`: null where there is none.
  bool Holds(const Node& node, const aws::Value* value) const {
    if (node.is_leaf() && !LeafHolds(node, value)) return false;
    if (node.fields.empty()) return true;
    if (value != nullptr && value->kind == ValueKind::kList) {
      bool any_object = false;
      for (const aws::Member& item : value->members) {
        bool nested = item.value.kind == ValueKind::kMap || item.value.kind == ValueKind::kList;
        any_object = any_object || nested;
        if (nested && Holds(node, &item.value)) return true;
      }
      return !any_object && FieldsHold(node, nullptr);
    }
    return FieldsHold(node, value);
  }

 private:
  bool FieldsHold(const Node& node, const aws::Value* object) const {
    bool is_object = object != nullptr && object->kind == ValueKind::kMap;
    return std::all_of(node.fields.begin(), node.fields.end(), [&](const auto& field) {
      return Holds(field.second, is_object ? FindMember(*object, field.first) : nullptr);
    });
  }

  bool LeafHolds(const Node& leaf, const aws::Value* value) const {
    return std::any_of(leaf.tests.begin(), leaf.tests.end(), [&](const ValueTest& test) {
      if (test.kind == ValueTest::Kind::kAbsent) return !HasLeaf(event_, leaf.path, 0);
      return value != nullptr && AnyScalar(test, *value);
    });
  }

  static bool AnyScalar(const ValueTest& test, const aws::Value& value) {
    if (value.kind == ValueKind::kMap) return false;
    if (value.kind != ValueKind::kList) return test.Matches(value);
    return std::any_of(value.members.begin(), value.members.end(),
                       [&](const aws::Member& item) { return AnyScalar(test, item.value); });
  }

  const aws::Value& event_;
};

}  // namespace

EventPattern::EventPattern() = default;
EventPattern::EventPattern(EventPattern&&) noexcept = default;
EventPattern& EventPattern::operator=(EventPattern&&) noexcept = default;
EventPattern::~EventPattern() = default;

Result<EventPattern> EventPattern::Parse(std::string_view json) {
  auto document = aws::DecodeBody(aws::BodyCodec::kJson, std::string(json));
  if (!document.ok()) return BadPattern("the pattern is not valid JSON");
  if (document->root.kind != ValueKind::kMap) {
    return BadPattern("Filter is not an object");
  }
  EventPattern pattern;
  ASSIGN_OR_RETURN(pattern.alternatives_, PatternParser().ParseObject(document->root));
  return pattern;
}

bool EventPattern::Matches(const aws::Value& event) const {
  PatternMatch match(event);
  return std::any_of(alternatives_.begin(), alternatives_.end(),
                     [&](const Node& node) { return match.Holds(node, &event); });
}

}  // namespace mainstem::gateway::events
