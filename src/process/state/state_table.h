// A typed keyed table of an operator: hot entries live decoded in an open-addressing table, within
// the memory that all tables share; the rest lies in the subtask's StateBackend. Operators work on
// a batch in two steps: Resolve (which fetches cold keys on the pool), then a synchronous pass over
// the entries.
//
// Epochs: an entry changed since the last snapshot is dirty. BeginSnapshot() makes all dirty
// entries pending, at no cost for each; TakeSnapshot() hands them out in stored form, a piece at a
// time, between the batches that are worked on meanwhile: a pending entry that an operator is about
// to get is brought into stored form first. The caller writes the pieces to the backend and then
// calls OnWritten(). Only entries that are clean and written may be evicted. Where dirty ones alone
// exceed the memory, Resolve writes the oldest of them to the backend ahead of the snapshot that
// they belong to; never between BeginSnapshot and OnWritten, when the backend may only hold what is
// in that snapshot. Over a backend that keeps no checkpoints a snapshot is empty, and entries stay
// dirty until memory is wanted. HOT PATH: Resolve and the entries' scratch fields; nothing here is
// virtual per row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include "core/env.h"
#include "process/state/key_group.h"
#include "process/state/row_codec.h"
#include "process/state/state_backend.h"
#include "process/state/state_entry.h"
#include "process/state/state_memory.h"

namespace mainstem::process {

// How a table's values live and are stored: a block of fixed size, which may own heap memory.
// Stateless and thread-safe.
class ValueCodec {
 public:
  virtual ~ValueCodec() = default;
  virtual size_t value_bytes() const = 0;  // the block is aligned to 16
  virtual void Init(std::byte* value) const = 0;
  virtual void Destroy(std::byte* value) const = 0;
  // Appends the stored form: there may be something in `out`.
  virtual void Serialize(const std::byte* value, std::string* out) const = 0;
  // Into a block that Init has seen. The stored form carries its own version.
  virtual Status Deserialize(std::string_view bytes, std::byte* value) const = 0;
  virtual size_t HeapBytes(const std::byte* value) const { return 0; }

  // For values that may grow large: instead of the whole, what has changed since it was stored last
  // is put behind that. False: values are always stored whole.
  virtual bool keeps_changes() const { return false; }
  // Whether this value knows what has changed, and that is less than the whole.
  virtual bool HasChanges(const std::byte* value) const { return false; }
  // Only if it HasChanges; ApplyChanges makes them to the value as it was at the last OnStored.
  virtual void SerializeChanges(const std::byte* value, std::string* out) const {}
  virtual Status ApplyChanges(std::string_view bytes, std::byte* value) const {
    return Status::OK();
  }
  // What is stored, or on its way there, is the value as it is now.
  virtual void OnStored(std::byte* value) const {}
};

// The keys of entries, with hashes, to find others by.
EncodedRows KeysOf(const std::vector<StateEntry*>& entries);

// Lifecycle: make, then Restore once (also when there is nothing to restore), then use. Owned by
// one subtask, used on its shard only. `backend`, `pool` and `codec` outlive the table.
class StateTable {
 public:
  struct Options {
    std::string name;  // for errors and metrics
    uint16_t table_id = 0;
    KeyGroupRange key_groups;
    // Keep a list of entries for each namespace, for ResolveNamespace.
    bool indexed_by_namespace = false;
    StateMemory* memory = nullptr;  // outlives the table
    // table.exec.state.ttl: an entry that was not changed for so long is gone: Resolve gives an
    // empty one and Lookup none. 0: entries stay for ever. By `clock`'s wall time.
    int64_t ttl_ms = 0;
    // Entries that stay all the same; asked with a value.
    std::function<bool(const std::byte* value)> is_held;
    Env* clock = nullptr;
  };
  StateTable(Options options, const ValueCodec* codec, StateBackend* backend, BlockingPool* pool);
  ~StateTable();
  StateTable(const StateTable&) = delete;
  StateTable& operator=(const StateTable&) = delete;

  // Loads what the backend holds for this table, as far as memory goes.
  Task<> Restore();

  // The entry of each row's (namespace, key), in `entries`; `name_spaces` empty means 0 for all. A
  // key that has no entry gets one with an Init'ed value and is_new set: the operator either calls
  // MarkDirty (keeps it) or Delete. Entries stay valid until the next Evict. `keys` must have
  // hashes and outlive the call.
  Task<> Resolve(const EncodedRows& keys, std::span<const int64_t> name_spaces,
                 std::vector<StateEntry*>* entries);
  // The same, but makes none: null where a key has no entry.
  Task<> Lookup(const EncodedRows& keys, std::span<const int64_t> name_spaces,
                std::vector<StateEntry*>* entries);
  // All entries of a namespace, hot and cold, in the order they came in.
  Task<> ResolveNamespace(int64_t name_space, std::vector<StateEntry*>* entries);
  // Every live entry; for tables that are scanned as a whole. Cold ones are fetched too.
  Task<> ResolveAll(std::vector<StateEntry*>* entries);
  // Namespaces that have entries, ascending; the first `limit`. Only when indexed_by_namespace.
  std::vector<int64_t> NamespacesUpTo(int64_t last, size_t limit = SIZE_MAX) const;
  bool HasNamespaceUpTo(int64_t last) const {
    return !namespaces_.empty() && namespaces_.begin()->first <= last;
  }

  void MarkDirty(StateEntry* entry);
  void Delete(StateEntry* entry);
  // Leaves each entry once, where it stands first; there must be no null. Takes a stamp.
  void KeepOnce(std::vector<StateEntry*>* entries);
  // Deletes those that Resolve made for a batch and nobody has kept. `entries` is empty afterwards.
  void DeleteUnkept(std::vector<StateEntry*>* entries);

  // What TakeSnapshot hands out is the table as it is now. One snapshot at a time.
  void BeginSnapshot();
  // Adds the next changes that belong to the snapshot, in stored form: some `bytes` of them, more
  // where operators were about to change what had not been handed out.
  void TakeSnapshot(StateMutations* out, size_t bytes = SIZE_MAX);
  bool HasUntaken() const { return !pending_.empty() || !taken_early_.empty(); }
  // All that TakeSnapshot has handed out is in the backend, and nothing is untaken. Lets go of so
  // many deleted entries; false: call again, after others. True: the next snapshot may begin.
  bool OnWritten(size_t deletions = SIZE_MAX);
  // Drops clean entries while the table holds too much; a bounded number of steps a call.
  void Evict();

  // A stamp no entry carries yet: begins a batch's numbering with the scratch fields.
  uint32_t NextBatchStamp();
  size_t entry_count() const { return live_count_; }
  size_t memory_bytes() const { return memory_bytes_; }
  bool over_budget() const {
    return options_.memory->IsOver(static_cast<int64_t>(memory_bytes_), UntoldBytes());
  }

 private:
  struct Probe {
    uint64_t hash;
    int64_t name_space;
    std::string_view key;
  };
  static uint64_t MixedHash(uint64_t hash, int64_t name_space) {
    return hash ^ (static_cast<uint64_t>(name_space) * 0x9e3779b97f4a7c15ULL);
  }
  // What stands in the hash table: the hash lies beside the pointer, so that an entry is only
  // looked at when it is most likely the one.
  struct Slot {
    uint64_t mixed_hash;
    StateEntry* entry;
  };
  // Finds the entry that has this hash without looking at it; there may be another one.
  struct Candidate {
    uint64_t mixed_hash;
  };
  struct SlotHash {
    using is_transparent = void;
    size_t operator()(const Slot& slot) const { return slot.mixed_hash; }
    size_t operator()(const Probe& probe) const { return MixedHash(probe.hash, probe.name_space); }
    size_t operator()(const Candidate& candidate) const { return candidate.mixed_hash; }
  };
  struct SlotEqual {
    using is_transparent = void;
    bool operator()(const Slot& a, const Slot& b) const { return a.entry == b.entry; }
    bool operator()(const Slot& a, const Probe& b) const {
      return a.mixed_hash == MixedHash(b.hash, b.name_space) && a.entry->hash == b.hash &&
             a.entry->name_space == b.name_space && a.entry->key() == b.key;
    }
    bool operator()(const Slot& a, const Candidate& b) const {
      return a.mixed_hash == b.mixed_hash;
    }
  };
  struct NamespaceInfo {
    std::vector<StateEntry*> hot;
    bool has_cold = false;
  };

  // ---- time to live (state_ttl.cc). When an entry was changed last stands behind its key.
  bool has_ttl() const { return options_.ttl_ms > 0; }
  void ReadClock();
  static char* ChangedAt(StateEntry* entry) {
    return reinterpret_cast<char*>(entry->value()) + entry->value_size() + entry->key_size;
  }
  void Stamp(StateEntry* entry, int64_t changed_at_ms);
  bool IsExpired(StateEntry* entry) const;
  // Drops an expired entry; null when it is gone from memory, too.
  StateEntry* Expire(StateEntry* entry);
  void Revive(StateEntry* entry);
  void Sweep();
  void PutStamp(StateEntry* entry, std::string* out) const;
  // Takes the stamp off `bytes`; the clock's time if there is none.
  int64_t TakeStamp(std::string_view* bytes) const;

  int64_t UntoldBytes() const { return static_cast<int64_t>(memory_bytes_) - told_bytes_; }
  void TellMemory();
  bool IsDirty(const StateEntry* entry) const { return entry->dirty_mark == dirty_mark_; }
  // In the snapshot that has begun, and not in stored form yet.
  bool IsPending(const StateEntry* entry) const {
    return entry->dirty_mark != 0 && entry->dirty_mark != dirty_mark_;
  }
  // In a snapshot that is not yet written. May be true of one that was in an earlier one.
  bool IsInFlight(const StateEntry* entry) const {
    return snapshot_open_ && entry->flight_mark == flight_mark_;
  }
  void AddDirty(StateEntry* entry);
  // Stores an entry that has been taken out of the pending ones. False: it is gone.
  bool StorePending(StateEntry* entry, StateMutations* mutations);
  // The entry, which may be changed now; null: it is gone.
  StateEntry* Unpend(StateEntry* entry);
  bool ShouldSpill() const;
  // Writes the oldest of the dirty entries. Frees none that is not deleted.
  Task<> Spill();
  // Adds the entry as it is now to what goes to the backend. False: the backend never had it, and
  // it is gone.
  bool Store(StateEntry* entry, StateMutations* mutations);
  StateEntry* Find(const Probe& probe);
  // Brings what the rows after `row` will look at into the processor's cache.
  void PrefetchAfter(size_t row, const EncodedRows& keys, std::span<const int64_t> name_spaces);
  StateEntry* Insert(const Probe& probe);
  // The codec's bytes and when they were changed, or what comes back of them.
  void Serialize(StateEntry* entry, bool changes_only, std::string* out) const;
  Status Deserialize(std::string_view bytes, StateEntry* entry);
  // Whether so many bytes of changes are better appended than the whole written anew: what is
  // stored stays below twice the whole.
  bool MayAppend(StateEntry* entry, size_t bytes);
  // An entry of the backend; null when the table has it already.
  Result<StateEntry*> InsertStored(std::string_view encoded_key, std::string_view bytes);
  void Erase(StateEntry* entry);
  void Account(StateEntry* entry);
  void Link(StateEntry* entry);
  void Unlink(StateEntry* entry);
  enum class Absent : uint8_t { kInsert, kNull };  // what becomes of a key without an entry
  Task<> Find(const EncodedRows& keys, std::span<const int64_t> name_spaces, Absent absent,
              std::vector<StateEntry*>* entries);
  Task<> FetchCold(const EncodedRows& keys, std::span<const int64_t> name_spaces, Absent absent,
                   std::vector<uint32_t> rows, std::vector<StateEntry*>* entries);
  // Fetches all cold entries with begin <= key < end.
  Task<> FetchRange(std::string begin, std::string end);
  size_t FootprintOf(const StateEntry& entry) const;
  Status Damaged(const Status& cause) const;

  const Options options_;
  const ValueCodec* const codec_;
  StateBackend* const backend_;
  BlockingPool* const pool_;
  const uint16_t value_units_;
  absl::flat_hash_set<Slot, SlotHash, SlotEqual> entries_;
  std::map<int64_t, NamespaceInfo> namespaces_;
  std::vector<StateEntry*> clock_;  // all entries, in no order; the hand goes round
  DirtyEntries dirty_;
  DirtyEntries pending_;
  StateMutations taken_early_;
  // Of entries with a large value that keeps its changes: what is stored for them.
  struct StoredSize {
    size_t whole = 0;
    size_t appended = 0;
  };
  absl::flat_hash_map<StateEntry*, StoredSize> stored_sizes_;
  std::vector<StateEntry*> deletions_in_flight_;
  size_t clock_hand_ = 0;
  size_t sweep_hand_ = 0;
  int64_t now_ms_ = 0;  // as of the last Resolve or Lookup; with a time to live only
  size_t memory_bytes_ = 0;
  int64_t told_bytes_ = 0;  // of memory_bytes_, what options_.memory knows
  size_t live_count_ = 0;
  uint32_t batch_stamp_ = 0;
  uint8_t dirty_mark_ = 1;  // 1 or 2
  uint8_t flight_mark_ = 0;
  bool may_have_cold_ = false;
  bool snapshot_open_ = false;  // between BeginSnapshot and OnWritten
  int fetch_count_ = 0;         // of ranges that are being fetched
};

}  // namespace mainstem::process
