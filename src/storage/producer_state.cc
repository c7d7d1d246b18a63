#include "storage/producer_state.h"

#include <algorithm>

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

namespace mainstem::storage {
namespace {

// More than kRememberedBatches are kept only while the newest are not durable; this bounds them.
constexpr size_t kBatchesMax = 16;
// More than write to one partition at a time.
constexpr size_t kRefusedMax = 10'000;

Status OutOfOrder(const BatchHeader& batch, std::string why) {
  return MakeError(ErrorCode::kOutOfOrderSequence,
                   fmt::format("producer {} epoch {} sent sequence {}, {}", batch.producer_id,
                               batch.producer_epoch, batch.base_sequence, why));
}

}  // namespace

Result<std::optional<ProducerBatch>> ProducerStates::Check(const BatchHeader& batch) const {
  auto it = states_.find(batch.producer_id);
  if (it == states_.end()) {
    RETURN_IF_ERROR(CheckFirst(batch));
    return std::nullopt;
  }
  const State& state = it->second;
  if (batch.producer_epoch < state.epoch) {
    return MakeError(ErrorCode::kInvalidProducerEpoch,
                     fmt::format("producer {} has epoch {}, a newer one has {}", batch.producer_id,
                                 batch.producer_epoch, state.epoch));
  }
  if (batch.producer_epoch > state.epoch) {
    if (batch.base_sequence != 0) return OutOfOrder(batch, "a new epoch begins with 0");
    return std::nullopt;
  }
  if (state.batches.empty()) {
    if (batch.base_sequence != 0) return OutOfOrder(batch, "a new epoch begins with 0");
    return std::nullopt;
  }
  size_t begin = state.batches.size() - std::min(state.batches.size(), kRememberedBatches);
  for (size_t i = begin; i < state.batches.size(); ++i) {
    const ProducerBatch& known = state.batches[i];
    if (known.first_sequence == batch.base_sequence &&
        known.last_sequence == batch.last_sequence()) {
      return known;
    }
  }
  int32_t last = state.batches.back().last_sequence;
  int32_t expected = last == INT32_MAX ? 0 : last + 1;
  if (batch.base_sequence != expected) {
    return OutOfOrder(batch, fmt::format("expected {}", expected));
  }
  return std::nullopt;
}

Status ProducerStates::CheckFirst(const BatchHeader& batch) const {
  auto it = refused_.find(batch.producer_id);
  bool is_behind = it != refused_.end() && it->second.epoch == batch.producer_epoch &&
                   it->second.first_sequence < batch.base_sequence;
  if (!is_behind) return Status::OK();
  return OutOfOrder(batch, fmt::format("{} was refused before it", it->second.first_sequence));
}

void ProducerStates::NoteRefused(const BatchHeader& batch, int64_t now_ms) {
  if (!batch.idempotent() || batch.control() || states_.contains(batch.producer_id)) return;
  bool is_known = refused_.contains(batch.producer_id);
  if (!is_known && refused_.size() >= kRefusedMax) return;
  Refused& refused = refused_[batch.producer_id];
  bool is_first = !is_known || refused.epoch < batch.producer_epoch;
  if (!is_first && refused.epoch > batch.producer_epoch) return;
  if (is_first || batch.base_sequence < refused.first_sequence) {
    refused.first_sequence = batch.base_sequence;
  }
  refused.epoch = batch.producer_epoch;
  refused.last_seen_ms = now_ms;
}

void ProducerStates::Remember(const BatchHeader& batch, int64_t now_ms, Offset durable_end) {
  refused_.erase(batch.producer_id);
  State& state = states_[batch.producer_id];
  bool known = !state.batches.empty() && state.batches.back().last_offset >= batch.base_offset;
  if (known) return;
  if (batch.producer_epoch != state.epoch) state.batches.clear();
  state.epoch = batch.producer_epoch;
  state.last_seen_ms = now_ms;
  state.batches.push_back({.first_sequence = batch.base_sequence,
                           .last_sequence = batch.last_sequence(),
                           .base_offset = batch.base_offset,
                           .last_offset = batch.last_offset(),
                           .timestamp_ms = batch.max_timestamp});
  // A batch that may be lost must not push out one that is durable: after a crash the durable ones
  // are the state.
  while (state.batches.size() > kRememberedBatches) {
    size_t newest_durable = 0;
    for (const ProducerBatch& kept : state.batches)
      newest_durable += kept.last_offset < durable_end;
    if (newest_durable <= kRememberedBatches && state.batches.size() <= kBatchesMax) break;
    state.batches.erase(state.batches.begin());
  }
}

void ProducerStates::RememberMarker(const BatchHeader& marker, int64_t now_ms) {
  auto it = states_.find(marker.producer_id);
  if (it == states_.end() || marker.producer_epoch < it->second.epoch) return;
  if (marker.producer_epoch != it->second.epoch) it->second.batches.clear();
  it->second.epoch = marker.producer_epoch;
  it->second.last_seen_ms = now_ms;
}

ProducerEpoch ProducerStates::EpochOf(ProducerId id) const {
  auto it = states_.find(id);
  return it == states_.end() ? ProducerEpoch(0) : it->second.epoch;
}

std::vector<ProducerInfo> ProducerStates::List() const {
  std::vector<ProducerInfo> list;
  for (const auto& [id, state] : states_) {
    ProducerInfo& info = list.emplace_back();
    info.id = id;
    info.epoch = state.epoch;
    info.last_timestamp_ms = state.last_seen_ms;
    if (!state.batches.empty()) info.last_sequence = state.batches.back().last_sequence;
  }
  std::sort(list.begin(), list.end(),
            [](const ProducerInfo& a, const ProducerInfo& b) { return a.id < b.id; });
  return list;
}

void ProducerStates::Expire(int64_t last_seen_before_ms, const std::vector<ProducerId>& open) {
  const absl::flat_hash_set<ProducerId> kept(open.begin(), open.end());
  absl::erase_if(states_, [last_seen_before_ms, &kept](const auto& entry) {
    return entry.second.last_seen_ms < last_seen_before_ms && !kept.contains(entry.first);
  });
  absl::erase_if(refused_, [last_seen_before_ms](const auto& entry) {
    return entry.second.last_seen_ms < last_seen_before_ms;
  });
}

std::vector<ProducerSnapshot> ProducerStates::Snapshot(Offset durable_end) const {
  std::vector<ProducerSnapshot> snapshots;
  for (const auto& [id, state] : states_) {
    ProducerSnapshot snapshot{.id = id, .epoch = state.epoch, .last_seen_ms = state.last_seen_ms};
    for (const ProducerBatch& batch : state.batches) {
      if (batch.last_offset < durable_end) snapshot.batches.push_back(batch);
    }
    // A marker may have begun an epoch, of which no batch has come yet.
    bool is_known = state.batches.empty() || !snapshot.batches.empty();
    if (is_known) snapshots.push_back(std::move(snapshot));
  }
  std::sort(snapshots.begin(), snapshots.end(),
            [](const ProducerSnapshot& a, const ProducerSnapshot& b) { return a.id < b.id; });
  return snapshots;
}

void ProducerStates::Restore(const ProducerSnapshot& snapshot) {
  states_[snapshot.id] = State{
      .epoch = snapshot.epoch, .last_seen_ms = snapshot.last_seen_ms, .batches = snapshot.batches};
}

}  // namespace mainstem::storage
