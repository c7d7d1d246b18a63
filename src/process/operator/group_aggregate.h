// Unbounded GROUP BY: keeps a block of accumulators for each key and sends the changes of its
// result. A group's first row gives +I, a changed result -U (when asked for) and +U, its last
// retraction -D; an unchanged result gives nothing. HOT PATH: a batch is handled column by column.
// Without folding, every row's change is sent: the batch is cut into waves in which each group
// occurs once.
#pragma once

#include <memory>
#include <vector>

#include "process/operator/aggregate_set.h"
#include "process/operator/operator.h"

namespace mainstem::process {

struct GroupAggregateOptions {
  std::vector<int> keys;  // input columns; none: one group
  std::vector<std::shared_ptr<arrow::DataType>> key_types;
  std::vector<plan::AggregateSpec> aggregates;
  std::shared_ptr<arrow::Schema> output_schema;  // keys, then aggregates
  bool send_update_before = true;
  // One change a group and batch instead of one a row.
  bool fold = false;
  int64_t state_ttl_ms = 0;  // 0: groups stay for ever
  // At the end of input without rows the result of none is sent: a COUNT is 0, a SUM NULL.
  bool counts_nothing = false;
};

class GroupAggregateOperator final : public Operator {
 public:
  explicit GroupAggregateOperator(GroupAggregateOptions options) : options_(std::move(options)) {}
  std::string name() const override { return "GroupAggregate"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  Task<> Finish(Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  // One row of output: where its key and its values are taken from.
  struct Change {
    RowKind kind;
    int32_t key_row;    // of the input batch
    int32_t value_row;  // of the values_ of the batch, all steps together
  };
  // Numbers the batch's groups and decides which rows count.
  void AssignGroups(const ChangelogBatch& batch);
  AggregateBatch AggregateBatchOf(const ChangelogBatch& batch) const;
  Status AddValues(std::span<std::byte* const> blocks);
  Status RunRowByRow(const ChangelogBatch& batch);
  Status RunFolded(const ChangelogBatch& batch);
  void AddChange(int32_t key_row, int64_t old_count, int64_t new_count, int32_t old_row,
                 int32_t new_row, const RowEquality& equality);
  Result<RowEquality> FinishValues();
  Result<ChangelogBatch> MakeOutput(const ChangelogBatch& batch);
  void FinishGroups();

  GroupAggregateOptions options_;
  const OperatorContext* context_ = nullptr;
  std::unique_ptr<AggregateSet> aggregates_;
  std::unique_ptr<RowCodec> codec_;
  std::unique_ptr<StateTable> table_;
  bool has_finished_ = false;  // in an execution before this one

  // Of the batch at hand; kept for their capacity.
  EncodedRows keys_;
  std::vector<StateEntry*> entries_;  // of each row
  std::vector<StateEntry*> groups_;
  std::vector<std::byte*> blocks_;   // of each group
  std::vector<int64_t> old_counts_;  // of each group, before the batch
  std::vector<int32_t> first_rows_;  // of each group
  std::vector<uint32_t> group_of_row_;
  std::vector<int8_t> signs_;
  std::vector<uint8_t> counts_;  // of each row: 0 for a retraction of what was never added
  bool all_count_ = true;
  std::vector<ColumnVector> value_chunks_;
  ColumnVector values_;
  std::vector<Change> changes_;
};

}  // namespace mainstem::process
