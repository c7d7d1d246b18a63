// Top-N: the rows number `start` to `end` of each partition, kept in order. Sends what enters and
// leaves that range; with the number in the output (or a range that does not begin with 1) also
// every row whose number changes. The changes come in Flink's order. HOT PATH: a batch is encoded
// column by column; of a full partition's rows only those that enter it are encoded as a whole.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "process/operator/operator.h"
#include "process/operator/rank_rows.h"
#include "process/plan/ordered_nodes.h"
#include "process/state/sort_key.h"

namespace mainstem::process {

// Collects rows to be sent as encoded bytes, and makes a batch of them.
class RankOutput {
 public:
  // `codec` is of the input's columns and outlives this; `schema` may have the number behind them.
  RankOutput(const RowCodec* codec, std::shared_ptr<arrow::Schema> schema)
      : codec_(codec), schema_(std::move(schema)) {}
  // `row` must stay until Take.
  void Add(RowKind kind, std::string_view row, int64_t number);
  // Keeps a row that has left its partition readable until Take.
  void Keep(RankRows::Map::node_type node) { gone_.push_back(std::move(node)); }
  bool empty() const { return rows_.empty(); }
  size_t row_count() const { return rows_.size(); }
  Result<ChangelogBatch> Take();

 private:
  const RowCodec* codec_;
  std::shared_ptr<arrow::Schema> schema_;
  std::vector<RowKind> kinds_;
  std::vector<std::string_view> rows_;
  std::vector<int64_t> numbers_;
  std::vector<RankRows::Map::node_type> gone_;
};

// The sort key codec of a node's ORDER BY and the columns it takes.
Result<SortKeyCodec> MakeSortKeyCodec(const std::vector<plan::SortKey>& order,
                                      const plan::Columns& input);

struct RankOptions {
  explicit RankOptions(const plan::RankNode& node);
  plan::RankStrategy strategy;
  std::vector<int> partition;
  std::vector<int> row_key;
  std::vector<plan::SortKey> order;
  int64_t start;
  int64_t end;
  bool send_update_before;
  int64_t state_ttl_ms;
  plan::Columns input;
  std::shared_ptr<arrow::Schema> output_schema;
  // Whether a row's number matters: it is in the output, or the first ones are left out.
  bool numbered() const;
};

// Strategies kAppend, kUpdate and kRetract.
class RankOperator final : public Operator {
 public:
  explicit RankOperator(RankOptions options) : options_(std::move(options)) {}
  std::string name() const override { return "Rank"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  using Place = RankRows::Place;
  // Rows that may enter their partition; all of them unless rows are only added.
  std::vector<int32_t> Candidates(const ChangelogBatch& batch) const;
  Task<> Process(const ChangelogBatch& batch, Output* out);
  void ProcessRow(const ChangelogBatch& batch, size_t row);
  Task<> EmitChanges(Output* out);
  void Add(RankRows* rows, std::string_view sort_key, std::string_view row, std::string_view key);
  void Retract(RankRows* rows, std::string_view sort_key, std::string_view row);
  void Update(RankRows* rows, Place old, std::string_view sort_key, std::string_view row,
              std::string_view key);
  // The position of `place`, from 1; end + 1 if it is beyond the end.
  int64_t NumberOf(RankRows* rows, Place place) const;
  // Sends that from `number` on each row has moved down by one, `moved` being the first, until
  // `last`. Returns the row without a place.
  std::string_view ShiftDown(RankRows* rows, Place from, std::string_view moved, int64_t* number,
                             int64_t last);
  void Replace(std::string_view old, std::string_view row, int64_t number);
  void Send(RowKind kind, std::string_view row, int64_t number);
  void Finish();

  RankOptions options_;
  const OperatorContext* context_ = nullptr;
  std::unique_ptr<RowCodec> partition_codec_;
  std::unique_ptr<RowCodec> key_codec_;
  std::unique_ptr<RowCodec> row_codec_;
  std::optional<SortKeyCodec> sort_codec_;
  RankRowsCodec rows_codec_;
  std::unique_ptr<StateTable> table_;
  std::unique_ptr<RankOutput> output_;

  // Of the batch at hand.
  EncodedRows partitions_;
  std::vector<StateEntry*> entries_;
  std::vector<std::string> sort_keys_;
  EncodedRows rows_;
  EncodedRows row_keys_;
};

}  // namespace mainstem::process
