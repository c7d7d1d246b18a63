// Compaction of closed segments: reads them piece by piece, writes what stays to a file beside
// them, and puts that in their place. docs/formats/segments.md tells what a crash leaves at each
// step.
#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "storage/batch_walk.h"
#include "storage/segments.h"
#include "storage/segments_replacement.h"

namespace mainstem::storage {
namespace {

constexpr size_t kDirectBlock = AlignedBuffer::kAlignment;
constexpr size_t kPieceBytes = size_t{1} << 20;
constexpr std::string_view kCleaned = ".cleaned";

Status Ended() { return MakeError(ErrorCode::kCancelled, "the compaction was ended"); }

struct CleanedName {
  Offset base_offset;
  int64_t generation = 0;
};
// "<base offset, 20 digits>.<generation>.cleaned"
std::optional<CleanedName> ParseCleanedName(std::string_view name) {
  if (!name.ends_with(kCleaned) || name.size() < 22 + kCleaned.size() || name[20] != '.') {
    return std::nullopt;
  }
  name.remove_suffix(kCleaned.size());
  std::string base(name.substr(0, 20));
  std::optional<Offset> offset = ParseSegmentFileName(base + ".log", ".log");
  CleanedName result;
  auto [stop, error] =
      std::from_chars(name.data() + 21, name.data() + name.size(), result.generation);
  if (!offset || error != std::errc() || stop != name.data() + name.size()) return std::nullopt;
  result.base_offset = *offset;
  return result;
}

}  // namespace

std::string Segments::CleanedPathOf(const SegmentInfo& segment) const {
  return PathOf(segment.base_offset, fmt::format(".{}{}", segment.generation, kCleaned));
}

std::string Segments::LogPathOf(const SegmentInfo& segment) const {
  bool has_no_name = replacement_ && !replacement_->renamed && replacement_->IsOf(segment);
  return has_no_name ? CleanedPathOf(segment) : PathOf(segment.base_offset, ".log");
}

// ---------------------------------------------------------------- reading

struct Segments::Scan {
  SegmentInfo segment;
  std::shared_ptr<File> file{};
  int64_t position = 0;
  FilePiece piece{};
};

// Whole batches, valid until the next call; empty at the end.
Task<std::span<const std::byte>> Segments::NextPiece(Scan* scan) {
  std::string path = LogPathOf(scan->segment);
  if (!scan->file) {
    CO_ASSIGN_OR_RETURN(scan->file,
                        co_await open_files_->ForLargeReads(path, scan->segment.generation));
  }
  size_t wanted = kPieceBytes;
  while (scan->position < scan->segment.bytes) {
    size_t size = std::min(wanted, static_cast<size_t>(scan->segment.bytes - scan->position));
    scan->piece = {};  // so that the pool can give the same buffer
    CO_ASSIGN_OR_RETURN(scan->piece,
                        co_await ReadPiece(buffers_, scan->file, scan->position, size));
    std::span<const std::byte> bytes = scan->piece.bytes;
    BatchWalk walk(bytes);
    size_t whole = 0;
    BatchWalk::Step step;
    while ((step = walk.Next()) == BatchWalk::Step::kBatch) whole += walk.batch().size();
    if (whole > 0) {
      scan->position += static_cast<int64_t>(whole);
      co_return bytes.first(whole);
    }
    // The next batch is larger than the piece, or the file is damaged.
    bool is_at_end = scan->position + static_cast<int64_t>(size) == scan->segment.bytes;
    if (step == BatchWalk::Step::kBroken || is_at_end || bytes.size() < size) {
      co_return MakeError(ErrorCode::kCorruptStorage,
                          fmt::format("'{}' has no record batch at byte {}", path, scan->position));
    }
    wanted = walk.header().total_bytes();
  }
  co_return std::span<const std::byte>();
}

Task<Offset> Segments::MapKeys(Offset from, Offset end, std::vector<AbortedTransaction> aborted,
                               KeyOffsets* newest, ShouldStop should_stop) {
  std::vector<SegmentInfo> segments(list_.begin(), list_.end());
  Offset known = from;
  for (const SegmentInfo& segment : segments) {
    if (segment.next_offset <= from) continue;
    if (segment.base_offset >= end) break;
    Scan scan{.segment = segment};
    while (true) {
      if (should_stop()) co_return Ended();
      CO_ASSIGN_OR_RETURN(std::span<const std::byte> piece, co_await NextPiece(&scan));
      if (piece.empty()) break;
      auto work = [piece, from, end, newest, &aborted]() -> Result<MappedKeys> {
        MappedKeys mapped;
        BatchWalk walk(piece);
        while (walk.Next() == BatchWalk::Step::kBatch && !mapped.is_full) {
          ASSIGN_OR_RETURN(mapped, storage::MapKeys(walk.batch(), from, end, aborted, newest));
        }
        return mapped;
      };
      CO_ASSIGN_OR_RETURN(MappedKeys mapped, co_await env_->blocking_pool().Run(work));
      known = std::max(known, mapped.end);
      if (mapped.is_full) co_return known;
    }
  }
  co_return end;
}

std::vector<std::vector<SegmentInfo>> Segments::Groups(Offset end, int64_t segment_bytes) const {
  std::vector<std::vector<SegmentInfo>> groups;
  int64_t bytes = 0;
  for (size_t i = 0; i + 1 < list_.size() && list_[i].base_offset < end; ++i) {
    bool fits = !groups.empty() && bytes + list_[i].bytes <= segment_bytes &&
                list_[i].next_offset - groups.back().front().base_offset <=
                    std::numeric_limits<int32_t>::max();
    if (!fits) {
      groups.emplace_back();
      bytes = 0;
    }
    groups.back().push_back(list_[i]);
    bytes += list_[i].bytes;
  }
  return groups;
}

// ---------------------------------------------------------------- writing

// The cleaned file that is being written.
struct Segments::Sink {
  std::unique_ptr<File> file;
  SegmentInfo segment;
  std::shared_ptr<Index> index;
  std::vector<std::byte> unwritten;
  int64_t written = 0;             // whole blocks
  std::vector<std::byte> emptied;  // the newest batch lost all its records
  bool changed = false;
  int64_t delete_horizon_ms = -1;

  // On the pool. What stays of the batches in `piece` goes to `out`.
  Status Sift(std::span<const std::byte> piece, const CompactionRules& rules,
              std::vector<std::byte>* out) {
    BatchWalk walk(piece);
    while (walk.Next() == BatchWalk::Step::kBatch) {
      std::span<const std::byte> batch = walk.batch();
      ASSIGN_OR_RETURN(CompactedBatch result, CompactBatch(batch, rules));
      if (!emptied.empty()) changed = true;
      emptied.clear();
      if (result.kind == CompactedBatch::Kind::kEmpty) {
        emptied = MakeEmptyBatch(batch);
        changed = changed || walk.header().record_count > 0;
        continue;
      }
      if (result.kind == CompactedBatch::Kind::kChanged) {
        changed = true;
        batch = result.bytes;
      }
      out->insert(out->end(), batch.begin(), batch.end());
      if (result.delete_horizon_ms < 0) continue;
      bool is_first = delete_horizon_ms < 0 || result.delete_horizon_ms < delete_horizon_ms;
      if (is_first) delete_horizon_ms = result.delete_horizon_ms;
    }
    return Status::OK();
  }
};

void Segments::AddCleaned(Sink* sink, std::span<const std::byte> batches) {
  BatchWalk walk(batches);
  while (walk.Next() == BatchWalk::Step::kBatch) {
    SegmentBatch batch{.bytes = walk.batch(),
                       .base_offset = walk.header().base_offset,
                       .last_offset = walk.header().last_offset(),
                       .max_timestamp = walk.header().max_timestamp};
    if (batch.max_timestamp > sink->segment.max_timestamp) {
      sink->segment.max_timestamp = batch.max_timestamp;
      sink->segment.max_timestamp_offset = batch.last_offset;
    }
    AddToIndex(sink->index.get(), sink->segment, batch, sink->segment.bytes);
    sink->segment.bytes += static_cast<int64_t>(batch.bytes.size());
  }
  sink->unwritten.insert(sink->unwritten.end(), batches.begin(), batches.end());
}

Task<> Segments::WriteCleaned(Sink* sink, bool is_last) {
  size_t whole = sink->unwritten.size() / kDirectBlock * kDirectBlock;
  size_t size = is_last ? AlignedBuffer::AlignUp(sink->unwritten.size()) : whole;
  if (size == 0 || (!is_last && size < kPieceBytes)) co_return Status::OK();
  ChunkPool::Chunk buffer = buffers_->Take(size);
  std::span<std::byte> bytes = buffer->span().first(size);
  size_t taken = std::min(size, sink->unwritten.size());
  std::copy_n(sink->unwritten.begin(), taken, bytes.begin());
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(taken), bytes.end(), std::byte{0});
  std::span<const std::byte> from = bytes;
  CO_RETURN_IF_ERROR(co_await sink->file->WriteAt(sink->written, from));
  sink->written += static_cast<int64_t>(size);
  sink->unwritten.erase(sink->unwritten.begin(),
                        sink->unwritten.begin() + static_cast<std::ptrdiff_t>(taken));
  co_return Status::OK();
}

// The last batch stays, if need be without records: a reader that stands before the end of the
// segment finds its way on.
Task<> Segments::CleanInto(std::vector<SegmentInfo> sources, CompactionRules rules,
                           ShouldStop should_stop, Sink* sink) {
  for (const SegmentInfo& source : sources) {
    Scan scan{.segment = source};
    while (true) {
      if (should_stop()) co_return Ended();
      CO_ASSIGN_OR_RETURN(std::span<const std::byte> piece, co_await NextPiece(&scan));
      if (piece.empty()) break;
      std::vector<std::byte> kept;
      auto work = [sink, piece, &rules, &kept] { return sink->Sift(piece, rules, &kept); };
      CO_RETURN_IF_ERROR(co_await env_->blocking_pool().Run(work));
      AddCleaned(sink, kept);
      if (sink->segment.bytes > std::numeric_limits<int32_t>::max()) {
        co_return MakeError(ErrorCode::kStorageError, "a compacted segment would be too large");
      }
      CO_RETURN_IF_ERROR(co_await WriteCleaned(sink, false));
    }
  }
  AddCleaned(sink, sink->emptied);
  AddTime(sink->index.get(), sink->segment);
  if (sources.size() > 1) sink->changed = true;
  if (!sink->changed) co_return Status::OK();
  CO_RETURN_IF_ERROR(co_await WriteCleaned(sink, true));
  CO_RETURN_IF_ERROR(co_await sink->file->Truncate(sink->segment.bytes));
  CO_RETURN_IF_ERROR(co_await sink->file->Sync());
  CO_RETURN_IF_ERROR(co_await env_->files().SyncDirectory(place_.folder));
  env_->CrashPoint("compaction.written");
  co_return Status::OK();
}

Task<Segments::Cleaned> Segments::Clean(std::vector<SegmentInfo> sources, int64_t generation,
                                        CompactionRules rules, ShouldStop should_stop) {
  Sink sink;
  sink.segment = SegmentInfo{.base_offset = sources.front().base_offset,
                             .next_offset = sources.back().next_offset,
                             .created_ms = sources.back().created_ms,
                             .generation = generation};
  sink.index = std::make_shared<Index>();
  sink.index->base_offset = sink.segment.base_offset;
  sink.index->generation = generation;
  std::string path = CleanedPathOf(sink.segment);
  OpenOptions how{.write = true, .create = true, .truncate = true, .direct = true};
  CO_ASSIGN_OR_RETURN(sink.file, co_await env_->files().Open(path, how));
  Status status = co_await CleanInto(sources, rules, std::move(should_stop), &sink);
  sink.file.reset();
  if (!status.ok() || !sink.changed) {
    IgnoreError(co_await env_->files().Remove(path), "a left-over; removed at the next start");
  }
  CO_RETURN_IF_ERROR(status);
  Cleaned cleaned{.segment = sink.segment,
                  .index = sink.index,
                  .replaced = std::move(sources),
                  .changed = sink.changed,
                  .delete_horizon_ms = sink.delete_horizon_ms};
  co_return cleaned;
}

// ---------------------------------------------------------------- replacing

void Segments::Replace(const Cleaned& cleaned) {
  CHECK(!replacement_ && !cleaned.replaced.empty());
  size_t first = Find(cleaned.segment.base_offset);
  size_t count = cleaned.replaced.size();
  CHECK(first + count < list_.size());
  for (size_t i = 0; i < count; ++i) {
    const SegmentInfo& replaced = cleaned.replaced[i];
    CHECK(IsCurrent(replaced) && list_[first + i].base_offset == replaced.base_offset);
    bytes_ -= replaced.bytes;
    open_files_->Forget(PathOf(replaced.base_offset, ".log"), replaced.generation);
  }
  auto begin = list_.begin() + static_cast<std::ptrdiff_t>(first);
  *begin = cleaned.segment;
  list_.erase(begin + 1, begin + static_cast<std::ptrdiff_t>(count));
  bytes_ += cleaned.segment.bytes;
  closed_index_.reset();
  replacement_ = std::make_shared<Replacement>(Replacement{
      .segment = cleaned.segment, .index = cleaned.index, .replaced = cleaned.replaced});
}

Task<> Segments::RemoveFiles(std::vector<std::string> paths) {
  for (std::string& path : paths) {
    Status removed = co_await env_->files().Remove(std::move(path));
    if (!removed.ok() && !Is(removed, ErrorCode::kNotFound)) co_return removed;
  }
  co_return Status::OK();
}

// The old indexes are gone for certain before their segment's name means the new file.
Task<> Segments::FinishReplace() {
  if (!replacement_) co_return Status::OK();
  std::shared_ptr<Replacement> current = replacement_;
  std::vector<std::string> indexes;
  std::vector<std::string> logs;
  for (const SegmentInfo& replaced : current->replaced) {
    indexes.push_back(PathOf(replaced.base_offset, ".index"));
    indexes.push_back(PathOf(replaced.base_offset, ".timeindex"));
    bool is_name = replaced.base_offset == current->segment.base_offset;
    if (!is_name) logs.push_back(PathOf(replaced.base_offset, ".log"));
  }
  env_->CrashPoint("compaction.replaced");
  if (!current->renamed) {
    CO_RETURN_IF_ERROR(co_await RemoveFiles(std::move(indexes)));
    CO_RETURN_IF_ERROR(co_await env_->files().SyncDirectory(place_.folder));
    std::string from = CleanedPathOf(current->segment);
    std::string to = PathOf(current->segment.base_offset, ".log");
    CO_RETURN_IF_ERROR(co_await env_->files().Rename(from, std::move(to)));
    current->renamed = true;
    env_->CrashPoint("compaction.renamed");
    open_files_->Forget(from, current->segment.generation);
  }
  CO_RETURN_IF_ERROR(co_await env_->files().SyncDirectory(place_.folder));
  CO_RETURN_IF_ERROR(co_await RemoveFiles(std::move(logs)));
  CO_RETURN_IF_ERROR(co_await SaveIndex(current->index, current->segment.bytes));
  replacement_.reset();
  co_return Status::OK();
}

Status Segments::ReplayReplace(Offset begin, Offset end, const SegmentInfo& segment) {
  auto first = std::find_if(list_.begin(), list_.end(),
                            [begin](const SegmentInfo& info) { return info.base_offset >= begin; });
  auto last = std::find_if(first, list_.end(),
                           [end](const SegmentInfo& info) { return info.base_offset >= end; });
  if (first == last || last == list_.end()) {
    return MakeError(
        ErrorCode::kCorruptStorage,
        fmt::format("'{}' was compacted from offset {} to {}, but has no such segments",
                    place_.folder, begin, end));
  }
  for (auto it = first; it != last; ++it) bytes_ -= it->bytes;
  bytes_ += segment.bytes;
  *first = segment;
  list_.erase(first + 1, last);
  closed_index_.reset();
  return Status::OK();
}

void Segments::RestoreGeneration(Offset base_offset, int64_t generation) {
  for (SegmentInfo& segment : list_) {
    if (segment.base_offset == base_offset) segment.generation = generation;
  }
}

// After a restart. A cleaned file that the list names takes its place; any other is a left-over.
Task<bool> Segments::CheckCleanedFiles(const std::vector<DirectoryEntry>& entries) {
  bool has_renamed = false;
  for (const DirectoryEntry& entry : entries) {
    std::optional<CleanedName> name = ParseCleanedName(entry.name);
    if (!name) continue;
    std::string path = place_.folder + "/" + entry.name;
    SegmentInfo wanted{.base_offset = name->base_offset, .generation = name->generation};
    if (!IsCurrent(wanted)) {
      IgnoreError(co_await env_->files().Remove(path),
                  "a left-over; tried again at the next start");
      continue;
    }
    std::vector<std::string> indexes = {PathOf(name->base_offset, ".index"),
                                        PathOf(name->base_offset, ".timeindex")};
    CO_RETURN_IF_ERROR(co_await RemoveFiles(std::move(indexes)));
    CO_RETURN_IF_ERROR(co_await env_->files().SyncDirectory(place_.folder));
    std::string to = PathOf(name->base_offset, ".log");
    CO_RETURN_IF_ERROR(co_await env_->files().Rename(std::move(path), std::move(to)));
    CO_RETURN_IF_ERROR(co_await env_->files().SyncDirectory(place_.folder));
    has_renamed = true;
  }
  co_return has_renamed;
}

}  // namespace mainstem::storage
