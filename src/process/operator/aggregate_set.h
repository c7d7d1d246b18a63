// All aggregates of one operator as one value: a row count and the accumulators side by side in a
// block that a state table keeps for each group.
//
// Stored form, version 1: u8 version | i64 row count (little endian) | each aggregate's own form;
// version 2, where aggregates share sets of DISTINCT values: u8 version | i64 row count | each
// set's form | each aggregate's own form. Version 1 is read there, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "process/expr/distinct_set.h"
#include "process/plan/logical_plan.h"
#include "process/state/row_codec.h"
#include "process/state/state_table.h"

namespace mainstem::process {

// One batch for the aggregates. Pointers are borrowed for the call.
struct AggregateBatch {
  const ColumnVector* columns = nullptr;  // the operator's input columns
  int64_t row_count = 0;
  std::byte* const* blocks = nullptr;      // one for each group
  const uint32_t* group_of_row = nullptr;  // row_count of them
  const int8_t* signs = nullptr;           // nullptr: all +1
  const uint8_t* counts = nullptr;         // rows with 0 are left out; nullptr: none
};

// Immutable after Make.
class AggregateSet final : public ValueCodec {
 public:
  static Result<std::unique_ptr<AggregateSet>> Make(
      const std::vector<plan::AggregateSpec>& aggregates);

  // Rows accumulated less rows retracted.
  static int64_t& RowCount(std::byte* block) { return *reinterpret_cast<int64_t*>(block); }
  Status Accumulate(const AggregateBatch& batch) const;
  // The same; row i of each column is the value of the row's group after it. A group whose row
  // count becomes 0 begins anew.
  Result<ColumnVector> Running(const AggregateBatch& batch) const;
  // One column for each aggregate, one row for each block.
  Result<ColumnVector> Values(std::span<std::byte* const> blocks) const;
  // Adds `source` to `target`; the source stays valid.
  Status Merge(std::byte* target, const std::byte* source) const;
  // Input columns that some aggregate reads, sorted.
  const std::vector<int>& used_columns() const { return used_columns_; }
  size_t count() const { return functions_.size(); }
  // See Aggregate.
  bool depends_on_order() const { return depends_on_order_; }

  size_t value_bytes() const override { return value_bytes_; }
  void Init(std::byte* value) const override;
  void Destroy(std::byte* value) const override;
  void Serialize(const std::byte* value, std::string* out) const override;
  Status Deserialize(std::string_view bytes, std::byte* value) const override;
  size_t HeapBytes(const std::byte* value) const override;
  bool keeps_changes() const override { return keeps_changes_; }
  bool HasChanges(const std::byte* value) const override;
  void SerializeChanges(const std::byte* value, std::string* out) const override;
  Status ApplyChanges(std::string_view bytes, std::byte* value) const override;
  void OnStored(std::byte* value) const override;

 private:
  struct Function {
    std::unique_ptr<Aggregate> aggregate;
    std::vector<int> args;
    int filter = -1;
    size_t offset = 0;
    int set = -1;    // the set that leaves repeated values out; -1: none
    size_t bit = 0;  // there
  };
  // DISTINCT of one column, for all functions that ask for it.
  struct SharedSet {
    std::unique_ptr<DistinctSet> values;
    int column = 0;
    bool counts_nulls = false;
    size_t offset = 0;
    std::vector<size_t> functions;  // by their bits
  };
  class BatchMasks;

  void Share(Function* function, const AggregateCall& call);
  // Calls feed(function, input) for each.
  template <typename Feed>
  Status ForEachFunction(const AggregateBatch& batch, const uint8_t* reset_after, Feed feed) const;
  // The stored form, and that of changes.
  void Put(bool changes, const std::byte* value, std::string* out) const;
  Status Take(bool changes, std::string_view bytes, std::byte* value) const;

  std::vector<SharedSet> sets_;
  std::vector<Function> functions_;
  std::vector<int> used_columns_;
  size_t value_bytes_ = 16;
  bool owns_heap_ = false;
  bool depends_on_order_ = false;
  bool keeps_changes_ = false;
};

// Compares two rows of the same columns, at different positions. Holds the columns.
class RowEquality {
 public:
  explicit RowEquality(ColumnVector columns) : columns_(std::move(columns)) {}
  bool Equal(int64_t a, int64_t b) const;

 private:
  ColumnVector columns_;
};

}  // namespace mainstem::process
