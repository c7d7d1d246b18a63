// The whole changelog of a table whose source only tells the newest row of a key, and of a deletion
// only the key (upsert-kafka): what was before is kept and sent with -U and -D. A row that comes
// again as it is changes nothing, unless state has a time to live: then it is sent anew and lives
// on.
#pragma once

#include <memory>
#include <vector>

#include "process/operator/kept_row.h"
#include "process/operator/operator.h"
#include "process/operator/replaced_rows.h"
#include "process/plan/ordered_nodes.h"

namespace mainstem::process {

class ChangelogNormalizeOperator final : public Operator {
 public:
  // The node's partition is the table's primary key.
  explicit ChangelogNormalizeOperator(const plan::RankNode& node);
  std::string name() const override { return "ChangelogNormalize"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  // What the batch changes, in its order.
  void Apply(const ChangelogBatch& batch);
  void FinishEntries();

  const std::vector<int> key_;
  const bool send_update_before_;
  const int64_t state_ttl_ms_;
  const plan::Columns input_;
  const std::shared_ptr<arrow::Schema> output_schema_;
  const OperatorContext* context_ = nullptr;
  std::unique_ptr<RowCodec> key_codec_;
  std::unique_ptr<RowCodec> row_codec_;
  KeptRowCodec kept_codec_;
  std::unique_ptr<StateTable> rows_of_keys_;

  // Of the batch at hand; kept for their capacity.
  EncodedRows keys_;
  EncodedRows rows_;
  std::vector<StateEntry*> entries_;
  ReplacedRows changes_;
};

}  // namespace mainstem::process
