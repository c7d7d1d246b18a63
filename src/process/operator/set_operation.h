// INTERSECT and EXCEPT, with and without ALL: counts how often a row has come from either side.
// Without ALL a row is in the result or not: +I when it comes in, -D when it goes. With ALL it is
// in it as often as the counts say; as in Flink, a change of the counts sends all its copies anew
// (-U for each before, +U for each after).
#pragma once

#include <memory>
#include <vector>

#include "process/operator/operator.h"
#include "process/plan/ordered_nodes.h"
#include "process/state/row_codec.h"
#include "process/state/state_table.h"

namespace mainstem::process {

class SetOperationOperator final : public Operator {
 public:
  explicit SetOperationOperator(const plan::SetOperationNode& node);
  ~SetOperationOperator() override;
  std::string name() const override { return "SetOperation"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  class CountsCodec;
  struct Counts;
  struct Sent {
    RowKind kind;
    int32_t row;  // of the batch
  };
  // How often the row is in the result.
  int64_t CopiesOf(const Counts& counts) const;
  void Send(const Counts& before, const Counts& after, int32_t row);
  Status Count(const ChangelogBatch& batch);

  plan::SetKind set_;
  bool all_;
  int64_t state_ttl_ms_;
  std::shared_ptr<arrow::Schema> output_schema_;
  const OperatorContext* context_ = nullptr;
  std::unique_ptr<CountsCodec> counts_codec_;
  std::unique_ptr<RowCodec> codec_;
  std::unique_ptr<StateTable> table_;
  EncodedRows keys_;
  std::vector<StateEntry*> entries_;  // of each row
  std::vector<Sent> sent_;
};

}  // namespace mainstem::process
