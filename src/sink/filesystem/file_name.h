// The option 'sink.file-name': how the files of a table are called, with the expressions that
// Amazon Data Firehose has for prefixes:
//   !{timestamp:yyyy/MM/dd}    the time of the file's first row; letters of Java's
//   DateTimeFormatter
//   !{firehose:random-string}  11 letters and digits
//   !{random:uuid}             ours: what makes the name one that no other file has
// Source: Amazon Data Firehose's guide, "Custom prefixes for Amazon S3 objects". Pure, immutable.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <absl/time/time.h>

#include "core/env.h"
#include "core/status.h"
#include "format/text_time.h"

namespace mainstem::sink {

class FileNamePattern {
 public:
  // `zone`: in which times are written. kInvalidArgument says what is wrong, without the name of
  // the option: also when two files could have one name, or a name would lead out of the folder.
  static Result<FileNamePattern> Compile(std::string_view text, absl::TimeZone zone);

  // Of the file whose first row has this time. The environment gives what is random.
  std::string NameOf(format::Instant first_row, Env* env) const;

 private:
  enum class Kind : uint8_t { kLiteral, kTime, kRandomString, kUuid };
  struct Part {
    Kind kind = Kind::kLiteral;
    std::string literal = {};
    format::TimestampPattern pattern = {};
  };
  Status AddExpression(std::string_view expression);

  std::vector<Part> parts_;
  absl::TimeZone zone_;
};

}  // namespace mainstem::sink
