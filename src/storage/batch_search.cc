#include "storage/batch_search.h"

#include <cstring>

#include "storage/batch_walk.h"

namespace mainstem::storage {
namespace {

constexpr size_t kMagicAt = 16;

}  // namespace

std::optional<BatchPlace> FindBatch(std::span<const std::byte> bytes, BatchSearch search) {
  for (size_t at = 0; at + kBatchHeaderBytes <= bytes.size(); ++at) {
    if (at > 0 && search.only_at_first) break;
    const std::byte* from = bytes.data() + at + kMagicAt;
    const void* magic = std::memchr(from, kBatchMagic, bytes.size() - at - kMagicAt);
    if (magic == nullptr) return std::nullopt;
    size_t skipped = static_cast<size_t>(static_cast<const std::byte*>(magic) - from);
    if (skipped > 0 && search.only_at_first) break;
    at += skipped;
    BatchWalk walk(bytes.subspan(at), search.begin, search.end);
    BatchWalk::Step step = walk.Next();
    if (at + kBatchHeaderBytes > bytes.size() || step == BatchWalk::Step::kBroken) continue;
    const BatchHeader& header = walk.header();
    // Compaction leaves fewer records than offsets.
    bool fits = header.record_count >= 0 && header.record_count <= header.last_offset_delta + 1 &&
                static_cast<int64_t>(at + header.total_bytes()) <= search.rest_bytes;
    if (!fits) continue;
    bool is_whole = step == BatchWalk::Step::kBatch;
    if (is_whole && !BatchCrcMatches(walk.batch())) continue;
    return BatchPlace{.position = at, .header = header, .is_whole = is_whole};
  }
  return std::nullopt;
}

}  // namespace mainstem::storage
