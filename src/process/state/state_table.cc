#include "process/state/state_table.h"

#include <cstring>
#include <new>
#include <utility>

#include <absl/cleanup/cleanup.h>

#include "core/huge_pages.h"

namespace mainstem::process {
namespace {

constexpr size_t kScanChunk = 4096;
constexpr std::align_val_t kEntryAlignment{StateEntry::kUnit};
// So much is worth it.
constexpr size_t kHugePagesFrom = 16u << 20;
// Set slot, clock slot, allocator overhead: estimated.
constexpr size_t kEntryOverhead = 40;
// A table of more entries than this is not in the processor's cache: a row's slot is fetched so
// many rows ahead, and then its entry.
constexpr size_t kPrefetchedFrom = 8192;
constexpr size_t kSlotsAhead = 16;
constexpr size_t kEntriesAhead = 8;
// Evict is called once for each batch, which brings a few thousand entries. To find one that may go
// the hand passes a dirty one for each clean one, and those used lately twice.
constexpr size_t kEvictSteps = 65536;
// Fewer dirty entries are not worth a write of their own; more at once would hold up the shard and
// take memory that is not the table's.
constexpr size_t kSpillMin = 1024;
constexpr size_t kSpillMinBytes = 1u << 20;
constexpr size_t kSpillMost = 65536;
constexpr size_t kSpillMostBytes = 32u << 20;

}  // namespace

StateTable::StateTable(Options options, const ValueCodec* codec, StateBackend* backend,
                       BlockingPool* pool)
    : options_(std::move(options)),
      codec_(codec),
      backend_(backend),
      pool_(pool),
      value_units_(static_cast<uint16_t>((codec->value_bytes() + StateEntry::kUnit - 1) /
                                         StateEntry::kUnit)) {
  CHECK(value_units_ * StateEntry::kUnit >= codec->value_bytes());
  options_.memory->Enter();
}

StateTable::~StateTable() {
  for (StateEntry* entry : clock_) {
    codec_->Destroy(entry->value());
    ::operator delete(entry, kEntryAlignment);
  }
  options_.memory->Change(-told_bytes_);
  options_.memory->Leave();
}

void StateTable::TellMemory() {
  if (memory_bytes_ >= kHugePagesFrom) UseHugePages();
  options_.memory->Change(UntoldBytes());
  told_bytes_ = static_cast<int64_t>(memory_bytes_);
}

size_t StateTable::FootprintOf(const StateEntry& entry) const {
  const size_t stamp_size = has_ttl() ? sizeof(int64_t) : 0;
  return sizeof(StateEntry) + entry.value_size() + entry.key_size + stamp_size + entry.heap_bytes +
         kEntryOverhead;
}

StateEntry* StateTable::Find(const Probe& probe) {
  auto it = entries_.find(probe);
  return it == entries_.end() ? nullptr : it->entry;
}

void StateTable::PrefetchAfter(size_t row, const EncodedRows& keys,
                               std::span<const int64_t> name_spaces) {
  const auto candidate = [&](size_t at) {
    return Candidate{MixedHash(keys.hash(at), name_spaces.empty() ? 0 : name_spaces[at])};
  };
  if (row + kSlotsAhead < keys.size()) entries_.prefetch(candidate(row + kSlotsAhead));
  if (row + kEntriesAhead >= keys.size()) return;
  const auto it = entries_.find(candidate(row + kEntriesAhead));
  if (it == entries_.end()) return;
  const char* begin = reinterpret_cast<const char*>(it->entry);
  __builtin_prefetch(begin);       // the head
  __builtin_prefetch(begin + 64);  // value and key, if they are short
}

StateEntry* StateTable::Insert(const Probe& probe) {
  const size_t stamp_size = has_ttl() ? sizeof(int64_t) : 0;
  const size_t value_size = value_units_ * StateEntry::kUnit;
  void* memory = ::operator new(sizeof(StateEntry) + value_size + probe.key.size() + stamp_size,
                                kEntryAlignment);
  auto* entry = new (memory) StateEntry();
  entry->hash = probe.hash;
  entry->name_space = probe.name_space;
  entry->key_size = static_cast<uint32_t>(probe.key.size());
  entry->value_units = value_units_;
  codec_->Init(entry->value());
  std::memcpy(reinterpret_cast<char*>(entry->value()) + value_size, probe.key.data(),
              probe.key.size());
  if (has_ttl()) Stamp(entry, now_ms_);
  entries_.insert({MixedHash(probe.hash, probe.name_space), entry});
  entry->clock_slot = static_cast<uint32_t>(clock_.size());
  clock_.push_back(entry);
  Link(entry);
  ++live_count_;
  memory_bytes_ += FootprintOf(*entry);
  return entry;
}

void StateTable::Account(StateEntry* entry) {
  memory_bytes_ -= entry->heap_bytes;
  entry->heap_bytes = static_cast<uint32_t>(codec_->HeapBytes(entry->value()));
  memory_bytes_ += entry->heap_bytes;
}

void StateTable::Link(StateEntry* entry) {
  if (!options_.indexed_by_namespace) return;
  std::vector<StateEntry*>& list = namespaces_[entry->name_space].hot;
  entry->namespace_slot = static_cast<uint32_t>(list.size());
  list.push_back(entry);
}

// Leaves a hole: the order of the others is kept. Holes go when the namespace does.
void StateTable::Unlink(StateEntry* entry) {
  if (!options_.indexed_by_namespace) return;
  auto it = namespaces_.find(entry->name_space);
  if (it == namespaces_.end()) return;
  std::vector<StateEntry*>& list = it->second.hot;
  list[entry->namespace_slot] = nullptr;
  while (!list.empty() && list.back() == nullptr) list.pop_back();
  if (list.empty() && !it->second.has_cold) namespaces_.erase(it);
}

void StateTable::Erase(StateEntry* entry) {
  if (!entry->is_deleted) {
    Unlink(entry);
    --live_count_;
  }
  memory_bytes_ -= FootprintOf(*entry);
  if (!stored_sizes_.empty()) stored_sizes_.erase(entry);
  entries_.erase(Slot{MixedHash(entry->hash, entry->name_space), entry});
  StateEntry* last = clock_.back();
  clock_[entry->clock_slot] = last;
  last->clock_slot = entry->clock_slot;
  clock_.pop_back();
  codec_->Destroy(entry->value());
  ::operator delete(entry, kEntryAlignment);
}

Task<> StateTable::Restore() {
  ReadClock();
  may_have_cold_ = false;
  for (int group = options_.key_groups.begin; group < options_.key_groups.end; ++group) {
    std::string begin = StateGroupBegin(options_.table_id, group);
    std::string end = StateGroupBegin(options_.table_id, group + 1);
    for (;;) {
      auto scan = [this, &begin, &end] { return backend_->Scan(begin, end, kScanChunk); };
      CO_ASSIGN_OR_RETURN(auto found, co_await pool_->Run(scan));
      TellMemory();
      for (const auto& [key, bytes] : found) {
        if (over_budget()) {
          may_have_cold_ = true;
          if (!options_.indexed_by_namespace) co_return Status::OK();
          CO_ASSIGN_OR_RETURN(DecodedStateKey decoded, DecodeStateKey(key));
          namespaces_[decoded.name_space].has_cold = true;
          continue;
        }
        CO_RETURN_IF_ERROR(InsertStored(key, bytes));
      }
      CO_RETURN_IF_ERROR(co_await Yield());  // millions take seconds, and may be cancelled
      if (found.size() < kScanChunk) break;
      begin = found.back().first + '\0';
    }
  }
  TellMemory();
  co_return Status::OK();
}

Task<> StateTable::Resolve(const EncodedRows& keys, std::span<const int64_t> name_spaces,
                           std::vector<StateEntry*>* entries) {
  if (ShouldSpill()) CO_RETURN_IF_ERROR(co_await Spill());
  co_return co_await Find(keys, name_spaces, Absent::kInsert, entries);
}

Task<> StateTable::Lookup(const EncodedRows& keys, std::span<const int64_t> name_spaces,
                          std::vector<StateEntry*>* entries) {
  if (ShouldSpill()) CO_RETURN_IF_ERROR(co_await Spill());
  co_return co_await Find(keys, name_spaces, Absent::kNull, entries);
}

Task<> StateTable::Find(const EncodedRows& keys, std::span<const int64_t> name_spaces,
                        Absent absent, std::vector<StateEntry*>* entries) {
  ReadClock();
  entries->resize(keys.size());
  std::vector<uint32_t> cold;
  const bool prefetches = entries_.size() >= kPrefetchedFrom;
  for (size_t row = 0; row < keys.size(); ++row) {
    if (prefetches) PrefetchAfter(row, keys, name_spaces);
    Probe probe{keys.hash(row), name_spaces.empty() ? 0 : name_spaces[row], keys.row(row)};
    StateEntry* entry = Find(probe);
    if (entry && IsPending(entry)) entry = Unpend(entry);
    if (entry && IsExpired(entry)) {
      entry = Expire(entry);
    } else if (!entry && may_have_cold_) {
      cold.push_back(static_cast<uint32_t>(row));
      continue;
    }
    if (absent == Absent::kNull && (!entry || entry->is_deleted)) {
      (*entries)[row] = nullptr;
      continue;
    }
    if (!entry) {
      entry = Insert(probe);
    } else if (entry->is_deleted) {
      Revive(entry);
    }
    entry->was_used = true;
    (*entries)[row] = entry;
  }
  if (cold.empty()) co_return Status::OK();
  co_return co_await FetchCold(keys, name_spaces, absent, std::move(cold), entries);
}

Task<> StateTable::FetchCold(const EncodedRows& keys, std::span<const int64_t> name_spaces,
                             Absent absent, std::vector<uint32_t> rows,
                             std::vector<StateEntry*>* entries) {
  std::vector<std::string> stored_keys;
  stored_keys.reserve(rows.size());
  for (uint32_t row : rows) {
    stored_keys.push_back(EncodeStateKey(options_.table_id, KeyGroupOf(keys.hash(row)),
                                         name_spaces.empty() ? 0 : name_spaces[row],
                                         keys.row(row)));
  }
  auto read = [this, &stored_keys] { return backend_->Read(stored_keys); };
  CO_ASSIGN_OR_RETURN(auto values, co_await pool_->Run(read));
  for (size_t i = 0; i < rows.size(); ++i) {
    uint32_t row = rows[i];
    Probe probe{keys.hash(row), name_spaces.empty() ? 0 : name_spaces[row], keys.row(row)};
    // Rows of one batch may share a key: the first one has inserted it.
    StateEntry* entry = Find(probe);
    if (entry && IsPending(entry)) entry = Unpend(entry);
    if (!entry && values[i]) {
      CO_ASSIGN_OR_RETURN(entry, InsertStored(stored_keys[i], *values[i]));
    }
    if (entry && IsExpired(entry)) entry = Expire(entry);
    if (entry && entry->is_deleted) {
      if (absent == Absent::kInsert) {
        Revive(entry);
      } else {
        entry = nullptr;
      }
    }
    if (!entry && absent == Absent::kInsert) entry = Insert(probe);
    if (entry) entry->was_used = true;
    (*entries)[row] = entry;
  }
  co_return Status::OK();
}

Task<> StateTable::FetchRange(std::string begin, std::string end) {
  ++fetch_count_;
  const absl::Cleanup fetched = [this] { --fetch_count_; };
  for (;;) {
    auto scan = [this, &begin, &end] { return backend_->Scan(begin, end, kScanChunk); };
    CO_ASSIGN_OR_RETURN(auto found, co_await pool_->Run(scan));
    for (const auto& [key, bytes] : found) CO_RETURN_IF_ERROR(InsertStored(key, bytes));
    if (found.size() < kScanChunk) co_return Status::OK();
    begin = found.back().first + '\0';
  }
}

Task<> StateTable::ResolveNamespace(int64_t name_space, std::vector<StateEntry*>* entries) {
  CHECK(options_.indexed_by_namespace);
  entries->clear();
  auto it = namespaces_.find(name_space);
  if (it == namespaces_.end()) co_return Status::OK();
  if (it->second.has_cold) {
    for (int group = options_.key_groups.begin; group < options_.key_groups.end; ++group) {
      std::string begin = StateNamespaceBegin(options_.table_id, group, name_space);
      std::string end = name_space == INT64_MAX
                            ? StateGroupBegin(options_.table_id, group + 1)
                            : StateNamespaceBegin(options_.table_id, group, name_space + 1);
      CO_RETURN_IF_ERROR(co_await FetchRange(std::move(begin), std::move(end)));
    }
    it->second.has_cold = false;
  }
  for (StateEntry* entry : it->second.hot) {
    if (!entry) continue;
    if (IsPending(entry)) Unpend(entry);
    entries->push_back(entry);
  }
  if (entries->empty()) namespaces_.erase(it);  // its cold entries have been deleted
  co_return Status::OK();
}

Task<> StateTable::ResolveAll(std::vector<StateEntry*>* entries) {
  entries->clear();
  if (may_have_cold_) {
    for (int group = options_.key_groups.begin; group < options_.key_groups.end; ++group) {
      std::string begin = StateGroupBegin(options_.table_id, group);
      std::string end = StateGroupBegin(options_.table_id, group + 1);
      CO_RETURN_IF_ERROR(co_await FetchRange(std::move(begin), std::move(end)));
    }
    may_have_cold_ = false;
    for (auto& [name_space, info] : namespaces_) info.has_cold = false;
  }
  for (StateEntry* entry : clock_) {
    if (entry->is_deleted) continue;
    if (IsPending(entry)) Unpend(entry);
    entries->push_back(entry);
  }
  co_return Status::OK();
}

std::vector<int64_t> StateTable::NamespacesUpTo(int64_t last, size_t limit) const {
  std::vector<int64_t> found;
  for (const auto& [name_space, info] : namespaces_) {
    if (name_space > last || found.size() == limit) break;
    found.push_back(name_space);
  }
  return found;
}

void StateTable::MarkDirty(StateEntry* entry) {
  entry->is_new = false;
  if (has_ttl()) Stamp(entry, now_ms_);
  Account(entry);
  if (!IsDirty(entry)) AddDirty(entry);
}

void StateTable::AddDirty(StateEntry* entry) {
  // Else the snapshot would have what came after it.
  CHECK(!IsPending(entry));
  entry->dirty_mark = dirty_mark_;
  dirty_.Add(entry);
}

void StateTable::Delete(StateEntry* entry) {
  CHECK(!IsPending(entry));
  if (!entry->is_stored && !IsInFlight(entry)) {
    if (IsDirty(entry)) dirty_.Remove(entry);
    Erase(entry);
    return;
  }
  if (entry->is_deleted) return;
  Unlink(entry);
  --live_count_;
  // A key that comes back starts from an empty value.
  codec_->Destroy(entry->value());
  codec_->Init(entry->value());
  Account(entry);
  entry->is_deleted = true;
  if (!IsDirty(entry)) AddDirty(entry);
}

void StateTable::KeepOnce(std::vector<StateEntry*>* entries) {
  const uint32_t stamp = NextBatchStamp();
  std::erase_if(*entries, [stamp](StateEntry* entry) {
    return std::exchange(entry->batch_stamp, stamp) == stamp;
  });
}

void StateTable::DeleteUnkept(std::vector<StateEntry*>* entries) {
  KeepOnce(entries);
  for (StateEntry* entry : *entries) {
    if (entry->is_new) Delete(entry);
  }
  entries->clear();
}

EncodedRows KeysOf(const std::vector<StateEntry*>& entries) {
  EncodedRows keys;
  for (StateEntry* entry : entries) keys.Append(entry->key());
  keys.ComputeHashes();
  return keys;
}

void StateTable::BeginSnapshot() {
  if (!backend_->keeps_checkpoints()) return;
  CHECK(!snapshot_open_);
  CHECK(!HasUntaken());
  snapshot_open_ = true;
  std::swap(dirty_, pending_);
  dirty_mark_ = 3 - dirty_mark_;
  flight_mark_ = flight_mark_ % 15 + 1;
}

void StateTable::TakeSnapshot(StateMutations* out, size_t bytes) {
  const size_t before = out->bytes();
  out->Append(std::exchange(taken_early_, {}));
  while (!pending_.empty() && out->bytes() - before < bytes) {
    StorePending(pending_.TakeFirst(), out);
  }
}

bool StateTable::StorePending(StateEntry* entry, StateMutations* mutations) {
  if (!Store(entry, mutations)) return false;
  entry->flight_mark = flight_mark_;
  if (entry->is_deleted) deletions_in_flight_.push_back(entry);
  return true;
}

StateEntry* StateTable::Unpend(StateEntry* entry) {
  pending_.Remove(entry);
  return StorePending(entry, &taken_early_) ? entry : nullptr;
}

bool StateTable::OnWritten(size_t deletions) {
  if (!backend_->keeps_checkpoints()) return true;
  CHECK(!HasUntaken());
  // A range that is being fetched may hold what was stored before the deletion: as long as the
  // entry is there, it does not come back.
  if (fetch_count_ > 0) return false;
  for (; !deletions_in_flight_.empty() && deletions > 0; --deletions) {
    StateEntry* entry = deletions_in_flight_.back();
    deletions_in_flight_.pop_back();
    if (entry->is_deleted && !IsDirty(entry)) Erase(entry);
  }
  if (!deletions_in_flight_.empty()) return false;
  snapshot_open_ = false;
  pending_ = {};
  return true;
}

// While there are clean entries enough, Evict makes room.
bool StateTable::ShouldSpill() const {
  const size_t dirty_count = dirty_.size();
  if (dirty_count == 0 || dirty_count <= clock_.size() / 2 || snapshot_open_) return false;
  const bool is_worth_it =
      dirty_count >= kSpillMin || memory_bytes_ / clock_.size() * dirty_count >= kSpillMinBytes;
  return is_worth_it && over_budget();
}

// In order of the first change: an entry that changes often goes to the end each time.
Task<> StateTable::Spill() {
  const size_t count = std::min((dirty_.size() + 1) / 2, kSpillMost);
  StateMutations mutations;
  mutations.Reserve(count);
  std::vector<StateEntry*> deleted;
  for (size_t i = 0; i < count && mutations.bytes() < kSpillMostBytes; ++i) {
    StateEntry* entry = dirty_.TakeFirst();
    if (Store(entry, &mutations) && entry->is_deleted) deleted.push_back(entry);
  }
  auto write = [this, &mutations] { return backend_->Write(mutations); };
  CO_RETURN_IF_ERROR(co_await pool_->Run(write));
  for (StateEntry* entry : deleted) Erase(entry);
  co_return Status::OK();
}

void StateTable::Evict() {
  TellMemory();
  if (has_ttl()) Sweep();
  size_t steps = std::min(clock_.size() * 2, kEvictSteps);
  while (over_budget() && steps-- > 0 && !clock_.empty()) {
    if (clock_hand_ >= clock_.size()) clock_hand_ = 0;
    StateEntry* entry = clock_[clock_hand_];
    const bool is_written = entry->dirty_mark == 0 && !IsInFlight(entry) && entry->is_stored;
    if (!is_written || entry->is_deleted) {
      ++clock_hand_;
    } else if (entry->was_used) {
      entry->was_used = false;
      ++clock_hand_;
    } else {
      if (options_.indexed_by_namespace) namespaces_[entry->name_space].has_cold = true;
      may_have_cold_ = true;
      Erase(entry);  // the last entry takes its slot: the hand stays
    }
  }
  TellMemory();
}

uint32_t StateTable::NextBatchStamp() {
  if (++batch_stamp_ == 0) {
    for (StateEntry* entry : clock_) entry->batch_stamp = 0;
    batch_stamp_ = 1;
  }
  return batch_stamp_;
}

}  // namespace mainstem::process
