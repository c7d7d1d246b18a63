// Rows of bytes that tell by themselves into which file they go, as with Amazon Data Firehose's
// dynamic partitioning: each is JSON, and a query finds the values that stand in the file's name
// (format/record_query.h). Pure, immutable.
#pragma once

#include <string>
#include <vector>

#include "core/status.h"
#include "format/changelog.h"
#include "format/record_query.h"
#include "sink/filesystem/file_name.h"

namespace mainstem::sink {

class RecordPartitions {
 public:
  struct Options {
    bool splits_json = false;  // a row may hold several JSON objects, which become rows
  };
  RecordPartitions(format::RecordQuery query, Options options)
      : query_(std::move(query)), options_(options) {}

  struct Part {
    std::vector<std::string> values;  // of the query's keys
    ChangelogBatch rows;              // with the columns that came
  };
  struct Failed {
    int64_t row = 0;  // of what came
    std::string data;
    std::string problem;
  };
  struct Split {
    std::vector<Part> parts;  // in the order in which they first appear; so are rows within each
    std::vector<Failed> failed;
  };
  // Of inserts: the first column is BYTES, and not NULL. `names` must take the values.
  Result<Split> Run(const ChangelogBatch& batch, const FileNamePattern& names) const;

 private:
  format::RecordQuery query_;
  Options options_;
};

// The JSON values that stand behind each other in `text`, with or without blanks between them.
// kInvalidRecord when the end of one is missing.
Result<std::vector<std::string_view>> SplitJsonObjects(std::string_view text);

}  // namespace mainstem::sink
