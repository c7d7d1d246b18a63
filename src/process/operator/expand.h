// Operators that make several rows of one, without state: GROUPING SETS and UNNEST. Row kinds are
// kept: what is taken back is taken back for each of the rows made.
#pragma once

#include <memory>
#include <vector>

#include "process/operator/operator.h"
#include "process/plan/ordered_nodes.h"

namespace mainstem::process {

// Each row once for each grouping set, one after the other; see plan::ExpandNode.
class ExpandOperator final : public Operator {
 public:
  explicit ExpandOperator(const plan::ExpandNode& node);
  std::string name() const override { return "Expand"; }
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;

 private:
  Result<ChangelogBatch> Expand(const ChangelogBatch& batch) const;

  std::vector<int> grouping_;
  std::vector<std::vector<bool>> sets_;
  std::vector<std::vector<int64_t>> constants_;
  std::shared_ptr<arrow::Schema> output_schema_;
};

// The elements of a batch of collections.
struct UnnestedElements {
  std::vector<int32_t> rows;      // of the input, one for each row of output; ascending
  std::vector<int32_t> elements;  // index into `columns`; -1: none
  std::vector<int32_t> numbers;   // of an element in its collection, from 1; 0: none
  ColumnVector columns;
};

// Each row once for each element of a collection; see plan::UnnestNode.
class UnnestOperator final : public Operator {
 public:
  explicit UnnestOperator(const plan::UnnestNode& node);
  std::string name() const override { return "Unnest"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  Task<> OnWatermark(int64_t watermark_ms, Output* out) override;

 private:
  Result<ChangelogBatch> Unnest(const ChangelogBatch& batch);
  // Takes away the elements that don't meet the condition.
  Status Filter(const ChangelogBatch& batch, UnnestedElements* elements);
  Result<ChangelogBatch> MakeRows(const ChangelogBatch& batch,
                                  const UnnestedElements& elements) const;

  int collection_;
  bool keep_empty_;
  bool with_ordinality_;
  bool is_multiset_;
  ExprPtr condition_;
  const OperatorContext* context_ = nullptr;
  EvalContext eval_;
  std::unique_ptr<ExprProgram> filter_;  // null: no condition
  std::shared_ptr<arrow::Schema> output_schema_;
};

}  // namespace mainstem::process
