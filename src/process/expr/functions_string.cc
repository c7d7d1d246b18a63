// Functions on text by position and content. Positions and lengths count characters, not bytes.
#include <arrow/api.h>
#include <fmt/format.h>

#include "format/utf8.h"
#include "process/expr/functions.h"
#include "process/expr/text_case.h"
#include "process/types/type_coercion.h"

namespace mainstem::process {
namespace {

// ---- Case ---------------------------------------------------------------------------------------

char AsciiCase(char c, bool upper) {
  if (upper) return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

void AppendCase(TextSink& sink, Text text, bool upper) {
  if (IsAscii(text)) {
    for (char c : text) sink.Append(AsciiCase(c, upper));
    return;
  }
  upper ? AppendUpper(sink, text) : AppendLower(sink, text);
}

// Words are of ASCII letters and digits; what is beyond ASCII parts them and stays as it is.
void AppendInitCap(TextSink& sink, Text text) {
  bool in_word = false;
  for (const char c : text) {
    sink.Append(AsciiCase(c, !in_word));
    in_word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  }
}

// ---- Parts --------------------------------------------------------------------------------------

// Characters [begin, begin + count).
Text Slice(Text text, int64_t begin, int64_t count) {
  if (count <= 0) return {};
  const size_t from = CharacterOffset(text, begin);
  const Text rest = text.substr(from);
  return count >= static_cast<int64_t>(rest.size()) ? rest
                                                    : rest.substr(0, CharacterOffset(rest, count));
}

// 1-based start, negative from the end, 0 as 1.
Text Substring(Text text, int64_t start, int64_t length) {
  if (start > 0) return Slice(text, start - 1, length);
  if (start == 0) return Slice(text, 0, length);
  const int64_t begin = CharacterCount(text) + start;
  return begin < 0 ? Text() : Slice(text, begin, length);
}

bool SubstringWithLength(TextSink& sink, Text text, int64_t start, int64_t length) {
  if (length >= 0) sink.Append(Substring(text, start, length));
  return length >= 0;
}

bool ContainsCharacter(Text set, Text character) { return set.find(character) != Text::npos; }

// Cuts characters of `set` from the chosen ends.
Text TrimSet(Text text, Text set, bool leading, bool trailing) {
  const auto width = [&](size_t offset) {
    size_t end = offset + 1;
    while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;
    return end - offset;
  };
  if (leading) {
    while (!text.empty() && ContainsCharacter(set, text.substr(0, width(0))))
      text.remove_prefix(width(0));
  }
  if (trailing) {
    while (!text.empty()) {
      size_t begin = text.size() - 1;
      while (begin > 0 && (text[begin] & 0xC0) == 0x80) --begin;
      if (!ContainsCharacter(set, text.substr(begin))) break;
      text = text.substr(0, begin);
    }
  }
  return text;
}

bool Pad(TextSink& sink, Text text, int64_t length, Text pad, bool left) {
  if (length < 0 || pad.empty()) return false;
  const int64_t count = CharacterCount(text);
  if (count >= length) {
    sink.Append(Slice(text, 0, length));
    return true;
  }
  if (length > kTextBytesMax) {  // a character has a byte at least
    sink.RefuseValue();
    return true;
  }
  if (!left) sink.Append(text);
  const int64_t pad_count = CharacterCount(pad);
  for (int64_t rest = length - count; rest > 0 && !sink.failed(); rest -= pad_count) {
    sink.Append(rest >= pad_count ? pad : Slice(pad, 0, rest));
  }
  if (left) sink.Append(text);
  return true;
}

// 1-based character position of the `nth` occurrence from character `start`; 0 = none.
int64_t Find(Text text, Text needle, int64_t start, int64_t nth) {
  if (start < 1 || nth < 1) return 0;
  if (needle.empty()) return 1;
  size_t offset = CharacterOffset(text, start - 1);
  for (int64_t i = 0; i < nth; ++i) {
    const size_t found = text.find(needle, offset);
    if (found == Text::npos) return 0;
    if (i + 1 == nth) return CharacterCount(text.substr(0, found)) + 1;
    offset = found + 1;
  }
  return 0;
}

// Nothing is found before each character, and at the end.
void ReplaceNothing(TextSink& sink, Text text, Text replacement) {
  for (const char c : text) {
    if ((c & 0xC0) != 0x80) sink.Append(replacement);
    sink.Append(c);
  }
  sink.Append(replacement);
}

// The same, backwards from the `start`-th character from the end.
int64_t FindBackward(Text text, Text needle, int64_t start, int64_t nth) {
  if (start < 1 || nth < 1) return 0;
  const int64_t last_end = CharacterCount(text) - start + 1;  // where a match may end
  if (last_end < 0) return 0;
  size_t end = CharacterOffset(text, last_end);
  for (int64_t i = 0; i < nth; ++i) {
    if (end < needle.size()) return 0;
    const size_t found = text.rfind(needle, end - needle.size());
    if (found == Text::npos) return 0;
    if (i + 1 == nth) return CharacterCount(text.substr(0, found)) + 1;
    if (found == 0) return 0;
    end = found + needle.size() - 1;
  }
  return 0;
}

int32_t Instr(Text text, Text needle, int64_t start, int64_t nth) {
  return static_cast<int32_t>(start < 0 ? FindBackward(text, needle, -start, nth)
                                        : Find(text, needle, start, nth));
}

void Replace(TextSink& sink, Text text, Text search, Text replacement) {
  if (search.empty()) return ReplaceNothing(sink, text, replacement);
  size_t offset = 0;
  for (size_t found; !sink.failed() && (found = text.find(search, offset)) != Text::npos;
       offset = found + search.size()) {
    sink.Append(text.substr(offset, found - offset));
    sink.Append(replacement);
  }
  sink.Append(text.substr(offset));
}

void Overlay(TextSink& sink, Text text, Text replacement, int64_t start, int64_t length) {
  const int64_t count = CharacterCount(text);
  if (start <= 0 || start > count) {
    sink.Append(text);
    return;
  }
  sink.Append(Slice(text, 0, start - 1));
  sink.Append(replacement);
  const int64_t rest = start - 1 + length;
  if (length > 0 && rest < count) sink.Append(text.substr(CharacterOffset(text, rest)));
}

void Translate(TextSink& sink, Text text, Text from, Text to) {
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    format::NextCodePoint(text, &i);
    const Text character = text.substr(begin, i - begin);
    const size_t at = from.find(character);
    sink.Append(at == Text::npos ? character : Slice(to, CharacterCount(from.substr(0, at)), 1));
  }
}

// NULL for the characters to replace, or for what replaces them, is as the empty text.
Kernel TranslateKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    if (args[0].IsConstantNull()) return ConstantNull(scope.type());
    const std::vector<Validity> valid(args.begin(), args.end());
    const std::vector<Column<Text>> columns(args.begin(), args.end());
    const auto text_at = [&](size_t i, int64_t row) {
      return args[i].IsConstantNull() || !valid[i][row] ? Text() : columns[i][row];
    };
    return RunText(scope, args, [&](int64_t row, TextSink& sink) -> Result<bool> {
      if (!valid[0][row]) return false;
      Translate(sink, columns[0][row], text_at(1, row), text_at(2, row));
      return true;
    });
  };
}

void Reverse(TextSink& sink, Text text) {
  for (size_t end = text.size(); end > 0;) {
    size_t begin = end - 1;
    while (begin > 0 && (text[begin] & 0xC0) == 0x80) --begin;
    sink.Append(text.substr(begin, end - begin));
    end = begin;
  }
}

bool SplitIndex(TextSink& sink, Text text, Text separator, int64_t index) {
  if (index < 0 || text.empty()) return false;
  if (separator.empty()) {
    sink.Append(text);
    return index == 0;
  }
  size_t offset = 0;
  for (;; --index) {
    const size_t found = text.find(separator, offset);
    if (index == 0) {
      sink.Append(text.substr(offset, found == Text::npos ? found : found - offset));
      return true;
    }
    if (found == Text::npos) return false;
    offset = found + separator.size();
  }
}

// ---- Joining ------------------------------------------------------------------------------------

Kernel ConcatKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    if (args.size() == 2) {
      return RunStrict<Text, Text, Text>(scope, args, [](TextSink& sink, Text a, Text b) {
        sink.Append(a);
        sink.Append(b);
      });
    }
    if (AnyConstantNull(args)) return ConstantNull(scope.type());
    const std::vector<Validity> valid(args.begin(), args.end());
    const std::vector<Column<Text>> columns(args.begin(), args.end());
    return RunText(scope, args, [&](int64_t row, TextSink& sink) -> Result<bool> {
      for (const Validity& argument : valid) {
        if (!argument[row]) return false;
      }
      for (const auto& column : columns) sink.Append(column[row]);
      return true;
    });
  };
}

// NULL if the separator is; NULL values are left out.
Kernel ConcatWithSeparatorKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    if (args[0].IsConstantNull()) return ConstantNull(scope.type());
    const std::vector<Validity> valid(args.begin(), args.end());
    const std::vector<Column<Text>> columns(args.begin(), args.end());
    return RunText(scope, args, [&](int64_t row, TextSink& sink) -> Result<bool> {
      if (!valid[0][row]) return false;
      bool first = true;
      for (size_t i = 1; i < args.size(); ++i) {
        if (!valid[i][row]) continue;
        if (!first) sink.Append(columns[0][row]);
        first = false;
        sink.Append(columns[i][row]);
      }
      return true;
    });
  };
}

// ELT(n, a, b, ...): the n-th of the values.
Kernel EltKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    if (args[0].IsConstantNull()) return ConstantNull(scope.type());
    const std::vector<Validity> valid(args.begin(), args.end());
    std::vector<std::optional<Column<Text>>> columns(args.size());
    for (size_t i = 1; i < args.size(); ++i) columns[i].emplace(args[i]);
    const Column<int64_t> index(args[0]);
    return RunText(scope, args, [&](int64_t row, TextSink& sink) -> Result<bool> {
      if (!valid[0][row]) return false;
      const int64_t at = index[row];
      if (at < 1 || at >= static_cast<int64_t>(args.size())) return false;
      const size_t chosen = static_cast<size_t>(at);
      if (!valid[chosen][row]) return false;
      sink.Append((*columns[chosen])[row]);
      return true;
    });
  };
}

Result<Signature> InferConcatOperator(const CallSite& site) {
  int64_t length = 0;
  bool all_char = true;
  Signature signature;
  for (size_t i = 0; i < site.size(); ++i) {
    if (!MatchesArg(site.type(i), Arg::kText)) {
      return site.CannotApply("'<CHARACTER> || <CHARACTER>'");
    }
    signature.args.push_back(WantedType(site.type(i), Arg::kText));
    length += signature.args.back().length();
    all_char &= site.type(i).root() == TypeRoot::kChar;
  }
  const auto capped = static_cast<int32_t>(std::min<int64_t>(length, LogicalType::kMaxLength));
  signature.result = (all_char ? LogicalType::Char(capped) : LogicalType::VarChar(capped))
                         .WithNullable(site.AnyNullable());
  signature.kernel = ConcatKernel();
  return signature;
}

void AddCase(FunctionRegistry* registry) {
  for (bool upper : {true, false}) {
    Define(registry, {.name = upper ? "UPPER" : "LOWER",
                      .overloads = {{{Arg::kText},
                                     ReturnsArgument(0),
                                     StrictKernel<Text, Text>([upper](TextSink& sink, Text text) {
                                       AppendCase(sink, text, upper);
                                     })}}});
  }
  Define(
      registry,
      {.name = "INITCAP",
       .overloads = {{{Arg::kText}, ReturnsArgument(0), StrictKernel<Text, Text>(AppendInitCap)}}});
}

void AddLengths(FunctionRegistry* registry) {
  DefineAs(
      registry, {"CHAR_LENGTH", "CHARACTER_LENGTH"},
      {.name = "",
       .overloads = {
           {{Arg::kText}, Returns(LogicalType::Int()), StrictKernel<int32_t, Text>([](Text text) {
              return static_cast<int32_t>(CharacterCount(text));
            })}}});
  Define(registry, {.name = "ASCII",
                    .overloads = {{{Arg::kText},
                                   Returns(LogicalType::Int()),
                                   StrictKernel<int32_t, Text>([](Text text) -> int32_t {
                                     return text.empty() ? 0 : static_cast<signed char>(text[0]);
                                   })}}});
  Define(registry, {.name = "CHR",
                    .overloads = {{{Arg::kInteger},
                                   kTextNullable,
                                   StrictKernel<Text, int64_t>([](TextSink& sink, int64_t code) {
                                     if (code < 0) return;
                                     const auto character = static_cast<uint32_t>(code & 0xFF);
                                     sink.Append(format::Utf8Character(character).bytes());
                                   })}}});
}

void AddParts(FunctionRegistry* registry) {
  const ResultType part = [](const CallSite& site) {
    return ReturnsVarChar(0)(site).WithNullable(true);
  };
  DefineAs(registry, {"SUBSTRING", "SUBSTR"},
           {.name = "",
            .overloads = {{{Arg::kText, Arg::kInteger},
                           part,
                           StrictKernel<Text, Text, int64_t>([](TextSink& sink, Text t, int64_t s) {
                             sink.Append(Substring(t, s, INT64_MAX));
                           })},
                          {{Arg::kText, Arg::kInteger, Arg::kInteger},
                           part,
                           StrictKernel<Text, Text, int64_t, int64_t>(SubstringWithLength)}}});
  Define(
      registry,
      {.name = "LEFT",
       .overloads = {{{Arg::kText, Arg::kInteger},
                      part,
                      StrictKernel<Text, Text, int64_t>([](TextSink& sink, Text text, int64_t n) {
                        sink.Append(Slice(text, 0, n));
                      })}}});
  Define(
      registry,
      {.name = "RIGHT",
       .overloads = {{{Arg::kText, Arg::kInteger},
                      part,
                      StrictKernel<Text, Text, int64_t>([](TextSink& sink, Text text, int64_t n) {
                        if (n <= 0) return;
                        const int64_t count = CharacterCount(text);
                        sink.Append(n >= count ? text : Slice(text, count - n, n));
                      })}}});
  Define(registry, {.name = "SPLIT_INDEX",
                    .overloads = {{{Arg::kText, Arg::kText, Arg::kInteger},
                                   kTextNullable,
                                   StrictKernel<Text, Text, Text, int64_t>(SplitIndex)},
                                  {{Arg::kText, Arg::kInteger, Arg::kInteger},
                                   kTextNullable,
                                   StrictKernel<Text, Text, int64_t, int64_t>(
                                       [](TextSink& sink, Text text, int64_t code, int64_t index) {
                                         if (code < 0 || code > 127) return false;
                                         const char separator = static_cast<char>(code);
                                         return SplitIndex(sink, text, Text(&separator, 1), index);
                                       })}}});
}

void DefineTrim(FunctionRegistry* registry, std::string name, bool leading, bool trailing) {
  // BTRIM forgets the length, as in Flink.
  const ResultType type = leading && trailing ? kText : ReturnsVarChar(0);
  Define(
      registry,
      {.name = std::move(name),
       .overloads = {{{Arg::kText}, type, StrictKernel<Text, Text>([=](TextSink& sink, Text text) {
                        sink.Append(TrimSet(text, " ", leading, trailing));
                      })},
                     {{Arg::kText, Arg::kText},
                      type,
                      StrictKernel<Text, Text, Text>([=](TextSink& sink, Text text, Text set) {
                        sink.Append(TrimSet(text, set, leading, trailing));
                      })}}});
}

// TRIM(SYMBOL where, characters, text): the characters as one string, repeatedly.
Kernel TrimKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const Text where = Column<Text>(args[0])[0];
    const bool leading = where != "TRAILING", trailing = where != "LEADING";
    return RunStrict<Text, Text, Text>(scope, args.subspan(1),
                                       [=](TextSink& sink, Text set, Text text) {
                                         sink.Append(TrimSet(text, set, leading, trailing));
                                       });
  };
}

// Whether REPLACE may make a text much longer.
bool MayLengthen(const CallSite& site) {
  const auto search = site.StringLiteral(1), replacement = site.StringLiteral(2);
  return !replacement ||
         (replacement->size() > 1 && (!search || replacement->size() > search->size()));
}

// Whether a length in argument `index` may make a text too long: a literal of a usual size does
// not.
bool MayBeLong(const CallSite& site, size_t index) {
  const auto length = site.IntLiteral(index);
  return !length || *length > 1'000'000;
}

void AddTrims(FunctionRegistry* registry) {
  DefineTrim(registry, "LTRIM", true, false);
  DefineTrim(registry, "RTRIM", false, true);
  DefineTrim(registry, "BTRIM", true, true);
  Define(
      registry,
      {.name = "TRIM",
       .overloads = {{{Arg::kText},
                      ReturnsVarChar(0),
                      StrictKernel<Text, Text>([](TextSink& sink, Text text) {
                        sink.Append(TrimSet(text, " ", true, true));
                      })},
                     {{Arg::kSymbol, Arg::kText, Arg::kText}, ReturnsVarChar(2), TrimKernel()}}});
  for (bool left : {true, false}) {
    Define(registry,
           {.name = left ? "LPAD" : "RPAD",
            .overloads = {{{Arg::kText, Arg::kInteger, Arg::kText},
                           kText,
                           StrictKernel<Text, Text, int64_t, Text>(
                               [left](TextSink& sink, Text text, int64_t length, Text pad) {
                                 return Pad(sink, text, length, pad, left);
                               })}},
            .flags = kCanFail,
            .can_fail = [](const CallSite& site) { return MayBeLong(site, 1); }});
  }
}

void AddSearches(FunctionRegistry* registry) {
  const ResultType type = Returns(LogicalType::Int());
  const auto find = [](Text needle, Text text) {
    return static_cast<int32_t>(Find(text, needle, 1, 1));
  };
  const auto find_from = [](Text needle, Text text, int64_t start) {
    return static_cast<int32_t>(Find(text, needle, std::max<int64_t>(start, 1), 1));
  };
  DefineAs(registry, {"POSITION", "LOCATE"},
           {.name = "",
            .overloads = {{{Arg::kText, Arg::kText}, type, StrictKernel<int32_t, Text, Text>(find)},
                          {{Arg::kText, Arg::kText, Arg::kInteger},
                           type,
                           StrictKernel<int32_t, Text, Text, int64_t>(find_from)}}});
  Define(registry, {.name = "INSTR",
                    .overloads = {{{Arg::kText, Arg::kText},
                                   type,
                                   StrictKernel<int32_t, Text, Text>([](Text text, Text needle) {
                                     return static_cast<int32_t>(Find(text, needle, 1, 1));
                                   })},
                                  {{Arg::kText, Arg::kText, Arg::kInteger},
                                   type,
                                   StrictKernel<int32_t, Text, Text, int64_t>(
                                       [](Text text, Text needle, int64_t start) {
                                         return Instr(text, needle, start, 1);
                                       })},
                                  {{Arg::kText, Arg::kText, Arg::kInteger, Arg::kInteger},
                                   type,
                                   StrictKernel<int32_t, Text, Text, int64_t, int64_t>(Instr)}}});
  const auto starts = [](Text text, Text part) { return text.starts_with(part); };
  const auto ends = [](Text text, Text part) { return text.ends_with(part); };
  const ResultType truth = Returns(LogicalType::Boolean());
  Define(registry,
         {.name = "STARTSWITH",
          .overloads = {
              {{Arg::kText, Arg::kText}, truth, StrictKernel<bool, Text, Text>(starts)},
              {{Arg::kBinary, Arg::kBinary}, truth, StrictKernel<bool, Text, Text>(starts)}}});
  Define(
      registry,
      {.name = "ENDSWITH",
       .overloads = {{{Arg::kText, Arg::kText}, truth, StrictKernel<bool, Text, Text>(ends)},
                     {{Arg::kBinary, Arg::kBinary}, truth, StrictKernel<bool, Text, Text>(ends)}}});
}

void AddEdits(FunctionRegistry* registry) {
  Define(registry, {.name = "REPLACE",
                    .overloads = {{{Arg::kText, Arg::kText, Arg::kText},
                                   kText,
                                   StrictKernel<Text, Text, Text, Text>(Replace)}},
                    .flags = kCanFail,
                    .can_fail = [](const CallSite& site) { return MayLengthen(site); }});
  const ResultType translated = [](const CallSite& site) {
    return LogicalType::String().WithNullable(site.type(0).nullable());
  };
  Define(registry,
         {.name = "TRANSLATE",
          .overloads = {{{Arg::kText, Arg::kText, Arg::kText}, translated, TranslateKernel()}}});
  const ResultType overlay = [](const CallSite& site) {
    const int64_t length = static_cast<int64_t>(site.type(0).length()) + site.type(1).length();
    return LogicalType::VarChar(
               static_cast<int32_t>(std::min<int64_t>(length, LogicalType::kMaxLength)))
        .WithNullable(site.AnyNullable());
  };
  Define(registry, {.name = "OVERLAY",
                    .overloads = {{{Arg::kText, Arg::kText, Arg::kInteger},
                                   overlay,
                                   StrictKernel<Text, Text, Text, int64_t>(
                                       [](TextSink& sink, Text text, Text with, int64_t start) {
                                         Overlay(sink, text, with, start, CharacterCount(with));
                                       })},
                                  {{Arg::kText, Arg::kText, Arg::kInteger, Arg::kInteger},
                                   overlay,
                                   StrictKernel<Text, Text, Text, int64_t, int64_t>(Overlay)}}});
  Define(registry,
         {.name = "REVERSE",
          .overloads = {{{Arg::kText}, kTextNullable, StrictKernel<Text, Text>(Reverse)}}});
  Define(
      registry,
      {.name = "REPEAT",
       .overloads = {{{Arg::kText, Arg::kInteger},
                      kText,
                      StrictKernel<Text, Text, int64_t>([](TextSink& sink, Text text, int64_t n) {
                        if (text.empty() || n <= 0) return;
                        const auto size = static_cast<int64_t>(text.size());
                        if (size > kTextBytesMax / n) return sink.RefuseValue();
                        for (; n > 0 && !sink.failed(); --n) sink.Append(text);
                      })}},
       .flags = kCanFail});
}

}  // namespace

void AddStringFunctions(FunctionRegistry* registry) {
  AddCase(registry);
  AddLengths(registry);
  AddParts(registry);
  AddTrims(registry);
  AddSearches(registry);
  AddEdits(registry);
  DefineInfer(registry, "||", 2, 2, InferConcatOperator);
  Define(registry, {.name = "CONCAT",
                    .overloads = {{{Arg::kText, Arg::kText}, kText, ConcatKernel(), true}}});
  Define(registry,
         {.name = "CONCAT_WS",
          .overloads = {{{Arg::kText, Arg::kText}, kText, ConcatWithSeparatorKernel(), true}}});
  Define(registry,
         {.name = "ELT",
          .overloads = {
              {{Arg::kInteger, Arg::kText},
               [](const CallSite& site) { return ReturnsArgument(1)(site).WithNullable(true); },
               EltKernel(),
               true},
              {{Arg::kInteger, Arg::kBinary},
               [](const CallSite& site) { return ReturnsArgument(1)(site).WithNullable(true); },
               EltKernel(),
               true}}});
}

}  // namespace mainstem::process
