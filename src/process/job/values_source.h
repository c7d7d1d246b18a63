// VALUES as a table source: one bounded split that gives all its rows at once. The smallest source.
#pragma once

#include <memory>

#include "connector/table.h"
#include "process/expr/evaluator.h"
#include "process/plan/logical_plan.h"

namespace mainstem::process {

class ValuesSource final : public connector::TableSource {
 public:
  explicit ValuesSource(std::shared_ptr<arrow::RecordBatch> rows) : rows_(std::move(rows)) {}
  // Computes the constants.
  static Result<std::unique_ptr<ValuesSource>> Make(const plan::ValuesNode& node,
                                                    const EvalContext& context);

  bool bounded() const override { return true; }
  Task<std::vector<connector::SourceSplit>> DiscoverSplits() override;
  Task<std::unique_ptr<connector::SplitReader>> OpenSplit(connector::SourceSplit split,
                                                          std::vector<int> projection) override;

 private:
  std::shared_ptr<arrow::RecordBatch> rows_;
};

}  // namespace mainstem::process
