// OVER windows ordered by an ordinary column, from the beginning of the partition: a row that comes
// or goes in the middle changes the results of the rows behind it, which are then sent anew (-U,
// +U). All rows of a partition are kept, each with its results as they were last sent.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "process/operator/over.h"
#include "process/operator/rank.h"

namespace mainstem::process {

class UpdatingOverOperator final : public Operator {
 public:
  explicit UpdatingOverOperator(const plan::OverNode& node);
  std::string name() const override { return "OverAggregate"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  struct Sent {
    RowKind kind;
    std::string row;
    std::string results;
  };
  Status Change(RankRows* rows, std::string_view sort_key, std::string_view row, RowKind kind);
  // The results of all rows of a partition, encoded.
  Status Compute(const RankRows& rows, EncodedRows* results) const;
  Result<ColumnVector> Results(const std::vector<std::string_view>& rows,
                               const std::vector<int32_t>& last_peer) const;
  Result<std::shared_ptr<arrow::Array>> LagColumn(const OverFunctions::Function& function,
                                                  const ColumnVector& args,
                                                  const std::vector<int32_t>& last_peer) const;
  Result<ChangelogBatch> TakeSent();
  void FinishEntries();

  OverFunctions functions_;
  std::vector<int> partition_;
  std::vector<plan::SortKey> order_;
  bool rows_;
  bool send_update_before_;
  int64_t state_ttl_ms_;
  plan::Columns input_;
  std::shared_ptr<arrow::Schema> output_schema_;
  const OperatorContext* context_ = nullptr;
  std::unique_ptr<RowCodec> partition_codec_;
  std::unique_ptr<RowCodec> row_codec_;
  std::unique_ptr<RowCodec> results_codec_;
  std::optional<SortKeyCodec> sort_codec_;
  std::unique_ptr<AggregateSet> aggregates_;
  RankRowsCodec rows_codec_;
  std::unique_ptr<StateTable> table_;

  EncodedRows partitions_;
  EncodedRows encoded_;
  std::vector<StateEntry*> entries_;
  std::vector<std::string> sort_keys_;
  std::vector<Sent> sent_;
};

}  // namespace mainstem::process
