// Filter and projection in one step, by the expression evaluator. Stateless; row kinds are kept.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "process/operator/operator.h"

namespace mainstem::process {

struct CalcOptions {
  ExprPtr predicate;  // null: every row passes
  std::vector<ExprPtr> projections;
  std::shared_ptr<arrow::Schema> output_schema;  // one field a projection; null: columns stay
};

class CalcOperator final : public Operator {
 public:
  explicit CalcOperator(CalcOptions options) : options_(std::move(options)) {}
  std::string name() const override { return "Calc"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  Task<> OnWatermark(int64_t watermark_ms, Output* out) override;

  // What OnBatch does with a batch, for who has no Output.
  Result<ChangelogBatch> Compute(ChangelogBatch batch);

 private:
  CalcOptions options_;
  const OperatorContext* context_ = nullptr;
  EvalContext eval_;
  std::unique_ptr<ExprProgram> filter_;
  std::unique_ptr<ExprProgram> project_;
  std::vector<int32_t> kept_;
};

// Fills in the clock's time: once for each batch.
void SetEvalTime(Env* env, EvalContext* eval);

}  // namespace mainstem::process
