// Joins of two streams that keep all rows of both sides: INNER, LEFT, RIGHT, FULL, SEMI and ANTI,
// over changelogs too. Rows meet by equal keys (NULL equals nothing) and an optional condition.
// Of a side whose other one has ended nothing more is kept: no row will ask for it. So a stream
// joined with a bounded table keeps the table only. What is sent follows Flink's rules: an INNER
// join passes the row's kind on; a join that pads with NULLs sends +I and -D only, takes back the
// padded row when the first match comes, and sends it anew when the last one goes. HOT PATH: a
// batch probes the other side's table at once; candidates are decoded and checked in columns; one
// pass in order decides what is sent.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "process/operator/join_pairs.h"
#include "process/operator/join_rows.h"
#include "process/operator/operator.h"

namespace mainstem::process {

class RegularJoinOperator final : public Operator {
 public:
  explicit RegularJoinOperator(const plan::JoinNode& node) : node_(node) {}
  std::string name() const override { return "Join"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  void OnInputEnd(int input) override { side(input).has_ended = true; }
  Result<OperatorSnapshot> Snapshot() override;

 private:
  struct Side {
    std::vector<int> keys;  // columns
    bool is_outer = false;  // keeps count of its rows' matches
    bool has_ended = false;
    std::unique_ptr<RowCodec> key_codec;
    std::unique_ptr<RowCodec> row_codec;
    std::unique_ptr<StateTable> table;
  };
  struct Sent {
    RowKind kind;
    int32_t row;    // of the batch; -1: NULLs
    int32_t other;  // of others_; -1: NULLs
  };
  // What the pass over one batch works on.
  struct Probe {
    int input = 0;
    const ChangelogBatch* batch = nullptr;
    Side* own = nullptr;
    Side* other = nullptr;
    size_t row_count = 0;
    bool keeps_rows = true;  // if not, the next two are empty
    EncodedRows rows;        // of the batch, encoded
    std::vector<StateEntry*> own_entries;
    std::vector<StateEntry*> other_entries;
    std::vector<uint8_t> key_has_null;
    // Of the two sides' rows.
    RowLife own_life;
    RowLife other_life;
    std::vector<StateEntry*> emptied;  // of other_entries, by rows whose lives were over
  };

  Side& side(int input) { return sides_[static_cast<size_t>(input)]; }
  bool is_semi() const { return !node_.sends_right(); }
  // Of a pair: the row of the batch, and the row of others_ that stands beside it.
  static int32_t RowOf(const Probe& probe, const JoinPair& pair) {
    return probe.input == 0 ? pair.left : pair.right;
  }
  static int32_t OtherOf(const Probe& probe, const JoinPair& pair) {
    return probe.input == 0 ? pair.right : pair.left;
  }
  Task<> FindEntries(Probe* probe);
  void ForgetOldRows(Probe* probe);
  // Rows of the batch from `*row` on, until there are enough pairs for one output batch.
  void GatherPairs(const Probe& probe, size_t* row);
  Status DecodeOthers(const Probe& probe);
  // Drops the pairs that do not meet the conditions.
  Status CheckPairs(const Probe& probe);
  // The rows [begin, end) of the batch with their checked pairs, in order.
  void Apply(const Probe& probe, size_t begin, size_t end);
  void ApplyRow(const Probe& probe, size_t row, std::span<const JoinPair> pairs);
  void ApplySemi(const Probe& probe, size_t row, std::span<const JoinPair> pairs);
  int32_t CountMatches(const Probe& probe, std::span<const JoinPair> pairs) const;
  void ChangeMatches(const Probe& probe, StateEntry* entry, std::span<const JoinPair> pairs,
                     int32_t change);
  void KeepRow(const Probe& probe, size_t row, int32_t matches);
  Result<ChangelogBatch> TakeSent(const Probe& probe);
  void FinishEntries(Probe* probe);

  plan::JoinNode node_;
  const OperatorContext* context_ = nullptr;
  JoinRowsCodec rows_codec_;
  std::array<Side, 2> sides_;
  JoinPairs checker_;
  std::shared_ptr<arrow::Schema> output_schema_;
  EvalContext eval_;

  // Of the chunk at hand; kept for their capacity.
  std::vector<JoinRow*> others_;
  std::vector<JoinPair> pairs_;
  ColumnVector other_columns_;
  std::vector<Sent> sent_;
};

}  // namespace mainstem::process
