// Windows by processing time: an operator of event time whose rows get the clock's time when they
// come, and whose watermark is the clock. Watermarks of the input pass by; at the end of bounded
// input all windows are sent (Flink drops those that are open).
#pragma once

#include <memory>

#include "process/operator/operator.h"

namespace mainstem::process {

class ProcessingTimeOperator final : public Operator {
 public:
  // `time_column` of the input: what the inner operator takes for the event time.
  ProcessingTimeOperator(std::unique_ptr<Operator> inner, int time_column)
      : inner_(std::move(inner)), time_column_(time_column) {}
  std::string name() const override { return inner_->name(); }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  Task<> OnWatermark(int64_t watermark_ms, Output* out) override;
  // Behind this operator the watermark is that of the clock: rows with windows come in their order.
  int64_t HeldBack(int64_t watermark_ms) const override {
    return watermark_ms == kEndOfTime ? kEndOfTime : now_ms_ - 1;
  }
  bool wants_time() const override { return true; }
  Task<> OnTime(int64_t now_ms, Output* out) override;
  Task<> Finish(Output* out) override { return inner_->Finish(out); }
  Result<OperatorSnapshot> Snapshot() override { return inner_->Snapshot(); }

 private:
  std::unique_ptr<Operator> inner_;
  int time_column_;
  const OperatorContext* context_ = nullptr;
  int64_t now_ms_ = 0;  // never goes back, whatever the clock does, nor over a restart
};

}  // namespace mainstem::process
