// Joins of two streams that keep all rows of both sides: INNER, LEFT, RIGHT, FULL, SEMI and ANTI,
// over changelogs too. Rows meet by equal keys (NULL equals nothing) and an optional condition.
// What is sent follows Flink's rules: an INNER join passes the row's kind on; a join that pads with
// NULLs sends +I and -D only, takes back the padded row when the first match comes, and sends it
// anew when the last one goes.
// HOT PATH: a batch probes the other side's table at once; candidates are decoded and checked in
// columns; one pass in order decides what is sent.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "process/expr/evaluator.h"
#include "process/operator/join_rows.h"
#include "process/operator/operator.h"
#include "process/plan/logical_plan.h"

namespace mainstem::process {

struct RegularJoinOptions {
  plan::JoinType type = plan::JoinType::kInner;
  struct Side {
    std::vector<int> keys;  // columns
    std::vector<std::shared_ptr<arrow::DataType>> types;
  };
  std::array<Side, 2> sides;
  std::vector<ExprPtr> conditions;  // over the left columns and then the right ones
  std::shared_ptr<arrow::Schema> output_schema;
  int64_t state_ttl_ms = 0;  // of all rows of a key, since one of them came or went; 0: for ever
};

class RegularJoinOperator final : public Operator {
 public:
  explicit RegularJoinOperator(RegularJoinOptions options) : options_(std::move(options)) {}
  std::string name() const override { return "Join"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;
  void OnSnapshotWritten() override;

 private:
  struct Side {
    bool is_outer = false;  // keeps count of its rows' matches
    std::unique_ptr<RowCodec> key_codec;
    std::unique_ptr<RowCodec> row_codec;
    std::unique_ptr<StateTable> table;
  };
  // A row of the batch beside a row of the other side's state.
  struct Pair {
    int32_t row;
    int32_t other;  // index into others_
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
    EncodedRows rows;  // of the batch, encoded
    std::vector<StateEntry*> own_entries;
    std::vector<StateEntry*> other_entries;
    std::vector<uint8_t> key_has_null;
  };

  Side& side(int input) { return sides_[static_cast<size_t>(input)]; }
  bool is_semi() const {
    return options_.type == plan::JoinType::kSemi || options_.type == plan::JoinType::kAnti;
  }
  Task<> FindEntries(Probe* probe);
  // Rows of the batch from `*row` on, until there are enough pairs for one output batch.
  void GatherPairs(const Probe& probe, size_t* row);
  Status DecodeOthers(const Probe& probe);
  Status CheckConditions(const Probe& probe);
  // The rows [begin, end) of the batch with their checked pairs, in order.
  void Apply(const Probe& probe, size_t begin, size_t end);
  void ApplyRow(const Probe& probe, size_t row, std::span<const Pair> pairs);
  void ApplySemi(const Probe& probe, size_t row, std::span<const Pair> pairs);
  int32_t CountMatches(std::span<const Pair> pairs) const;
  void ChangeMatches(const Probe& probe, StateEntry* entry, std::span<const Pair> pairs,
                     int32_t change);
  void KeepRow(const Probe& probe, size_t row, int32_t matches);
  Result<ChangelogBatch> TakeSent(const Probe& probe);
  void FinishEntries(Probe* probe);

  RegularJoinOptions options_;
  const OperatorContext* context_ = nullptr;
  JoinRowsCodec rows_codec_;
  std::array<Side, 2> sides_;
  struct Condition {
    std::unique_ptr<ExprProgram> program;
    std::vector<int> columns;  // that it reads
  };
  Status CheckCondition(const Probe& probe, Condition* condition);
  std::vector<Condition> conditions_;
  EvalContext eval_;

  // Of the chunk at hand; kept for their capacity.
  std::vector<JoinRow*> others_;
  std::vector<Pair> pairs_;
  ColumnVector other_columns_;
  std::vector<Sent> sent_;
};

}  // namespace mainstem::process
