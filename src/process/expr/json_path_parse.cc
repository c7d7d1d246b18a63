// The text of a path to its steps.
#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>

#include "process/expr/json_path.h"

namespace mainstem::process {
namespace {

using Step = JsonPath::Step;

bool IsKeyCharacter(char c) {
  return std::string_view(".[]'\" \t").find(c) == std::string_view::npos;
}

void SkipSpaces(std::string_view* text) {
  while (!text->empty() && text->front() == ' ') text->remove_prefix(1);
}

// 'a', "b": with the bracket behind them.
std::optional<Step> TakeKeys(std::string_view* text) {
  Step step{.kind = Step::Kind::kKeys};
  while (true) {
    SkipSpaces(text);
    const char quote = text->empty() ? '\0' : text->front();
    const size_t end = quote == '\'' || quote == '"' ? text->find(quote, 1) : text->npos;
    if (end == text->npos) return std::nullopt;
    step.keys.emplace_back(text->substr(1, end - 1));
    text->remove_prefix(end + 1);
    SkipSpaces(text);
    const char after = text->empty() ? '\0' : text->front();
    if (after != ',' && after != ']') return std::nullopt;
    text->remove_prefix(1);
    if (after == ']') return step;
  }
}

std::optional<int64_t> ToPlace(absl::string_view text) {
  int32_t place = 0;
  if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(text), &place)) return std::nullopt;
  return place;
}

// What stands in brackets: keys, `*`, places or `from:to`, of which one may be left out (a third
// part, as JsonPath does, has no meaning).
std::optional<Step> TakeBracket(std::string_view* text) {
  SkipSpaces(text);
  if (text->starts_with('\'') || text->starts_with('"')) return TakeKeys(text);
  const size_t end = text->find(']');
  if (end == std::string_view::npos) return std::nullopt;
  const absl::string_view inside = absl::StripAsciiWhitespace(absl::string_view(text->data(), end));
  text->remove_prefix(end + 1);
  if (inside == "*") return Step{.kind = Step::Kind::kAny};
  const std::vector<absl::string_view> bounds = absl::StrSplit(inside, ':');
  if (bounds.size() > 1) {
    Step step{.kind = Step::Kind::kSlice};
    if (!bounds[0].empty() && !(step.from = ToPlace(bounds[0]))) return std::nullopt;
    if (!bounds[1].empty() && !(step.to = ToPlace(bounds[1]))) return std::nullopt;
    if (!step.from && !step.to) return std::nullopt;
    return step;
  }
  Step step{.kind = Step::Kind::kPlaces};
  for (const absl::string_view part : absl::StrSplit(inside, ',')) {
    const std::optional<int64_t> place = ToPlace(part);
    if (!place) return std::nullopt;
    step.places.push_back(*place);
  }
  return step;
}

// A name behind a dot, or `*`.
std::optional<Step> TakeName(std::string_view* text) {
  if (text->starts_with('*')) {
    text->remove_prefix(1);
    return Step{.kind = Step::Kind::kAny};
  }
  size_t end = 0;
  while (end < text->size() && IsKeyCharacter((*text)[end])) ++end;
  if (end == 0) return std::nullopt;
  Step step{.kind = Step::Kind::kKeys, .keys = {std::string(text->substr(0, end))}};
  text->remove_prefix(end);
  if (text->empty() && (step.keys[0] == "length()" || step.keys[0] == "size()")) {
    return Step{.kind = Step::Kind::kLength};
  }
  return step;
}

bool FindsOne(const Step& step, bool is_last) {
  switch (step.kind) {
    case Step::Kind::kKeys: return step.keys.size() == 1 || is_last;
    case Step::Kind::kPlaces: return step.places.size() == 1;
    case Step::Kind::kLength: return true;
    default: return false;
  }
}

bool IsPlain(const Step& step) {
  return (step.kind == Step::Kind::kKeys && step.keys.size() == 1) ||
         (step.kind == Step::Kind::kPlaces && step.places.size() == 1 && step.places[0] >= 0);
}

}  // namespace

std::optional<JsonPath> JsonPath::Make(std::string_view text) {
  JsonPath path;
  SkipSpaces(&text);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  for (std::string_view mode : {"lax ", "strict "}) {
    if (!text.starts_with(mode)) continue;
    path.strict_ = mode[0] == 's';
    text.remove_prefix(mode.size());
    break;
  }
  SkipSpaces(&text);
  std::string from_root;
  if (!text.starts_with('$')) {  // a name alone is one at the root
    if (text.empty()) return std::nullopt;
    from_root = "$.";
    from_root += text;
    text = from_root;
  }
  text.remove_prefix(1);
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c != '[' && c != '.') return std::nullopt;
    bool is_bracket = c == '[';
    if (c == '.' && text.starts_with('.')) {
      text.remove_prefix(1);
      path.steps_.push_back({.kind = Step::Kind::kDeep});
      is_bracket = text.starts_with('[');
      if (is_bracket) text.remove_prefix(1);
    }
    std::optional<Step> step = is_bracket ? TakeBracket(&text) : TakeName(&text);
    if (!step) return std::nullopt;
    path.steps_.push_back(*std::move(step));
  }
  for (const Step& step : path.steps_) {
    path.indefinite_ |= !FindsOne(step, &step == &path.steps_.back());
    path.plain_ &= IsPlain(step);
  }
  return path;
}

}  // namespace mainstem::process
