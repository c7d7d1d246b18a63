// DISTINCT where rows are taken back: lets through to another aggregate only the first copy of a
// value and the going of its last one. Where they are not, see distinct_set.h.
//   Stored form, version 2, and 3 where NULL is a value: u8 version | seen_values.h's form, the
//   number being how often the value is there | inner state
//   Changes: u8 0 | the stored form; or u8 1 | seen_values.h's changes | inner state
#include "process/expr/aggregate_state.h"
#include "process/expr/seen_values.h"

namespace mainstem::process {
namespace {

// The inner state follows the set of seen values. NULLs do not count, unless `counts_nulls`.
template <typename Key>
class DistinctAggregate final : public Aggregate {
  using Seen = SeenValues<Key>;
  using KeyType = typename Key::Type;

 public:
  DistinctAggregate(AggregatePtr inner, LogicalType argument, bool counts_nulls)
      : Aggregate(inner->result_type(), kInnerOffset + inner->state_bytes(), true),
        inner_(std::move(inner)),
        argument_(std::move(argument)),
        counts_nulls_(counts_nulls) {}

  bool depends_on_order() const override { return inner_->depends_on_order(); }
  void Init(std::byte* state) const override {
    new (state) Seen();
    inner_->Init(state + kInnerOffset);
  }
  void Destroy(std::byte* state) const override {
    inner_->Destroy(state + kInnerOffset);
    StateAt<Seen>(state).~Seen();
  }
  Status Accumulate(const AggregateInput& input, size_t offset) const override {
    Passed passed(input);
    WithKeys<Key>(*input.columns[0]->data(),
                  [&](auto key_of) { FindPassed(input, offset, key_of, &passed); });
    return inner_->Accumulate(passed.input, offset + kInnerOffset);
  }
  Result<std::shared_ptr<arrow::Array>> Running(const AggregateInput& input,
                                                size_t offset) const override {
    Passed passed(input);
    WithKeys<Key>(*input.columns[0]->data(),
                  [&](auto key_of) { FindPassed(input, offset, key_of, &passed); });
    return inner_->Running(passed.input, offset + kInnerOffset);
  }
  // Values that only `source` has seen are fed to the inner aggregate.
  Status Merge(std::byte* target, const std::byte* source) const override {
    auto& to = StateAt<Seen>(target);
    std::vector<KeyType> passed;
    std::vector<int8_t> signs;
    for (const auto& [key, count] : StateAt<Seen>(source).numbers()) {
      if (!to.Count(key, count)) continue;
      passed.push_back(key);
      signs.push_back(count > 0 ? int8_t{1} : int8_t{-1});
    }
    ASSIGN_OR_RETURN(const std::shared_ptr<arrow::Array> values, ValuesOf<Key>(passed, argument_));
    std::byte* block = target + kInnerOffset;
    return inner_->Accumulate({.columns = {&values, 1},
                               .row_count = values->length(),
                               .group_states = &block,
                               .signs = signs.data()},
                              0);
  }
  Result<std::shared_ptr<arrow::Array>> Values(std::span<std::byte* const> group_states,
                                               size_t offset) const override {
    return inner_->Values(group_states, offset + kInnerOffset);
  }
  void Serialize(const std::byte* state, std::string* out) const override {
    out->push_back(CountedVersion(counts_nulls_));
    StateAt<Seen>(state).Put(out);
    inner_->Serialize(state + kInnerOffset, out);
  }
  Status Deserialize(std::string_view* bytes, std::byte* state) const override {
    if (bytes->empty() || bytes->front() != CountedVersion(counts_nulls_)) {
      return MakeError(ErrorCode::kCorruptStorage, "DISTINCT state of an unknown version");
    }
    bytes->remove_prefix(1);
    RETURN_IF_ERROR(StateAt<Seen>(state).Take(bytes));
    return inner_->Deserialize(bytes, state + kInnerOffset);
  }
  bool keeps_changes() const override { return true; }
  bool HasChanges(const std::byte* state) const override {
    return StateAt<Seen>(state).knows_changes();
  }
  void SerializeChanges(const std::byte* state, std::string* out) const override {
    const auto& seen = StateAt<Seen>(state);
    if (!seen.knows_changes()) {
      out->push_back(kWholeState);
      return Serialize(state, out);
    }
    out->push_back(kChangesOnly);
    seen.PutChanges(out);
    inner_->Serialize(state + kInnerOffset, out);
  }
  Status ApplyChanges(std::string_view* bytes, std::byte* state) const override {
    if (bytes->empty() || bytes->front() > kChangesOnly) {
      return MakeError(ErrorCode::kCorruptStorage, "changes of DISTINCT state are damaged");
    }
    const bool is_whole = bytes->front() == kWholeState;
    bytes->remove_prefix(1);
    if (is_whole) return Aggregate::ApplyChanges(bytes, state);
    RETURN_IF_ERROR(StateAt<Seen>(state).Take(bytes));
    inner_->Destroy(state + kInnerOffset);
    inner_->Init(state + kInnerOffset);
    return inner_->Deserialize(bytes, state + kInnerOffset);
  }
  void OnStored(std::byte* state) const override { StateAt<Seen>(state).OnStored(); }
  size_t HeapBytes(const std::byte* state) const override {
    return StateAt<Seen>(state).heap_bytes() + inner_->HeapBytes(state + kInnerOffset);
  }

 private:
  static constexpr size_t kInnerOffset =
      (sizeof(Seen) + kStateAlignment - 1) / kStateAlignment * kStateAlignment;

  // The batch as the inner aggregate sees it.
  struct Passed {
    explicit Passed(const AggregateInput& whole)
        : mask(static_cast<size_t>(whole.row_count), 0),
          signs(static_cast<size_t>(whole.row_count), 1),
          input(whole) {
      input.mask = mask.data();
      input.signs = signs.data();
    }
    std::vector<uint8_t> mask;
    std::vector<int8_t> signs;
    AggregateInput input;
  };

  template <typename KeyOf>
  void FindPassed(const AggregateInput& input, size_t offset, KeyOf key_of, Passed* passed) const {
    const Validity validity(*input.columns[0]->data());
    for (int64_t row = 0; row < input.row_count; ++row) {
      const auto at = static_cast<size_t>(row);
      std::byte* block = input.group_states[input.group_of_row ? input.group_of_row[row] : 0];
      auto& seen = StateAt<Seen>(block + offset);
      const bool masked = input.mask != nullptr && input.mask[row] == 0;
      if (!masked && (counts_nulls_ || validity[row])) {
        const int8_t sign = input.signs != nullptr ? input.signs[row] : int8_t{1};
        passed->mask[at] = seen.Count(key_of(row), sign);
        passed->signs[at] = sign;
      }
      if (input.reset_after != nullptr && input.reset_after[row] != 0) seen = Seen();
    }
  }

  const AggregatePtr inner_;
  const LogicalType argument_;
  const bool counts_nulls_;
};

}  // namespace

AggregatePtr MakeDistinctAggregate(AggregatePtr inner, const LogicalType& argument,
                                   bool counts_nulls) {
  if (FitsBits(argument) && !counts_nulls) {
    return std::make_unique<DistinctAggregate<BitsKey>>(std::move(inner), argument, false);
  }
  return std::make_unique<DistinctAggregate<EncodedKey>>(std::move(inner), argument, counts_nulls);
}

}  // namespace mainstem::process
