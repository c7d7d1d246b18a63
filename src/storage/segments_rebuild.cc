// A partition's list of segments from its files alone, when the snapshot that named them is lost.
#include <algorithm>

#include "storage/segments.h"
#include "storage/set_aside.h"

namespace mainstem::storage {

Task<> Segments::Rebuild(OnBatch on_batch) {
  list_.clear();
  bytes_ = 0;
  tail_loaded_ = false;
  active_index_.reset();
  CO_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, co_await ListFiles());
  // In the order of their offsets, which is that of their names.
  for (const DirectoryEntry& entry : entries) {
    std::optional<Offset> base = ParseSegmentFileName(entry.name, ".log");
    if (base) CO_RETURN_IF_ERROR(co_await RebuildFile(*base, entry.size, on_batch));
  }
  auto is_metadata = [](const DirectoryEntry& entry) { return entry.name == "partition.metadata"; };
  folder_ready_ = std::any_of(entries.begin(), entries.end(), is_metadata);
  file_is_new_ = false;
  active_checked_ = true;
  co_return Status::OK();
}

Task<> Segments::RebuildFile(Offset base_offset, int64_t file_bytes, OnBatch on_batch) {
  std::string path = PathOf(base_offset, ".log");
  // Compaction had put another file in its place, or its name is wrong.
  bool overlaps = !list_.empty() && base_offset < list_.back().next_offset;
  if (overlaps) {
    CO_ASSIGN_OR_RETURN(std::string remains, co_await MoveAside(&env_->files(), path));
    logger_->Error("a segment begins within another one; it is set aside",
                   {{"file", path}, {"set_aside", remains}});
    co_return Status::OK();
  }
  SegmentInfo named{.base_offset = base_offset, .next_offset = base_offset};
  CO_ASSIGN_OR_RETURN(SegmentInfo whole, co_await WholePartOf(named, file_bytes, on_batch));
  CO_ASSIGN_OR_RETURN(bool is_padding, co_await IsZeroFrom(whole, file_bytes));
  if (!is_padding) {
    CO_ASSIGN_OR_RETURN(std::string remains, co_await SetAside(path, whole.bytes, file_bytes));
    logger_->Error("the end of a segment holds no record batch; it is set aside",
                   {{"file", path}, {"position", whole.bytes}, {"set_aside", remains}});
  }
  open_files_->Forget(path, whole.generation);
  if (whole.bytes == 0) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(FileIdentity identity, co_await env_->files().Identify(std::move(path)));
  whole.created_ms = identity.modified_ms;
  bytes_ += whole.bytes;
  list_.push_back(whole);
  co_return Status::OK();
}

// Whether nothing but the zeros that fill the last block stands behind the segment's batches.
Task<bool> Segments::IsZeroFrom(SegmentInfo segment, int64_t file_bytes) {
  std::string path = PathOf(segment.base_offset, ".log");
  CO_ASSIGN_OR_RETURN(std::shared_ptr<File> file,
                      co_await open_files_->ForReading(std::move(path), segment.generation));
  std::vector<std::byte> buffer(size_t{64} << 10);
  for (int64_t at = segment.bytes; at < file_bytes;) {
    size_t size = std::min(buffer.size(), static_cast<size_t>(file_bytes - at));
    std::span<std::byte> into(buffer.data(), size);
    CO_ASSIGN_OR_RETURN(size_t count, co_await file->ReadAt(at, into));
    auto is_zero = [](std::byte byte) { return byte == std::byte{0}; };
    if (count == 0 || !std::all_of(into.begin(), into.begin() + count, is_zero))
      co_return count == 0;
    at += static_cast<int64_t>(count);
  }
  co_return true;
}

}  // namespace mainstem::storage
