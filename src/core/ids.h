// Integers with a meaning: each has a type of its own, so that an offset is never passed for a
// position. Trivial values; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <utility>

#include <fmt/format.h>

namespace mainstem {

template <typename Tag, typename T>
class StrongId {
 public:
  using ValueType = T;
  constexpr StrongId() = default;
  constexpr explicit StrongId(T value) : value_(value) {}
  constexpr T value() const { return value_; }
  constexpr auto operator<=>(const StrongId&) const = default;
  constexpr StrongId operator+(T delta) const { return StrongId(static_cast<T>(value_ + delta)); }
  constexpr StrongId operator-(T delta) const { return StrongId(static_cast<T>(value_ - delta)); }
  constexpr T operator-(StrongId other) const { return static_cast<T>(value_ - other.value_); }
  constexpr StrongId& operator++() {
    ++value_;
    return *this;
  }
  template <typename H>
  friend H AbslHashValue(H state, const StrongId& id) {
    return H::combine(std::move(state), id.value_);
  }

 private:
  T value_{};
};

using Offset = StrongId<struct OffsetTag, int64_t>;            // of a record in a partition
using LogPosition = StrongId<struct LogPositionTag, int64_t>;  // sequence number in the journal
using PartitionId = StrongId<struct PartitionIdTag, int32_t>;  // 0-based within its topic
using LeaderEpoch = StrongId<struct LeaderEpochTag, int32_t>;
using ProducerId = StrongId<struct ProducerIdTag, int64_t>;  // -1: not idempotent
using ProducerEpoch = StrongId<struct ProducerEpochTag, int16_t>;
using EventTime = StrongId<struct EventTimeTag, int64_t>;            // ms since 1970, of the data
using ProcessingTime = StrongId<struct ProcessingTimeTag, int64_t>;  // ms since 1970, of the node
using CheckpointId = StrongId<struct CheckpointIdTag, int64_t>;      // 1, 2, 3 ... of one job

}  // namespace mainstem

template <typename Tag, typename T>
struct std::hash<mainstem::StrongId<Tag, T>> {
  size_t operator()(const mainstem::StrongId<Tag, T>& id) const noexcept {
    return std::hash<T>()(id.value());
  }
};

template <typename Tag, typename T>
struct fmt::formatter<mainstem::StrongId<Tag, T>> : fmt::formatter<T> {
  template <typename Context>
  auto format(const mainstem::StrongId<Tag, T>& id, Context& context) const {
    return fmt::formatter<T>::format(id.value(), context);
  }
};
