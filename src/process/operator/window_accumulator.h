// Accumulates rows in the entries of their name space (a window, a span of panes, a session) and
// key: what all aggregations over windows do with a batch. HOT PATH: column by column.
#pragma once

#include <vector>

#include "process/operator/aggregate_set.h"
#include "process/operator/element.h"

namespace mainstem::process {

class WindowAccumulator {
 public:
  // `key_columns` of the input, in the order of `codec`. All that is pointed at outlives this.
  WindowAccumulator(std::vector<int> key_columns, const AggregateSet* aggregates,
                    const RowCodec* codec, StateTable* table)
      : key_columns_(std::move(key_columns)),
        aggregates_(aggregates),
        codec_(codec),
        table_(table) {}

  // Row rows[i] of the batch counts in name_spaces[i]; one that is in several comes several times.
  // `is_whole`: the rows are those of the batch, each once and in order.
  struct Rows {
    const std::vector<int32_t>& rows;
    const std::vector<int64_t>& name_spaces;
    bool is_whole = false;
  };
  Task<> Add(const ChangelogBatch& batch, Rows rows);

 private:
  // The columns that are read, at their places; of the wanted rows only.
  Result<ColumnVector> Taken(const ChangelogBatch& batch, const Rows& rows) const;
  // Each entry and its block once, and for each row the position of its own.
  void GroupByEntry();

  const std::vector<int> key_columns_;
  const AggregateSet* const aggregates_;
  const RowCodec* const codec_;
  StateTable* const table_;

  // Of the batch at hand; kept for their capacity.
  EncodedRows keys_;
  std::vector<StateEntry*> entries_;
  std::vector<StateEntry*> touched_;  // each once
  std::vector<std::byte*> blocks_;    // of touched_
  std::vector<uint32_t> group_of_row_;
  std::vector<int8_t> signs_;
};

}  // namespace mainstem::process
