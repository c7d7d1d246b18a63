// DISTINCT: lets through to another aggregate only the first copy of a value and the going of its
// last one.
//   Stored form, version 2, and 3 where NULL is a value: u8 version | u64 number of values | each:
//   key, i64 count | inner state
//   key: i64 little endian for values of up to 8 bytes, else u32 length and value_codec.h's bytes
//   Changes: u8 0 | the stored form; or u8 1 | u64 number of changed values | each: key, i64 count
//   (0: gone) | inner state
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include "process/expr/aggregate_state.h"

namespace mainstem::process {
namespace {

constexpr char kDistinctVersion = 2;
constexpr char kDistinctWithNullVersion = 3;  // NULL is a value, too: all keys are encoded

// How the values of a column are keys of a map: by their bits where these fit, else encoded.
struct BitsKey {
  using Type = int64_t;
  static size_t heap_bytes(Type) { return 0; }
  static void Put(Type key, std::string* out) { PutFixed64(static_cast<uint64_t>(key), out); }
  static Result<Type> Take(std::string_view* bytes) {
    ASSIGN_OR_RETURN(const uint64_t key, TakeFixed64(bytes));
    return static_cast<Type>(key);
  }
};
struct EncodedKey {
  using Type = std::string;
  static size_t heap_bytes(const Type& key) { return HeapOf(key); }
  static void Put(const Type& key, std::string* out) { PutBytes(key, out); }
  static Result<Type> Take(std::string_view* bytes) {
    ASSIGN_OR_RETURN(const std::string_view key, TakeBytes(bytes));
    return std::string(key);
  }
};

constexpr char kWholeState = 0;
constexpr char kChangesOnly = 1;

template <typename Key>
struct SeenState {
  // So many values are worth knowing which of them have changed.
  static constexpr size_t kKnowsFrom = 512;

  absl::flat_hash_map<typename Key::Type, int64_t> counts;
  size_t key_heap_bytes = 0;
  bool knows_changes = false;
  absl::flat_hash_set<typename Key::Type> changed;  // since it was stored
  size_t changed_heap_bytes = 0;                    // of its keys

  // Changes the count; true if the value has just appeared or gone.
  bool Count(const typename Key::Type& key, int64_t change) {
    if (knows_changes) Note(key);
    const auto [at, inserted] = counts.try_emplace(key, 0);
    const int64_t before = at->second;
    at->second += change;
    if (inserted) key_heap_bytes += Key::heap_bytes(at->first);
    const bool passes = (before <= 0) != (at->second <= 0);
    if (at->second == 0) {
      key_heap_bytes -= Key::heap_bytes(at->first);
      counts.erase(at);
    }
    return passes;
  }
  void Note(const typename Key::Type& key) {
    if (changed.size() >= counts.size() / 2) {
      knows_changes = false;
      Forget();
      return;
    }
    const auto [at, inserted] = changed.insert(key);
    if (inserted) changed_heap_bytes += Key::heap_bytes(*at);
  }
  void OnStored() {
    Forget();
    knows_changes = counts.size() >= kKnowsFrom;
  }
  void Forget() {
    changed.clear();
    changed_heap_bytes = 0;
  }
  size_t heap_bytes() const {
    return counts.capacity() * (sizeof(std::pair<typename Key::Type, int64_t>) + 1) +
           key_heap_bytes + changed.capacity() * (sizeof(typename Key::Type) + 1) +
           changed_heap_bytes;
  }
};

// The inner state follows the set of seen values. NULLs do not count, unless `counts_nulls`.
template <typename Key>
class DistinctAggregate final : public Aggregate {
  using Seen = SeenState<Key>;
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
    WithKeys(input, [&](auto key_of) { FindPassed(input, offset, key_of, &passed); });
    return inner_->Accumulate(passed.input, offset + kInnerOffset);
  }
  Result<std::shared_ptr<arrow::Array>> Running(const AggregateInput& input,
                                                size_t offset) const override {
    Passed passed(input);
    WithKeys(input, [&](auto key_of) { FindPassed(input, offset, key_of, &passed); });
    return inner_->Running(passed.input, offset + kInnerOffset);
  }
  // Values that only `source` has seen are fed to the inner aggregate.
  Status Merge(std::byte* target, const std::byte* source) const override {
    auto& to = StateAt<Seen>(target);
    for (const auto& [key, count] : StateAt<Seen>(source).counts) {
      if (!to.Count(key, count)) continue;
      ASSIGN_OR_RETURN(const std::shared_ptr<arrow::Array> value, ValueOf(key));
      std::byte* block = target + kInnerOffset;
      const AggregateInput one{.columns = {&value, 1}, .row_count = 1, .group_states = &block};
      RETURN_IF_ERROR(inner_->Accumulate(one, 0));
    }
    return Status::OK();
  }
  Result<std::shared_ptr<arrow::Array>> Values(std::span<std::byte* const> group_states,
                                               size_t offset) const override {
    return inner_->Values(group_states, offset + kInnerOffset);
  }
  void Serialize(const std::byte* state, std::string* out) const override {
    const auto& seen = StateAt<Seen>(state);
    out->push_back(version());
    PutFixed64(seen.counts.size(), out);
    for (const auto& [key, count] : seen.counts) {
      Key::Put(key, out);
      PutFixed64(static_cast<uint64_t>(count), out);
    }
    inner_->Serialize(state + kInnerOffset, out);
  }
  Status Deserialize(std::string_view* bytes, std::byte* state) const override {
    if (bytes->empty() || bytes->front() != version()) {
      return MakeError(ErrorCode::kCorruptStorage, "DISTINCT state of an unknown version");
    }
    bytes->remove_prefix(1);
    ASSIGN_OR_RETURN(const uint64_t size, TakeFixed64(bytes));
    for (uint64_t i = 0; i < size; ++i) {
      ASSIGN_OR_RETURN(const KeyType key, Key::Take(bytes));
      ASSIGN_OR_RETURN(const uint64_t count, TakeFixed64(bytes));
      StateAt<Seen>(state).Count(key, static_cast<int64_t>(count));
    }
    return inner_->Deserialize(bytes, state + kInnerOffset);
  }
  bool keeps_changes() const override { return true; }
  bool HasChanges(const std::byte* state) const override {
    return StateAt<Seen>(state).knows_changes;
  }
  void SerializeChanges(const std::byte* state, std::string* out) const override {
    const auto& seen = StateAt<Seen>(state);
    if (!seen.knows_changes) {
      out->push_back(kWholeState);
      return Serialize(state, out);
    }
    out->push_back(kChangesOnly);
    PutFixed64(seen.changed.size(), out);
    for (const KeyType& key : seen.changed) {
      const auto found = seen.counts.find(key);
      Key::Put(key, out);
      PutFixed64(found == seen.counts.end() ? 0 : static_cast<uint64_t>(found->second), out);
    }
    inner_->Serialize(state + kInnerOffset, out);
  }
  Status ApplyChanges(std::string_view* bytes, std::byte* state) const override {
    if (bytes->empty() || bytes->front() > kChangesOnly) {
      return MakeError(ErrorCode::kCorruptStorage, "changes of DISTINCT state are damaged");
    }
    const bool is_whole = bytes->front() == kWholeState;
    bytes->remove_prefix(1);
    if (is_whole) return Aggregate::ApplyChanges(bytes, state);
    auto& seen = StateAt<Seen>(state);
    ASSIGN_OR_RETURN(const uint64_t size, TakeFixed64(bytes));
    for (uint64_t i = 0; i < size; ++i) {
      ASSIGN_OR_RETURN(const KeyType key, Key::Take(bytes));
      ASSIGN_OR_RETURN(const uint64_t count, TakeFixed64(bytes));
      const auto found = seen.counts.find(key);
      const int64_t before = found == seen.counts.end() ? 0 : found->second;
      seen.Count(key, static_cast<int64_t>(count) - before);
    }
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

  char version() const { return counts_nulls_ ? kDistinctWithNullVersion : kDistinctVersion; }

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

  // Calls f(key_of), where key_of(row) is the row's key.
  template <typename F>
  void WithKeys(const AggregateInput& input, F f) const {
    const arrow::ArrayData& data = *input.columns[0]->data();
    if constexpr (std::is_same_v<Key, EncodedKey>) {
      std::string key;
      f([&](int64_t row) -> const std::string& {
        key.clear();
        EncodeValue(data, row, &key);
        return key;
      });
    } else {
      switch (data.type->id()) {
        case arrow::Type::INT8: return WithColumn<int8_t>(data, f);
        case arrow::Type::INT16: return WithColumn<int16_t>(data, f);
        case arrow::Type::INT32:
        case arrow::Type::DATE32:
        case arrow::Type::TIME32: return WithColumn<int32_t>(data, f);
        default: return WithColumn<int64_t>(data, f);
      }
    }
  }
  template <typename T, typename F>
  static void WithColumn(const arrow::ArrayData& data, F f) {
    const Column<T> values(data);
    f([values](int64_t row) { return static_cast<int64_t>(values[row]); });
  }

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

  Result<std::shared_ptr<arrow::Array>> ValueOf(const KeyType& key) const {
    const std::shared_ptr<arrow::DataType> type = ToArrowType(argument_);
    if constexpr (std::is_same_v<Key, BitsKey>) {
      // Little endian: the low bytes are the value.
      auto buffer =
          arrow::Buffer::FromString(std::string(reinterpret_cast<const char*>(&key), sizeof(key)));
      return arrow::MakeArray(arrow::ArrayData::Make(type, 1, {nullptr, std::move(buffer)}, 0));
    } else {
      ASSIGN_OR_RETURN(const auto builder, arrow::MakeBuilder(type));
      std::string_view bytes = key;
      RETURN_IF_ERROR(DecodeValue(&bytes, builder.get()));
      return builder->Finish();
    }
  }

  const AggregatePtr inner_;
  const LogicalType argument_;
  const bool counts_nulls_;
};

bool FitsBits(const LogicalType& type) {
  switch (type.root()) {
    case TypeRoot::kTinyInt:
    case TypeRoot::kSmallInt:
    case TypeRoot::kInteger:
    case TypeRoot::kBigInt:
    case TypeRoot::kDate:
    case TypeRoot::kTime:
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz: return true;
    default: return false;
  }
}

}  // namespace

AggregatePtr MakeDistinctAggregate(AggregatePtr inner, const LogicalType& argument,
                                   bool counts_nulls) {
  if (FitsBits(argument) && !counts_nulls) {
    return std::make_unique<DistinctAggregate<BitsKey>>(std::move(inner), argument, false);
  }
  return std::make_unique<DistinctAggregate<EncodedKey>>(std::move(inner), argument, counts_nulls);
}

}  // namespace mainstem::process
