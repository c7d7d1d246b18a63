// Joins of a stream with a table outside that is asked for each batch (FOR SYSTEM_TIME AS OF a
// processing time): INNER and LEFT. The row kind goes through, so that what an update takes back is
// looked up again, as in Flink. Keeps no state but a cache, where the table's options ask for one.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "process/operator/join_pairs.h"
#include "process/operator/lookup_cache.h"
#include "process/operator/operator.h"

namespace mainstem::process {

class LookupJoinOperator final : public Operator {
 public:
  // `lookup` finds rows by node.right_keys, in the columns of node.inputs[1].
  LookupJoinOperator(const plan::JoinNode& node, std::unique_ptr<connector::TableLookup> lookup)
      : node_(node), lookup_(std::move(lookup)), cache_(lookup_->options()) {}
  std::string name() const override { return "LookupJoin"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;

 private:
  // For each row of the batch its key's rows; null where the key holds a NULL.
  Task<> FindRows(const ChangelogBatch& batch, std::vector<LookupCache::Rows>* rows);
  // Asks for those keys that are not cached yet. `first_rows`: a row of the batch with each key.
  Task<> Ask(const ColumnVector& key_columns, const EncodedRows& keys,
             const std::vector<int32_t>& first_rows, std::vector<LookupCache::Rows>* found);
  // For those of first_rows that are `wanted`; adds what is found to rows[i].
  Task<> AskOnce(const ColumnVector& key_columns, const EncodedRows& keys,
                 const std::vector<int32_t>& first_rows, const std::vector<size_t>& wanted,
                 std::vector<std::vector<std::string>>* rows);
  Task<std::shared_ptr<arrow::RecordBatch>> AskWithRetries(
      std::shared_ptr<arrow::RecordBatch> keys);
  // The rows [*begin, ..) of the batch until there are enough pairs for one output batch.
  Result<ChangelogBatch> JoinSome(const ChangelogBatch& batch,
                                  const std::vector<LookupCache::Rows>& rows, size_t* begin);

  plan::JoinNode node_;
  std::unique_ptr<connector::TableLookup> lookup_;
  LookupCache cache_;
  const OperatorContext* context_ = nullptr;
  EvalContext eval_;
  std::unique_ptr<RowCodec> key_codec_;
  std::unique_ptr<RowCodec> right_codec_;
  JoinPairs pairs_;
};

}  // namespace mainstem::process
