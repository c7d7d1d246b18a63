#include "gateway/events/value_match.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/asio/ip/address.hpp>

namespace mainstem::gateway::events {
namespace {

using ValueKind = aws::Value::Kind;

Status BadTest(std::string message) {
  return MakeError(ErrorCode::kInvalidArgument, std::move(message));
}

char LowerCase(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::optional<double> NumberOf(const aws::Value& value) {
  if (value.kind == ValueKind::kInteger) return static_cast<double>(value.integer);
  if (value.kind == ValueKind::kDouble) return value.number;
  return std::nullopt;
}

bool SameScalar(const aws::Value& a, const aws::Value& b, std::string_view b_text) {
  if (a.kind == ValueKind::kInteger && b.kind == ValueKind::kInteger) {
    return a.integer == b.integer;
  }
  auto a_number = NumberOf(a);
  auto b_number = NumberOf(b);
  if (a_number && b_number) return *a_number == *b_number;
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case ValueKind::kNull: return true;
    case ValueKind::kBoolean: return a.boolean == b.boolean;
    case ValueKind::kString: return a.text == b_text;
    default: return false;
  }
}

bool BoundHolds(const ValueTest::Bound& bound, double number) {
  if (bound.op == "=") return number == bound.number;
  if (bound.op == "<") return number < bound.number;
  if (bound.op == "<=") return number <= bound.number;
  if (bound.op == ">") return number > bound.number;
  return number >= bound.number;
}

ValueTest LiteralTest(const aws::Value& item) {
  ValueTest test{.kind = ValueTest::Kind::kEquals, .literal = item, .text = std::string(item.text)};
  test.literal.text = {};  // a view of the pattern's document
  return test;
}

Result<std::string> TextOfTest(std::string_view name, const aws::Value& value) {
  if (value.kind == ValueKind::kString) return std::string(value.text);
  return BadTest(fmt::format("{} match pattern must be a string", name));
}

Result<ValueTest> ParseNumeric(const aws::Value& value) {
  ValueTest test{.kind = ValueTest::Kind::kNumeric};
  const auto& items = value.members;
  if (value.kind != ValueKind::kList || (items.size() != 2 && items.size() != 4)) {
    return BadTest("Value of numeric must be an array of one or two operators, each with a number");
  }
  for (size_t i = 0; i < items.size(); i += 2) {
    std::string op(items[i].value.text);
    auto number = NumberOf(items[i + 1].value);
    bool known = op == "=" || op == "<" || op == "<=" || op == ">" || op == ">=";
    if (items[i].value.kind != ValueKind::kString || !known) {
      return BadTest("Unrecognized numeric range operator: " + op);
    }
    if (!number) return BadTest("Value of " + op + " must be numeric");
    test.bounds.push_back({.op = std::move(op), .number = *number});
  }
  if (test.bounds.size() == 1) return test;
  bool is_range = test.bounds[0].op.starts_with('>') && test.bounds[1].op.starts_with('<');
  if (!is_range) return BadTest("Too many terms in numeric range expression");
  if (test.bounds[0].number >= test.bounds[1].number) {
    return BadTest("Bottom must be less than top");
  }
  return test;
}

// {"prefix": "a"} and {"prefix": {"equals-ignore-case": "a"}}; suffix alike.
Result<ValueTest> ParseEnd(ValueTest::Kind kind, std::string_view name, const aws::Value& value) {
  ValueTest test{.kind = kind};
  const aws::Value* text = &value;
  if (value.kind == ValueKind::kMap) {
    bool alone = value.members.size() == 1 && value.members[0].name == "equals-ignore-case";
    if (!alone) return BadTest(fmt::format("{} match pattern must be a string", name));
    test.ignores_case = true;
    text = &value.members[0].value;
  }
  ASSIGN_OR_RETURN(test.text, TextOfTest(name, *text));
  return test;
}

Result<ValueTest> ParseNamed(std::string_view name, const aws::Value& value);

// A literal, several of one type, or one of the named tests with a text or several.
Result<ValueTest> ParseAnythingBut(const aws::Value& value) {
  ValueTest test{.kind = ValueTest::Kind::kNoneOf};
  if (value.kind == ValueKind::kMap) {
    if (value.members.size() != 1) return BadTest("Only one key allowed in anything-but");
    const aws::Member& inner = value.members[0];
    bool known = inner.name == "prefix" || inner.name == "suffix" || inner.name == "wildcard" ||
                 inner.name == "equals-ignore-case";
    if (!known) {
      return BadTest(fmt::format("Unsupported anything-but pattern: {}", inner.name));
    }
    if (inner.value.kind != ValueKind::kList) {
      ASSIGN_OR_RETURN(ValueTest one, ParseNamed(inner.name, inner.value));
      test.none_of.push_back(std::move(one));
      return test;
    }
    for (const aws::Member& item : inner.value.members) {
      ASSIGN_OR_RETURN(ValueTest one, ParseNamed(inner.name, item.value));
      test.none_of.push_back(std::move(one));
    }
  } else if (value.kind == ValueKind::kList) {
    for (const aws::Member& item : value.members) {
      bool is_text = item.value.kind == ValueKind::kString;
      bool was_text = value.members[0].value.kind == ValueKind::kString;
      if ((!is_text && !NumberOf(item.value)) || is_text != was_text) {
        return BadTest("Inside anything but list, values must be all numbers or all strings");
      }
      test.none_of.push_back(LiteralTest(item.value));
    }
  } else {
    if (value.kind != ValueKind::kString && !NumberOf(value)) {
      return BadTest("Value of anything-but must be an array or single string/number value");
    }
    test.none_of.push_back(LiteralTest(value));
  }
  if (test.none_of.empty()) return BadTest("Empty arrays are not allowed");
  return test;
}

Result<ValueTest> ParseNamed(std::string_view name, const aws::Value& value) {
  using TestKind = ValueTest::Kind;
  if (name == "prefix") return ParseEnd(TestKind::kPrefix, name, value);
  if (name == "suffix") return ParseEnd(TestKind::kSuffix, name, value);
  if (name == "numeric") return ParseNumeric(value);
  if (name == "anything-but") return ParseAnythingBut(value);
  if (name == "exists") {
    if (value.kind != ValueKind::kBoolean) return BadTest("exists match pattern must be boolean");
    return ValueTest{.kind = value.boolean ? TestKind::kExists : TestKind::kAbsent};
  }
  ValueTest test;
  if (name == "equals-ignore-case") {
    test.kind = TestKind::kEqualsIgnoringCase;
    ASSIGN_OR_RETURN(test.text, TextOfTest(name, value));
    return test;
  }
  if (name == "wildcard") {
    test.kind = TestKind::kWildcard;
    ASSIGN_OR_RETURN(test.text, TextOfTest(name, value));
    ASSIGN_OR_RETURN(test.wildcard, WildcardText::Parse(test.text));
    return test;
  }
  if (name == "cidr") {
    test.kind = TestKind::kAddress;
    ASSIGN_OR_RETURN(test.text, TextOfTest(name, value));
    ASSIGN_OR_RETURN(test.range, AddressRange::Parse(test.text));
    return test;
  }
  return BadTest(fmt::format("Unrecognized match type {}", name));
}

}  // namespace

Result<WildcardText> WildcardText::Parse(std::string_view text) {
  WildcardText wildcard;
  wildcard.pieces_.emplace_back();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      bool escapes = i + 1 < text.size() && (text[i + 1] == '*' || text[i + 1] == '\\');
      if (!escapes) {
        return BadTest(fmt::format("Invalid escape character at pos {}", i));
      }
      wildcard.pieces_.back().push_back(text[++i]);
    } else if (text[i] == '*') {
      if (i + 1 < text.size() && text[i + 1] == '*') {
        return BadTest(fmt::format("Consecutive wildcard characters at pos {}", i));
      }
      wildcard.pieces_.emplace_back();
    } else {
      wildcard.pieces_.back().push_back(text[i]);
    }
  }
  return wildcard;
}

bool WildcardText::Matches(std::string_view value) const {
  if (pieces_.size() == 1) return value == pieces_[0];
  const std::string& first = pieces_.front();
  const std::string& last = pieces_.back();
  if (value.size() < first.size() + last.size()) return false;
  if (!value.starts_with(first) || !value.ends_with(last)) return false;
  std::string_view rest = value.substr(first.size(), value.size() - first.size() - last.size());
  for (size_t i = 1; i + 1 < pieces_.size(); ++i) {
    size_t at = rest.find(pieces_[i]);
    if (at == std::string_view::npos) return false;
    rest.remove_prefix(at + pieces_[i].size());
  }
  return true;
}

namespace {

std::vector<uint8_t> AddressBytes(std::string_view text) {
  boost::system::error_code error;
  auto address = boost::asio::ip::make_address(std::string(text), error);
  if (error) return {};
  if (address.is_v4()) {
    auto bytes = address.to_v4().to_bytes();
    return {bytes.begin(), bytes.end()};
  }
  auto bytes = address.to_v6().to_bytes();
  return {bytes.begin(), bytes.end()};
}

}  // namespace

Result<AddressRange> AddressRange::Parse(std::string_view text) {
  size_t slash = std::min(text.find('/'), text.size());
  AddressRange range;
  range.bytes_ = AddressBytes(text.substr(0, slash));
  std::string_view digits = text.substr(std::min(slash + 1, text.size()));
  bool is_number = !digits.empty() && digits.size() <= 3 &&
                   digits.find_first_not_of("0123456789") == std::string_view::npos;
  if (is_number) {
    for (char c : digits)
      range.prefix_bits_ = range.prefix_bits_ * 10 + static_cast<size_t>(c - '0');
  }
  if (range.bytes_.empty() || !is_number || range.prefix_bits_ > range.bytes_.size() * 8) {
    return BadTest(fmt::format("Malformed CIDR, one '/' required: {}", text));
  }
  return range;
}

bool AddressRange::Contains(std::string_view address) const {
  std::vector<uint8_t> bytes = AddressBytes(address);
  if (bytes.size() != bytes_.size()) return false;
  for (size_t bit = 0; bit < prefix_bits_; bit += 8) {
    size_t left = prefix_bits_ - bit;
    auto mask = static_cast<uint8_t>(left >= 8 ? 0xFF : 0xFF << (8 - left));
    if ((bytes[bit / 8] & mask) != (bytes_[bit / 8] & mask)) return false;
  }
  return true;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return LowerCase(x) == LowerCase(y); });
}

bool ValueTest::Matches(const aws::Value& value) const {
  bool is_text = value.kind == ValueKind::kString;
  switch (kind) {
    case Kind::kEquals: return SameScalar(value, literal, text);
    case Kind::kEqualsIgnoringCase: return is_text && EqualsIgnoringCase(value.text, text);
    case Kind::kPrefix: {
      if (!is_text || value.text.size() < text.size()) return false;
      std::string_view part = value.text.substr(0, text.size());
      return ignores_case ? EqualsIgnoringCase(part, text) : part == text;
    }
    case Kind::kSuffix: {
      if (!is_text || value.text.size() < text.size()) return false;
      std::string_view part = value.text.substr(value.text.size() - text.size());
      return ignores_case ? EqualsIgnoringCase(part, text) : part == text;
    }
    case Kind::kWildcard: return is_text && wildcard->Matches(value.text);
    case Kind::kAddress: return is_text && range->Contains(value.text);
    case Kind::kNumeric: {
      auto number = NumberOf(value);
      return number && std::all_of(bounds.begin(), bounds.end(),
                                   [&](const Bound& bound) { return BoundHolds(bound, *number); });
    }
    case Kind::kNoneOf:
      return std::none_of(none_of.begin(), none_of.end(),
                          [&](const ValueTest& test) { return test.Matches(value); });
    case Kind::kExists: return true;
    case Kind::kAbsent: return false;
  }
  return false;
}

Result<ValueTest> ParseValueTest(const aws::Value& item) {
  switch (item.kind) {
    case ValueKind::kMap:
      if (item.members.size() != 1) return BadTest("Only one key allowed in match expression");
      return ParseNamed(item.members[0].name, item.members[0].value);
    case ValueKind::kList:
      return BadTest("Match value must be String, number, true, false, or null");
    default: return LiteralTest(item);
  }
}

}  // namespace mainstem::gateway::events
