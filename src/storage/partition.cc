#include "storage/partition.h"

#include <algorithm>

#include <fmt/format.h>

namespace mainstem::storage {

Partition::Partition(TopicPartition id, std::shared_ptr<const Topic> topic_state,
                     SegmentAccess access, const std::string& topics_folder)
    : id(id),
      folder(fmt::format("{}/{}-{}", topics_folder, topic_state->info.name, id.partition)),
      topic(std::move(topic_state)),
      segments(access, {.parent = topics_folder, .folder = folder, .topic_id = id.topic_id}),
      env_(access.env) {}

void Partition::Restore(const PartitionState& state) {
  log_start = state.log_start;
  flushed = high_watermark = next_offset = state.flushed;
  segments.Restore(state.segments);
  NoteSnapshot();
  OnSnapshotWritten();
  for (const ProducerSnapshot& producer : state.producers) producers.Restore(producer);
}

void Partition::Replay(std::span<const std::byte> batch, LogPosition sequence,
                       const ChunkPool::Chunk& chunk) {
  BatchHeader header = ReadBatchHeader(batch.data());
  Learn(batch, header);
  if (header.base_offset < next_offset) return;
  Push(header, batch, sequence, chunk);
  high_watermark = next_offset;
}

void Partition::Learn(std::span<const std::byte> batch, const BatchHeader& header) {
  if (header.control()) {
    AcceptMarker(header, env_->WallTime().value());
    std::optional<bool> committed = ReadMarker(batch);
    if (committed && !transactions.HasSeen(header)) EndTransaction(header, *committed);
  } else if (header.idempotent()) {
    producers.Remember(header, env_->WallTime().value(), header.next_offset());
    if (!transactions.HasSeen(header)) transactions.Remember(header);
  }
}

Task<> Partition::Rebuild(Offset known_end) {
  CO_RETURN_IF_ERROR(co_await segments.Rebuild(
      [this](std::span<const std::byte> batch) { Learn(batch, ReadBatchHeader(batch.data())); }));
  Offset end = std::max(known_end, log_start);
  if (!segments.empty()) {
    end = std::max(end, segments.end());
    log_start = std::max(log_start, segments.begin());
  }
  flushed = high_watermark = next_offset = end;
  transactions.SetSeen(end);
  transactions.DropBefore(log_start);
  NoteSnapshot();
  OnSnapshotWritten();
  co_return Status::OK();
}

bool Partition::EndsInHole() const {
  if (log_start >= next_offset) return false;
  if (!tail_.empty()) return tail_.back().last_offset + 1 < next_offset;
  const auto& list = segments.list();
  auto last = std::find_if(list.rbegin(), list.rend(),
                           [](const SegmentInfo& segment) { return segment.bytes > 0; });
  return last == list.rend() || last->next_offset < next_offset;
}

void Partition::Push(const BatchHeader& header, std::span<const std::byte> bytes,
                     LogPosition sequence, const ChunkPool::Chunk& chunk) {
  tail_.push_back({.base_offset = header.base_offset,
                   .last_offset = header.last_offset(),
                   .max_timestamp = header.max_timestamp,
                   .bytes = bytes,
                   .sequence = sequence,
                   .chunk = chunk});
  next_offset = header.next_offset();
  unflushed_bytes_ += static_cast<int64_t>(bytes.size());
}

void Partition::SetHighWatermark(Offset end) {
  if (end <= high_watermark) return;
  high_watermark = end;
  data_waiters.FireBefore(end);
}

void Partition::SetLogStart(Offset start) {
  log_start = std::max(log_start, start);
  transactions.DropBefore(log_start);
}

void Partition::AcceptMarker(const BatchHeader& marker, int64_t now_ms) {
  transactions.Dismiss(marker.producer_id);
  producers.RememberMarker(marker, now_ms);
}

void Partition::EndTransaction(const BatchHeader& marker, bool committed) {
  transactions.End(marker.producer_id, marker.base_offset, committed);
}

Offset Partition::last_stable_offset() const {
  return std::min(high_watermark, std::max(log_start, transactions.FirstOpen()));
}

Offset Partition::tail_begin() const {
  return tail_.empty() ? next_offset : tail_.front().base_offset;
}

std::vector<SharedBytes> Partition::ReadTail(Offset from, Offset end, size_t max_bytes) const {
  std::vector<SharedBytes> result;
  auto before = [](const TailBatch& batch, Offset wanted) { return batch.last_offset < wanted; };
  auto it = std::lower_bound(tail_.begin(), tail_.end(), from, before);
  size_t total = 0;
  for (; it != tail_.end() && it->last_offset < end; ++it) {
    if (!result.empty() && total + it->bytes.size() > max_bytes) break;
    result.push_back({.owner = it->chunk, .bytes = it->bytes});
    total += it->bytes.size();
  }
  return result;
}

const TailBatch* Partition::FindTailByTime(Offset from, int64_t timestamp_ms) const {
  for (const TailBatch& batch : tail_) {
    if (batch.last_offset >= high_watermark) break;
    if (batch.last_offset >= from && batch.max_timestamp >= timestamp_ms) return &batch;
  }
  return nullptr;
}

int64_t Partition::TailMaxTimestamp(Offset from) const {
  int64_t newest = -1;
  for (const TailBatch& batch : tail_) {
    if (batch.last_offset >= high_watermark) break;
    if (batch.base_offset >= from) newest = std::max(newest, batch.max_timestamp);
  }
  return newest;
}

size_t Partition::FirstUnflushed() const {
  auto is_flushed = [this](const TailBatch& batch) { return batch.last_offset < flushed; };
  return static_cast<size_t>(std::partition_point(tail_.begin(), tail_.end(), is_flushed) -
                             tail_.begin());
}

bool Partition::HasUnflushed(LogPosition limit) const {
  if (deleted || tail_.empty() || tail_.back().last_offset < flushed) return false;
  size_t first = FirstUnflushed();
  return first < tail_.size() && tail_[first].sequence <= limit;
}

Task<> Partition::Flush(LogPosition limit) {
  if (!HasUnflushed(limit)) co_return Status::OK();
  std::vector<SegmentBatch> batches;
  std::vector<ChunkPool::Chunk> chunks;  // keeps the bytes while they are written
  for (size_t i = FirstUnflushed(); i < tail_.size() && tail_[i].sequence <= limit; ++i) {
    const TailBatch& batch = tail_[i];
    batches.push_back({.bytes = batch.bytes,
                       .base_offset = batch.base_offset,
                       .last_offset = batch.last_offset,
                       .max_timestamp = batch.max_timestamp});
    if (chunks.empty() || chunks.back() != batch.chunk) chunks.push_back(batch.chunk);
  }
  std::shared_ptr<const Topic> current = topic;
  Status status = co_await segments.Append(std::move(batches), current->config);
  Offset end = segments.empty() ? flushed : std::max(flushed, segments.end());
  for (size_t i = FirstUnflushed(); i < tail_.size() && tail_[i].last_offset < end; ++i) {
    unflushed_bytes_ -= static_cast<int64_t>(tail_[i].bytes.size());
  }
  flushed = end;
  co_return status;
}

void Partition::Evict(LogPosition limit) {
  while (!tail_.empty() && tail_.front().sequence <= limit && tail_.front().last_offset < flushed) {
    tail_.pop_front();
  }
}

PartitionState Partition::Snapshot() const {
  return {.partition = id,
          .log_start = log_start,
          .flushed = flushed,
          .segments = {segments.list().begin(), segments.list().end()},
          .producers = producers.Snapshot(high_watermark)};
}

Offset Partition::PinnedFrom() const {
  Offset least(INT64_MAX);
  for (const auto& [holder, from] : pins) least = std::min(least, from);
  return least;
}

Offset Partition::RetentionPoint(int64_t now_ms) const {
  const EffectiveConfig& config = topic->config;
  Offset point = log_start;
  if (!config.delete_policy) return point;
  Offset pinned = PinnedFrom();
  int64_t size = size_bytes();
  const auto& list = segments.list();
  for (size_t i = 0; i + 1 < list.size(); ++i) {
    bool too_old = config.retention_ms >= 0 && now_ms - list[i].newest_ms() > config.retention_ms;
    bool too_big = config.retention_bytes >= 0 && size - list[i].bytes >= config.retention_bytes;
    if ((!too_old && !too_big) || list[i].next_offset > pinned) break;
    size -= list[i].bytes;
    point = std::max(point, list[i].next_offset);
  }
  return point;
}

bool Partition::ActiveSegmentExpired(int64_t now_ms) const {
  const EffectiveConfig& config = topic->config;
  if (!config.delete_policy || config.retention_ms < 0 || segments.empty()) return false;
  const SegmentInfo& active = segments.list().back();
  return active.bytes > 0 && now_ms - active.newest_ms() > config.retention_ms &&
         active.next_offset <= PinnedFrom();
}

int64_t Partition::size_bytes() const { return segments.bytes() + unflushed_bytes_; }

}  // namespace mainstem::storage
