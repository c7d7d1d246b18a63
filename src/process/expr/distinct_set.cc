#include "process/expr/distinct_set.h"

#include "process/expr/aggregate_state.h"
#include "process/expr/seen_values.h"

namespace mainstem::process {
namespace {

constexpr char kSetVersion = 1;

Status DamagedSet() {
  return MakeError(ErrorCode::kCorruptStorage, "a stored set of DISTINCT values is damaged");
}

Result<char> TakeMark(std::string_view* bytes) {
  if (bytes->empty()) return DamagedSet();
  const char mark = bytes->front();
  bytes->remove_prefix(1);
  return mark;
}

template <typename Key>
class KeyedSet final : public DistinctSet {
  using Seen = SeenValues<Key>;
  using KeyType = typename Key::Type;

 public:
  KeyedSet(LogicalType argument, bool counts_nulls)
      : DistinctSet(sizeof(Seen)), argument_(std::move(argument)), counts_nulls_(counts_nulls) {}

  void Init(std::byte* state) const override { new (state) Seen(); }
  void Destroy(std::byte* state) const override { StateAt<Seen>(state).~Seen(); }

  void Pass(const AggregateInput& input, size_t offset,
            std::span<uint8_t* const> masks) const override {
    const arrow::ArrayData& column = *input.columns[0]->data();
    const Validity validity(column);
    const auto rows = static_cast<size_t>(input.row_count);
    std::vector<uint64_t> bits(rows, 0);  // of the functions that look; then of those it is new to
    for (size_t f = 0; f < masks.size(); ++f) {
      const uint8_t* mask = masks[f];
      for (size_t row = 0; row < rows; ++row) bits[row] |= uint64_t{mask[row] != 0} << f;
    }
    WithKeys<Key>(column, [&](auto key_of) {
      for (size_t row = 0; row < rows; ++row) {
        const auto at = static_cast<int64_t>(row);
        if (!counts_nulls_ && !validity[at]) bits[row] = 0;
        std::byte* block = input.group_states[input.group_of_row ? input.group_of_row[row] : 0];
        auto& seen = StateAt<Seen>(block + offset);
        if (bits[row] != 0) bits[row] = seen.Add(key_of(at), bits[row]);
        if (input.reset_after != nullptr && input.reset_after[row] != 0) seen = Seen();
      }
    });
    for (size_t f = 0; f < masks.size(); ++f) {
      uint8_t* mask = masks[f];
      for (size_t row = 0; row < rows; ++row) mask[row] = (bits[row] >> f) & 1;
    }
  }

  Result<News> Merge(std::byte* target, const std::byte* source) const override {
    auto& to = StateAt<Seen>(target);
    std::vector<KeyType> keys;
    News news;
    for (const auto& [key, bits] : StateAt<Seen>(source).numbers()) {
      const uint64_t fresh = to.Add(key, static_cast<uint64_t>(bits));
      if (fresh == 0) continue;
      keys.push_back(key);
      news.bits.push_back(fresh);
    }
    ASSIGN_OR_RETURN(news.values, ValuesOf<Key>(keys, argument_));
    return news;
  }

  void Serialize(const std::byte* state, std::string* out) const override {
    out->push_back(kSetVersion);
    StateAt<Seen>(state).Put(out);
  }
  Status Deserialize(std::string_view* bytes, std::byte* state) const override {
    ASSIGN_OR_RETURN(const char version, TakeMark(bytes));
    if (version != kSetVersion) return DamagedSet();
    return StateAt<Seen>(state).Take(bytes);
  }
  bool HasChanges(const std::byte* state) const override {
    return StateAt<Seen>(state).knows_changes();
  }
  void SerializeChanges(const std::byte* state, std::string* out) const override {
    const auto& seen = StateAt<Seen>(state);
    out->push_back(seen.knows_changes() ? kChangesOnly : kWholeState);
    if (!seen.knows_changes()) return Serialize(state, out);
    seen.PutChanges(out);
  }
  Status ApplyChanges(std::string_view* bytes, std::byte* state) const override {
    ASSIGN_OR_RETURN(const char form, TakeMark(bytes));
    if (form == kChangesOnly) return StateAt<Seen>(state).Take(bytes);
    if (form != kWholeState) return DamagedSet();
    StateAt<Seen>(state) = Seen();
    return Deserialize(bytes, state);
  }
  void OnStored(std::byte* state) const override { StateAt<Seen>(state).OnStored(); }
  size_t HeapBytes(const std::byte* state) const override {
    return StateAt<Seen>(state).heap_bytes();
  }

  Status TakeCounts(std::string_view* bytes, bool are_changes, size_t function,
                    std::byte* state) const override {
    if (are_changes) {
      ASSIGN_OR_RETURN(const char form, TakeMark(bytes));
      are_changes = form == kChangesOnly;
    }
    if (!are_changes) {  // the whole: nothing had ever been taken back, so it holds all of before
      ASSIGN_OR_RETURN(const char version, TakeMark(bytes));
      if (version != CountedVersion(counts_nulls_)) return DamagedSet();
    }
    auto& seen = StateAt<Seen>(state);
    return Seen::TakeEach(bytes, [&](const KeyType& key, int64_t count) {
      if (count > 0) seen.Add(key, uint64_t{1} << function);
    });
  }

 private:
  const LogicalType argument_;
  const bool counts_nulls_;
};

}  // namespace

std::unique_ptr<DistinctSet> DistinctSet::Make(const LogicalType& argument, bool counts_nulls) {
  if (FitsBits(argument) && !counts_nulls) {
    return std::make_unique<KeyedSet<BitsKey>>(argument, false);
  }
  return std::make_unique<KeyedSet<EncodedKey>>(argument, counts_nulls);
}

}  // namespace mainstem::process
