// Patterns in braces: conditions on values of messages that are JSON.
#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include <simdjson.h>

#include "gateway/logs/filter_expression.h"
#include "gateway/logs/filter_pattern_kinds.h"

namespace mainstem::gateway::logs {
namespace {

namespace dom = simdjson::dom;

constexpr int kWildcardsMax = 3;  // of a pattern; one of a selector

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || static_cast<unsigned char>(c) >= 0x80;
}
bool IsIndexDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNotSingleQuote(char c) { return c != '\''; }

struct SelectorStep {
  enum class Kind : uint8_t { kMember, kItem, kAnyMember, kAnyItem };
  Kind kind = Kind::kMember;
  std::string name{};
  size_t index = 0;
};

struct Selector {
  std::string text{};  // as extracted values are named
  std::vector<SelectorStep> steps{};
};

bool IsStepWildcard(const SelectorStep& step) {
  return step.kind == SelectorStep::Kind::kAnyMember || step.kind == SelectorStep::Kind::kAnyItem;
}

// $.a.b[0]['c'].*[*]
class SelectorParser {
 public:
  explicit SelectorParser(PatternScanner* scanner) : scanner_(scanner) {}

  Result<Selector> Parse() {
    if (!scanner_->Take("$")) return scanner_->Error("'$'");
    selector_.text = "$";
    while (true) {
      if (scanner_->Take(".")) {
        // "$.[0]" is "$[0]".
        if (scanner_->Peek() == '[') continue;
        RETURN_IF_ERROR(TakeMember());
      } else if (scanner_->Take("[")) {
        RETURN_IF_ERROR(TakeBrackets());
      } else {
        break;
      }
    }
    if (selector_.steps.empty()) return scanner_->Error("'.' and a name");
    return std::move(selector_);
  }

 private:
  Status TakeMember() {
    if (scanner_->Take("*")) {
      Add({.kind = SelectorStep::Kind::kAnyMember}, ".*");
      return Status::OK();
    }
    std::string name(scanner_->TakeRun(IsNameCharacter));
    if (name.empty()) return scanner_->Error("a name");
    std::string text = "." + name;
    Add({.name = std::move(name)}, text);
    return Status::OK();
  }

  Status TakeBrackets() {
    if (scanner_->Take("*")) {
      Add({.kind = SelectorStep::Kind::kAnyItem}, "[*]");
    } else if (scanner_->Take("'")) {
      std::string name(scanner_->TakeRun(IsNotSingleQuote));
      if (!scanner_->Take("'")) return scanner_->Error("\"'\"");
      std::string text = "['" + name + "']";
      Add({.name = std::move(name)}, text);
    } else {
      scanner_->Peek();
      std::string digits(scanner_->TakeRun(IsIndexDigit));
      SelectorStep step{.kind = SelectorStep::Kind::kItem};
      auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step.index);
      if (error != std::errc()) return scanner_->Error("an index");
      Add(std::move(step), "[" + digits + "]");
    }
    return scanner_->Take("]") ? Status::OK() : scanner_->Error("']'");
  }

  void Add(SelectorStep step, std::string_view text) {
    selector_.steps.push_back(std::move(step));
    selector_.text += text;
  }

  PatternScanner* const scanner_;
  Selector selector_;
};

// Calls `take` with each value that the steps from `next` on lead to, until it returns true.
template <typename TakeValue>
bool FollowSteps(const Selector& selector, size_t next, dom::element at, const TakeValue& take) {
  if (next == selector.steps.size()) return take(at);
  const SelectorStep& step = selector.steps[next];
  dom::object object;
  dom::array array;
  dom::element inner;
  switch (step.kind) {
    case SelectorStep::Kind::kMember:
      return at.get_object().get(object) == simdjson::SUCCESS &&
             object.at_key(step.name).get(inner) == simdjson::SUCCESS &&
             FollowSteps(selector, next + 1, inner, take);
    case SelectorStep::Kind::kItem:
      return at.get_array().get(array) == simdjson::SUCCESS &&
             array.at(step.index).get(inner) == simdjson::SUCCESS &&
             FollowSteps(selector, next + 1, inner, take);
    case SelectorStep::Kind::kAnyMember:
      if (at.get_object().get(object) != simdjson::SUCCESS) return false;
      for (auto member : object) {
        if (FollowSteps(selector, next + 1, member.value, take)) return true;
      }
      return false;
    case SelectorStep::Kind::kAnyItem:
      if (at.get_array().get(array) != simdjson::SUCCESS) return false;
      for (dom::element item : array) {
        if (FollowSteps(selector, next + 1, item, take)) return true;
      }
      return false;
  }
  return false;
}

// Of a value node; lists, objects and nulls have no text to compare.
std::optional<std::string> TextOfNode(dom::element element) {
  std::string_view text;
  if (element.get_string().get(text) == simdjson::SUCCESS) return std::string(text);
  if (element.is_object() || element.is_array() || element.is_null()) return std::nullopt;
  return simdjson::minify(element);
}

class JsonPattern final : public FilterPattern::Kind {
 public:
  Status Parse(std::string_view pattern) {
    PatternScanner scanner(pattern);
    scanner.Take("{");
    TakeSelector take = [this](PatternScanner* at) -> Result<size_t> {
      ASSIGN_OR_RETURN(Selector selector, SelectorParser(at).Parse());
      auto wildcards = std::count_if(selector.steps.begin(), selector.steps.end(), IsStepWildcard);
      wildcard_count_ += static_cast<int>(wildcards);
      if (wildcards > 1) return at->Error("one * in a selector");
      if (wildcard_count_ > kWildcardsMax) return at->Error("at most 3 selectors with *");
      selectors_.push_back(std::move(selector));
      return selectors_.size() - 1;
    };
    ASSIGN_OR_RETURN(expression_, ParseFilterExpression(&scanner, true, take));
    if (!scanner.Take("}")) return scanner.Error("'}'");
    return scanner.AtEnd() ? Status::OK() : scanner.Error("nothing more");
  }

  bool Matches(std::string_view message) override {
    dom::element root;
    if (!ParseMessage(message, &root)) return false;
    return expression_.Evaluate([&](const FilterExpression& test) { return Holds(test, root); });
  }

  std::map<std::string, std::string> Extract(std::string_view message) override {
    std::map<std::string, std::string> values;
    dom::element root;
    if (!ParseMessage(message, &root)) return values;
    for (const Selector& selector : selectors_) {
      FollowSteps(selector, 0, root, [&](dom::element value) {
        auto text = TextOfNode(value);
        if (text) values[selector.text] = *std::move(text);
        return true;
      });
    }
    return values;
  }

 private:
  bool ParseMessage(std::string_view message, dom::element* root) {
    PatternScanner scanner(message);
    char first = scanner.Peek();
    if (first != '{' && first != '[') return false;
    return parser_.parse(message.data(), message.size(), true).get(*root) == simdjson::SUCCESS;
  }

  bool Holds(const FilterExpression& test, dom::element root) const {
    const Selector& selector = selectors_[test.selector];
    auto follow = [&](auto take) { return FollowSteps(selector, 0, root, take); };
    auto is_boolean = [&](bool wanted) {
      return follow([&](dom::element value) {
        bool boolean = false;
        return value.get_bool().get(boolean) == simdjson::SUCCESS && boolean == wanted;
      });
    };
    switch (test.test) {
      case FilterTest::kIsNull: return follow([](dom::element value) { return value.is_null(); });
      case FilterTest::kIsTrue: return is_boolean(true);
      case FilterTest::kIsFalse: return is_boolean(false);
      case FilterTest::kNotExists: return !follow([](dom::element) { return true; });
      case FilterTest::kCompare:
        return follow([&](dom::element value) {
          auto text = TextOfNode(value);
          return text && test.comparison->Matches(*text);
        });
    }
    return false;
  }

  std::vector<Selector> selectors_;
  int wildcard_count_ = 0;
  FilterExpression expression_;
  dom::parser parser_;
};

}  // namespace

Result<std::unique_ptr<FilterPattern::Kind>> ParseJsonPattern(std::string_view pattern) {
  auto kind = std::make_unique<JsonPattern>();
  RETURN_IF_ERROR(kind->Parse(pattern));
  return kind;
}

}  // namespace mainstem::gateway::logs
