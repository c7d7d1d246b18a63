#include "process/expr/json_path_walk.h"

#include <algorithm>

namespace mainstem::process {
namespace {

using Step = JsonPath::Step;
using Kind = JsonItem::Kind;

const JsonNode* MemberOf(const JsonNode& node, const std::string& key) {
  for (const auto& [name, child] : node.children) {
    if (name == key) return &child;
  }
  return nullptr;
}

class Walker {
 public:
  Walker(const JsonPath& path, std::vector<JsonItem>* items)
      : steps_(path.steps()), is_strict_(path.strict()), items_(*items) {}

  // `definite`: no step up to here may find several values, so that each must find its one.
  bool Walk(const JsonNode& node, size_t at, bool definite) {
    if (at == steps_.size()) {
      items_.push_back(ToItem(node));
      return true;
    }
    switch (steps_[at].kind) {
      case Step::Kind::kKeys: return WalkKeys(node, at, definite);
      case Step::Kind::kPlaces:
      case Step::Kind::kSlice: return WalkPlaces(node, at, definite);
      case Step::Kind::kAny:
        for (const auto& [key, child] : node.children) {
          if (!Walk(child, at + 1, false)) return false;
        }
        return true;
      case Step::Kind::kDeep: return WalkDeep(node, at);
      case Step::Kind::kLength: break;
    }
    if (node.kind != Kind::kArray) return MayLack(definite);
    items_.push_back(
        {.kind = Kind::kNumber, .json = std::to_string(node.children.size()), .text = {}});
    return true;
  }

 private:
  // Whether the walk goes on without what a step names.
  bool MayLack(bool definite) const { return !definite || !is_strict_; }

  bool WalkKeys(const JsonNode& node, size_t at, bool definite) {
    const std::vector<std::string>& keys = steps_[at].keys;
    const bool is_last = at + 1 == steps_.size();
    if (node.kind != Kind::kObject) return MayLack(definite);
    if (keys.size() > 1 && is_last) {  // one object of those that are there
      JsonNode merged{.kind = Kind::kObject, .json = {}, .text = {}, .children = {}};
      for (const std::string& key : keys) {
        const JsonNode* child = MemberOf(node, key);
        if (child != nullptr) merged.children.push_back({key, *child});
      }
      items_.push_back(ToItem(merged));
      return true;
    }
    for (const std::string& key : keys) {
      const JsonNode* child = MemberOf(node, key);
      if (child != nullptr) {
        if (!Walk(*child, at + 1, definite && keys.size() == 1)) return false;
      } else if (!is_last && !MayLack(definite && keys.size() == 1)) {
        return false;
      }
    }
    return true;
  }

  bool WalkPlaces(const JsonNode& node, size_t at, bool definite) {
    const Step& step = steps_[at];
    if (node.kind != Kind::kArray) return MayLack(definite);
    const auto count = static_cast<int64_t>(node.children.size());
    const auto walk_at = [&](int64_t place, bool one) {
      if (place < 0) place += count;
      if (place < 0 || place >= count) return true;
      return Walk(node.children[static_cast<size_t>(place)].node, at + 1, definite && one);
    };
    if (step.kind == Step::Kind::kPlaces) {
      return std::ranges::all_of(
          step.places, [&](int64_t place) { return walk_at(place, step.places.size() == 1); });
    }
    int64_t begin = step.from.value_or(0), end = step.to.value_or(count);
    // Counted from the end where one bound is given alone.
    if (begin < 0 && !step.to.has_value()) begin = std::max<int64_t>(0, begin + count);
    if (end < 0 && !step.from.has_value()) end += count;
    for (int64_t place = begin; place < std::min(end, count); ++place) {
      if (!walk_at(place, false)) return false;
    }
    return true;
  }

  // The rest of the path at this value and at all that are in it.
  bool WalkDeep(const JsonNode& node, size_t at) {
    const Step::Kind next = steps_[at + 1].kind;
    const bool fits = next == Step::Kind::kKeys ? HasKeys(node, at + 1)
                      : next == Step::Kind::kPlaces || next == Step::Kind::kSlice
                          ? node.kind == Kind::kArray
                          : true;
    if (fits && !Walk(node, at + 1, false)) return false;
    return std::ranges::all_of(node.children,
                               [&](const auto& child) { return WalkDeep(child.node, at); });
  }

  bool HasKeys(const JsonNode& node, size_t at) const {
    return node.kind == Kind::kObject &&
           std::ranges::all_of(steps_[at].keys, [&](const std::string& key) {
             return MemberOf(node, key) != nullptr;
           });
  }

  const std::vector<Step>& steps_;
  const bool is_strict_;
  std::vector<JsonItem>& items_;
};

}  // namespace

JsonItem ToItem(const JsonNode& node) {
  JsonItem item{.kind = node.kind, .json = node.json, .text = node.text};
  if (node.kind == Kind::kObject) {
    JsonMembers members;
    for (const auto& [key, child] : node.children) members[key] = ToItem(child).json;
    AppendJsonObject(members, &item.json);
  } else if (node.kind == Kind::kArray) {
    item.json = "[";
    for (const auto& [key, child] : node.children) {
      if (item.json.size() > 1) item.json += ',';
      item.json += ToItem(child).json;
    }
    item.json += ']';
  }
  return item;
}

bool FindInTree(const JsonNode& root, const JsonPath& path, std::vector<JsonItem>* items) {
  return Walker(path, items).Walk(root, 0, true);
}

}  // namespace mainstem::process
