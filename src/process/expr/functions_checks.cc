// What a text looks like (IS_ALPHA, IS_DIGIT, IS_DECIMAL), JSON strings, and IPv4 addresses.
#include <algorithm>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>
#include <re2/re2.h>
#include <simdjson.h>

#include "process/expr/cast.h"
#include "process/expr/functions.h"

namespace mainstem::process {
namespace {

// Letters beyond ASCII are taken for letters: the dialect's own tables would refuse few of them.
bool IsAlpha(Text text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalpha(static_cast<unsigned char>(c)) || (c & 0x80) != 0;
  });
}

bool IsAsciiDigits(Text text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

// Digits of all scripts.
bool IsDigit(Text text) {
  static const RE2 digits("\\p{Nd}+");
  return IsAsciiDigits(text) || RE2::FullMatch(re2::StringPiece(text.data(), text.size()), digits);
}

// What Java's Double.valueOf takes, but for hexadecimal numbers.
bool IsDecimal(Text text) {
  const std::string trimmed(
      absl::StripAsciiWhitespace(absl::string_view(text.data(), text.size())));
  Text number = trimmed;
  if (number.size() > 1 && std::string_view("fFdD").find(number.back()) != Text::npos) {
    number.remove_suffix(1);
  }
  Text unsigned_part = number;
  if (!unsigned_part.empty() && (unsigned_part[0] == '+' || unsigned_part[0] == '-')) {
    unsigned_part.remove_prefix(1);
  }
  if (unsigned_part == "NaN" || unsigned_part == "Infinity") return true;
  const bool begins = !unsigned_part.empty() &&
                      (absl::ascii_isdigit(static_cast<unsigned char>(unsigned_part[0])) ||
                       unsigned_part[0] == '.');
  double value = 0;
  return begins && unsigned_part.find_first_of("xX") == Text::npos &&
         absl::SimpleAtod(std::string(number), &value);
}

// NULL is no letter, digit or number: never NULL itself.
void DefineCheck(FunctionRegistry* registry, std::string name, bool (*check)(Text)) {
  const std::string inner = "$" + name;
  Define(registry,
         {.name = inner,
          .overloads = {
              {{Arg::kText}, Returns(LogicalType::Boolean()), StrictKernel<bool, Text>(check)}}});
  DefineRewrite(registry, std::move(name), 1, 1,
                [inner](const FunctionRegistry& functions, const CallSite& site,
                        SourceSpan span) -> Result<ExprPtr> {
                  ExprPtr arg = site.args()[0];
                  if (!MatchesArg(arg->type(), Arg::kText)) {
                    ASSIGN_OR_RETURN(arg, BindCast(arg, LogicalType::String(), span));
                  }
                  ASSIGN_OR_RETURN(ExprPtr bound, functions.Bind(inner, {std::move(arg)}, span));
                  return functions.Bind("COALESCE", {bound, MakeBoolLiteral(false, span)}, span);
                });
}

// Escapes as Jackson does in its strictest form: ASCII only, '/' too.
void QuoteJson(TextSink& sink, Text text) {
  sink.Append('"');
  const auto unit = [&sink](uint32_t value) { sink.Append(fmt::format("\\u{:04x}", value)); };
  for (size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x80) {
      ++at;
      constexpr std::string_view kEscaped = "\"\\/\b\f\n\r\t";
      constexpr std::string_view kNames = "\"\\/bfnrt";
      const size_t escape = kEscaped.find(static_cast<char>(c));
      if (escape != std::string_view::npos) {
        sink.Append('\\');
        sink.Append(kNames[escape]);
      } else if (c < 0x20) {
        unit(c);
      } else {
        sink.Append(static_cast<char>(c));
      }
      continue;
    }
    const size_t length = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    uint32_t code = c & (0xFFU >> (length + 1));
    for (size_t i = 1; i < length && at + i < text.size(); ++i) {
      code = code << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
    }
    at += std::min(length, text.size() - at);
    if (code >= 0x10000) {
      unit(0xD800 + ((code - 0x10000) >> 10));
      unit(0xDC00 + ((code - 0x10000) & 0x3FF));
    } else {
      unit(code);
    }
  }
  sink.Append('"');
}

// The characters of a JSON string; a text that is none stays as it is.
void UnquoteJson(TextSink& sink, Text text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    simdjson::dom::parser parser;
    const simdjson::padded_string padded(text.data(), text.size());
    std::string_view value;
    if (parser.parse(padded).get(value) == simdjson::SUCCESS) return sink.Append(value);
  }
  sink.Append(text);
}

// One to four parts; the last one fills the bytes that are left: 1.2 is 1.0.0.2.
std::optional<int64_t> AddressToNumber(Text text) {
  int64_t parts[4];
  size_t count = 0;
  while (true) {
    const size_t dot = text.find('.');
    const Text part = text.substr(0, dot);
    if (count == 4 || part.empty() || part.size() > 10 || !IsAsciiDigits(part)) return std::nullopt;
    if (!absl::SimpleAtoi(std::string(part), &parts[count++])) return std::nullopt;
    if (dot == Text::npos) break;
    text.remove_prefix(dot + 1);
  }
  int64_t number = 0;
  for (size_t i = 0; i + 1 < count; ++i) {
    if (parts[i] > 255) return std::nullopt;
    number = number << 8 | parts[i];
  }
  const size_t last_bits = 8 * (5 - count);
  if (parts[count - 1] >= int64_t{1} << last_bits) return std::nullopt;
  return number << last_bits | parts[count - 1];
}

bool NumberToAddress(TextSink& sink, int64_t number) {
  if (number < 0 || number > 0xFFFFFFFFLL) return false;
  sink.Append(fmt::format("{}.{}.{}.{}", number >> 24, number >> 16 & 255, number >> 8 & 255,
                          number & 255));
  return true;
}

}  // namespace

void AddCheckFunctions(FunctionRegistry* registry) {
  DefineCheck(registry, "IS_ALPHA", IsAlpha);
  DefineCheck(registry, "IS_DIGIT", IsDigit);
  DefineCheck(registry, "IS_DECIMAL", IsDecimal);
  const ResultType text = Returns(LogicalType::String());
  Define(registry, {.name = "JSON_QUOTE",
                    .overloads = {{{Arg::kText}, text, StrictKernel<Text, Text>(QuoteJson)}}});
  Define(registry, {.name = "JSON_UNQUOTE",
                    .overloads = {{{Arg::kText}, text, StrictKernel<Text, Text>(UnquoteJson)}}});
  Define(registry, {.name = "INET_ATON",
                    .overloads = {{{Arg::kText},
                                   ReturnsNullable(LogicalType::BigInt()),
                                   StrictKernel<int64_t, Text>(AddressToNumber)}}});
  Define(registry, {.name = "INET_NTOA",
                    .overloads = {{{Arg::kInteger},
                                   ReturnsNullable(LogicalType::String()),
                                   StrictKernel<Text, int64_t>(NumberToAddress)}}});
}

}  // namespace mainstem::process
