// Joins of windows: rows of both sides that are of the same window and have equal keys. Rows wait
// for their window's end and are joined once, when the watermark passes it; those that come after
// that are late: dropped and counted. Two state tables: (end of the window as namespace, key) ->
// rows.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "process/operator/event_time_buffer.h"
#include "process/operator/join_pairs.h"
#include "process/operator/late_marks.h"

namespace mainstem::process {

class WindowJoinOperator final : public Operator {
 public:
  explicit WindowJoinOperator(const plan::JoinNode& node) : node_(node) {}
  std::string name() const override { return "WindowJoin"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  int64_t restored_watermark() const override { return watermark_ms_; }
  Task<> OnWatermark(int64_t watermark_ms, Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  struct Side {
    std::vector<int> keys;
    int window_end = 0;
    std::unique_ptr<RowCodec> row_codec;
    std::unique_ptr<StateTable> table;
  };
  // Some keys of a window, with all their rows: what is joined at a time.
  struct Chunk {
    struct Key {
      size_t left_begin, left_end, right_begin, right_end;
      bool has_null;
    };
    std::vector<Key> keys;
    std::array<std::vector<std::string_view>, 2> rows;
    std::array<std::vector<uint8_t>, 2> has_match;
  };
  Side& side(size_t input) { return sides_[input]; }
  bool is_semi() const { return !node_.sends_right(); }
  bool keeps_unmatched(size_t input) const;
  Task<> Fire(int64_t window_end_ms, Output* out);
  Task<> Join(Chunk* chunk, Output* out);
  // What rows without a match, or of a SEMI join with one, are sent as.
  std::vector<JoinPair> SingleRows(const Chunk& chunk) const;
  void UpdateMetrics();

  plan::JoinNode node_;
  const OperatorContext* context_ = nullptr;
  EvalContext eval_;
  std::unique_ptr<RowCodec> key_codec_;
  RowListCodec list_codec_;
  JoinPairs pairs_;
  std::array<Side, 2> sides_;
  int64_t watermark_ms_ = kNoWatermark;
  LateMarks late_;
};

}  // namespace mainstem::process
