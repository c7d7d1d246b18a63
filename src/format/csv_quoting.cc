#include "format/csv_quoting.h"

#include "format/utf8.h"

namespace mainstem::format {

void CsvRecordScanner::Begin(bool at_file_begin) {
  place_ = Place::kFieldBegin;
  seen_bytes_ = 0;
  at_file_begin_ = at_file_begin;
}

size_t CsvRecordScanner::Find(std::string_view bytes) {
  if (seen_bytes_ == 0) {
    // Most records are whole and without quotes.
    size_t end = bytes.find('\n');
    bool is_whole = end != std::string_view::npos;
    if (is_whole && bytes.substr(0, end).find(quoting_.quote) == std::string_view::npos) return end;
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    bool is_quoted = place_ == Place::kQuoted || place_ == Place::kQuotedEscape;
    if (bytes[i] == '\n' && (!is_quoted || seen_bytes_ > max_record_bytes_)) return i;
    place_ = After(bytes[i]);
    ++seen_bytes_;
  }
  return std::string_view::npos;
}

CsvRecordScanner::Place CsvRecordScanner::After(char c) const {
  bool is_escape = quoting_.escape && c == *quoting_.escape;
  switch (place_) {
    case Place::kFieldBegin:
      if (c == quoting_.quote) return Place::kQuoted;
      if (quoting_.trim_spaces && c == ' ') return place_;
      if (at_file_begin_ && seen_bytes_ < kByteOrderMark.size() &&
          c == kByteOrderMark[seen_bytes_]) {
        return place_;
      }
      if (quoting_.allow_comments && seen_bytes_ == 0 && c == '#') return Place::kComment;
      [[fallthrough]];
    case Place::kText:
      if (is_escape) return Place::kTextEscape;
      return c == quoting_.delimiter ? Place::kFieldBegin : Place::kText;
    case Place::kTextEscape: return Place::kText;
    case Place::kQuoted:
      if (is_escape) return Place::kQuotedEscape;
      return c == quoting_.quote ? Place::kQuoteEnd : Place::kQuoted;
    case Place::kQuotedEscape: return Place::kQuoted;
    case Place::kQuoteEnd:
      if (c == quoting_.quote) return Place::kQuoted;  // doubled
      return c == quoting_.delimiter ? Place::kFieldBegin : Place::kText;
    case Place::kComment: return place_;
  }
  return place_;
}

}  // namespace mainstem::format
