// Reading segment files: indexes, and batches by offset or time.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "storage/batch_search.h"
#include "storage/batch_walk.h"
#include "storage/segments.h"
#include "storage/segments_replacement.h"

namespace mainstem::storage {
namespace {

constexpr size_t kSegmentScanBytes = size_t{1} << 20;
constexpr size_t kIndexBytesMax = size_t{64} << 20;
constexpr int kReadAttemptsMax = 10;

Status BrokenSegment(const std::string& path, int64_t position) {
  return MakeError(ErrorCode::kCorruptStorage,
                   fmt::format("'{}' has no record batch at byte {}", path, position));
}

Status WrongChecksum(const std::string& path, const BatchHeader& header) {
  return MakeError(
      ErrorCode::kCorruptStorage,
      fmt::format("'{}': the record batch of offsets {} to {} does not match its checksum", path,
                  header.base_offset, header.last_offset()));
}

}  // namespace

Task<std::shared_ptr<Segments::Index>> Segments::LoadIndex(SegmentInfo segment) {
  if (replacement_ && replacement_->IsOf(segment)) co_return replacement_->index;
  bool active = !list_.empty() && list_.back().base_offset == segment.base_offset;
  std::shared_ptr<Index>& kept = active ? active_index_ : closed_index_;
  bool is_known =
      kept && kept->base_offset == segment.base_offset && kept->generation == segment.generation;
  if (is_known) co_return kept;
  auto index = std::make_shared<Index>();
  index->base_offset = segment.base_offset;
  index->generation = segment.generation;
  std::string offsets_path = PathOf(segment.base_offset, ".index");
  std::string times_path = PathOf(segment.base_offset, ".timeindex");
  Result<std::string> offsets =
      co_await env_->files().ReadAll(std::move(offsets_path), kIndexBytesMax);
  Result<std::string> times = co_await env_->files().ReadAll(std::move(times_path), kIndexBytesMax);
  bool is_missing = !offsets.ok() || !times.ok();
  if (!is_missing) {
    index->offsets = DecodeIndex(std::as_bytes(std::span(*offsets)), segment.bytes);
    index->times = DecodeTimeIndex(std::as_bytes(std::span(*times)));
  }
  CO_RETURN_IF_ERROR(co_await CompleteIndex(index, segment));
  // The segment may have grown while we read, or gone: then the index is good for this call only.
  if (!IsCurrent(segment)) co_return index;
  bool grew = active && list_.back().bytes != segment.bytes;
  std::shared_ptr<Index>& place = active ? active_index_ : closed_index_;
  if (!grew && !(active && active_index_)) place = index;
  if (is_missing && !active) {
    logger_->Warning("an index is missing; it is built again",
                     {{"file", PathOf(segment.base_offset, ".index")}});
    AddTime(index.get(), segment);
    IgnoreError(co_await SaveIndex(index, segment.bytes), "it is built again when it is needed");
  }
  co_return index;
}

// The first whole batch from `position` on.
Task<std::optional<Segments::Resumption>> Segments::FindWhole(std::shared_ptr<File> file,
                                                              SegmentInfo segment, int64_t position,
                                                              BatchSearch search) {
  size_t wanted = kSegmentScanBytes;
  std::vector<std::byte> buffer;
  std::optional<Resumption> found;
  while (position < segment.bytes) {
    search.rest_bytes = segment.bytes - position;
    buffer.resize(std::min(wanted, static_cast<size_t>(search.rest_bytes)));
    std::span<std::byte> into(buffer);
    CO_ASSIGN_OR_RETURN(size_t count, co_await file->ReadAt(position, into));
    if (count < buffer.size()) {  // the file is shorter than it was
      segment.bytes = position + static_cast<int64_t>(count);
      continue;
    }
    auto work = [into, search]() -> Result<std::optional<BatchPlace>> {
      return FindBatch(into, search);
    };
    CO_ASSIGN_OR_RETURN(std::optional<BatchPlace> place, co_await env_->blocking_pool().Run(work));
    if (place && place->is_whole) {
      found = {.position = position + static_cast<int64_t>(place->position),
               .base_offset = place->header.base_offset};
      break;
    }
    bool is_at_end = count <= kBatchHeaderBytes;
    if (!place && (is_at_end || search.only_at_first)) break;
    // One may begin in the last bytes.
    size_t step = place ? place->position : count - kBatchHeaderBytes;
    position += static_cast<int64_t>(step);
    wanted = place ? std::max(place->header.total_bytes(), kSegmentScanBytes) : kSegmentScanBytes;
  }
  co_return found;
}

Task<std::optional<Segments::Resumption>> Segments::FindResumption(SegmentInfo segment,
                                                                   int64_t position, Offset begin) {
  std::string path = LogPathOf(segment);
  CO_ASSIGN_OR_RETURN(std::shared_ptr<File> file,
                      co_await open_files_->ForReading(std::move(path), segment.generation));
  std::optional<Resumption> found;
  BatchSearch search{.begin = begin, .end = segment.next_offset};
  // Its length is right more often than not, and what it holds may look like batches, too.
  std::byte header[kBatchHeaderBytes];
  std::span<std::byte> into(header);
  CO_ASSIGN_OR_RETURN(size_t count, co_await file->ReadAt(position, into));
  if (count < into.size()) co_return found;
  int64_t length = ReadBatchHeader(header).batch_length;
  int64_t end = position + length + static_cast<int64_t>(kBatchPrefixBytes);
  if (length > 0 && end == segment.bytes) co_return found;
  if (length > 0 && end < segment.bytes) {
    search.only_at_first = true;
    CO_ASSIGN_OR_RETURN(found, co_await FindWhole(file, segment, end, search));
    if (found) co_return found;
  }
  search.only_at_first = false;
  co_return co_await FindWhole(std::move(file), segment, position + 1, search);
}

Task<std::optional<Segments::Resumption>> Segments::ResumptionBehind(SegmentInfo segment,
                                                                     int64_t position,
                                                                     Offset begin) {
  CO_ASSIGN_OR_RETURN(std::shared_ptr<Index> index, co_await LoadIndex(segment));
  auto known = index->resumptions.find(position);
  if (known != index->resumptions.end()) co_return known->second;
  CO_ASSIGN_OR_RETURN(std::optional<Resumption> found,
                      co_await FindResumption(segment, position, begin));
  // More may be written behind it.
  bool is_final = found || list_.back().base_offset != segment.base_offset;
  if (is_final) index->resumptions[position] = found;
  co_return found;
}

Task<> Segments::CompleteIndex(std::shared_ptr<Index> index, SegmentInfo segment) {
  if (segment.bytes == 0) co_return Status::OK();
  std::string path = LogPathOf(segment);
  CO_ASSIGN_OR_RETURN(std::shared_ptr<File> file,
                      co_await open_files_->ForReading(path, segment.generation));
  int64_t position = index->offsets.empty() ? 0 : index->offsets.back().position;
  bool skip_first = !index->offsets.empty();
  SegmentInfo seen{.base_offset = segment.base_offset};
  if (!index->times.empty()) {
    seen.max_timestamp = index->times.back().timestamp_ms;
    seen.max_timestamp_offset = segment.base_offset + index->times.back().relative_offset;
  }
  size_t wanted = kSegmentScanBytes;
  Offset next = segment.base_offset;
  std::vector<std::byte> buffer;
  while (position < segment.bytes) {
    buffer.resize(std::min(wanted, static_cast<size_t>(segment.bytes - position)));
    std::span<std::byte> into(buffer);
    CO_ASSIGN_OR_RETURN(size_t count, co_await file->ReadAt(position, into));
    BatchWalk walk(into.first(count), next, segment.next_offset);
    int64_t begin = position;
    BatchWalk::Step step;
    while ((step = walk.Next()) == BatchWalk::Step::kBatch) {
      const BatchHeader& header = walk.header();
      if (!BatchCrcMatches(walk.batch())) {
        step = BatchWalk::Step::kBroken;
        break;
      }
      next = walk.next_offset();
      SegmentBatch batch{.bytes = walk.batch(),
                         .base_offset = header.base_offset,
                         .last_offset = header.last_offset(),
                         .max_timestamp = header.max_timestamp};
      if (batch.max_timestamp > seen.max_timestamp) {
        seen.max_timestamp = batch.max_timestamp;
        seen.max_timestamp_offset = batch.last_offset;
      }
      if (skip_first) {
        index->bytes_since_entry = static_cast<int64_t>(batch.bytes.size());
      } else {
        AddToIndex(index.get(), seen, batch, position);
      }
      skip_first = false;
      position += static_cast<int64_t>(batch.bytes.size());
    }
    bool is_broken = step == BatchWalk::Step::kBroken || count != buffer.size();
    wanted = kSegmentScanBytes;
    if (!is_broken && position == begin) {
      wanted = std::max(walk.header().total_bytes(), buffer.size() * 2);
      is_broken = static_cast<int64_t>(walk.header().total_bytes()) > segment.bytes - position;
    }
    if (!is_broken) continue;
    // Who reads on from there finds that out; what is behind it can be found all the same.
    CO_ASSIGN_OR_RETURN(std::optional<Resumption> behind,
                        co_await FindResumption(segment, position, next));
    if (!behind) {
      active_is_damaged_ |= list_.back().base_offset == segment.base_offset;
      co_return Status::OK();
    }
    index->resumptions[position] = behind;
    position = behind->position;
    next = behind->base_offset;
    index->bytes_since_entry = index_interval_bytes_ + 1;
    skip_first = false;
  }
  co_return Status::OK();
}

Task<> Segments::MendIndex(SegmentInfo segment) {
  logger_->Error("an index is wrong; it is built again",
                 {{"file", PathOf(segment.base_offset, ".index")}});
  auto index = std::make_shared<Index>();
  index->base_offset = segment.base_offset;
  index->generation = segment.generation;
  CO_RETURN_IF_ERROR(co_await CompleteIndex(index, segment));
  if (!IsCurrent(segment)) co_return Status::OK();
  bool active = list_.back().base_offset == segment.base_offset;
  if (active) {
    if (list_.back().bytes == segment.bytes) active_index_ = index;
    co_return Status::OK();
  }
  closed_index_ = index;
  AddTime(index.get(), segment);
  co_return co_await SaveIndex(index, segment.bytes);
}

Task<> Segments::SaveIndex(std::shared_ptr<Index> index, int64_t segment_bytes) {
  if (is_removed_) co_return Status::OK();  // the folder may be another topic's soon
  OpenOptions how{.write = true, .create = true, .truncate = true};
  std::string offsets_path = PathOf(index->base_offset, ".index");
  CO_ASSIGN_OR_RETURN(std::unique_ptr<File> offsets,
                      co_await env_->files().Open(std::move(offsets_path), how));
  std::vector<std::byte> bytes = EncodeIndex(index->offsets);
  std::span<const std::byte> from(bytes);
  CO_RETURN_IF_ERROR(co_await offsets->WriteAt(0, from));
  std::string times_path = PathOf(index->base_offset, ".timeindex");
  CO_ASSIGN_OR_RETURN(std::unique_ptr<File> times,
                      co_await env_->files().Open(std::move(times_path), how));
  bytes = EncodeTimeIndex(index->times);
  from = bytes;
  CO_RETURN_IF_ERROR(co_await times->WriteAt(0, from));
  index->saved_bytes = segment_bytes;
  co_return Status::OK();
}

// Compaction may take the file from under the read: then again, from the new one.
Task<std::vector<SharedBytes>> Segments::Read(Offset from, size_t max_bytes) {
  std::vector<SharedBytes> nothing;
  for (int attempt = 0;; ++attempt) {
    if (list_.empty() || from >= end()) co_return nothing;
    SegmentInfo segment = list_[Find(from)];
    if (from >= segment.next_offset) segment = list_[Find(from) + 1];  // a gap between segments
    if (segment.bytes == 0) co_return nothing;                         // begun, nothing written yet
    Result<std::vector<SharedBytes>> read = co_await TryRead(segment, from, max_bytes);
    bool again = (!read.ok() || read->empty()) && !IsCurrent(segment);
    if (!again || attempt == kReadAttemptsMax) co_return read;
  }
}

// At or before the batch that holds `from`.
Task<Segments::Spot> Segments::SpotBefore(SegmentInfo segment, Offset from) {
  CO_ASSIGN_OR_RETURN(std::shared_ptr<Index> index, co_await LoadIndex(segment));
  int64_t relative = from - segment.base_offset;
  auto after = [](int64_t wanted, const IndexEntry& entry) {
    return wanted < entry.relative_offset;
  };
  auto it = std::upper_bound(index->offsets.begin(), index->offsets.end(), relative, after);
  Spot spot;
  if (it == index->offsets.begin()) co_return spot;
  --it;
  spot.position = it->position;
  spot.last_offset = segment.base_offset + it->relative_offset;
  co_return spot;
}

// Nothing, or an error, when the segment is not there any more.
Task<std::vector<SharedBytes>> Segments::TryRead(SegmentInfo segment, Offset from,
                                                 size_t max_bytes) {
  std::optional<ReadAhead::Reader> known = read_ahead_->Take(number_, segment, from);
  ReadAhead::Reader reader{.partition = number_,
                           .segment = segment.base_offset,
                           .generation = segment.generation,
                           .next = from};
  Spot spot;
  bool is_index_wrong = false;
  if (known) {
    spot.position = known->position;
    co_return co_await TryReadAt(std::move(*known), spot, segment, max_bytes, &is_index_wrong);
  }
  CO_ASSIGN_OR_RETURN(spot, co_await SpotBefore(segment, from));
  auto read = co_await TryReadAt(reader, spot, segment, max_bytes, &is_index_wrong);
  if (!is_index_wrong) co_return read;
  CO_RETURN_IF_ERROR(co_await MendIndex(segment));
  CO_ASSIGN_OR_RETURN(spot, co_await SpotBefore(segment, from));
  co_return co_await TryReadAt(std::move(reader), spot, segment, max_bytes, &is_index_wrong);
}

Task<std::vector<SharedBytes>> Segments::TryReadAt(ReadAhead::Reader reader, Spot spot,
                                                   SegmentInfo segment, size_t max_bytes,
                                                   bool* is_index_wrong) {
  std::vector<SharedBytes> result;
  const Offset from = reader.next;
  reader.position = spot.position;
  std::string path = LogPathOf(segment);
  CO_ASSIGN_OR_RETURN(std::shared_ptr<File> file,
                      co_await open_files_->ForLargeReads(path, segment.generation));
  // Else this may be the file that took its name. An open file stays what it is.
  if (!IsCurrent(segment)) co_return result;

  // No more at a time than the pool has buffers for: fresh memory costs more than the next read.
  size_t wanted = read_ahead_->piece_bytes();
  size_t slack = static_cast<size_t>(index_interval_bytes_) + kBatchHeaderBytes;
  if (!reader.hold && max_bytes < wanted) wanted = std::min(wanted, max_bytes + slack);
  size_t total = 0;
  bool is_full = false;
  Offset next = segment.base_offset;
  while (reader.position < segment.bytes && result.empty()) {
    if (reader.Rest().empty()) {
      CO_ASSIGN_OR_RETURN(reader.piece, co_await NextPiece(&reader, file, segment, wanted));
    }
    BatchWalk walk(reader.Rest(), next, segment.next_offset);
    int64_t begin = reader.position;
    BatchWalk::Step step;
    bool is_wrong = false;
    while ((step = walk.Next()) == BatchWalk::Step::kBatch) {
      size_t bytes = walk.batch().size();
      std::optional<Offset> expected = std::exchange(spot.last_offset, std::nullopt);
      *is_index_wrong = expected && *expected != walk.header().last_offset();
      if (*is_index_wrong) co_return result;
      if (walk.header().last_offset() >= from) {
        is_full = !result.empty() && total + bytes > max_bytes;
        if (is_full) break;
        // What comes from a disk is checked: its reader may be one that does not.
        is_wrong = !reader.IsChecked(bytes) && !BatchCrcMatches(walk.batch());
        if (is_wrong) break;
        result.push_back({.owner = reader.piece.buffer, .bytes = walk.batch()});
        total += bytes;
        reader.next = walk.header().next_offset();
      }
      next = walk.next_offset();
      reader.position += static_cast<int64_t>(bytes);
    }
    if (is_full) break;
    bool is_broken = is_wrong || step == BatchWalk::Step::kBroken;
    // Nothing whole in what was read: ask for the batch's own size.
    if (!is_broken && reader.position == begin) {
      int64_t batch_bytes = static_cast<int64_t>(walk.header().total_bytes());
      is_broken = batch_bytes > segment.bytes - reader.position ||
                  wanted > walk.header().total_bytes() + kBatchHeaderBytes;
    }
    is_full = is_broken && !result.empty();
    if (is_full) break;  // the next read finds it out
    if (is_broken) {
      *is_index_wrong = spot.last_offset.has_value();
      if (*is_index_wrong) co_return BrokenSegment(path, reader.position);
      CO_ASSIGN_OR_RETURN(std::optional<Resumption> behind,
                          co_await ResumptionBehind(segment, reader.position, next));
      bool is_lost = !behind || behind->base_offset > from;
      if (is_lost && is_wrong) co_return WrongChecksum(path, walk.header());
      if (is_lost) co_return BrokenSegment(path, reader.position);
      reader.position = behind->position;
      reader.piece = {};
      next = behind->base_offset;
      continue;
    }
    reader.piece = {};
    if (reader.position == begin) {
      wanted = std::max(walk.header().total_bytes(), wanted) + kBatchHeaderBytes + 1;
    }
  }
  if (result.empty()) co_return result;
  if (!is_full) read_ahead_->Begin(&reader, file, segment.bytes);
  read_ahead_->Put(std::move(reader));
  co_return result;
}

// What lies at the reader's position, read ahead or now.
Task<FilePiece> Segments::NextPiece(ReadAhead::Reader* reader, std::shared_ptr<File> file,
                                    SegmentInfo segment, size_t wanted) {
  CO_ASSIGN_OR_RETURN(std::optional<FilePiece> ahead, co_await read_ahead_->Await(reader));
  if (ahead && !ahead->bytes.empty()) co_return std::move(*ahead);
  size_t size = std::min(wanted, static_cast<size_t>(segment.bytes - reader->position));
  CO_ASSIGN_OR_RETURN(FilePiece piece, co_await ReadPiece(buffers_, file, reader->position, size));
  if (piece.bytes.size() < size) {
    std::string path = LogPathOf(segment);
    co_return BrokenSegment(path, reader->position + static_cast<int64_t>(piece.bytes.size()));
  }
  co_return piece;
}

// Nothing before it in the segment, at or after `from`, is as new as `timestamp_ms`.
Task<Offset> Segments::OffsetBefore(SegmentInfo segment, Offset from, int64_t timestamp_ms) {
  Offset begin = std::max(segment.base_offset, from);
  auto before = [](const TimeIndexEntry& entry, int64_t wanted) {
    return entry.timestamp_ms < wanted;
  };
  for (bool is_mended : {false, true}) {
    auto loaded = co_await LoadIndex(segment);
    // Compacted meanwhile: read it from its beginning.
    if (!IsCurrent(segment)) co_return begin;
    CO_RETURN_IF_ERROR(loaded);
    std::shared_ptr<Index> index = *loaded;
    auto it = std::lower_bound(index->times.begin(), index->times.end(), timestamp_ms, before);
    if (it == index->times.begin()) co_return begin;
    TimeIndexEntry entry = *std::prev(it);
    Offset at = segment.base_offset + entry.relative_offset;
    if (at <= begin) co_return begin;
    Result<std::vector<SharedBytes>> read = co_await Read(at, 1);
    bool is_broken = Is(read.status(), ErrorCode::kCorruptStorage);
    if (is_broken || !IsCurrent(segment)) co_return begin;
    CO_RETURN_IF_ERROR(read);
    if (!read->empty()) {
      BatchHeader header = ReadBatchHeader(read->front().bytes.data());
      bool is_so = header.last_offset() == at && header.max_timestamp == entry.timestamp_ms;
      if (is_so) co_return at;
    }
    if (!is_mended) CO_RETURN_IF_ERROR(co_await MendIndex(segment));
  }
  co_return begin;
}

// Where one can read on when the batch that holds `from` is broken.
Task<Offset> Segments::NextReadable(SegmentInfo segment, Offset from) {
  CO_ASSIGN_OR_RETURN(std::shared_ptr<Index> index, co_await LoadIndex(segment));
  Offset next = segment.next_offset;
  for (const auto& [position, behind] : index->resumptions) {
    if (behind && behind->base_offset > from) next = std::min(next, behind->base_offset);
  }
  for (const IndexEntry& entry : index->offsets) {
    Offset last_offset = segment.base_offset + entry.relative_offset;
    if (last_offset > from) co_return std::min(next, last_offset);
  }
  co_return next;
}

Task<SharedBytes> Segments::FindBatchByTime(Offset from, int64_t timestamp_ms) {
  constexpr size_t kReadBytes = size_t{256} << 10;
  std::vector<SegmentInfo> segments(list_.begin(), list_.end());
  for (const SegmentInfo& segment : segments) {
    if (segment.next_offset <= from || segment.max_timestamp < timestamp_ms) continue;
    CO_ASSIGN_OR_RETURN(Offset at, co_await OffsetBefore(segment, from, timestamp_ms));
    while (at < segment.next_offset) {
      Result<std::vector<SharedBytes>> read = co_await Read(at, kReadBytes);
      if (Is(read.status(), ErrorCode::kCorruptStorage)) {
        CO_ASSIGN_OR_RETURN(at, co_await NextReadable(segment, at));
        continue;
      }
      CO_RETURN_IF_ERROR(read);
      if (read->empty()) break;
      for (const SharedBytes& batch : *read) {
        BatchHeader header = ReadBatchHeader(batch.bytes.data());
        if (header.max_timestamp >= timestamp_ms) co_return batch;
        at = header.next_offset();
      }
    }
  }
  co_return SharedBytes();
}

}  // namespace mainstem::storage
