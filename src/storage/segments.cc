#include "storage/segments.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "storage/batch_walk.h"

namespace mainstem::storage {
namespace {

constexpr int64_t kBlock = static_cast<int64_t>(AlignedBuffer::kAlignment);
// The index of the active segment is written each time the segment has grown by so much, which
// bounds what must be read again after a crash.
constexpr int64_t kIndexSaveBytes = int64_t{64} << 20;
// So much is made durable by its write; more is written piece by piece, then synced.
constexpr size_t kDurableWriteBytesMax = size_t{256} << 10;

constexpr std::string_view kLog = ".log";
constexpr std::string_view kIndex = ".index";
constexpr std::string_view kTimeIndex = ".timeindex";

std::string KeyOf(std::string_view kind, const std::string& path, int64_t generation) {
  return fmt::format("{}{}:{}", kind, generation, path);
}

}  // namespace

// ---------------------------------------------------------------- open files

Task<std::shared_ptr<File>> OpenFiles::Open(std::string key, std::string path, OpenOptions how) {
  auto known = by_key_.find(key);
  if (known != by_key_.end()) {
    entries_.splice(entries_.begin(), entries_, known->second);
    co_return known->second->second;
  }
  const uint64_t forget_count = forget_count_;
  CO_ASSIGN_OR_RETURN(std::unique_ptr<File> opened, co_await files_->Open(std::move(path), how));
  std::shared_ptr<File> file = std::move(opened);
  if (by_key_.contains(key)) co_return file;          // another task was quicker
  if (forget_count != forget_count_) co_return file;  // perhaps what is gone meanwhile
  entries_.emplace_front(key, file);
  by_key_[key] = entries_.begin();
  if (entries_.size() > count_max_) {
    by_key_.erase(entries_.back().first);
    entries_.pop_back();
  }
  co_return file;
}

Task<std::shared_ptr<File>> OpenFiles::ForReading(std::string path, int64_t generation) {
  OpenOptions how;
  std::string key = KeyOf("r", path, generation);
  co_return co_await Open(std::move(key), std::move(path), how);
}

Task<std::shared_ptr<File>> OpenFiles::ForLargeReads(std::string path, int64_t generation) {
  OpenOptions how{.direct = true};
  std::string key = KeyOf("d", path, generation);
  co_return co_await Open(std::move(key), std::move(path), how);
}

Task<std::shared_ptr<File>> OpenFiles::ForWriting(std::string path) {
  OpenOptions how{.write = true, .create = true, .direct = true};
  std::string key = KeyOf("w", path, 0);
  co_return co_await Open(std::move(key), std::move(path), how);
}

Task<std::shared_ptr<File>> OpenFiles::ForDurableWriting(std::string path) {
  OpenOptions how{.write = true, .create = true, .direct_durable = true};
  std::string key = KeyOf("s", path, 0);
  co_return co_await Open(std::move(key), std::move(path), how);
}

void OpenFiles::Forget(const std::string& path, int64_t generation) {
  ++forget_count_;
  for (std::string_view kind : {"r", "d", "w", "s"}) {
    auto it = by_key_.find(KeyOf(kind, path, generation));
    if (it == by_key_.end()) continue;
    entries_.erase(it->second);
    by_key_.erase(it);
  }
}

// ---------------------------------------------------------------- state

Segments::Segments(SegmentAccess access, Place place)
    : env_(access.env),
      open_files_(access.open_files),
      buffers_(access.buffers),
      read_ahead_(access.read_ahead),
      logger_(access.logger),
      number_(read_ahead_->NewPartition()),
      place_(std::move(place)) {}

std::string Segments::PathOf(Offset base_offset, std::string_view extension) const {
  return place_.folder + "/" + SegmentFileName(base_offset, extension);
}

void Segments::Restore(std::vector<SegmentInfo> segments) {
  list_.assign(segments.begin(), segments.end());
  bytes_ = 0;
  for (const SegmentInfo& segment : list_) bytes_ += segment.bytes;
  folder_ready_ = !list_.empty();
  tail_loaded_ = false;
  active_checked_ = false;
  file_is_new_ = !list_.empty() && list_.back().bytes == 0;
  active_index_.reset();
}

bool Segments::IsCurrent(const SegmentInfo& segment) const {
  size_t index = Find(segment.base_offset);
  return index < list_.size() && list_[index].base_offset == segment.base_offset &&
         list_[index].generation == segment.generation;
}

size_t Segments::Find(Offset offset) const {
  auto after = [](Offset wanted, const SegmentInfo& segment) {
    return wanted < segment.base_offset;
  };
  auto it = std::upper_bound(list_.begin(), list_.end(), offset, after);
  return it == list_.begin() ? 0 : static_cast<size_t>(it - list_.begin() - 1);
}

bool Segments::HasRecordsFrom(Offset from) const {
  return std::any_of(list_.begin(), list_.end(), [from](const SegmentInfo& segment) {
    return segment.bytes > 0 && segment.next_offset > from;
  });
}

// ---------------------------------------------------------------- writing

// A buffer of whole batches that is written at a block boundary: it begins with the incomplete
// block that is already on disk.
struct Segments::Filling {
  ChunkPool::Chunk buffer;
  size_t used = 0;
  int64_t position = 0;  // in the file, a multiple of the block
  SegmentInfo after;     // the segment's state once this is written
  std::shared_ptr<Index> index;
};

Task<> Segments::PrepareFolder() {
  if (folder_ready_) co_return Status::OK();
  Files& files = env_->files();
  CO_RETURN_IF_ERROR(co_await files.CreateDirectories(place_.folder));
  std::string path = place_.folder + "/partition.metadata";
  std::string text = PartitionMetadata(place_.topic_id);
  CO_RETURN_IF_ERROR(co_await files.WriteAtomically(std::move(path), std::move(text)));
  CO_RETURN_IF_ERROR(co_await files.SyncDirectory(place_.parent));
  folder_ready_ = true;
  co_return Status::OK();
}

Task<> Segments::LoadTail() {
  const SegmentInfo& active = list_.back();
  int64_t begin = active.bytes / kBlock * kBlock;
  tail_.resize(static_cast<size_t>(active.bytes - begin));
  if (!tail_.empty()) {
    std::string path = PathOf(active.base_offset, kLog);
    CO_ASSIGN_OR_RETURN(std::shared_ptr<File> file,
                        co_await open_files_->ForReading(std::move(path), active.generation));
    std::span<std::byte> into(tail_);
    CO_ASSIGN_OR_RETURN(size_t count, co_await file->ReadAt(begin, into));
    if (count != tail_.size()) {
      co_return MakeError(ErrorCode::kCorruptStorage, "a segment file is shorter than it was");
    }
  }
  tail_loaded_ = true;
  if (active.bytes == 0) co_return Status::OK();  // begun, and there is no file yet
  std::byte first[kBatchHeaderBytes];
  std::string path = PathOf(active.base_offset, kLog);
  CO_ASSIGN_OR_RETURN(std::shared_ptr<File> file,
                      co_await open_files_->ForReading(std::move(path), active.generation));
  std::span<std::byte> into(first);
  CO_ASSIGN_OR_RETURN(size_t count, co_await file->ReadAt(0, into));
  BatchWalk walk(into.first(count));
  active_is_damaged_ |= walk.Next() == BatchWalk::Step::kBroken;
  co_return Status::OK();
}

void Segments::BeginSegment(Offset base_offset) {
  list_.push_back(SegmentInfo{.base_offset = base_offset,
                              .next_offset = base_offset,
                              .created_ms = env_->WallTime().value()});
  active_index_ = std::make_shared<Index>();
  active_index_->base_offset = base_offset;
  durable_ = list_.back();
  tail_.clear();
  tail_loaded_ = true;
  file_is_new_ = true;
}

void Segments::AddTime(Index* index, const SegmentInfo& segment) {
  int64_t last = index->times.empty() ? -1 : index->times.back().timestamp_ms;
  if (segment.max_timestamp <= last) return;
  int32_t newest = static_cast<int32_t>(segment.max_timestamp_offset - segment.base_offset);
  index->times.push_back({.timestamp_ms = segment.max_timestamp, .relative_offset = newest});
}

void Segments::AddToIndex(Index* index, const SegmentInfo& segment, const SegmentBatch& batch,
                          int64_t position) {
  if (index->bytes_since_entry > index_interval_bytes_) {
    int32_t relative = static_cast<int32_t>(batch.last_offset - segment.base_offset);
    index->offsets.push_back(
        {.relative_offset = relative, .position = static_cast<int32_t>(position)});
    AddTime(index, segment);
    index->bytes_since_entry = 0;
  }
  index->bytes_since_entry += static_cast<int64_t>(batch.bytes.size());
}

// `is_last`: nothing follows before SyncActive.
Task<> Segments::WriteOut(Filling* filling, bool is_last) {
  if (filling->used == 0) co_return Status::OK();
  size_t padded = AlignedBuffer::AlignUp(filling->used);
  std::memset(filling->buffer->data() + filling->used, 0, padded - filling->used);
  bool is_all = is_last && list_.back().bytes == durable_.bytes;
  bool durably = is_all && !file_is_new_ && padded <= kDurableWriteBytesMax;
  std::string path = PathOf(filling->after.base_offset, kLog);
  auto opening = durably ? open_files_->ForDurableWriting(std::move(path))
                         : open_files_->ForWriting(std::move(path));
  CO_ASSIGN_OR_RETURN(std::shared_ptr<File> file, co_await std::move(opening));
  std::span<const std::byte> bytes = filling->buffer->span().first(padded);
  CO_RETURN_IF_ERROR(co_await file->WriteAt(filling->position, bytes));
  size_t whole = filling->used / static_cast<size_t>(kBlock) * static_cast<size_t>(kBlock);
  tail_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(whole),
               bytes.begin() + static_cast<std::ptrdiff_t>(filling->used));
  bytes_ += filling->after.bytes - list_.back().bytes;
  list_.back() = filling->after;
  if (durably) durable_ = list_.back();
  filling->used = 0;
  co_return Status::OK();
}

// Once for all that was written since: each time the file grew, the file system writes a
// transaction of its own.
Task<> Segments::SyncActive() {
  const SegmentInfo active = list_.back();
  if (active.bytes == durable_.bytes) co_return Status::OK();
  std::string path = PathOf(active.base_offset, kLog);
  CO_ASSIGN_OR_RETURN(std::shared_ptr<File> file,
                      co_await open_files_->ForWriting(std::move(path)));
  CO_RETURN_IF_ERROR(co_await file->Sync());
  if (file_is_new_) {
    CO_RETURN_IF_ERROR(co_await env_->files().SyncDirectory(place_.folder));
    file_is_new_ = false;
  }
  durable_ = active;
  co_return Status::OK();
}

// What a failure left uncertain is written again.
void Segments::ForgetUnsynced() {
  if (list_.empty()) return;
  bytes_ -= list_.back().bytes - durable_.bytes;
  list_.back() = durable_;
  tail_loaded_ = false;
  // It may name batches that were not written: build it again from the file.
  active_index_.reset();
}

Task<> Segments::CloseActive() {
  CO_RETURN_IF_ERROR(co_await SyncActive());
  SegmentInfo active = list_.back();
  CO_ASSIGN_OR_RETURN(std::shared_ptr<Index> index, co_await LoadIndex(active));
  AddTime(index.get(), active);
  IgnoreError(co_await SaveIndex(index, active.bytes), "it is built again when it is needed");
  std::string path = PathOf(active.base_offset, kLog);
  CO_ASSIGN_OR_RETURN(std::shared_ptr<File> file, co_await open_files_->ForWriting(path));
  CO_RETURN_IF_ERROR(co_await file->Truncate(active.bytes));
  open_files_->Forget(path, active.generation);
  active_index_.reset();
  env_->CrashPoint("segment.roll");
  co_return Status::OK();
}

Task<> Segments::Roll() {
  if (list_.empty() || list_.back().bytes == 0) co_return Status::OK();
  CO_RETURN_IF_ERROR(co_await CloseActive());
  BeginSegment(list_.back().next_offset);
  co_return Status::OK();
}

Task<> Segments::Append(std::vector<SegmentBatch> batches, EffectiveConfig config) {
  if (!list_.empty()) durable_ = list_.back();
  Status status = co_await TryAppend(std::move(batches), config);
  if (!status.ok()) ForgetUnsynced();
  co_return status;
}

Task<> Segments::TryAppend(std::vector<SegmentBatch> batches, EffectiveConfig config) {
  if (batches.empty()) co_return Status::OK();
  index_interval_bytes_ = config.index_interval_bytes;
  CO_RETURN_IF_ERROR(co_await PrepareFolder());
  if (list_.empty()) BeginSegment(batches.front().base_offset);
  if (!tail_loaded_) CO_RETURN_IF_ERROR(co_await LoadTail());
  // What comes behind the damage could not be found after a restart.
  if (std::exchange(active_is_damaged_, false)) CO_RETURN_IF_ERROR(co_await Roll());
  CHECK(batches.front().base_offset >= end());
  Filling filling;
  filling.after = list_.back();
  int64_t now = env_->WallTime().value();
  for (const SegmentBatch& batch : batches) {
    int64_t size = static_cast<int64_t>(batch.bytes.size());
    const SegmentInfo& so_far = filling.after;
    bool full = so_far.bytes + size > config.segment_bytes ||
                now - so_far.created_ms > config.segment_ms ||
                batch.last_offset - so_far.base_offset > std::numeric_limits<int32_t>::max();
    if (full && so_far.bytes > 0) {
      CO_RETURN_IF_ERROR(co_await WriteOut(&filling, true));
      CO_RETURN_IF_ERROR(co_await Roll());
      filling.after = list_.back();
    }
    bool fits = filling.used > 0 && filling.used + batch.bytes.size() <= filling.buffer->size();
    if (!fits) {
      CO_RETURN_IF_ERROR(co_await WriteOut(&filling, false));
      filling.buffer.reset();  // so that the pool can give the same one
      filling.buffer = buffers_->Take(AlignedBuffer::AlignUp(tail_.size() + batch.bytes.size()));
      std::copy(tail_.begin(), tail_.end(), filling.buffer->data());
      filling.used = tail_.size();
      filling.position = filling.after.bytes / kBlock * kBlock;
    }
    std::memcpy(filling.buffer->data() + filling.used, batch.bytes.data(), batch.bytes.size());
    filling.used += batch.bytes.size();
    if (filling.after.bytes == 0) filling.after.created_ms = now;
    if (batch.max_timestamp > filling.after.max_timestamp) {
      filling.after.max_timestamp = batch.max_timestamp;
      filling.after.max_timestamp_offset = batch.last_offset;
    }
    if (active_index_) AddToIndex(active_index_.get(), filling.after, batch, filling.after.bytes);
    filling.after.bytes += size;
    filling.after.next_offset = batch.last_offset + 1;
  }
  CO_RETURN_IF_ERROR(co_await WriteOut(&filling, true));
  CO_RETURN_IF_ERROR(co_await SyncActive());
  bool save = active_index_ && list_.back().bytes - active_index_->saved_bytes >= kIndexSaveBytes;
  if (save) CO_RETURN_IF_ERROR(co_await SaveIndex(active_index_, list_.back().bytes));
  co_return Status::OK();
}

Task<> Segments::Settle() {
  if (list_.empty() || list_.back().bytes == 0) co_return Status::OK();
  SegmentInfo active = list_.back();
  if (active_index_) CO_RETURN_IF_ERROR(co_await SaveIndex(active_index_, active.bytes));
  std::string path = PathOf(active.base_offset, kLog);
  CO_ASSIGN_OR_RETURN(std::shared_ptr<File> file,
                      co_await open_files_->ForWriting(std::move(path)));
  co_return co_await file->Truncate(active.bytes);
}

Task<> Segments::DropBefore(Offset log_start) {
  CO_RETURN_IF_ERROR(co_await FinishReplace());
  while (list_.size() > 1 && list_.front().next_offset <= log_start) {
    SegmentInfo gone = list_.front();
    for (std::string_view extension : {kLog, kIndex, kTimeIndex}) {
      std::string path = PathOf(gone.base_offset, extension);
      open_files_->Forget(path, gone.generation);
      Status removed = co_await env_->files().Remove(std::move(path));
      if (!removed.ok() && !Is(removed, ErrorCode::kNotFound)) co_return removed;
    }
    // Only now: what is still there, the next retention removes.
    list_.pop_front();
    bytes_ -= gone.bytes;
    if (closed_index_ && closed_index_->base_offset == gone.base_offset) closed_index_.reset();
  }
  co_return Status::OK();
}

}  // namespace mainstem::storage
