// The rows that a window gives when it fires: keys, the aggregates' values, the window's bounds.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "process/operator/aggregate_set.h"
#include "process/operator/element.h"
#include "process/time/window_assigner.h"

namespace mainstem::process {

class WindowOutput {
 public:
  struct Options {
    std::shared_ptr<arrow::Schema> schema;  // keys, aggregates, properties
    std::vector<plan::WindowProperty> properties;
    // The windows came with the rows: the last column of the keys is the window's start.
    bool attached = false;
  };
  // Borrowed, for as long as this lives; `assigner` is null for sessions.
  WindowOutput(Options options, const WindowAssigner* assigner, const AggregateSet* aggregates,
               const RowCodec* keys)
      : options_(std::move(options)), assigner_(assigner), aggregates_(aggregates), codec_(keys) {}

  // Rows between two batches of one window.
  static constexpr size_t kRowsAtOnce = 4096;
  // One row for each key, encoded, and its block of accumulators, but where all rows that were
  // accumulated have been taken back.
  Result<ChangelogBatch> Make(int64_t window_end, std::span<const std::string_view> keys,
                              std::span<std::byte* const> blocks) const;

 private:
  Result<std::shared_ptr<arrow::Array>> PropertyColumn(plan::WindowProperty property,
                                                       const std::shared_ptr<arrow::Field>& field,
                                                       int64_t window_end,
                                                       const std::shared_ptr<arrow::Array>& starts,
                                                       int64_t count) const;

  Options options_;
  const WindowAssigner* assigner_;
  const AggregateSet* aggregates_;
  const RowCodec* codec_;
};

}  // namespace mainstem::process
