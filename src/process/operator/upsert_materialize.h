// Before an upsert sink whose key is not the query's: keeps, for each key of the sink, the rows
// that are there, in the order they came. The last one is what the table shows; when it is taken
// back the one before it comes to light again (ON CONFLICT DO DEDUPLICATE).
#pragma once

#include <memory>
#include <vector>

#include "process/operator/event_time_buffer.h"
#include "process/operator/sent_rows.h"

namespace mainstem::process {

class UpsertMaterializeOperator final : public Operator {
 public:
  struct Options {
    plan::Columns columns;
    std::vector<int> primary_key;  // columns of the input
    int64_t state_ttl_ms = 0;      // 0: rows stay for ever
  };
  explicit UpsertMaterializeOperator(Options options) : options_(std::move(options)) {}
  std::string name() const override { return "UpsertMaterialize"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  void Add(StateEntry* entry, std::string_view row);
  Status TakeBack(StateEntry* entry, std::string_view row);

  const Options options_;
  std::shared_ptr<arrow::Schema> schema_;
  const OperatorContext* context_ = nullptr;
  std::unique_ptr<RowCodec> key_codec_;
  std::unique_ptr<RowCodec> row_codec_;
  RowListCodec list_codec_;
  std::unique_ptr<StateTable> table_;
  SentRows sent_;
};

}  // namespace mainstem::process
