// The segment files of one partition: writes what the journal holds to them in large direct writes,
// reads from them through their indexes, drops old ones. Used on the partition's shard only; one
// Append at a time. Does not know what is acknowledged: the partition says what to write.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/env.h"
#include "core/logging.h"
#include "storage/batch_search.h"
#include "storage/chunk_pool.h"
#include "storage/compacted_batch.h"
#include "storage/log.h"
#include "storage/metadata.h"
#include "storage/read_ahead.h"
#include "storage/record_batch.h"
#include "storage/segment_format.h"
#include "storage/topic_config.h"

namespace mainstem::storage {

// Files kept open, the longest unused closed first. One per shard.
class OpenFiles {
 public:
  OpenFiles(Files* files, size_t count_max) : files_(files), count_max_(count_max) {}
  // `generation`: compaction puts another file under the same name.
  Task<std::shared_ptr<File>> ForReading(std::string path, int64_t generation);
  // Past the page cache: large reads of old data would only push out what is worth keeping there.
  Task<std::shared_ptr<File>> ForLargeReads(std::string path, int64_t generation);
  // Direct; of the active segment, which is never compacted.
  Task<std::shared_ptr<File>> ForWriting(std::string path);
  Task<std::shared_ptr<File>> ForDurableWriting(std::string path);
  // Also what is being opened now is not kept.
  void Forget(const std::string& path, int64_t generation);

 private:
  Task<std::shared_ptr<File>> Open(std::string key, std::string path, OpenOptions how);
  using Entry = std::pair<std::string, std::shared_ptr<File>>;
  Files* const files_;
  const size_t count_max_;
  uint64_t forget_count_ = 0;
  std::list<Entry> entries_;  // last used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

struct SegmentBatch {
  std::span<const std::byte> bytes;
  Offset base_offset;
  Offset last_offset;
  int64_t max_timestamp = 0;
};

// What the segments of a shard share; outlives them.
struct SegmentAccess {
  Env* env;
  OpenFiles* open_files;
  ChunkPool* buffers;  // for writes and reads
  ReadAhead* read_ahead;
  const Logger* logger;
};

class Segments {
 public:
  struct Index;
  struct Place {
    std::string parent;  // folder of all partitions
    std::string folder;  // of this one
    TopicId topic_id{};
  };
  Segments(SegmentAccess access, Place place);

  void Restore(std::vector<SegmentInfo> segments);
  // The files go: who still reads leaves none behind.
  void MarkRemoved() { is_removed_ = true; }
  // ---- after a restart (segments_check.cc). A file that is missing, or shorter than it was,
  // leaves a hole: what is whole in it stays, the rest of it is set aside, readers go on behind the
  // hole.
  struct Hole {
    Offset begin;
    Offset end;
    std::string what;  // names the file, and where its remains are
  };
  // Looks at the active segment's file, which is written to next. Once is enough.
  Task<> CheckActive();
  // Looks at all files when the list is final, and removes those that are not in it. Returns the
  // holes at or after `log_start`. `keeps_unknown`: the list may be older than the files, and what
  // it does not tell of is set aside.
  Task<std::vector<Hole>> CheckFiles(Offset log_start, bool keeps_unknown);
  // In the place of Restore, when nobody knows what the files hold: makes the list from them
  // (segments_rebuild.cc). `on_batch` sees each batch whose checksum is right, in order. What is
  // no part of a log is set aside.
  using OnBatch = std::function<void(std::span<const std::byte> batch)>;
  Task<> Rebuild(OnBatch on_batch);

  // Durable when it returns. After a failure, end() says how far it came; calling it again with
  // what follows is safe. Batches lie at or after end(); what a damage took leaves a gap.
  Task<> Append(std::vector<SegmentBatch> batches, EffectiveConfig config);
  // Whole batches with the right checksum from the one that holds `from` (or the first after it).
  // kCorruptStorage when that one is damaged.
  Task<std::vector<SharedBytes>> Read(Offset from, size_t max_bytes);
  // The first batch at or after `from` with a timestamp >= `timestamp_ms`; empty: none.
  Task<SharedBytes> FindBatchByTime(Offset from, int64_t timestamp_ms);
  // Removes the segments that end at or before `log_start`, the last one never.
  Task<> DropBefore(Offset log_start);
  // Ends the active segment, so that it can be dropped.
  Task<> Roll();
  // Brings indexes and file length of the active segment to disk, for tools and a quick start.
  Task<> Settle();

  // ---- compaction (segments_compact.cc): of closed segments, one at a time. `should_stop` is
  // asked between pieces; true ends it with kCancelled.
  using ShouldStop = std::function<bool()>;
  // Notes the newest offsets of the keys from `from` to before `end`. Returns the end of what
  // `newest` knows: `end` unless it is full.
  Task<Offset> MapKeys(Offset from, Offset end, std::vector<AbortedTransaction> aborted,
                       KeyOffsets* newest, ShouldStop should_stop);
  // The closed segments that begin before `end`, in groups that fit one segment each.
  std::vector<std::vector<SegmentInfo>> Groups(Offset end, int64_t segment_bytes) const;
  struct Cleaned {
    SegmentInfo segment;  // begins and ends where its sources do
    std::shared_ptr<Index> index;
    std::vector<SegmentInfo> replaced;
    bool changed = false;  // else there is no file
    int64_t delete_horizon_ms = -1;
  };
  // Writes what the rules leave of `sources` to a file beside them; durable when it returns.
  Task<Cleaned> Clean(std::vector<SegmentInfo> sources, int64_t generation, CompactionRules rules,
                      ShouldStop should_stop);
  // Takes the cleaned segment in the place of its sources: at once for readers. FinishReplace then
  // brings the files to their names; what a crash leaves of that, CheckFiles does.
  void Replace(const Cleaned& cleaned);
  Task<> FinishReplace();
  // The same for the list alone, when recovery reads that it was done. kCorruptStorage when the
  // list does not hold what was replaced.
  Status ReplayReplace(Offset begin, Offset end, const SegmentInfo& segment);
  // What a snapshot tells of segments that compaction made.
  void RestoreGeneration(Offset base_offset, int64_t generation);

  const std::deque<SegmentInfo>& list() const { return list_; }
  bool empty() const { return list_.empty(); }
  // Whether any record lies at `from` or after it.
  bool HasRecordsFrom(Offset from) const;
  // The offset after the last record, and the first one; only when not empty.
  Offset end() const { return list_.back().next_offset; }
  Offset begin() const { return list_.front().base_offset; }
  int64_t bytes() const { return bytes_; }

 private:
  struct Filling;
  struct Scan;
  struct Sink;
  struct Replacement;

  std::string PathOf(Offset base_offset, std::string_view extension) const;
  Task<std::vector<DirectoryEntry>> ListFiles();
  Task<> CheckActiveFile(std::optional<int64_t> found_bytes);
  Task<> Repair(size_t index, std::optional<int64_t> found_bytes);
  Task<SegmentInfo> WholePartOf(SegmentInfo segment, int64_t file_bytes, OnBatch on_batch);
  Task<> RebuildFile(Offset base_offset, int64_t file_bytes, OnBatch on_batch);
  Task<bool> IsZeroFrom(SegmentInfo segment, int64_t file_bytes);
  Task<std::string> SetAside(std::string path, int64_t from, int64_t file_bytes);
  Task<> PrepareFolder();
  Task<> TryAppend(std::vector<SegmentBatch> batches, EffectiveConfig config);
  Task<> LoadTail();
  void BeginSegment(Offset base_offset);
  Task<> WriteOut(Filling* filling, bool is_last);
  Task<> SyncActive();
  void ForgetUnsynced();
  Task<> CloseActive();
  void AddTime(Index* index, const SegmentInfo& segment);
  void AddToIndex(Index* index, const SegmentInfo& segment, const SegmentBatch& batch,
                  int64_t position);
  Task<std::shared_ptr<Index>> LoadIndex(SegmentInfo segment);
  // Adds what lies behind the index's last entry. Where the file is damaged it goes on behind that.
  Task<> CompleteIndex(std::shared_ptr<Index> index, SegmentInfo segment);
  // Where batches go on behind a broken one; nothing: nowhere.
  struct Resumption {
    int64_t position = 0;
    Offset base_offset;
  };
  // Behind the broken batch at `position`, with offsets from `begin` on.
  Task<std::optional<Resumption>> FindResumption(SegmentInfo segment, int64_t position,
                                                 Offset begin);
  Task<std::optional<Resumption>> FindWhole(std::shared_ptr<File> file, SegmentInfo segment,
                                            int64_t position, BatchSearch search);
  // As FindResumption, remembered: readers may come again and again.
  Task<std::optional<Resumption>> ResumptionBehind(SegmentInfo segment, int64_t position,
                                                   Offset begin);
  Task<Offset> NextReadable(SegmentInfo segment, Offset from);
  Task<> SaveIndex(std::shared_ptr<Index> index, int64_t segment_bytes);
  size_t Find(Offset offset) const;
  // Where the segment's records are now.
  std::string LogPathOf(const SegmentInfo& segment) const;
  std::string CleanedPathOf(const SegmentInfo& segment) const;
  // False once retention or compaction took it away.
  bool IsCurrent(const SegmentInfo& segment) const;
  // Where the index says that a batch is, and its last offset.
  struct Spot {
    int64_t position = 0;
    std::optional<Offset> last_offset;  // nothing: the segment's first batch
  };
  Task<Spot> SpotBefore(SegmentInfo segment, Offset from);
  // Builds the index again from the segment's own file: what it said is not so.
  Task<> MendIndex(SegmentInfo segment);
  Task<std::vector<SharedBytes>> TryRead(SegmentInfo segment, Offset from, size_t max_bytes);
  Task<std::vector<SharedBytes>> TryReadAt(ReadAhead::Reader reader, Spot spot, SegmentInfo segment,
                                           size_t max_bytes, bool* is_index_wrong);
  Task<Offset> OffsetBefore(SegmentInfo segment, Offset from, int64_t timestamp_ms);
  Task<FilePiece> NextPiece(ReadAhead::Reader* reader, std::shared_ptr<File> file,
                            SegmentInfo segment, size_t wanted);
  Task<std::span<const std::byte>> NextPiece(Scan* scan);
  Task<> CleanInto(std::vector<SegmentInfo> sources, CompactionRules rules, ShouldStop should_stop,
                   Sink* sink);
  void AddCleaned(Sink* sink, std::span<const std::byte> batches);
  Task<> WriteCleaned(Sink* sink, bool is_last);
  Task<> RemoveFiles(std::vector<std::string> paths);
  // Whether files have other names now.
  Task<bool> KeepUnknownEnd(SegmentInfo segment, int64_t file_bytes);
  Task<> RemoveUnknown(Offset base_offset, bool keeps_unknown);
  Task<bool> CheckCleanedFiles(const std::vector<DirectoryEntry>& entries);

  Env* const env_;
  bool is_removed_ = false;
  OpenFiles* const open_files_;
  ChunkPool* const buffers_;
  ReadAhead* const read_ahead_;
  const Logger* const logger_;
  const uint64_t number_;  // of this partition among its readers
  const Place place_;
  std::deque<SegmentInfo> list_;
  int64_t bytes_ = 0;
  int64_t index_interval_bytes_ = 4096;
  bool folder_ready_ = false;
  bool file_is_new_ = false;     // the active file's name is not durable yet
  SegmentInfo durable_{};        // while Append runs: the active segment as far as it is synced
  std::vector<std::byte> tail_;  // the last, incomplete block of the active file
  bool tail_loaded_ = false;
  bool active_checked_ = false;
  bool active_is_damaged_ = false;  // what follows goes to another file
  std::vector<Hole> holes_;
  std::shared_ptr<Index> active_index_;       // null until it is needed after a restart
  std::shared_ptr<Index> closed_index_;       // of the closed segment that was read last
  std::shared_ptr<Replacement> replacement_;  // its files have not got their names yet
};

struct Segments::Index {
  Offset base_offset;
  int64_t generation = 0;
  std::vector<IndexEntry> offsets{};
  std::vector<TimeIndexEntry> times{};
  int64_t bytes_since_entry = 0;
  int64_t saved_bytes = 0;  // of the segment, when the index was last written to disk
  // What ResumptionBehind found, by the position of the broken batch. Not on disk.
  std::map<int64_t, std::optional<Resumption>> resumptions{};
};

}  // namespace mainstem::storage
