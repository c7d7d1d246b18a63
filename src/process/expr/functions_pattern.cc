// LIKE, SIMILAR TO and the REGEXP family (RE2: linear time whatever the pattern).
#include <absl/strings/ascii.h>
#include <arrow/api.h>
#include <fmt/format.h>
#include <re2/re2.h>

#include "process/expr/functions.h"
#include "process/expr/java_regex.h"
#include "process/expr/like_pattern.h"

namespace mainstem::process {
namespace {

re2::StringPiece Piece(Text text) { return {text.data(), text.size()}; }

// The last pattern of a call, compiled; patterns are mostly constant.
class RegexCache {
 public:
  // Null if the pattern is not valid. The row fails if it is one in Java.
  const CompiledRegex* Get(RowErrors& errors, Text pattern) {
    if (!regex_ || text_ != pattern) {
      text_ = pattern;
      regex_.emplace(pattern);
    }
    if (regex_->get() != nullptr) return &*regex_;
    if (auto unsupported = regex_->Unsupported(pattern)) errors.Fail(*std::move(unsupported));
    return nullptr;
  }

 private:
  std::string text_;
  std::optional<CompiledRegex> regex_;
};

// Refuses a pattern in the text that no row could be matched by.
Status CheckRegex(const CallSite& site) {
  const auto pattern = site.StringLiteral(1);
  if (!pattern) return Status::OK();
  auto unsupported = CompiledRegex(*pattern).Unsupported(*pattern);
  if (!unsupported) return Status::OK();
  return MakeError(ErrorCode::kSemanticError,
                   {.message = *std::move(unsupported),
                    .hint = "matching takes linear time whatever the pattern, so that it knows no "
                            "lookaround, back-references and possessive quantifiers"});
}
// By a pattern that is not known yet, or a replacement that makes texts long.
bool RegexCanFail(const CallSite& site) {
  const bool replaces = site.size() == 3 && site.type(2).IsCharacter();
  const auto replacement = replaces ? site.StringLiteral(2) : std::optional<std::string>("");
  return !site.StringLiteral(1) || !replacement || replacement->size() > 1;
}

using RegexGroups = std::vector<re2::StringPiece>;

bool FindIn(const RE2& regex, Text text, size_t offset, RegexGroups* groups) {
  groups->resize(static_cast<size_t>(regex.NumberOfCapturingGroups()) + 1);
  return regex.Match(Piece(text), offset, text.size(), RE2::UNANCHORED, groups->data(),
                     static_cast<int>(groups->size()));
}

// The text without the end of its last line; itself if that has none.
Text WithoutLastLineEnd(Text text) {
  for (const Text end :
       {Text("\r\n"), Text("\n"), Text("\r"), Text("\u0085"), Text("\u2028"), Text("\u2029")}) {
    if (text.ends_with(end)) return text.substr(0, text.size() - end.size());
  }
  return text;
}

// Finds the first match from `offset`; groups[0] is the whole match.
bool FindFrom(const CompiledRegex& regex, Text text, size_t offset, RegexGroups* groups) {
  const bool found = FindIn(*regex.get(), text, offset, groups);
  if (!regex.ends_before_newline()) return found;
  const Text line = WithoutLastLineEnd(text);
  if (line.size() == text.size() || offset > line.size()) return found;
  // Where both match at one place the longer text is what a greedy pattern takes.
  RegexGroups before;
  if (!FindIn(*regex.get(), line, offset, &before)) return found;
  if (!found || before[0].data() < (*groups)[0].data()) *groups = std::move(before);
  return true;
}

// Cheaper than where.
bool IsFoundIn(const CompiledRegex& regex, Text text) {
  if (RE2::PartialMatch(Piece(text), *regex.get())) return true;
  return regex.ends_before_newline() &&
         RE2::PartialMatch(Piece(WithoutLastLineEnd(text)), *regex.get());
}

// Calls f(groups) for each match until it returns false.
template <typename F>
void ForEachMatch(const CompiledRegex& regex, Text text, F f) {
  RegexGroups groups;
  size_t offset = 0;
  while (offset <= text.size() && FindFrom(regex, text, offset, &groups)) {
    if (!f(groups)) return;
    offset = static_cast<size_t>(groups[0].data() - text.data()) + groups[0].size();
    if (!groups[0].empty()) continue;
    do {  // the next character
      ++offset;
    } while (offset < text.size() && (text[offset] & 0xC0) == 0x80);
  }
}

// ---- LIKE, SIMILAR TO
// ----------------------------------------------------------------------------

struct LikeCache {
  std::optional<LikePattern> compiled;
  std::string pattern;
  std::string escape;
  bool known = false;
};

bool IsEscape(Text text) { return CharacterCount(text) == 1; }
std::string WrongEscape(Text text) {
  return fmt::format("Invalid escape character '{}': it must be one character", text);
}
Status CheckEscape(const CallSite& site) {
  const auto escape = site.size() == 3 ? site.StringLiteral(2) : std::nullopt;
  if (!escape || IsEscape(*escape)) return Status::OK();
  return MakeError(ErrorCode::kSemanticError, WrongEscape(*escape));
}

Kernel LikeKernel(bool negated) {
  return [negated](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& cache = scope.State<LikeCache>();
    const auto match = [&](RowErrors& errors, Text text, Text pattern, Text escape) -> bool {
      if (args.size() == 3 && !IsEscape(escape)) {
        errors.Fail(WrongEscape(escape));
        return false;
      }
      if (!cache.known || cache.pattern != pattern || cache.escape != escape) {
        cache.pattern = pattern;
        cache.escape = escape;
        cache.known = true;
        cache.compiled = LikePattern::Make(pattern, escape);
      }
      if (!cache.compiled) {
        errors.Fail(fmt::format("Invalid escape sequence '{}' in LIKE", pattern));
        return false;
      }
      return cache.compiled->Matches(text) != negated;
    };
    if (args.size() == 3) return RunStrict<bool, Text, Text, Text>(scope, args, match);
    return RunStrict<bool, Text, Text>(scope, args,
                                       [&](RowErrors& errors, Text text, Text pattern) {
                                         return match(errors, text, pattern, "");
                                       });
  };
}

bool LikeCanFail(const CallSite& site) {
  const auto pattern = site.StringLiteral(1);
  const auto escape = site.size() == 3 ? site.StringLiteral(2) : std::optional<std::string>("");
  return !pattern || !escape || !LikePattern::Make(*pattern, *escape);
}

// SQL's regular expressions: as regular, but '%' and '_' are wildcards, too; whole text. The dot
// stands for any character, as in Flink, and named sets ([:ALPHA:]) may be in capitals.
std::string SimilarToRegex(Text pattern, Text escape) {
  std::string regex = "(?s)^(?:";
  bool in_set = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (!escape.empty() && pattern.substr(i).starts_with(escape) &&
        i + escape.size() < pattern.size()) {
      i += escape.size();
      regex += RE2::QuoteMeta(Piece(pattern.substr(i, 1)));
    } else if (const size_t end =
                   pattern.substr(i).starts_with("[:") ? pattern.find(":]", i) : Text::npos;
               in_set && end != Text::npos) {
      for (; i < end + 2; ++i) regex += absl::ascii_tolower(static_cast<unsigned char>(pattern[i]));
      --i;
    } else if (c == '[') {
      in_set = true;
      regex += c;
    } else if (c == ']') {
      in_set = false;
      regex += c;
    } else if (!in_set && c == '%') {
      regex += ".*";
    } else if (!in_set && c == '_') {
      regex += '.';
    } else if (!in_set && (c == '^' || c == '$' || c == '\\')) {
      regex += '\\';
      regex += c;
    } else {
      regex += c;
    }
  }
  return regex + ")$";
}

Kernel SimilarKernel(bool negated) {
  return [negated](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    struct State {
      std::string pattern, escape;
      std::unique_ptr<RE2> regex;
    };
    auto& state = scope.State<State>();
    const auto match = [&](RowErrors& errors, Text text, Text pattern, Text escape) -> bool {
      if (args.size() == 3 && !IsEscape(escape)) {
        errors.Fail(WrongEscape(escape));
        return false;
      }
      if (state.regex == nullptr || state.pattern != pattern || state.escape != escape) {
        state.pattern = pattern;
        state.escape = escape;
        RE2::Options options;
        options.set_log_errors(false);
        state.regex = std::make_unique<RE2>(SimilarToRegex(pattern, escape), options);
      }
      if (!state.regex->ok()) {
        errors.Fail(
            fmt::format("Invalid regular expression '{}': {}", pattern, state.regex->error()));
        return false;
      }
      return RE2::PartialMatch(Piece(text), *state.regex) != negated;
    };
    if (args.size() == 3) return RunStrict<bool, Text, Text, Text>(scope, args, match);
    return RunStrict<bool, Text, Text>(scope, args,
                                       [&](RowErrors& errors, Text text, Text pattern) {
                                         return match(errors, text, pattern, "");
                                       });
  };
}

// ---- REGEXP ...
// ----------------------------------------------------------------------------------

Kernel RegexpKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& cache = scope.State<RegexCache>();
    return RunStrict<bool, Text, Text>(
        scope, args, [&](RowErrors& errors, Text text, Text pattern) -> bool {
          const CompiledRegex* regex = pattern.empty() ? nullptr : cache.Get(errors, pattern);
          return regex != nullptr && IsFoundIn(*regex, text);
        });
  };
}

// NULL if there is no match, the group did not take part, or the pattern is not valid.
bool Extract(const CompiledRegex* regex, TextSink& sink, Text text, int64_t group) {
  if (regex == nullptr || group < 0 || group > regex->get()->NumberOfCapturingGroups())
    return false;
  RegexGroups groups;
  if (!FindFrom(*regex, text, 0, &groups)) return false;
  const re2::StringPiece found = groups[static_cast<size_t>(group)];
  if (found.data() == nullptr) return false;
  sink.Append(Text(found.data(), found.size()));
  return true;
}

Kernel ExtractKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& cache = scope.State<RegexCache>();
    if (args.size() == 2) {
      return RunStrict<Text, Text, Text>(
          scope, args, [&](RowErrors& errors, TextSink& sink, Text text, Text pattern) {
            return Extract(cache.Get(errors, pattern), sink, text, 0);
          });
    }
    return RunStrict<Text, Text, Text, int64_t>(
        scope, args,
        [&](RowErrors& errors, TextSink& sink, Text text, Text pattern, int64_t group) {
          return Extract(cache.Get(errors, pattern), sink, text, group);
        });
  };
}

Kernel ReplaceKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& cache = scope.State<RegexCache>();
    return RunStrict<Text, Text, Text, Text>(
        scope, args,
        [&](RowErrors& errors, TextSink& sink, Text text, Text pattern, Text replacement) {
          const CompiledRegex* regex = cache.Get(errors, pattern);
          if (regex == nullptr) return false;
          const char* copied = text.data();
          ForEachMatch(*regex, text, [&](const auto& groups) {
            sink.Append(Text(copied, static_cast<size_t>(groups[0].data() - copied)));
            sink.Append(replacement);  // as it is: Flink knows no references to groups
            copied = groups[0].data() + groups[0].size();
            return !sink.failed();
          });
          sink.Append(Text(copied, static_cast<size_t>(text.data() + text.size() - copied)));
          return true;
        });
  };
}

Kernel ExtractAllKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    if (AnyConstantNull(args)) return ConstantNull(scope.type());
    auto& cache = scope.State<RegexCache>();
    const Column<Text> texts(args[0]), patterns(args[1]);
    std::optional<Column<int64_t>> indexes;
    if (args.size() == 3) indexes.emplace(args[2]);
    return RunBuilder<arrow::ListBuilder>(
        scope, args, true, [&](int64_t row, arrow::ListBuilder& builder) -> Status {
          RowErrors errors;
          const CompiledRegex* regex = cache.Get(errors, patterns[row]);
          if (errors.failed()) return scope.Fail(row, errors.Take());
          const int64_t wanted = indexes ? (*indexes)[row] : 1;
          if (regex == nullptr || wanted < 0 || wanted > regex->get()->NumberOfCapturingGroups()) {
            return builder.AppendNull();
          }
          RETURN_IF_ERROR(builder.Append());
          Status status;
          ForEachMatch(*regex, texts[row], [&](const auto& groups) {
            const re2::StringPiece found = groups[static_cast<size_t>(wanted)];
            auto* values = static_cast<arrow::StringBuilder*>(builder.value_builder());
            // A group that took no part.
            status &= found.data() == nullptr
                          ? values->AppendNull()
                          : values->Append(std::string_view(found.data(), found.size()));
            return status.ok();
          });
          return status;
        });
  };
}

// f(regex, text) -> the number.
template <typename F>
Kernel CountKernel(F f) {
  return [f](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& cache = scope.State<RegexCache>();
    return RunStrict<int32_t, Text, Text>(
        scope, args, [&](RowErrors& errors, Text text, Text pattern) -> std::optional<int32_t> {
          const CompiledRegex* regex = cache.Get(errors, pattern);
          if (regex == nullptr) return std::nullopt;
          return f(*regex, text);
        });
  };
}

int32_t CountMatches(const CompiledRegex& regex, Text text) {
  int32_t count = 0;
  ForEachMatch(regex, text, [&](const auto&) { return ++count > 0; });
  return count;
}

// 1-based character of the first match; 0 = none.
int32_t PlaceOfMatch(const CompiledRegex& regex, Text text) {
  RegexGroups groups;
  if (!FindFrom(regex, text, 0, &groups)) return 0;
  const auto bytes = static_cast<size_t>(groups[0].data() - text.data());
  return static_cast<int32_t>(CharacterCount(text.substr(0, bytes))) + 1;
}

void DefineRegexp(FunctionRegistry* registry, std::string name, std::vector<Overload> overloads) {
  Define(registry, {.name = std::move(name),
                    .overloads = std::move(overloads),
                    .flags = kCanFail,
                    .can_fail = RegexCanFail,
                    .check = CheckRegex});
}

void AddRegexp(FunctionRegistry* registry) {
  const ResultType truth = Returns(LogicalType::Boolean());
  const ResultType number = ReturnsNullable(LogicalType::Int());
  const ResultType list = ReturnsNullable(LogicalType::Array(LogicalType::String()));
  const std::vector<Arg> two = {Arg::kText, Arg::kText};
  const std::vector<Arg> with_group = {Arg::kText, Arg::kText, Arg::kInteger};
  DefineRegexp(registry, "REGEXP", {{two, truth, RegexpKernel()}});
  DefineRegexp(registry, "RLIKE", {{two, truth, RegexpKernel()}});
  DefineRegexp(
      registry, "REGEXP_EXTRACT",
      {{two, kTextNullable, ExtractKernel()}, {with_group, kTextNullable, ExtractKernel()}});
  DefineRegexp(registry, "REGEXP_SUBSTR", {{two, kTextNullable, ExtractKernel()}});
  DefineRegexp(registry, "REGEXP_REPLACE",
               {{{Arg::kText, Arg::kText, Arg::kText}, kText, ReplaceKernel()}});
  DefineRegexp(registry, "REGEXP_EXTRACT_ALL",
               {{two, list, ExtractAllKernel()}, {with_group, list, ExtractAllKernel()}});
  DefineRegexp(registry, "REGEXP_COUNT", {{two, number, CountKernel(CountMatches)}});
  DefineRegexp(registry, "REGEXP_INSTR", {{two, number, CountKernel(PlaceOfMatch)}});
}

}  // namespace

void AddPatternFunctions(FunctionRegistry* registry) {
  const ResultType truth = Returns(LogicalType::Boolean());
  for (bool negated : {false, true}) {
    const std::string prefix = negated ? "NOT " : "";
    Define(registry,
           {.name = prefix + "LIKE",
            .overloads = {{{Arg::kText, Arg::kText}, truth, LikeKernel(negated)},
                          {{Arg::kText, Arg::kText, Arg::kText}, truth, LikeKernel(negated)}},
            .flags = kCanFail,
            .can_fail = LikeCanFail,
            .check = CheckEscape});
    Define(registry,
           {.name = prefix + "SIMILAR TO",
            .overloads = {{{Arg::kText, Arg::kText}, truth, SimilarKernel(negated)},
                          {{Arg::kText, Arg::kText, Arg::kText}, truth, SimilarKernel(negated)}},
            .flags = kCanFail,
            .check = CheckEscape});
  }
  AddRegexp(registry);
}

}  // namespace mainstem::process
