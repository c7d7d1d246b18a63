// DISTINCT over a column that is only added to, for all aggregates of an operator that ask for it
// (COUNT(DISTINCT a), COUNT(DISTINCT a) FILTER (..), SUM(DISTINCT a)): each value is kept once,
// with a bit for each of them that has seen it. What is taken back needs counts:
// aggregate_distinct.cc.
//   Stored form, version 1: u8 version | seen_values.h's form, the number being the bits
//   Changes: u8 0 | the stored form; or u8 1 | seen_values.h's changes
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "core/status.h"
#include "process/expr/aggregate.h"

namespace mainstem::process {

// Immutable; the states are touched by one thread. `state` points at the set's own bytes.
class DistinctSet {
 public:
  static constexpr size_t kMaxFunctions = 64;

  // `counts_nulls`: NULL is a value, too.
  static std::unique_ptr<DistinctSet> Make(const LogicalType& argument, bool counts_nulls);
  virtual ~DistinctSet() = default;

  size_t state_bytes() const { return state_bytes_; }  // a multiple of Aggregate::kStateAlignment
  virtual void Init(std::byte* state) const = 0;
  virtual void Destroy(std::byte* state) const = 0;
  // masks[f] holds a byte for each row: in, whether function f looks at the row; out, whether its
  // value is the first of its kind there. The input's own mask and signs do not count.
  virtual void Pass(const AggregateInput& input, size_t offset,
                    std::span<uint8_t* const> masks) const = 0;

  // Values, and for each the functions (bits) that have just seen it for the first time.
  struct News {
    std::shared_ptr<arrow::Array> values;
    std::vector<uint64_t> bits;
  };
  // Adds `source` to `target`; the source stays valid.
  virtual Result<News> Merge(std::byte* target, const std::byte* source) const = 0;

  // As in Aggregate.
  virtual void Serialize(const std::byte* state, std::string* out) const = 0;
  virtual Status Deserialize(std::string_view* bytes, std::byte* state) const = 0;
  virtual bool HasChanges(const std::byte* state) const = 0;
  virtual void SerializeChanges(const std::byte* state, std::string* out) const = 0;
  virtual Status ApplyChanges(std::string_view* bytes, std::byte* state) const = 0;
  virtual void OnStored(std::byte* state) const = 0;
  virtual size_t HeapBytes(const std::byte* state) const = 0;

  // Reads what aggregate_distinct.cc has stored for one function, down to the state of what it
  // wraps; `are_changes`: its changes.
  virtual Status TakeCounts(std::string_view* bytes, bool are_changes, size_t function,
                            std::byte* state) const = 0;

 protected:
  explicit DistinctSet(size_t state_bytes)
      : state_bytes_((state_bytes + Aggregate::kStateAlignment - 1) / Aggregate::kStateAlignment *
                     Aggregate::kStateAlignment) {}

 private:
  size_t state_bytes_;
};

}  // namespace mainstem::process
