// The option 'sink.file-name': how the files of a table are called, with the expressions that
// Amazon Data Firehose has for prefixes:
//   !{timestamp:yyyy/MM/dd}    the time of the file's first row; letters of Java's
//   DateTimeFormatter
//   !{firehose:random-string}  11 letters and digits
//   !{partitionKeyFromQuery:a} the value of key `a` of a query over the file's records
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
  // Times are written in the zone. kInvalidArgument says what is wrong, without the name of
  // the option: also when two files could have one name, or a name would lead out of the folder.
  struct Options {
    absl::TimeZone zone = absl::UTCTimeZone();
    std::vector<std::string> keys = {};  // of the query
  };
  static Result<FileNamePattern> Compile(std::string_view text, Options options);

  bool has_keys() const;
  // `values`, of the query's keys, must make a name: kInvalidRecord.
  Status CheckKeys(const std::vector<std::string>& values) const;

  // Of the file whose first row has this time. The environment gives what is random.
  struct Content {
    format::Instant first_row = {};
    const std::vector<std::string>* values = nullptr;  // of the query's keys, if it has any
  };
  std::string NameOf(Content content, Env* env) const;

 private:
  enum class Kind : uint8_t { kLiteral, kTime, kRandomString, kUuid, kKey };
  struct Part {
    Kind kind = Kind::kLiteral;
    std::string literal = {};
    format::TimestampPattern pattern = {};
    size_t key = 0;
  };
  Status AddExpression(std::string_view expression, const std::vector<std::string>& keys);

  std::vector<Part> parts_;
  absl::TimeZone zone_;
};

}  // namespace mainstem::sink
