// TABLE(TUMBLE | HOP | CUMULATE(..)) whose windows are not aggregated at once: each row comes out
// once for each of its windows, with window_start, window_end and window_time added. Stateless.
#pragma once

#include <memory>
#include <optional>

#include "process/operator/operator.h"
#include "process/time/window_assigner.h"

namespace mainstem::process {

class WindowTableOperator final : public Operator {
 public:
  WindowTableOperator(plan::Window window, std::shared_ptr<arrow::Schema> output_schema)
      : window_(std::move(window)), output_schema_(std::move(output_schema)) {}
  std::string name() const override { return "WindowTable"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;

 private:
  Result<ChangelogBatch> AddWindows(const ChangelogBatch& batch);

  plan::Window window_;
  std::shared_ptr<arrow::Schema> output_schema_;
  std::optional<WindowAssigner> assigner_;
};

// A TIMESTAMP column of the given type from milliseconds.
Result<std::shared_ptr<arrow::Array>> TimestampColumn(const std::shared_ptr<arrow::DataType>& type,
                                                      const std::vector<int64_t>& values_ms);

}  // namespace mainstem::process
