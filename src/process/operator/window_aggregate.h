// GROUP BY over event-time windows: keeps a block of accumulators for each (window, key) and sends
// each window's rows once, when the watermark passes its end. Rows that come after that are late:
// dropped and counted. Windows are assigned here (TUMBLE, and HOP where panes don't fit: see
// pane_aggregate.h) or come with the rows. HOT PATH: a batch is handled column by column; what a
// window costs is paid when it fires.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "process/operator/aggregate_set.h"
#include "process/operator/late_marks.h"
#include "process/operator/operator.h"
#include "process/operator/window_accumulator.h"
#include "process/operator/window_output.h"
#include "process/time/window_assigner.h"

namespace mainstem::process {

struct WindowAggregateOptions {
  plan::Window window;
  int attached_start = -1;
  int attached_end = -1;
  std::vector<int> keys;
  std::vector<std::shared_ptr<arrow::DataType>> key_types;
  std::vector<plan::AggregateSpec> aggregates;
  std::vector<plan::WindowProperty> properties;
  std::shared_ptr<arrow::Schema> output_schema;  // keys, aggregates, properties

  // Columns of the state's key, by which rows must be exchanged: else state would be restored where
  // no row of its key comes.
  std::vector<int> state_keys() const {
    std::vector<int> columns = keys;
    if (attached_end >= 0) columns.push_back(attached_start);
    return columns;
  }
};

class WindowAggregateOperator final : public Operator {
 public:
  explicit WindowAggregateOperator(WindowAggregateOptions options);
  std::string name() const override { return "WindowAggregate"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  int64_t restored_watermark() const override { return watermark_ms_; }
  Task<> OnWatermark(int64_t watermark_ms, Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  bool attached() const { return options_.attached_end >= 0; }
  // Fills assigned_ with the rows that are not late and their windows' ends.
  Status AssignWindows(const ChangelogBatch& batch);
  void UpdateMetrics();

  WindowAggregateOptions options_;
  const OperatorContext* context_ = nullptr;
  std::optional<WindowAssigner> assigner_;
  std::unique_ptr<AggregateSet> aggregates_;
  std::unique_ptr<RowCodec> codec_;  // keys, and the window's start when it is attached
  std::unique_ptr<StateTable> table_;
  std::optional<WindowAccumulator> accumulator_;
  std::optional<WindowOutput> output_;
  int64_t watermark_ms_ = kNoWatermark;
  LateMarks late_;

  WindowRows assigned_;
};

// Event times of a TIMESTAMP or TIMESTAMP_LTZ column, rounded down to ms; NULL is an error.
Status TimesOf(const arrow::Array& column, std::vector<int64_t>* times_ms);

// Ends of windows, which are local time where windows are (TIMESTAMP_LTZ), as instants.
Status WindowEndsOf(const arrow::Array& column, bool is_local, const absl::TimeZone& zone,
                    std::vector<int64_t>* ends_ms);

}  // namespace mainstem::process
