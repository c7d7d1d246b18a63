// How entries look in the backend. The value of a codec that keeps no changes is
//   [when it was changed] codec's bytes                     (state_ttl.cc)
// and of one that does
//   u8 0xFD | each: u32 size | [when it was changed] bytes
// of which the first are the whole value and the others what has changed since. Before 2026-12 such
// values were stored in the first form; they still are read.
#include <algorithm>
#include <cstring>

#include "process/state/state_table.h"
#include "process/state/stored_bytes.h"

namespace mainstem::process {
namespace {

constexpr char kInPieces = static_cast<char>(0xFD);
// Below this many bytes the whole is not worth being written anew.
constexpr size_t kLeastAppended = 4096;

}  // namespace

Status StateTable::Damaged(const Status& cause) const {
  return MakeError(
      ErrorCode::kCorruptStorage,
      {.message = "state of " + options_.name + " can't be read", .detail = Describe(cause)});
}

bool StateTable::Store(StateEntry* entry, StateMutations* mutations) {
  entry->dirty_mark = 0;
  if (entry->is_deleted && !entry->is_stored) {
    Erase(entry);
    return false;
  }
  std::string* bytes = mutations->Begin();
  AppendStateKey(options_.table_id, entry->key_group(), entry->name_space, entry->key(), bytes);
  if (entry->is_deleted) {
    mutations->EndDelete();
    entry->is_stored = false;
    return true;
  }
  mutations->EndKey();
  const size_t value_at = bytes->size();
  bool appends = entry->is_stored && codec_->HasChanges(entry->value());
  if (appends) {
    Serialize(entry, true, bytes);
    appends = MayAppend(entry, bytes->size() - value_at);
    if (!appends) bytes->resize(value_at);
  }
  if (!appends) Serialize(entry, false, bytes);
  const size_t size = bytes->size() - value_at;
  mutations->EndValue(appends ? StateMutations::How::kAppend : StateMutations::How::kPut);
  codec_->OnStored(entry->value());
  if (appends) {
    stored_sizes_[entry].appended += size;
  } else if (codec_->HasChanges(entry->value())) {
    stored_sizes_[entry] = {.whole = size, .appended = 0};
  } else if (!stored_sizes_.empty()) {
    stored_sizes_.erase(entry);
  }
  Account(entry);
  entry->is_stored = true;
  return true;
}

bool StateTable::MayAppend(StateEntry* entry, size_t bytes) {
  const auto found = stored_sizes_.find(entry);
  return found != stored_sizes_.end() &&
         found->second.appended + bytes < std::max(found->second.whole, kLeastAppended);
}

void StateTable::Serialize(StateEntry* entry, bool changes_only, std::string* out) const {
  size_t size_at = 0;
  if (codec_->keeps_changes()) {
    if (!changes_only) out->push_back(kInPieces);
    size_at = out->size();
    PutNumber(uint32_t{0}, out);
  }
  if (has_ttl()) PutStamp(entry, out);
  if (changes_only) {
    codec_->SerializeChanges(entry->value(), out);
  } else {
    codec_->Serialize(entry->value(), out);
  }
  if (!codec_->keeps_changes()) return;
  const auto size = static_cast<uint32_t>(out->size() - size_at - sizeof(uint32_t));
  std::memcpy(out->data() + size_at, &size, sizeof(size));
}

Status StateTable::Deserialize(std::string_view bytes, StateEntry* entry) {
  const auto take = [&](std::string_view piece, bool is_whole) {
    const int64_t changed_at_ms = TakeStamp(&piece);
    if (has_ttl()) Stamp(entry, changed_at_ms);
    return is_whole ? codec_->Deserialize(piece, entry->value())
                    : codec_->ApplyChanges(piece, entry->value());
  };
  if (!codec_->keeps_changes() || bytes.empty() || bytes[0] != kInPieces) return take(bytes, true);
  bytes.remove_prefix(1);
  const size_t stored_bytes = bytes.size();
  size_t whole_bytes = 0;
  do {
    uint32_t size = 0;
    if (!TakeNumber(&bytes, &size) || bytes.size() < size) {
      return MakeError(ErrorCode::kCorruptStorage, "a stored value is cut off");
    }
    RETURN_IF_ERROR(take(bytes.substr(0, size), whole_bytes == 0));
    if (whole_bytes == 0) whole_bytes = size + sizeof(size);
    bytes.remove_prefix(size);
  } while (!bytes.empty());
  codec_->OnStored(entry->value());
  if (codec_->HasChanges(entry->value())) {
    stored_sizes_[entry] = {.whole = whole_bytes, .appended = stored_bytes - whole_bytes};
  }
  return Status::OK();
}

Result<StateEntry*> StateTable::InsertStored(std::string_view encoded_key, std::string_view bytes) {
  ASSIGN_OR_RETURN(DecodedStateKey decoded, DecodeStateKey(encoded_key));
  Probe probe{StableHash(decoded.key), decoded.name_space, decoded.key};
  if (Find(probe)) return nullptr;
  StateEntry* entry = Insert(probe);
  entry->is_new = false;
  entry->is_stored = true;
  Status status = Deserialize(bytes, entry);
  if (!status.ok()) return Damaged(status);
  Account(entry);
  return entry;
}

}  // namespace mainstem::process
