// Where a record of csv ends in a file: at the first line break that does not stand in quotes. Used
// by the filesystem connector, which cuts files into records before csv decodes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "format/format.h"

namespace mainstem::format {

struct CsvQuoting {
  char delimiter = ',';
  char quote = '"';
  std::optional<char> escape;
  bool trim_spaces = false;
  bool allow_comments = false;
};
// Nothing: the options switch quotes off, each line is a record.
Result<std::optional<CsvQuoting>> CsvQuotingOf(const FormatOptions& options);

// Finds the ends of records in bytes that come in pieces. Not thread-safe.
class CsvRecordScanner {
 public:
  // A record that grows beyond the limit ends at the next line break, in quotes or not: a quote
  // that nobody closes does not take the whole file.
  CsvRecordScanner(CsvQuoting quoting, size_t max_record_bytes)
      : quoting_(quoting), max_record_bytes_(max_record_bytes) {}

  // The next byte begins a record; in a file's first one a byte-order mark is passed over.
  void Begin(bool at_file_begin);
  // The index in `bytes`, which follow those of the calls since Begin, of the line break that ends
  // the record; npos: it is not among them.
  size_t Find(std::string_view bytes);

 private:
  enum class Place : uint8_t {
    kFieldBegin,
    kText,
    kTextEscape,
    kQuoted,
    kQuotedEscape,
    kQuoteEnd,
    kComment
  };
  Place After(char c) const;

  CsvQuoting quoting_;
  size_t max_record_bytes_;
  Place place_ = Place::kFieldBegin;
  size_t seen_bytes_ = 0;  // of the record
  bool at_file_begin_ = false;
};

}  // namespace mainstem::format
