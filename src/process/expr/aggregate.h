// Aggregate functions: result types, accumulators and the tight loops that feed them.
// The engine owns the memory of accumulators: a group's state is one aligned block that holds the
// accumulators of all aggregates of the operator side by side, each at its own offset. Most are
// plain structs; some (DISTINCT, MIN/MAX with retraction, LISTAGG) own heap memory, so blocks are
// moved by pointer only, and Destroy must run before a block is freed. To store a group: Serialize
// each.
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
#include "process/types/logical_type.h"

namespace mainstem::process {

// The arguments of PERCENTILE are a DOUBLE and, if given, a BIGINT, how often it counts; the binder
// casts them. The argument of JSON_ARRAYAGG and JSON_OBJECTAGG is what JSON_ARRAY or JSON_OBJECT
// makes of a row's operands; the binder calls them.
struct AggregateCall {
  std::string name;                    // "COUNT", "SUM", ... in any case
  std::vector<LogicalType> args = {};  // empty = COUNT(*)
  bool distinct = false;
  // True if the input carries -U / -D: MIN, MAX, FIRST_VALUE ... keep what they need to take back.
  bool needs_retract = false;
  // True under a GROUP BY with keys: SUM, MIN ... of a NOT NULL argument are then NOT NULL
  // themselves.
  bool is_grouped = false;
  // LISTAGG's separator, a literal in the dialect (not an argument).
  std::string separator = ",";
  // PERCENTILE: what is asked for, each in [0, 1]; an array answers with one.
  std::vector<double> percentages = {};
  bool percentages_are_array = false;
  // LAG: rows back.
  int64_t offset = 1;
};

// One batch for one aggregate. Pointers are borrowed for the call.
struct AggregateInput {
  std::span<const std::shared_ptr<arrow::Array>> columns;  // one per argument, row_count rows each
  int64_t row_count = 0;
  std::byte* const* group_states = nullptr;  // state block of each group; see Accumulate's offset
  const uint32_t* group_of_row = nullptr;  // index into group_states; nullptr = all rows in group 0
  // +1 = accumulate (+I, +U), -1 = retract (-U, -D); nullptr = all accumulate.
  const int8_t* signs = nullptr;
  // FILTER (WHERE ..): rows with 0 are skipped; nullptr = all.
  const uint8_t* mask = nullptr;
  // Running only: rows after which the state of their group begins anew; nullptr = none.
  const uint8_t* reset_after = nullptr;
};

// Immutable after Make; thread-safe. Distinguish it from the states, which are touched by one
// thread.
class Aggregate {
 public:
  virtual ~Aggregate() = default;

  // SemanticError in the dialect's manner for unknown names or wrong arguments.
  static Result<std::unique_ptr<Aggregate>> Make(const AggregateCall& call);
  static Result<LogicalType> ResultType(const AggregateCall& call);
  static bool IsAggregate(std::string_view name);
  static std::vector<std::string> Names();
  // Whether a DistinctSet can do this call's DISTINCT, so that it is made without: nothing is taken
  // back, and repeated values matter.
  static bool CanShareDistinct(const AggregateCall& call);
  // Whether NULL is a value to this function, in any case.
  static bool CountsNulls(std::string_view name);

  const LogicalType& result_type() const { return result_type_; }
  size_t state_bytes() const { return state_bytes_; }  // a multiple of kStateAlignment
  bool owns_heap() const { return owns_heap_; }        // false: Destroy is a no-op
  // Whether the value depends on the order in which rows come; Merge then takes `source` to be the
  // later one.
  virtual bool depends_on_order() const { return false; }
  static constexpr size_t kStateAlignment = 16;

  // `state` points at this aggregate's own bytes (block + offset), here and below.
  virtual void Init(std::byte* state) const = 0;
  virtual void Destroy(std::byte* state) const = 0;
  // Feeds a batch; the accumulator of a group is at group_states[g] + offset.
  virtual Status Accumulate(const AggregateInput& input, size_t offset) const = 0;
  // Feeds a batch, too: row i of the result is the group's value after row i of the batch. The same
  // type as Values.
  virtual Result<std::shared_ptr<arrow::Array>> Running(const AggregateInput& input,
                                                        size_t offset) const = 0;
  // Adds `source` into `target` (session windows, two-phase aggregation); source is left valid.
  virtual Status Merge(std::byte* target, const std::byte* source) const = 0;
  // Result column of Arrow type result_type(), one row for each block.
  virtual Result<std::shared_ptr<arrow::Array>> Values(std::span<std::byte* const> group_states,
                                                       size_t offset) const = 0;
  // Appends a self-delimiting, versioned form; Deserialize reads it into an Init'ed state and
  // advances `bytes`. CorruptStorage if it is not one.
  virtual void Serialize(const std::byte* state, std::string* out) const = 0;
  virtual Status Deserialize(std::string_view* bytes, std::byte* state) const = 0;
  // For states that may grow large, see ValueCodec. SerializeChanges is self-delimiting too, and
  // gives the whole where changes are not known; ApplyChanges takes either.
  virtual bool HasChanges(const std::byte* state) const { return false; }
  virtual void SerializeChanges(const std::byte* state, std::string* out) const {
    Serialize(state, out);
  }
  virtual Status ApplyChanges(std::string_view* bytes, std::byte* state) const {
    Destroy(state);
    Init(state);
    return Deserialize(bytes, state);
  }
  virtual void OnStored(std::byte* state) const {}
  virtual bool keeps_changes() const { return false; }
  // Heap memory owned by the state, estimated: for the byte budget of hot tables.
  virtual size_t HeapBytes(const std::byte* state) const = 0;

 protected:
  Aggregate(LogicalType result_type, size_t state_bytes, bool owns_heap)
      : result_type_(std::move(result_type)),
        state_bytes_((state_bytes + kStateAlignment - 1) / kStateAlignment * kStateAlignment),
        owns_heap_(owns_heap) {}

 private:
  LogicalType result_type_;
  size_t state_bytes_;
  bool owns_heap_;
};

}  // namespace mainstem::process
