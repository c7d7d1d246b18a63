// The segment files of one partition: writes what the journal holds to them in large direct writes,
// reads from them through their indexes, drops old ones. Used on the partition's shard only; one
// Append at a time. Does not know what is acknowledged: the partition says what to write.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/env.h"
#include "storage/chunk_pool.h"
#include "storage/log.h"
#include "storage/metadata.h"
#include "storage/record_batch.h"
#include "storage/segment_format.h"
#include "storage/topic_config.h"

namespace mainstem::storage {

// Files kept open, the longest unused closed first. One per shard.
class OpenFiles {
 public:
  OpenFiles(Files* files, size_t count_max) : files_(files), count_max_(count_max) {}
  Task<std::shared_ptr<File>> ForReading(std::string path);
  // Past the page cache: large reads of old data would only push out what is worth keeping there.
  Task<std::shared_ptr<File>> ForLargeReads(std::string path);
  // Direct and durable.
  Task<std::shared_ptr<File>> ForWriting(std::string path);
  void Forget(const std::string& path);

 private:
  Task<std::shared_ptr<File>> Open(std::string key, std::string path, OpenOptions how);
  using Entry = std::pair<std::string, std::shared_ptr<File>>;
  Files* const files_;
  const size_t count_max_;
  std::list<Entry> entries_;  // last used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

struct SegmentBatch {
  std::span<const std::byte> bytes;
  Offset base_offset;
  Offset last_offset;
  int64_t max_timestamp = 0;
};

class Segments {
 public:
  struct Place {
    std::string parent;  // folder of all partitions
    std::string folder;  // of this one
    TopicId topic_id{};
  };
  // What is borrowed outlives this object.
  Segments(Env* env, OpenFiles* open_files, ChunkPool* buffers, Place place);

  void Restore(std::vector<SegmentInfo> segments);
  // After a restart: checks that all files are there, removes those that are not in the list.
  Task<> CheckFiles(Offset log_start);

  // Durable when it returns. After a failure, end() says how far it came; calling it again with
  // what follows is safe. A segment's batches must lie gapless after end().
  Task<> Append(std::vector<SegmentBatch> batches, EffectiveConfig config);
  // Whole batches from the one that holds `from` (or the first after it).
  Task<std::vector<SharedBytes>> Read(Offset from, size_t max_bytes);
  // The first batch at or after `from` with a timestamp >= `timestamp_ms`; empty: none.
  Task<SharedBytes> FindBatchByTime(Offset from, int64_t timestamp_ms);
  // Removes the segments that end at or before `log_start`, the last one never.
  Task<> DropBefore(Offset log_start);
  // Ends the active segment, so that it can be dropped.
  Task<> Roll();
  // Brings indexes and file length of the active segment to disk, for tools and a quick start.
  Task<> Settle();

  const std::deque<SegmentInfo>& list() const { return list_; }
  bool empty() const { return list_.empty(); }
  // The offset after the last record, and the first one; only when not empty.
  Offset end() const { return list_.back().next_offset; }
  Offset begin() const { return list_.front().base_offset; }
  int64_t bytes() const { return bytes_; }

 private:
  struct Index {
    Offset base_offset;
    std::vector<IndexEntry> offsets;
    std::vector<TimeIndexEntry> times;
    int64_t bytes_since_entry = 0;
    int64_t saved_bytes = 0;  // of the segment, when the index was last written to disk
  };
  struct Filling;

  std::string PathOf(Offset base_offset, std::string_view extension) const;
  Task<> PrepareFolder();
  Task<> TryAppend(std::vector<SegmentBatch> batches, EffectiveConfig config);
  Task<> LoadTail();
  void BeginSegment(Offset base_offset);
  Task<> WriteOut(Filling* filling);
  Task<> CloseActive();
  void AddTime(Index* index, const SegmentInfo& segment);
  void AddToIndex(Index* index, const SegmentInfo& segment, const SegmentBatch& batch,
                  int64_t position);
  Task<std::shared_ptr<Index>> LoadIndex(SegmentInfo segment);
  Task<> CompleteIndex(std::shared_ptr<Index> index, SegmentInfo segment);
  Task<> SaveIndex(std::shared_ptr<Index> index, int64_t segment_bytes);
  size_t Find(Offset offset) const;

  Env* const env_;
  OpenFiles* const open_files_;
  ChunkPool* const buffers_;  // for writes and reads
  const Place place_;
  std::deque<SegmentInfo> list_;
  int64_t bytes_ = 0;
  int64_t index_interval_bytes_ = 4096;
  bool folder_ready_ = false;
  bool file_is_new_ = false;     // the active file's name is not durable yet
  std::vector<std::byte> tail_;  // the last, incomplete block of the active file
  bool tail_loaded_ = false;
  std::shared_ptr<Index> active_index_;  // null until it is needed after a restart
  std::shared_ptr<Index> closed_index_;  // of the closed segment that was read last
};

}  // namespace mainstem::storage
