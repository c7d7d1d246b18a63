// Before an upsert sink whose key is not the query's, under ON CONFLICT DO ERROR and DO NOTHING
// (FLIP-558): changes wait for the watermark, which says that both halves of an update are there,
// and only what then is left of them for a key of the sink counts.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "process/operator/event_time_buffer.h"
#include "process/operator/sent_rows.h"

namespace mainstem::process {

// Adds a BIGINT column: the watermark that each row came behind, over restarts. It stands before
// the exchange by the sink's key, where a row's watermark is still that of its own subtask.
class StampWatermarkOperator final : public Operator {
 public:
  explicit StampWatermarkOperator(std::shared_ptr<arrow::Schema> output_schema)
      : output_schema_(std::move(output_schema)) {}
  std::string name() const override { return "StampWatermark"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  Task<> OnWatermark(int64_t watermark_ms, Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  std::shared_ptr<arrow::Schema> output_schema_;
  int64_t watermark_ms_ = kNoWatermark;
};

class ConflictCheckOperator final : public Operator {
 public:
  struct Options {
    plan::Columns columns;  // of the rows, without the stamp that comes behind them
    std::vector<int> primary_key;
    // By which the query tells its rows apart; empty: by all columns.
    std::vector<int> upsert_key;
    bool fail = false;  // DO ERROR; else the first row of a key stays
    std::string table_name;
    int64_t state_ttl_ms = 0;  // of what is shown; 0: it stays for ever
  };
  explicit ConflictCheckOperator(Options options) : options_(std::move(options)) {}
  std::string name() const override { return "ConflictCheck"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  Task<> OnWatermark(int64_t watermark_ms, Output* out) override;
  Task<> Finish(Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  struct Row {
    std::string bytes;
    std::string identity;  // its upsert key
  };
  // What is left for a key of the sink, oldest first.
  struct Left {
    Row shown;  // as of the watermark before; bytes are empty: none
    std::vector<Row> rows;
  };
  static bool Adds(int8_t kind) { return SignOf(static_cast<RowKind>(kind)) > 0; }
  // Takes changes of one time into left_. Halves of an update that stand side by side cancel out.
  Task<> Fold(const ColumnVector& rows, const std::vector<int64_t>& times_ms);
  static void Add(Row row, std::vector<Row>* rows);
  static void TakeBack(const Row& row, std::vector<Row>* rows);
  // Compares what is left with what is shown; remembers and sends the difference.
  Task<> Settle();
  Status Violation(const Row& row) const;

  const Options options_;
  std::vector<int> identity_;
  std::shared_ptr<arrow::Schema> schema_;
  const OperatorContext* context_ = nullptr;
  std::unique_ptr<RowCodec> key_codec_;
  std::unique_ptr<RowCodec> identity_codec_;
  std::unique_ptr<RowCodec> row_codec_;
  RowListCodec list_codec_;
  std::unique_ptr<EventTimeBuffer> buffer_;
  std::unique_ptr<StateTable> shown_;
  std::map<std::string, Left, std::less<>> left_;  // empty between watermarks
  SentRows sent_;
};

}  // namespace mainstem::process
