#include "process/state/state_mutations.h"

#include <iterator>
#include <utility>

namespace mainstem::process {
namespace {

constexpr size_t kBlockBytes = 256 << 10;
// What an entry most likely fits into; a larger one makes its block grow.
constexpr size_t kRoomBytes = 1024;

}  // namespace

std::string* StateMutations::Begin() {
  if (blocks_.empty() || blocks_.back().size() + kRoomBytes > kBlockBytes) {
    full_bytes_ = bytes();
    blocks_.emplace_back().reserve(kBlockBytes);
  }
  std::string* block = &blocks_.back();
  entries_.push_back({.block = static_cast<uint32_t>(blocks_.size() - 1),
                      .offset = static_cast<uint32_t>(block->size()),
                      .key_size = 0,
                      .appends = 0,
                      .value_size = 0});
  return block;
}

void StateMutations::EndKey() {
  Entry& entry = entries_.back();
  entry.key_size = static_cast<uint32_t>(blocks_.back().size() - entry.offset) & 0x7fffffff;
}

void StateMutations::EndValue(How how) {
  Entry& entry = entries_.back();
  entry.appends = how == How::kAppend;
  entry.value_size = static_cast<uint32_t>(blocks_.back().size() - entry.offset - entry.key_size);
}

void StateMutations::EndDelete() {
  EndKey();
  entries_.back().value_size = kDeleted;
}

void StateMutations::Put(std::string_view key, std::string_view value) {
  std::string* bytes = Begin();
  bytes->append(key);
  EndKey();
  bytes->append(value);
  EndValue();
}

void StateMutations::Delete(std::string_view key) {
  Begin()->append(key);
  EndDelete();
}

void StateMutations::Append(StateMutations more) {
  if (more.empty()) return;
  if (empty()) {
    *this = std::move(more);
    return;
  }
  const auto first_block = static_cast<uint32_t>(blocks_.size());
  for (Entry& entry : more.entries_) entry.block += first_block;
  full_bytes_ = bytes() + more.full_bytes_;
  std::move(more.blocks_.begin(), more.blocks_.end(), std::back_inserter(blocks_));
  entries_.insert(entries_.end(), more.entries_.begin(), more.entries_.end());
}

StateMutation StateMutations::operator[](size_t index) const {
  const Entry& entry = entries_[index];
  const char* bytes = blocks_[entry.block].data() + entry.offset;
  StateMutation mutation{.key = {bytes, entry.key_size}, .value = std::nullopt};
  if (entry.value_size != kDeleted) {
    mutation.value = std::string_view(bytes + entry.key_size, entry.value_size);
    mutation.appends = entry.appends != 0;
  }
  return mutation;
}

}  // namespace mainstem::process
