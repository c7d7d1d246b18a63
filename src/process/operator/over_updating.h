// OVER windows ordered by an ordinary column, from the beginning of the partition: a row that comes
// or goes in the middle changes the results of the rows behind it, which are then sent anew (-U,
// +U). All rows of a partition are kept, each with its results as they were last sent. A partition
// is computed once for each batch that changes it: its accumulators pass all rows, results are made
// from the first row on that may have changed. That takes long where there are many rows; it goes
// by pieces, between which others on the shard have their turn.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <absl/container/flat_hash_map.h>

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
  // A partition while a batch is worked on.
  struct Partition {
    StateEntry* entry = nullptr;
    std::string first_key;  // rows before this sort key are as they were
  };
  // What is known of a partition's rows before results are made.
  struct Pass {
    std::vector<RankRows::Place> rows;  // those whose results may have changed
    size_t first = 0;                   // the number of the first of them
    ColumnVector running;               // of the aggregates, beside `rows`
    ColumnVector args;                  // of all rows of the partition; for LAG only
    std::vector<int32_t> last_peer;     // beside `rows`: the last of the same sort key among them
  };
  void Change(Partition* partition, std::string_view sort_key, std::string_view row, RowKind kind);
  // Computes a partition and sends what has changed in it.
  Task<> Update(const Partition& partition, Output* out);
  Task<> MakePass(const Partition& partition, Pass* pass);
  // The results of some of the rows, encoded.
  Status MakeResults(const Pass& pass, size_t begin, size_t end, EncodedRows* results) const;
  Result<std::shared_ptr<arrow::Array>> LagColumn(const OverFunctions::Function& function,
                                                  const Pass& pass, size_t begin, size_t end) const;
  void Compare(RankRows* rows, RankRows::Place place, std::string_view now);
  Task<> EmitSent(Output* out);
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

  // Of the batch at hand.
  EncodedRows keys_;
  EncodedRows encoded_;
  std::vector<StateEntry*> entries_;
  std::vector<std::string> sort_keys_;
  std::vector<Partition> partitions_;
  absl::flat_hash_map<const RankedRow*, RowKind> added_;  // and not sent yet
  std::vector<Sent> sent_;
};

}  // namespace mainstem::process
