#include "storage/meta_state.h"

#include <iterator>

#include <fmt/format.h>

#include "storage/bytes.h"
#include "storage/crc32c.h"

namespace mainstem::storage {
namespace {

constexpr uint32_t kSnapshotMagic = 0x4e53534d;  // "MSSN"
constexpr size_t kSnapshotHeaderBytes = 24;
constexpr size_t kSnapshotEntryBytes = 5;
constexpr size_t kOffsetsPerChange = 1000;

void ApplyTo(MetaState* state, const TopicChange& change) {
  state->topics[change.topic.id] = change.topic;
}
void ApplyTo(MetaState* state, const TopicDeletion& change) {
  state->topics.erase(change.id);
  std::erase_if(state->offsets,
                [&change](const auto& entry) { return entry.first.topic == change.name; });
  std::erase_if(state->pins,
                [&change](const auto& entry) { return entry.first.second.topic_id == change.id; });
  for (auto& [id, offsets] : state->pending_offsets) {
    std::erase_if(offsets,
                  [&change](const auto& entry) { return entry.first.topic == change.name; });
  }
}
void ApplyTo(MetaState* state, const ProducerIdBlock& change) {
  state->producer_id_end = std::max(state->producer_id_end, change.end);
}
void ApplyTo(MetaState* state, const GroupOffsetsChange& change) {
  for (const auto& [key, offset] : change.offsets) {
    if (offset) {
      state->offsets[key] = *offset;
    } else {
      state->offsets.erase(key);
    }
    // What was said later counts.
    for (auto& [id, pending] : state->pending_offsets) pending.erase(key);
  }
}
void ApplyTo(MetaState* state, const PendingOffsetsChange& change) {
  auto& pending = state->pending_offsets[change.transactional_id];
  for (const auto& [key, offset] : change.offsets) pending[key] = offset;
}
void ApplyTo(MetaState* state, const TransactionChange& change) {
  if (!change.transaction || change.transaction->state != TransactionState::kOngoing) {
    auto pending = state->pending_offsets.extract(change.id);
    bool committed =
        change.transaction && change.transaction->state == TransactionState::kCommitted;
    if (committed && !pending.empty()) {
      for (const auto& [key, offset] : pending.mapped()) state->offsets[key] = offset;
    }
  }
  if (change.transaction) {
    state->transactions[change.id] = *change.transaction;
  } else {
    state->transactions.erase(change.id);
  }
}
void ApplyTo(MetaState* state, const JobEpochChange& change) {
  if (change.epoch) {
    state->jobs[change.job_id] = *change.epoch;
  } else {
    state->jobs.erase(change.job_id);
  }
}
void ApplyTo(MetaState* state, const MetaChange& change) {
  if (change.value) {
    state->values[change.key] = *change.value;
  } else {
    state->values.erase(change.key);
  }
}
void ApplyTo(MetaState* state, const PinChange& change) {
  std::pair key(change.holder, change.partition);
  if (change.from) {
    state->pins[key] = *change.from;
  } else {
    state->pins.erase(key);
  }
}
// The partitions keep these.
void ApplyTo(MetaState*, const LogStartChange&) {}
void ApplyTo(MetaState*, const PartitionState&) {}
void ApplyTo(MetaState*, const CompactionChange&) {}
void ApplyTo(MetaState*, const PartitionCompactionState&) {}
void ApplyTo(MetaState*, const PartitionTransactionsState&) {}

Status BrokenSnapshot(std::string_view what) {
  return MakeError(ErrorCode::kCorruptStorage, std::string(what));
}

Status LaterSnapshot(std::string_view what) {
  return MakeError(ErrorCode::kUnsupported,
                   {.message = "the snapshot was written by a later version of this program",
                    .detail = std::string(what),
                    .hint = "start that version again; nothing was changed"});
}

}  // namespace

void MetaState::Apply(const Change& change) {
  std::visit([this](const auto& alternative) { ApplyTo(this, alternative); }, change);
}

std::vector<Change> MetaState::ToChanges() const {
  std::vector<Change> changes;
  for (const auto& [id, topic] : topics) changes.push_back(TopicChange{topic});
  changes.push_back(ProducerIdBlock{producer_id_end});
  GroupOffsetsChange some;
  for (const auto& [key, offset] : offsets) {
    some.offsets.emplace_back(key, offset);
    if (some.offsets.size() == kOffsetsPerChange) changes.push_back(std::exchange(some, {}));
  }
  if (!some.offsets.empty()) changes.push_back(std::move(some));
  for (const auto& [id, epoch] : jobs) changes.push_back(JobEpochChange{id, epoch});
  for (const auto& [key, value] : values) changes.push_back(MetaChange{key, value});
  for (const auto& [key, from] : pins) changes.push_back(PinChange{key.first, key.second, from});
  for (const auto& [id, transaction] : transactions) {
    changes.push_back(TransactionChange{id, transaction});
  }
  for (const auto& [id, pending] : pending_offsets) {
    if (pending.empty()) continue;
    changes.push_back(PendingOffsetsChange{id, {pending.begin(), pending.end()}});
  }
  return changes;
}

std::string EncodeSnapshot(const Snapshot& snapshot) {
  std::string bytes(kSnapshotHeaderBytes, '\0');
  std::byte* at = reinterpret_cast<std::byte*>(bytes.data());
  StoreLittle<uint32_t>(at, kSnapshotMagic);
  StoreLittle<uint16_t>(at + 4, kSnapshotVersion);
  StoreLittle(at + 8, snapshot.journal_id);
  StoreLittle(at + 16, snapshot.covered.value());
  for (const Change& change : snapshot.changes) {
    size_t begin = bytes.size();
    bytes.resize(begin + kSnapshotEntryBytes);
    EncodeChange(change, &bytes);
    at = reinterpret_cast<std::byte*>(bytes.data()) + begin;
    StoreLittle(at, static_cast<uint32_t>(bytes.size() - begin - kSnapshotEntryBytes));
    at[4] = static_cast<std::byte>(TypeOf(change));
  }
  uint32_t crc = Crc32c(std::as_bytes(std::span(bytes)));
  bytes.resize(bytes.size() + 4);
  StoreLittle(reinterpret_cast<std::byte*>(bytes.data() + bytes.size() - 4), crc);
  return bytes;
}

Result<Snapshot> DecodeSnapshot(std::string_view text) {
  std::span<const std::byte> bytes = std::as_bytes(std::span(text));
  if (bytes.size() < kSnapshotHeaderBytes + 4) return BrokenSnapshot("it is too short");
  std::span<const std::byte> body = bytes.first(bytes.size() - 4);
  if (LoadLittle<uint32_t>(bytes.data()) != kSnapshotMagic)
    return BrokenSnapshot("its magic is wrong");
  if (LoadLittle<uint32_t>(bytes.data() + body.size()) != Crc32c(body)) {
    return BrokenSnapshot("its checksum is wrong");
  }
  // From here on it is as it was written.
  uint16_t version = LoadLittle<uint16_t>(bytes.data() + 4);
  if (version != kSnapshotVersion) return LaterSnapshot(fmt::format("format version {}", version));
  Snapshot snapshot{.journal_id = LoadLittle<uint64_t>(bytes.data() + 8),
                    .covered = LogPosition(LoadLittle<int64_t>(bytes.data() + 16)),
                    .changes = {}};
  body = body.subspan(kSnapshotHeaderBytes);
  while (!body.empty()) {
    if (body.size() < kSnapshotEntryBytes) return BrokenSnapshot("an entry is cut off");
    size_t size = LoadLittle<uint32_t>(body.data());
    EntryType type = static_cast<EntryType>(body[4]);
    body = body.subspan(kSnapshotEntryBytes);
    if (size > body.size()) return BrokenSnapshot("an entry is cut off");
    Result<Change> change = DecodeChange(type, body.first(size));
    if (!change.ok())
      return LaterSnapshot(fmt::format("an entry of type {}", static_cast<int>(type)));
    snapshot.changes.push_back(std::move(*change));
    body = body.subspan(size);
  }
  return snapshot;
}

}  // namespace mainstem::storage
