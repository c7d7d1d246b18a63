#include "storage/read_ahead.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "storage/batch_walk.h"

namespace mainstem::storage {
namespace {

// HOT PATH: each byte that is read ahead. The batches before the first whose checksum is wrong.
size_t CountChecked(std::span<const std::byte> bytes) {
  BatchWalk walk(bytes);
  size_t checked = 0;
  while (walk.Next() == BatchWalk::Step::kBatch && BatchCrcMatches(walk.batch())) {
    checked += walk.batch().size();
  }
  return checked;
}

}  // namespace

Task<FilePiece> ReadPiece(ChunkPool* buffers, std::shared_ptr<File> file, int64_t position,
                          size_t size) {
  // Direct reads begin and end at a block.
  size_t before = static_cast<size_t>(position) % AlignedBuffer::kAlignment;
  size_t padded = AlignedBuffer::AlignUp(before + size);
  FilePiece piece{.buffer = buffers->Take(padded), .position = position, .bytes = {}};
  std::span<std::byte> into = piece.buffer->span().first(padded);
  CO_ASSIGN_OR_RETURN(size_t count,
                      co_await file->ReadAt(position - static_cast<int64_t>(before), into));
  size_t got = std::min(size, count - std::min(count, before));
  piece.bytes = into.subspan(before, got);
  co_return piece;
}

class ReadAhead::Pending {
 public:
  Pending(Executor executor, int64_t position) : position(position), progress(executor) {}
  // True for the first who asks: the one who checks the piece.
  bool Claim() { return !claimed_.exchange(true); }

  const int64_t position;
  std::optional<Result<FilePiece>> outcome;  // of the read
  bool is_checked = false;
  Event progress;

 private:
  std::atomic<bool> claimed_{false};
};

std::span<std::byte> ReadAhead::Reader::Rest() const {
  int64_t skip = position - piece.position;
  if (skip < 0 || skip >= static_cast<int64_t>(piece.bytes.size())) return {};
  return piece.bytes.subspan(static_cast<size_t>(skip));
}

bool ReadAhead::Reader::IsChecked(size_t batch_bytes) const {
  int64_t checked_end = piece.position + static_cast<int64_t>(piece.checked_bytes);
  return position + static_cast<int64_t>(batch_bytes) <= checked_end;
}

ReadAhead::ReadAhead(Env* env, Executor executor, std::shared_ptr<ChunkPool> buffers)
    : env_(env),
      executor_(executor),
      buffers_(std::move(buffers)),
      // A failed read is the reader's to report, if it still comes.
      scope_(executor, "read ahead", [](const std::string&, const Status&) {}) {}

Task<> ReadAhead::Close() {
  readers_.clear();
  CO_RETURN_IF_ERROR(co_await scope_.Join());
  co_return co_await scope_.Close();
}

std::shared_ptr<void> ReadAhead::TakeHold() {
  if (*holder_count_ >= kHolderCountMax) DropIdle();
  if (*holder_count_ >= kHolderCountMax) return nullptr;
  ++*holder_count_;
  return {this, [count = holder_count_](void*) { --*count; }};
}

std::optional<ReadAhead::Reader> ReadAhead::Take(uint64_t partition, const SegmentInfo& segment,
                                                 Offset from) {
  auto stands_there = [&](const Reader& reader) {
    return reader.partition == partition && reader.next == from;
  };
  auto it = std::find_if(readers_.begin(), readers_.end(), stands_there);
  if (it == readers_.end()) return std::nullopt;
  Reader reader = std::move(*it);
  readers_.erase(it);
  if (reader.segment != segment.base_offset || reader.generation != segment.generation) {
    // It came to the end of a segment, else compaction has put another file there.
    if (from != segment.base_offset) return std::nullopt;
    reader = {.partition = partition,
              .segment = segment.base_offset,
              .generation = segment.generation,
              .next = from,
              .hold = std::move(reader.hold)};
  }
  if (!reader.hold) reader.hold = TakeHold();
  return reader;
}

void ReadAhead::Put(Reader reader) {
  reader.used = env_->Now();
  if (!reader.hold) reader.piece = {};
  if (reader.Rest().empty() && !reader.ahead) reader.hold.reset();
  readers_.push_front(std::move(reader));
  if (readers_.size() > kReaderCountMax) readers_.pop_back();
}

void ReadAhead::DropIdle() {
  TimePoint before = env_->Now() - kIdle;
  for (Reader& reader : readers_) {
    if (reader.used > before) continue;
    reader.piece = {};
    reader.ahead.reset();
    reader.hold.reset();
  }
}

void ReadAhead::Begin(Reader* reader, std::shared_ptr<File> file, int64_t end) {
  reader->ahead.reset();
  int64_t left = std::min(end - reader->position, static_cast<int64_t>(piece_bytes()));
  if (!reader->hold || left <= 0 || scope_.cancelled()) return;
  reader->ahead = std::make_shared<Pending>(executor_, reader->position);
  scope_.Spawn("read", ReadInto(reader->ahead, std::move(file), static_cast<size_t>(left)));
}

Task<> ReadAhead::ReadInto(std::shared_ptr<Pending> pending, std::shared_ptr<File> file,
                           size_t size) {
  pending->outcome = co_await ReadPiece(buffers_.get(), std::move(file), pending->position, size);
  pending->progress.NotifyAll();
  CO_RETURN_IF_ERROR(pending->outcome->status());
  // The checksums are compared beside the answers, unless the pool is busy with other work until
  // somebody comes for the piece.
  auto check = [pending]() -> Result<size_t> {
    if (!pending->Claim()) return 0;
    return CountChecked((*pending->outcome)->bytes);
  };
  CO_ASSIGN_OR_RETURN((*pending->outcome)->checked_bytes,
                      co_await env_->blocking_pool().Run(check));
  pending->is_checked = true;
  pending->progress.NotifyAll();
  co_return Status::OK();
}

Task<std::optional<FilePiece>> ReadAhead::Await(Reader* reader) {
  std::optional<FilePiece> piece;
  std::shared_ptr<Pending> pending = std::exchange(reader->ahead, nullptr);
  if (!pending || pending->position != reader->position) co_return piece;
  while (!pending->outcome) CO_RETURN_IF_ERROR(co_await pending->progress.Wait());
  if (!pending->outcome->ok()) co_return piece;
  if (!pending->Claim()) {
    while (!pending->is_checked) CO_RETURN_IF_ERROR(co_await pending->progress.Wait());
  }
  piece = **pending->outcome;  // whose buffer the check may look for yet
  co_return piece;
}

}  // namespace mainstem::storage
