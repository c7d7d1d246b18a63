// Readers that go through a shard's segment files from one batch to the next: remembers where each
// of them stands, so that its next read needs no index, and reads what follows while it is busy
// with what it has. On its shard only.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/env.h"
#include "core/sync.h"
#include "storage/chunk_pool.h"
#include "storage/metadata.h"

namespace mainstem::storage {

// Bytes of a segment file, read at once.
struct FilePiece {
  ChunkPool::Chunk buffer;
  int64_t position = 0;  // of the bytes, in the file
  std::span<std::byte> bytes;
  size_t checked_bytes = 0;  // so many at their beginning are batches with the right checksum
};

// From a file opened for direct reads. Less than `size` only at the end of the file.
Task<FilePiece> ReadPiece(ChunkPool* buffers, std::shared_ptr<File> file, int64_t position,
                          size_t size);

class ReadAhead {
 public:
  // So many readers of a shard may have memory between two reads: two buffers each. The others read
  // what they are asked for, when they are asked.
  static constexpr size_t kHolderCountMax = 4;
  static constexpr size_t kReaderCountMax = 64;  // remembered
  // After so long without a read, another reader may have its buffers.
  static constexpr Duration kIdle = std::chrono::seconds(1);

  class Pending;
  struct Reader {
    uint64_t partition;  // a number that its Segments has from NewPartition
    Offset segment;
    int64_t generation;
    Offset next;           // what it will ask for
    int64_t position = 0;  // of the batch that holds it, in the file
    FilePiece piece{};     // what was read and not handed out yet
    std::shared_ptr<Pending> ahead{};
    std::shared_ptr<void> hold{};  // its share of kHolderCountMax
    TimePoint used{};

    // What the piece has from `position` on.
    std::span<std::byte> Rest() const;
    // Whether the checksum of the batch of so many bytes there was compared already.
    bool IsChecked(size_t batch_bytes) const;
  };

  ReadAhead(Env* env, Executor executor, std::shared_ptr<ChunkPool> buffers);
  // Waits for the reads that are under way.
  Task<> Close();
  uint64_t NewPartition() { return ++partition_count_; }

  // The reader that stands at `from`; the caller has it alone until it is put back.
  std::optional<Reader> Take(uint64_t partition, const SegmentInfo& segment, Offset from);
  void Put(Reader reader);
  // Begins to read at the reader's position: no more than a buffer, nor beyond `end`.
  void Begin(Reader* reader, std::shared_ptr<File> file, int64_t end);
  // What was begun for this position, if it was and did not fail.
  Task<std::optional<FilePiece>> Await(Reader* reader);
  // Gives back the memory of readers that have not come for kIdle.
  void DropIdle();

  // As much as fits in one buffer, wherever it begins in the file.
  size_t piece_bytes() const { return buffers_->chunk_bytes() - 2 * AlignedBuffer::kAlignment; }

 private:
  Task<> ReadInto(std::shared_ptr<Pending> pending, std::shared_ptr<File> file, size_t size);
  std::shared_ptr<void> TakeHold();

  Env* const env_;
  const Executor executor_;
  const std::shared_ptr<ChunkPool> buffers_;
  const std::shared_ptr<size_t> holder_count_ = std::make_shared<size_t>(0);
  uint64_t partition_count_ = 0;
  std::list<Reader> readers_;  // last used first
  TaskScope scope_;
};

}  // namespace mainstem::storage
