// The text of a script and places in it. Every token and syntax node carries a SourceSpan, so that
// an error found late (by the binder, by the planner) still points at what the user wrote.
// Immutable after construction; shared by the statements that were parsed from it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace mainstem::process::sql {

// Half-open byte range, with the position of `begin` as people count: from 1, columns in code
// points.
struct SourceSpan {
  uint32_t begin = 0;
  uint32_t end = 0;
  uint32_t line = 1;
  uint32_t column = 1;
};

// The span from the start of `first` to the end of `last`.
inline SourceSpan Cover(const SourceSpan& first, const SourceSpan& last) {
  SourceSpan span = first;
  if (last.end > span.end) span.end = last.end;
  return span;
}

class SourceText {
 public:
  // Lines are counted anew from byte `first_line_at`, which begins one: those before it are not the
  // user's.
  explicit SourceText(std::string text, size_t first_line_at = 0)
      : text_(std::move(text)), first_line_at_(first_line_at) {}
  const std::string& text() const { return text_; }
  size_t first_line_at() const { return first_line_at_; }
  // Cut to the text's end: a span is never trusted.
  std::string_view Slice(const SourceSpan& span) const;
  // The whole line that `span` begins on, without its newline, and where it begins.
  std::string_view LineOf(const SourceSpan& span, uint32_t* line_begin) const;

 private:
  std::string text_;
  size_t first_line_at_;
};

using SourceTextPtr = std::shared_ptr<const SourceText>;

}  // namespace mainstem::process::sql
