// Rows that wait for the watermark, and leave in the order of their event time: what operators
// stand on that need their input in order (OVER, temporal joins, MATCH_RECOGNIZE). A state table:
// (time as namespace, key) -> the rows of that time in the order they came.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "process/operator/operator.h"
#include "process/plan/logical_plan.h"
#include "process/state/row_codec.h"
#include "process/state/state_table.h"

namespace mainstem::process {

// Encoded rows, one after the other. Stored form, version 1: u8 version | (u32 length, row)*
class RowListCodec final : public ValueCodec {
 public:
  size_t value_bytes() const override { return sizeof(std::string); }
  void Init(std::byte* value) const override { new (value) std::string(); }
  void Destroy(std::byte* value) const override { Of(value).~basic_string(); }
  void Serialize(const std::byte* value, std::string* out) const override;
  Status Deserialize(std::string_view bytes, std::byte* value) const override;
  size_t HeapBytes(const std::byte* value) const override { return Of(value).capacity(); }

  static void Append(std::byte* value, std::string_view row);
  static void Clear(std::byte* value) { Of(value).clear(); }
  static bool IsEmpty(const std::byte* value) { return Of(value).empty(); }
  // Views into the value. CorruptStorage when it is damaged.
  static Status Read(const std::byte* value, std::vector<std::string_view>* rows);
  struct Removed {
    bool was_there = false;
    bool was_last = false;
    std::string_view before = {};  // the row before it, into the value
  };
  // Takes out the first of these rows. Looks at lengths before it, moves the bytes behind it.
  static Result<Removed> Remove(std::byte* value, std::string_view row);

 private:
  static std::string& Of(std::byte* value) { return *reinterpret_cast<std::string*>(value); }
  static const std::string& Of(const std::byte* value) {
    return *reinterpret_cast<const std::string*>(value);
  }
};

class EventTimeBuffer {
 public:
  // `table_index` is the operator's; keys are those that Add gets.
  EventTimeBuffer(const OperatorContext* context, int table_index);
  Task<> Restore(const plan::Columns& columns);

  // `keys` have hashes; `times_ms` has one time for each row.
  Task<> Add(const arrow::RecordBatch& rows, const EncodedRows& keys,
             const std::vector<int64_t>& times_ms);
  // The earliest rows that the watermark has passed: a few thousand, whole times only. They are
  // gone from the buffer. `rows` stays empty when none is due.
  Task<> Take(int64_t watermark_ms, ColumnVector* rows, std::vector<int64_t>* times_ms);

  StateTable* table() { return &table_; }  // for snapshots
  size_t entry_count() const { return table_.entry_count(); }
  size_t memory_bytes() const { return table_.memory_bytes(); }

 private:
  RowListCodec list_codec_;
  StateTable table_;
  std::unique_ptr<RowCodec> row_codec_;
  EncodedRows rows_;
  std::vector<StateEntry*> entries_;
};

}  // namespace mainstem::process
