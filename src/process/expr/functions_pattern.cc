// LIKE, SIMILAR TO and the REGEXP family (RE2: linear time whatever the pattern).
#include <absl/strings/ascii.h>
#include <arrow/api.h>
#include <fmt/format.h>
#include <re2/re2.h>

#include "process/expr/functions.h"
#include "process/expr/like_pattern.h"

namespace mainstem::process {
namespace {

re2::StringPiece Piece(Text text) { return {text.data(), text.size()}; }

// The last pattern of a call, compiled; patterns are mostly constant.
class RegexCache {
 public:
  // Null if the pattern is not valid.
  const RE2* Get(Text pattern) {
    if (!known_ || text_ != pattern) {
      text_ = pattern;
      known_ = true;
      RE2::Options options;
      options.set_log_errors(false);
      regex_ = std::make_unique<RE2>(Translate(pattern), options);
    }
    return regex_->ok() ? regex_.get() : nullptr;
  }
  std::string error() const { return regex_->error(); }

 private:
  // Named groups are written (?<name>..) in the dialect, (?P<name>..) in RE2.
  static std::string Translate(Text pattern) {
    std::string result;
    for (size_t i = 0; i < pattern.size(); ++i) {
      result += pattern[i];
      if (pattern[i] == '\\' && i + 1 < pattern.size()) {
        result += pattern[++i];
      } else if (pattern.substr(i).starts_with("(?<") && i + 3 < pattern.size() &&
                 pattern[i + 3] != '=' && pattern[i + 3] != '!') {
        result += "?P<";
        i += 2;
      }
    }
    return result;
  }

  bool known_ = false;
  std::string text_;
  std::unique_ptr<RE2> regex_;
};

// Finds the match from `offset`; groups[0] is the whole match.
bool Find(const RE2& regex, Text text, size_t offset, std::vector<re2::StringPiece>* groups) {
  groups->resize(static_cast<size_t>(regex.NumberOfCapturingGroups()) + 1);
  return regex.Match(Piece(text), offset, text.size(), RE2::UNANCHORED, groups->data(),
                     static_cast<int>(groups->size()));
}

// Calls f(groups) for each match until it returns false.
template <typename F>
void ForEachMatch(const RE2& regex, Text text, F f) {
  std::vector<re2::StringPiece> groups;
  size_t offset = 0;
  while (offset <= text.size() && Find(regex, text, offset, &groups)) {
    if (!f(groups)) return;
    const size_t end = static_cast<size_t>(groups[0].data() - text.data()) + groups[0].size();
    offset = groups[0].empty() ? end + 1 : end;
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

Kernel LikeKernel(bool negated) {
  return [negated](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& cache = scope.State<LikeCache>();
    const auto match = [&](RowErrors& errors, Text text, Text pattern, Text escape) -> bool {
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
    if (!escape.empty() && c == escape[0] && i + 1 < pattern.size()) {
      regex += RE2::QuoteMeta(Piece(pattern.substr(++i, 1)));
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
      RegexCache cache;
      std::string pattern, escape, regex;
    };
    auto& state = scope.State<State>();
    const auto match = [&](RowErrors& errors, Text text, Text pattern, Text escape) -> bool {
      if (state.regex.empty() || state.pattern != pattern || state.escape != escape) {
        state.pattern = pattern;
        state.escape = escape;
        state.regex = SimilarToRegex(pattern, escape);
      }
      const RE2* regex = state.cache.Get(state.regex);
      if (regex == nullptr) {
        errors.Fail(
            fmt::format("Invalid regular expression '{}': {}", pattern, state.cache.error()));
        return false;
      }
      return RE2::PartialMatch(Piece(text), *regex) != negated;
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
    return RunStrict<bool, Text, Text>(scope, args, [&](Text text, Text pattern) -> bool {
      const RE2* regex = pattern.empty() ? nullptr : cache.Get(pattern);
      return regex != nullptr && RE2::PartialMatch(Piece(text), *regex);
    });
  };
}

// NULL if there is no match, the group did not take part, or the pattern is not valid.
bool Extract(RegexCache& cache, TextSink& sink, Text text, Text pattern, int64_t group) {
  const RE2* regex = cache.Get(pattern);
  if (regex == nullptr || group < 0 || group > regex->NumberOfCapturingGroups()) return false;
  std::vector<re2::StringPiece> groups;
  if (!Find(*regex, text, 0, &groups)) return false;
  const re2::StringPiece found = groups[static_cast<size_t>(group)];
  if (found.data() == nullptr) return false;
  sink.Append(Text(found.data(), found.size()));
  return true;
}

Kernel ExtractKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& cache = scope.State<RegexCache>();
    if (args.size() == 2) {
      return RunStrict<Text, Text, Text>(scope, args, [&](TextSink& sink, Text text, Text pattern) {
        return Extract(cache, sink, text, pattern, 0);
      });
    }
    return RunStrict<Text, Text, Text, int64_t>(
        scope, args, [&](TextSink& sink, Text text, Text pattern, int64_t group) {
          return Extract(cache, sink, text, pattern, group);
        });
  };
}

Kernel ReplaceKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& cache = scope.State<RegexCache>();
    return RunStrict<Text, Text, Text, Text>(
        scope, args, [&](TextSink& sink, Text text, Text pattern, Text replacement) {
          const RE2* regex = cache.Get(pattern);
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
          const RE2* regex = cache.Get(patterns[row]);
          const int64_t wanted = indexes ? (*indexes)[row] : 1;
          if (regex == nullptr || wanted < 0 || wanted > regex->NumberOfCapturingGroups()) {
            return builder.AppendNull();
          }
          RETURN_IF_ERROR(builder.Append());
          Status status;
          ForEachMatch(*regex, texts[row], [&](const auto& groups) {
            const re2::StringPiece found = groups[static_cast<size_t>(wanted)];
            status &= static_cast<arrow::StringBuilder*>(builder.value_builder())
                          ->Append(std::string_view(found.data(), found.size()));
            return true;
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
    return RunStrict<int32_t, Text, Text>(scope, args,
                                          [&](Text text, Text pattern) -> std::optional<int32_t> {
                                            const RE2* regex = cache.Get(pattern);
                                            if (regex == nullptr) return std::nullopt;
                                            return f(*regex, text);
                                          });
  };
}

void AddRegexp(FunctionRegistry* registry) {
  const ResultType truth = Returns(LogicalType::Boolean());
  const ResultType number = ReturnsNullable(LogicalType::Int());
  DefineAs(registry, {"REGEXP", "RLIKE"},
           {.name = "", .overloads = {{{Arg::kText, Arg::kText}, truth, RegexpKernel()}}});
  Define(
      registry,
      {.name = "REGEXP_EXTRACT",
       .overloads = {{{Arg::kText, Arg::kText}, kTextNullable, ExtractKernel()},
                     {{Arg::kText, Arg::kText, Arg::kInteger}, kTextNullable, ExtractKernel()}}});
  Define(registry, {.name = "REGEXP_SUBSTR",
                    .overloads = {{{Arg::kText, Arg::kText}, kTextNullable, ExtractKernel()}}});
  Define(registry, {.name = "REGEXP_REPLACE",
                    .overloads = {{{Arg::kText, Arg::kText, Arg::kText},
                                   Returns(LogicalType::String()),
                                   ReplaceKernel()}}});
  const ResultType list = ReturnsNullable(LogicalType::Array(LogicalType::String()));
  Define(registry,
         {.name = "REGEXP_EXTRACT_ALL",
          .overloads = {{{Arg::kText, Arg::kText}, list, ExtractAllKernel()},
                        {{Arg::kText, Arg::kText, Arg::kInteger}, list, ExtractAllKernel()}}});
  Define(registry,
         {.name = "REGEXP_COUNT",
          .overloads = {
              {{Arg::kText, Arg::kText}, number, CountKernel([](const RE2& regex, Text text) {
                 int32_t count = 0;
                 ForEachMatch(regex, text, [&](const auto&) { return ++count > 0; });
                 return count;
               })}}});
  Define(registry,
         {.name = "REGEXP_INSTR",
          .overloads = {
              {{Arg::kText, Arg::kText}, number, CountKernel([](const RE2& regex, Text text) {
                 std::vector<re2::StringPiece> groups;
                 if (!Find(regex, text, 0, &groups)) return 0;
                 const auto bytes = static_cast<size_t>(groups[0].data() - text.data());
                 return static_cast<int32_t>(CharacterCount(text.substr(0, bytes))) + 1;
               })}}});
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
            .can_fail = LikeCanFail});
    Define(registry,
           {.name = prefix + "SIMILAR TO",
            .overloads = {{{Arg::kText, Arg::kText}, truth, SimilarKernel(negated)},
                          {{Arg::kText, Arg::kText, Arg::kText}, truth, SimilarKernel(negated)}},
            .flags = kCanFail});
  }
  AddRegexp(registry);
}

}  // namespace mainstem::process
