// When something is to be done about a key: a state table (event time as namespace, key) ->
// nothing. A timer that is set again for the same time is one; those that came to nothing do no
// harm.
#pragma once

#include <vector>

#include "process/operator/operator.h"
#include "process/state/state_table.h"

namespace mainstem::process {

class KeyTimers {
 public:
  // `table_index` is the operator's.
  KeyTimers(const OperatorContext* context, int table_index);
  Task<> Restore() { return table_.Restore(); }

  // One time for each of `entries`, of another table of the operator, whose keys are meant.
  Task<> Set(const std::vector<StateEntry*>& entries, const std::vector<int64_t>& times_ms);
  // The keys of the earliest time that is not after the watermark; their timers are gone then. No
  // keys: none is due.
  Task<> TakeDue(int64_t watermark_ms, int64_t* time_ms, EncodedRows* keys);

  StateTable* table() { return &table_; }  // for snapshots
  size_t memory_bytes() const { return table_.memory_bytes(); }

 private:
  class NoValueCodec final : public ValueCodec {
   public:
    size_t value_bytes() const override { return 0; }
    void Init(std::byte*) const override {}
    void Destroy(std::byte*) const override {}
    void Serialize(const std::byte*, std::string* out) const override;
    Status Deserialize(std::string_view bytes, std::byte*) const override;
  };
  NoValueCodec codec_;
  StateTable table_;
};

}  // namespace mainstem::process
