// Rows of a table PARTITIONED BY (a, b) go into folders 'a=1/b=x'. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>

#include "core/status.h"
#include "format/changelog.h"
#include "format/text_time.h"

namespace mainstem::sink {

// As Hive does: what has a meaning in paths becomes %XX.
std::string EscapePathName(std::string_view text);

// Immutable once made.
class PartitionLayout {
 public:
  // `keys` are columns of `schema`. At least one column must remain for the files. `time_column`: a
  // TIMESTAMP that is in no file, too; empty: there is none.
  static Result<PartitionLayout> Make(const arrow::Schema& schema,
                                      const std::vector<std::string>& keys,
                                      std::string default_name, std::string time_column = {});

  bool has_keys() const { return !keys_.empty(); }
  // The folder of rows that have these values, as text, in the keys: "day=1/hour=2/".
  std::string FolderOf(const std::vector<std::optional<std::string>>& values) const;
  // What files hold: all columns but the keys.
  const std::shared_ptr<arrow::Schema>& file_schema() const { return file_schema_; }

  struct Part {
    std::string folder;                              // "day=1/hour=2/"; empty without keys
    ChangelogBatch rows;                             // of file_schema
    std::optional<format::Instant> first_time = {};  // of the first row, if the layout has a time
    std::vector<std::string> values = {};            // of RecordPartitions' keys
  };
  // Nothing without a time.
  std::optional<format::Instant> TimeOf(const arrow::RecordBatch& rows, int64_t row) const;
  // In the order in which folders first appear; rows keep their order within each.
  Result<std::vector<Part>> Split(const ChangelogBatch& batch) const;

 private:
  std::string FolderOf(const arrow::RecordBatch& rows, int64_t row) const;
  std::string Step(const std::string& key, const std::string& value) const;
  Result<ChangelogBatch> Take(const ChangelogBatch& batch, const std::vector<int64_t>& rows) const;

  std::vector<std::pair<std::string, int>> keys_;  // escaped name and column
  std::vector<int> file_columns_;
  std::shared_ptr<arrow::Schema> file_schema_;
  std::string default_name_;
  int time_column_ = -1;
};

}  // namespace mainstem::sink
