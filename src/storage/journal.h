// The journal: the one total order of everything that changes in a data folder, durable by direct
// writes. Any shard reserves room in the frame that is being filled and copies into it; one writer
// task writes frame after frame. Group commit without timers: the next write begins when the last
// one ends and takes what came meanwhile. Bytes: storage/journal_format.h.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/metrics.h"
#include "core/sync.h"
#include "storage/chunk_pool.h"
#include "storage/journal_format.h"

namespace mainstem::storage {

struct JournalOptions {
  std::string folder;
  int64_t file_bytes = int64_t{64} << 20;  // multiple of 4096
  int64_t file_count_max = 16;
  // Frames that are in no segment yet stay in memory: appends wait when they take more.
  int64_t pinned_bytes_max = int64_t{96} << 20;
  Metrics* metrics = nullptr;  // may be null; outlives the journal
};

// Room for entries in a frame. Fill `data`, seal the entries with `seed`, then call Complete. The
// chunk stays readable for whoever keeps it; nothing may be written after Complete.
struct Reservation {
  ChunkPool::Chunk chunk;
  std::byte* data = nullptr;
  size_t bytes = 0;
  LogPosition sequence;  // durable when Journal::durable() reaches it
  uint32_t seed = 0;
};

// What is to be written. Changes that give the disk its room back (records, topics, pins that go)
// may take the last of the journal's, which is kept from all others.
enum class RoomFor : uint8_t { kAnything, kFreeing };

// Where reading begins.
struct JournalStart {
  uint64_t journal_id = 0;  // 0: not known
  LogPosition covered{0};
  // What is covered is known for certain. Else frames after it may have been written over, when
  // what was in them was elsewhere.
  bool is_exact = true;
  bool is_new = false;  // nothing tells that there ever was a journal here
};

struct JournalLoss {
  std::string what;   // names the file, the place, and where a copy is
  int64_t bytes = 0;  // at most so many
};

// Sees what recovery reads, in order.
class JournalVisitor {
 public:
  virtual ~JournalVisitor() = default;
  // `entry` lies in `chunk`.
  virtual Status OnEntry(const EntryView& entry, LogPosition sequence,
                         const ChunkPool::Chunk& chunk) = 0;
  // Frames between the last entry and the next one, or after the last one, were durable and cannot
  // be read.
  virtual void OnLost(JournalLoss loss) = 0;
  // The last frame is not whole: the write that a crash cut, unless it was damaged since. `what`
  // names file and place, and where its bytes are kept.
  virtual void OnTorn(std::string what) = 0;
  // A file that is none of this journal's was found and set aside.
  virtual void OnForeign(std::string what) = 0;
  // Frames between the last entry and the next one are not there any more, as is to be expected
  // where the start was not exact.
  virtual void OnGap(std::string what) = 0;
  // Between frames, about once per chunk.
  virtual Task<> OnPause() = 0;
};

// Lifecycle: construct, Recover, Start, ... Stop. Thread-safe where it says so, else on the
// executor given. Does not promise that a failed write left nothing on disk: what was never
// acknowledged may come back after recovery.
class Journal {
 public:
  struct Callbacks {
    // On the journal's executor. `shard_mask`: shards that wrote into the frames.
    std::function<void(LogPosition durable, uint64_t shard_mask)> on_durable;
    // There may be room for more, or a reason why not.
    std::function<void()> on_room;
    // A write failed: nothing more becomes durable until the data folder is opened again.
    std::function<void(const Status&)> on_fenced;
    // Somebody waits for room that is not there; on the journal's executor.
    std::function<void()> on_room_wanted;
  };
  // `env` and `pool` outlive the journal.
  Journal(Env* env, Executor executor, std::shared_ptr<ChunkPool> pool, JournalOptions options);
  ~Journal();

  // Reads all entries after what is covered. A frame that is broken though a later one proves that
  // it was durable is left out, and a copy of its file set aside.
  Task<> Recover(JournalStart start, JournalVisitor* visitor);
  // Opens a fresh file and starts writing. After Recover.
  Task<> Start(Callbacks callbacks);
  // Writes what was reserved, once it is complete, then ends.
  Task<> Stop();

  // ---- any thread
  // False: wait for a checkpoint (back-pressure). The journal's files have no room for so much.
  bool HasRoom(size_t bytes, RoomFor what = RoomFor::kAnything) const;
  // A checkpoint failed (or works again): told to those who wait for room.
  void SetCheckpointError(Status status);
  // Of frames whose batches may be in memory.
  int64_t cached_bytes() const;
  // Why HasRoom may stay false (the disk is full), or OK.
  Status room_error() const;
  // The largest body of a frame that shares a file with others, and of one that has its own.
  size_t body_bytes_max() const;
  static constexpr size_t kLargeBodyBytesMax = size_t{1} << 30;
  // `bytes` is a sum of EntrySpace. Fails only when fenced or stopped. More than body_bytes_max():
  // on the journal's executor, after PrepareLarge.
  Result<Reservation> Reserve(size_t bytes, uint32_t entry_count, uint64_t shard_mask);
  void Complete(const Reservation& reservation);
  LogPosition durable() const;
  // Bytes of frames that Recycle has not covered.
  int64_t pinned_bytes() const;
  // The frame such that those after it take at most `bytes`.
  LogPosition PositionBefore(int64_t bytes) const;
  uint64_t journal_id() const { return journal_id_; }

  // ---- journal's executor
  // Makes the file for a frame with more than body_bytes_max(): it is written in one piece and so
  // counts as a whole, as every frame does. One caller at a time, until it has called Reserve.
  Task<> PrepareLarge(size_t body_bytes);
  // All up to `covered` is durable elsewhere: its files may be written over.
  void Recycle(LogPosition covered);
  // Frames up to `position` are in memory no more: forget their sizes.
  void ForgetSizes(LogPosition position);
  size_t file_count() const { return in_use_.size() + free_.size(); }
  // Only a checkpoint makes the room that somebody waits for, or that the next file will need.
  bool NeedsCheckpoint() const;

 private:
  struct Frame {
    ChunkPool::Chunk chunk;
    size_t begin = 0;
    size_t used = kFrameHeaderBytes;
    LogPosition sequence;
    uint32_t entry_count = 0;
    uint32_t copying_count = 0;
    uint32_t seed = 0;
    uint64_t shard_mask = 0;
    int64_t large_bytes = 0;  // it has a file of its own
    bool sealed = false;
  };
  struct JournalFile {
    std::string path;
    std::unique_ptr<File> file{};
    int64_t bytes = 0;
    uint64_t incarnation = 0;
    LogPosition last_sequence{};
  };
  struct FrameSize {
    LogPosition sequence;
    int64_t end = 0;  // bytes of all frames so far
  };

  // Recovery (journal_recovery.cc).
  struct Found;
  Task<std::vector<Found>> FindFiles();
  Task<> ChooseIdentity(uint64_t journal_id, std::vector<Found>* files, JournalVisitor* visitor);
  struct Torn {
    const Found* found = nullptr;
    int64_t position = 0;
    int64_t bytes = 0;  // at most
    LogPosition sequence{};
    bool is_damaged = false;  // no cut write leaves such bytes
  };
  Task<> ReportTorn(Torn torn, JournalVisitor* visitor);
  Task<> NoteDamagedHeader(const Found* found, int64_t position);
  Task<> CheckEnd(const JournalStart& start, const std::vector<Found>& files,
                  JournalVisitor* visitor);
  Task<> ReplayFile(Found* found, const Found* earlier, JournalVisitor* visitor);
  struct Halt {
    size_t wanted = 0;      // bytes of the next frame, when it is longer than what was read
    bool ended = false;     // at a frame that is not valid
    LogPosition follows{};  // the next frame comes after this one, which was not found
  };
  // Bytes taken of `bytes`, which begin at `position` of the file, and why no more.
  Result<size_t> ReplayFrames(Found* found, int64_t position, std::span<const std::byte> bytes,
                              const ChunkPool::Chunk& chunk, JournalVisitor* visitor, Halt* halt);
  // Replays from the place on up to the first frame that is not valid; returns where that is.
  Task<int64_t> ReplayFrom(Found* found, int64_t position, const Found* earlier,
                           JournalVisitor* visitor);
  struct LaterFrame {
    int64_t position = 0;
    FrameHeader header;
  };
  // The first header from `position` on of a frame after `last`.
  Task<std::optional<LaterFrame>> FindLaterFrame(const Found& found, int64_t position,
                                                 LogPosition last);
  // Copies the file and tells the visitor. `bytes`: so much of it may be lost.
  Task<> SetAside(const Found& found, std::string what, int64_t bytes, JournalVisitor* visitor);
  Task<> NameHeaderless(std::vector<Found>* files, LogPosition covered, JournalVisitor* visitor);
  Task<> Adopt(std::vector<Found> files, LogPosition covered);

  // Writer.
  Task<> RunWriter();
  Frame* TakeFrame();
  bool IsFilling() const;
  Task<> WriteFrame(Frame* frame);
  Task<> NextFile();
  Task<> BeginFile(JournalFile next);
  Task<> WriteHeader(JournalFile* file, uint64_t followed_by);
  JournalFile* FindIncarnation(uint64_t incarnation);
  void FinishFrame();
  void Fence(const Status& status);
  // Files.
  Task<> RunFileMaker();
  bool LacksFile() const;
  Task<JournalFile> MakeFile(int64_t bytes);
  std::string PathOf(int64_t number) const;
  void UpdateRoom();
  bool IsLarge(size_t body_bytes) const;
  int64_t KeptFrom(RoomFor what) const;

  // With mutex_: remembers what was asked for in vain and tells who can make room.
  void WantRoom(int64_t bytes, bool is_pinned_full) const;
  bool IsReady(const Frame& frame) const;  // with mutex_
  Frame* OpenFrame(size_t bytes);          // with mutex_
  void WakeWriter();                       // with mutex_

  Env* const env_;
  const Executor executor_;
  const std::shared_ptr<ChunkPool> pool_;
  const JournalOptions options_;
  prometheus::Histogram* flush_seconds_ = nullptr;  // null without metrics, as is the next
  prometheus::Counter* flushed_bytes_ = nullptr;
  Callbacks callbacks_;
  uint64_t journal_id_ = 0;

  // Executor only.
  std::deque<JournalFile> in_use_;       // oldest first; the last one is written
  std::vector<JournalFile> free_;        // zero-filled or old
  std::optional<JournalFile> prepared_;  // for the next large frame
  std::deque<JournalFile> reserved_;     // for large frames, in their order
  std::vector<JournalFile> retired_;     // of another size than file_bytes: to be removed
  int64_t position_ = 0;                 // in the last of in_use_
  uint64_t last_incarnation_ = 0;
  int64_t last_file_number_ = 0;
  LogPosition previous_{0};  // last frame that is durable
  bool is_exact_start_ = true;
  std::optional<Torn> torn_;  // while recovery runs: the frame after previous_ that is not whole
  bool stopping_ = false;
  Event writer_wake_;
  mutable Event maker_wake_;
  TaskScope scope_;

  mutable std::mutex mutex_;  // protects what follows; held for short copies of numbers only
  std::deque<Frame> frames_;
  ChunkPool::Chunk open_chunk_;  // where the next frame goes when frames_ is empty
  size_t open_begin_ = 0;
  LogPosition next_sequence_{1};
  LogPosition durable_{0};
  std::deque<FrameSize> sizes_;
  int64_t covered_bytes_ = 0;  // of bytes_total_, what Recycle covered
  int64_t sizes_base_ = 0;     // bytes of all frames before the first of sizes_
  int64_t bytes_total_ = 0;
  int64_t bytes_unwritten_ = 0;
  int64_t large_bytes_unwritten_ = 0;
  int64_t room_ = 0;       // bytes that the made files can still take
  int64_t rest_room_ = 0;  // of it in the file that is written
  bool writer_waits_ = false;
  // The most room that somebody was told is not there; 0: nobody waits.
  mutable int64_t room_wanted_bytes_ = 0;
  mutable bool pinned_room_wanted_ = false;  // too much is in memory only
  bool closed_ = true;
  Status fence_;
  Status room_error_;
  Status checkpoint_error_;
};

}  // namespace mainstem::storage
