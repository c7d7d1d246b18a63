// MATCH_RECOGNIZE: finds rows in a row, of one partition, that fit a pattern. By event time rows
// wait for the watermark and then go through the automaton in order; by processing time they go as
// they come. Rows behind the watermark are late: dropped and counted.
// State tables: the waiting rows; (partition) -> its partial matches and the rows they may need;
// with WITHIN also (time as namespace, partition), which says when partial matches end.
// Rows go in waves, one row of each partition in each: the conditions of all partial matches of a
// wave are computed at once.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "process/operator/event_time_buffer.h"
#include "process/operator/key_timers.h"
#include "process/operator/late_marks.h"
#include "process/operator/match_values.h"
#include "process/state/sort_key.h"

namespace mainstem::process {

// Stored form, version 1: u8 version | i64 first id | u32 rows, each: i64 time, u32 length, bytes |
//   twice (partial, completed): u32 count, each: i64 start, i64 start time, u32 element, u32
//   counts, i32 for each
class MatchProgressCodec final : public ValueCodec {
 public:
  static MatchProgress& Of(StateEntry* entry) {
    return *reinterpret_cast<MatchProgress*>(entry->value());
  }
  size_t value_bytes() const override { return sizeof(MatchProgress); }
  void Init(std::byte* value) const override { new (value) MatchProgress(); }
  void Destroy(std::byte* value) const override {
    reinterpret_cast<MatchProgress*>(value)->~MatchProgress();
  }
  void Serialize(const std::byte* value, std::string* out) const override;
  Status Deserialize(std::string_view bytes, std::byte* value) const override;
  size_t HeapBytes(const std::byte* value) const override;
};

class MatchOperator final : public Operator {
 public:
  explicit MatchOperator(const plan::MatchNode& node);
  std::string name() const override { return "Match"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  int64_t restored_watermark() const override { return watermark_ms_; }
  Task<> OnWatermark(int64_t watermark_ms, Output* out) override;
  // By processing time WITHIN ends by the clock.
  bool wants_time() const override { return !node_.event_time && node_.within_ms > 0; }
  Task<> OnTime(int64_t now_ms, Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  // The condition of a variable: what depends on the row alone, and what depends on the match.
  struct Condition {
    std::vector<std::unique_ptr<ExprProgram>> of_row;    // over columns_
    std::vector<std::unique_ptr<ExprProgram>> of_match;  // over navigations
    std::vector<int> navigations;                        // that of_match reads
    std::vector<uint8_t> passes;                         // of each row at hand
  };
  // A partition while its rows are worked on.
  struct Partition {
    StateEntry* entry = nullptr;
    std::vector<int32_t> rows;  // of the batch, in order
    size_t next = 0;
    int64_t first_id = 0;         // as it was at the beginning
    std::vector<int32_t> places;  // of the rows from first_id on
  };
  struct Found {
    size_t partition;
    MatchState state;
    int32_t row;  // of the batch: the last one that was seen
  };
  struct Trial {  // a partial match with a row of its partition
    size_t partition;
    MatchState state;
    std::vector<int8_t> fits;  // of each element: -1 not known, else 0 or 1
  };
  Status OpenConditions();
  Task<> AddToWaiting(const ChangelogBatch& batch);
  // Puts the rows through the automaton and sends what they complete.
  Task<> Process(const ColumnVector& columns, const std::vector<int64_t>& times, Output* out);
  Result<ColumnVector> GatherColumns(const ColumnVector& columns, int64_t row_count);
  std::vector<int32_t> InOrder(const ColumnVector& columns,
                               const std::vector<int64_t>& times) const;
  Status CheckRows(int64_t row_count);
  Status RunWave(const std::vector<int64_t>& times);
  Status CheckTrials(std::vector<Trial>* trials);
  Result<ChangelogBatch> MakeOutput(const std::vector<Found>& found);
  Task<> FinishPartitions();
  // `time_ms`: the watermark, or the clock's.
  Task<> ExpireUpTo(int64_t time_ms, Output* out);
  Task<> SetTimers(const std::vector<StateEntry*>& entries);

  plan::MatchNode node_;
  MatchAutomaton automaton_;
  std::shared_ptr<arrow::Schema> output_schema_;
  const OperatorContext* context_ = nullptr;
  EvalContext eval_;
  std::vector<int> kept_columns_;  // of the input: partition, time, and what navigations read
  MatchValues values_;
  std::vector<Condition> conditions_;
  std::unique_ptr<ExprProgram> measures_;
  std::vector<int> measured_navigations_;
  std::unique_ptr<RowCodec> partition_codec_;
  std::unique_ptr<RowCodec> kept_codec_;
  std::optional<SortKeyCodec> sort_codec_;  // of the columns after the time
  MatchProgressCodec progress_codec_;
  std::unique_ptr<StateTable> progress_;
  std::unique_ptr<EventTimeBuffer> waiting_;  // by event time
  std::unique_ptr<KeyTimers> timers_;         // with WITHIN
  int64_t watermark_ms_ = kNoWatermark;
  LateMarks late_;

  // Of the rows at hand.
  ColumnVector columns_;  // kept columns: the batch's rows, then those that progress_ had
  std::vector<Partition> partitions_;
  std::vector<Found> found_;
};

}  // namespace mainstem::process
