// Patterns in brackets: messages are cut at blanks into fields, which have names and conditions.
#include <algorithm>
#include <optional>
#include <vector>

#include "gateway/logs/filter_expression.h"
#include "gateway/logs/filter_pattern_kinds.h"

namespace mainstem::gateway::logs {
namespace {

bool IsFieldNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || static_cast<unsigned char>(c) >= 0x80;
}

// The fields that an answer tells beside those with names.
constexpr size_t kExtractedFieldsMax = 1000;

// What stands between brackets or quotes is one field, without them. At most `limit` of them. Reads
// the message once: what closes no more is looked for no more.
std::vector<std::string_view> CutFields(std::string_view message, size_t limit) {
  std::vector<std::string_view> fields;
  size_t at = 0;
  bool may_close_bracket = true;
  bool may_close_quote = true;
  while (fields.size() < limit) {
    at = message.find_first_not_of(" \t\r\n", at);
    if (at == std::string_view::npos) return fields;
    char opening = message[at];
    size_t end = std::string_view::npos;
    if (opening == '[' && may_close_bracket) {
      end = message.find(']', at + 1);
      may_close_bracket = end != std::string_view::npos;
    }
    if (opening == '"' && may_close_quote) {
      end = message.find('"', at + 1);
      while (end != std::string_view::npos && message[end - 1] == '\\') {
        end = message.find('"', end + 1);
      }
      may_close_quote = end != std::string_view::npos;
    }
    if (end != std::string_view::npos) {
      fields.push_back(message.substr(at + 1, end - at - 1));
      at = end + 1;
      continue;
    }
    end = std::min(message.find_first_of(" \t\r\n", at), message.size());
    fields.push_back(message.substr(at, end - at));
    at = end;
  }
  return fields;
}

class SpacePattern final : public FilterPattern::Kind {
 public:
  Status Parse(std::string_view pattern) {
    PatternScanner scanner(pattern);
    scanner.Take("[");
    do {
      RETURN_IF_ERROR(TakeField(&scanner));
    } while (scanner.Take(","));
    if (!scanner.Take("]")) return scanner.Error("',' or ']'");
    return scanner.AtEnd() ? Status::OK() : scanner.Error("nothing more");
  }

  bool Matches(std::string_view message) override {
    std::vector<std::string_view> fields = Cut(message);
    if (!Fits(fields.size())) return false;
    return std::all_of(conditions_.begin(), conditions_.end(), [&](const FilterExpression& one) {
      return one.Evaluate([&](const FilterExpression& test) {
        return test.comparison->Matches(fields[PlaceOf(test.selector, fields.size())]);
      });
    });
  }

  std::map<std::string, std::string> Extract(std::string_view message) override {
    std::map<std::string, std::string> values;
    std::vector<std::string_view> fields = Cut(message);
    if (!Fits(fields.size())) return values;
    std::map<size_t, std::string> names;  // by the field's place
    for (size_t i = 0; i < names_.size(); ++i) {
      if (!names_[i].empty()) names[PlaceOf(i, fields.size())] = "$" + names_[i];
    }
    for (size_t i = 0; i < std::min(fields.size(), kExtractedFieldsMax); ++i) {
      names.emplace(i, "$" + std::to_string(i + 1));
    }
    for (const auto& [place, name] : names) values[name] = std::string(fields[place]);
    return values;
  }

  bool is_space_delimited() const override { return true; }

 private:
  Status TakeField(PatternScanner* scanner) {
    if (scanner->Take("...")) {
      if (gap_) return scanner->Error("only one '...'");
      gap_ = names_.size();
      return Status::OK();
    }
    names_.emplace_back();
    char next = scanner->Peek();
    if (next == ',' || next == ']') return Status::OK();  // a field without a name
    if (!IsFieldNameCharacter(next) && next != '(') return scanner->Error("a name");
    // A name alone has no condition.
    PatternScanner ahead = *scanner;
    std::string_view name = ahead.TakeRun(IsFieldNameCharacter);
    char behind = ahead.Peek();
    if (!name.empty() && (behind == ',' || behind == ']')) {
      *scanner = ahead;
      names_.back() = name;
      return Status::OK();
    }
    ASSIGN_OR_RETURN(
        FilterExpression condition,
        ParseFilterExpression(scanner, false, [this](PatternScanner* at) { return TakeName(at); }));
    conditions_.push_back(std::move(condition));
    return Status::OK();
  }

  // The first name is this field's own; others are of fields before it.
  Result<size_t> TakeName(PatternScanner* scanner) {
    scanner->Peek();
    std::string name(scanner->TakeRun(IsFieldNameCharacter));
    if (name.empty()) return scanner->Error("a name");
    if (names_.back().empty()) {
      names_.back() = std::move(name);
      return names_.size() - 1;
    }
    auto known = std::find(names_.begin(), names_.end(), name);
    if (known == names_.end()) return scanner->Error("the name of a field");
    return static_cast<size_t>(known - names_.begin());
  }

  // Without a gap one field too many says all.
  std::vector<std::string_view> Cut(std::string_view message) const {
    return CutFields(message, gap_ ? SIZE_MAX : names_.size() + 1);
  }
  bool Fits(size_t count) const { return gap_ ? count >= names_.size() : count == names_.size(); }
  // Of `count` fields, the one that the pattern's field `field` is.
  size_t PlaceOf(size_t field, size_t count) const {
    return gap_ && field >= *gap_ ? count - (names_.size() - field) : field;
  }

  std::vector<std::string> names_;  // of the fields, without the gap; empty where there is none
  std::optional<size_t> gap_;       // the fields from here on are counted from the end
  std::vector<FilterExpression> conditions_;
};

}  // namespace

Result<std::unique_ptr<FilterPattern::Kind>> ParseSpacePattern(std::string_view pattern) {
  auto kind = std::make_unique<SpacePattern>();
  RETURN_IF_ERROR(kind->Parse(pattern));
  return kind;
}

}  // namespace mainstem::gateway::logs
