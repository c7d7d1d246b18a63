#include "process/sql/source_text.h"

#include <algorithm>

namespace mainstem::process::sql {

std::string_view SourceText::Slice(const SourceSpan& span) const {
  const size_t begin = std::min<size_t>(span.begin, text_.size());
  const size_t end = std::clamp<size_t>(span.end, begin, text_.size());
  return std::string_view(text_).substr(begin, end - begin);
}

std::string_view SourceText::LineOf(const SourceSpan& span, uint32_t* line_begin) const {
  const size_t at = std::min<size_t>(span.begin, text_.size());
  size_t begin = 0;
  if (at > 0) {
    const size_t newline = text_.rfind('\n', at - 1);
    if (newline != std::string::npos) begin = newline + 1;
  }
  size_t end = text_.find('\n', at);
  if (end == std::string::npos) end = text_.size();
  if (end > begin && text_[end - 1] == '\r') --end;
  *line_begin = static_cast<uint32_t>(begin);
  return std::string_view(text_).substr(begin, std::max(end, begin) - begin);
}

}  // namespace mainstem::process::sql
