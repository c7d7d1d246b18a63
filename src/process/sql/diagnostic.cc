#include "process/sql/diagnostic.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

namespace mainstem::process::sql {
namespace {

constexpr size_t kLineWidthMax = 160;   // longer lines are shown around the error
constexpr size_t kNameLengthMax = 128;  // names beyond it are not compared

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Underlines `span` on its line. Tabs are kept so that the caret stands under its character.
std::string Excerpt(const SourceText& source, const SourceSpan& span) {
  uint32_t line_begin = 0;
  std::string_view line = source.LineOf(span, &line_begin);
  size_t at = std::min<size_t>(span.begin - line_begin, line.size());
  size_t end = std::min<size_t>(std::max(span.end, span.begin + 1) - line_begin, line.size());
  std::string_view lead;
  if (line.size() > kLineWidthMax) {
    size_t cut = at > kLineWidthMax / 2 ? at - kLineWidthMax / 2 : 0;
    while (cut > 0 && IsContinuation(line[cut])) --cut;
    size_t width = std::min(kLineWidthMax, line.size() - cut);
    while (cut + width < line.size() && IsContinuation(line[cut + width])) ++width;
    line = line.substr(cut, width);
    at -= cut;
    end = std::min(end - cut, line.size());
    if (cut > 0) lead = "...";
  }
  std::string underline(lead.size(), ' ');
  for (size_t i = 0; i < at; ++i) {
    if (line[i] == '\t')
      underline += '\t';
    else if (!IsContinuation(line[i]))
      underline += ' ';
  }
  size_t carets = 0;
  for (size_t i = at; i < end; ++i) carets += IsContinuation(line[i]) ? 0 : 1;
  underline.append(std::max<size_t>(carets, 1), '^');
  const std::string number = std::to_string(span.line);
  return fmt::format(" {} | {}{}\n {} | {}", number, lead, line, std::string(number.size(), ' '),
                     underline);
}

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return c < 128 ? std::tolower(c) : c; });
  return out;
}

// Edits to turn `a` into `b`, a swap of neighbours counting as one; stops counting past `limit`.
size_t EditDistance(std::string_view a, std::string_view b, size_t limit) {
  std::vector<size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    size_t best = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
      best = std::min(best, row[j]);
    }
    if (best > limit) return limit + 1;
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

Status ErrorAt(ErrorCode code, const SourceText& source, const Problem& problem) {
  return MakeError(code, {.message = fmt::format("line {}, column {}: {}", problem.span.line,
                                                 problem.span.column, problem.message),
                          .detail = Excerpt(source, problem.span),
                          .hint = problem.hint});
}

std::string RenderError(const Status& status) {
  const ErrorText text = TextOf(status);
  std::string out = "error: " + text.message + "\n";
  if (!text.detail.empty()) out += text.detail + "\n";
  if (!text.hint.empty()) out += "hint: " + text.hint + "\n";
  return out;
}

std::string NearestName(std::string_view name, const std::vector<std::string>& candidates) {
  if (name.size() > kNameLengthMax) return {};
  const std::string wanted = Lower(name);
  const size_t limit = std::clamp<size_t>(wanted.size() / 3, 1, 4);
  size_t best_distance = limit + 1;
  std::string best;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kNameLengthMax) continue;
    const std::string have = Lower(candidate);
    const size_t gap = std::max(have.size(), wanted.size()) - std::min(have.size(), wanted.size());
    if (gap > limit) continue;
    const size_t distance = EditDistance(wanted, have, limit);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  // Replacing every character is not a slip of the finger.
  return best_distance < wanted.size() || best_distance == 0 ? best : std::string();
}

std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string nearest = NearestName(name, candidates);
  return nearest.empty() ? std::string() : fmt::format("did you mean '{}'?", nearest);
}

}  // namespace mainstem::process::sql
