// HOT PATH: Reserve, Complete and the writer's loop run for each append and each flush.
#include "storage/journal.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace mainstem::storage {

using namespace std::chrono_literals;

namespace {

// Of one write of zeros: each costs a flush of the disk.
constexpr size_t kZeroFillBytes = size_t{4} << 20;
// The file that a start makes when none is free: small, so that the first record need not wait
// until the disk took a whole file of zeros. In chunks; half of them are the slack of HasRoom.
constexpr int64_t kFirstFileChunks = 4;
// What is kept for changes that free the disk: a share of a file, each change takes a block or
// more.
constexpr int64_t kKeptFileShare = 64;
constexpr int64_t kKeptBlocksMin = 4;
constexpr auto kMakeFileRetry = 1s;
const std::vector<double> kFlushSeconds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                           0.025,  0.05,    0.1,    0.25,  0.5,    1,     2.5};

}  // namespace

Journal::Journal(Env* env, Executor executor, std::shared_ptr<ChunkPool> pool,
                 JournalOptions options)
    : env_(env),
      executor_(executor),
      pool_(std::move(pool)),
      options_(std::move(options)),
      writer_wake_(executor),
      maker_wake_(executor),
      scope_(executor, "journal",
             [this](const std::string&, const Status& status) { Fence(status); }) {
  CHECK(options_.file_bytes % static_cast<int64_t>(kJournalBlockBytes) == 0);
  CHECK(options_.file_bytes >= 4 * static_cast<int64_t>(pool_->chunk_bytes()));
  if (options_.metrics == nullptr) return;
  flush_seconds_ = &options_.metrics->AddHistogram(
      {.name = "mainstem_journal_flush_seconds",
       .help = "one durable write of the journal: what acknowledgements wait for"},
      kFlushSeconds);
  flushed_bytes_ = &options_.metrics->AddCounter(
      {.name = "mainstem_journal_flushed_bytes_total", .help = "written to the journal"});
}

Journal::~Journal() = default;

Task<> Journal::Start(Callbacks callbacks) {
  callbacks_ = std::move(callbacks);
  if (free_.empty()) {
    int64_t chunk_bytes = static_cast<int64_t>(pool_->chunk_bytes());
    int64_t bytes = std::min(options_.file_bytes, kFirstFileChunks * chunk_bytes);
    CO_ASSIGN_OR_RETURN(JournalFile made, co_await MakeFile(bytes));
    free_.push_back(std::move(made));
  }
  CO_RETURN_IF_ERROR(co_await NextFile());
  {
    std::lock_guard lock(mutex_);
    closed_ = false;
  }
  scope_.Spawn("writer", RunWriter());
  scope_.Spawn("file maker", RunFileMaker());
  co_return Status::OK();
}

Task<> Journal::Stop() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  stopping_ = true;
  writer_wake_.NotifyAll();
  maker_wake_.NotifyAll();
  Status ended = co_await scope_.Join();
  Status closed = co_await scope_.Close();
  CO_RETURN_IF_ERROR(ended);
  co_return closed;
}

// ---------------------------------------------------------------- filling frames

size_t Journal::body_bytes_max() const {
  return static_cast<size_t>(options_.file_bytes) / 2 - 2 * kJournalBlockBytes;
}

bool Journal::IsLarge(size_t body_bytes) const {
  return FrameSpace(body_bytes) > FrameSpace(body_bytes_max());
}

int64_t Journal::KeptFrom(RoomFor what) const {
  if (what == RoomFor::kFreeing) return 0;
  return std::max(options_.file_bytes / kKeptFileShare,
                  kKeptBlocksMin * static_cast<int64_t>(kJournalBlockBytes));
}

bool Journal::HasRoom(size_t bytes, RoomFor what) const {
  std::lock_guard lock(mutex_);
  if (!fence_.ok() || closed_) return true;  // Reserve says why not
  bool is_large = IsLarge(bytes);
  // A large one brings its own file, and the memory that it is in already; half free is enough.
  int64_t pinned = bytes_total_ - covered_bytes_ + bytes_unwritten_;
  int64_t size = static_cast<int64_t>(bytes);
  int64_t kept = KeptFrom(what);
  int64_t pinned_max = options_.pinned_bytes_max + KeptFrom(RoomFor::kAnything) - kept;
  bool is_pinned_full =
      is_large ? pinned > pinned_max / 2 : pinned > 0 && pinned + size > pinned_max;
  // A frame that does not fit the rest of a file leaves that rest unused; a large one always does.
  size_t largest = is_large ? pool_->chunk_bytes() : FrameSpace(bytes);
  int64_t slack = 2 * static_cast<int64_t>(std::max(pool_->chunk_bytes(), largest));
  int64_t needed = bytes_unwritten_ - large_bytes_unwritten_ + (is_large ? 0 : size) + slack + kept;
  bool loses_rest = is_large || large_bytes_unwritten_ > 0;
  if (!is_pinned_full && needed <= room_ - (loses_rest ? rest_room_ : 0)) return true;
  WantRoom(needed, is_pinned_full);
  return false;
}

void Journal::WantRoom(int64_t bytes, bool is_pinned_full) const {
  bool is_news = bytes > room_wanted_bytes_ || (is_pinned_full && !pinned_room_wanted_);
  room_wanted_bytes_ = std::max(room_wanted_bytes_, bytes);
  pinned_room_wanted_ |= is_pinned_full;
  if (!is_news) return;
  executor_.scheduler()->Post(UniqueFunction([this] {
    maker_wake_.NotifyAll();
    callbacks_.on_room_wanted();
  }));
}

bool Journal::NeedsCheckpoint() const {
  std::lock_guard lock(mutex_);
  bool is_full = static_cast<int64_t>(file_count()) >= options_.file_count_max;
  return pinned_room_wanted_ || (is_full && (free_.empty() || room_ < room_wanted_bytes_));
}

Status Journal::room_error() const {
  std::lock_guard lock(mutex_);
  return room_error_.ok() ? checkpoint_error_ : room_error_;
}

void Journal::SetCheckpointError(Status status) {
  {
    std::lock_guard lock(mutex_);
    checkpoint_error_ = std::move(status);
  }
  callbacks_.on_room();
}

LogPosition Journal::durable() const {
  std::lock_guard lock(mutex_);
  return durable_;
}

Result<Reservation> Journal::Reserve(size_t bytes, uint32_t entry_count, uint64_t shard_mask) {
  CHECK(bytes <= kLargeBodyBytesMax);
  std::lock_guard lock(mutex_);
  if (!fence_.ok()) return fence_;
  if (closed_) return MakeError(ErrorCode::kUnavailable, "the log is stopped");
  Frame* frame = OpenFrame(bytes);
  Reservation reservation{.chunk = frame->chunk,
                          .data = frame->chunk->data() + frame->begin + frame->used,
                          .bytes = bytes,
                          .sequence = frame->sequence,
                          .seed = frame->seed};
  frame->used += bytes;
  frame->entry_count += entry_count;
  frame->copying_count += 1;
  frame->shard_mask |= shard_mask;
  if (IsLarge(bytes)) {
    CHECK(prepared_.has_value());
    reserved_.push_back(std::move(*prepared_));
    prepared_.reset();
    frame->large_bytes = static_cast<int64_t>(bytes);
    large_bytes_unwritten_ += frame->large_bytes;
  }
  bytes_unwritten_ += static_cast<int64_t>(bytes);
  return reservation;
}

Journal::Frame* Journal::OpenFrame(size_t bytes) {
  ChunkPool::Chunk chunk;
  size_t begin = 0;
  if (!frames_.empty()) {
    Frame& last = frames_.back();
    bool fits =
        last.begin + FrameSpace(last.used - kFrameHeaderBytes + bytes) <= last.chunk->size();
    if (!last.sealed && fits) return &last;
    last.sealed = true;
    begin = last.begin + FrameSpace(last.used - kFrameHeaderBytes);
    chunk = last.chunk;
  } else if (open_chunk_) {
    begin = open_begin_;
    chunk = open_chunk_;
  }
  if (!chunk || begin + FrameSpace(bytes) > chunk->size()) {
    chunk = pool_->Take(FrameSpace(bytes));
    begin = 0;
  }
  Frame& frame = frames_.emplace_back();
  frame.chunk = std::move(chunk);
  frame.begin = begin;
  frame.sequence = next_sequence_;
  frame.seed = FrameSeed(journal_id_, frame.sequence);
  ++next_sequence_;
  return &frame;
}

void Journal::Complete(const Reservation& reservation) {
  std::lock_guard lock(mutex_);
  if (frames_.empty()) return;  // fenced meanwhile
  int64_t index = reservation.sequence - frames_.front().sequence;
  Frame& frame = frames_[static_cast<size_t>(index)];
  CHECK(frame.copying_count > 0);
  --frame.copying_count;
  if (writer_waits_ && IsReady(frames_.front())) WakeWriter();
}

bool Journal::IsFilling() const {
  std::lock_guard lock(mutex_);
  return !frames_.empty();
}

bool Journal::IsReady(const Frame& frame) const {
  return frame.copying_count == 0 && frame.entry_count > 0;
}

void Journal::WakeWriter() {
  writer_waits_ = false;
  executor_.scheduler()->Post(UniqueFunction([this] { writer_wake_.NotifyAll(); }));
}

// ---------------------------------------------------------------- writing frames

Journal::Frame* Journal::TakeFrame() {
  std::lock_guard lock(mutex_);
  if (!frames_.empty()) frames_.front().sealed = true;
  if (frames_.empty() || !IsReady(frames_.front())) {
    writer_waits_ = true;
    return nullptr;
  }
  return &frames_.front();
}

Task<> Journal::RunWriter() {
  while (true) {
    Frame* frame = TakeFrame();
    if (frame == nullptr) {
      if (stopping_ && !IsFilling()) co_return Status::OK();
      CO_RETURN_IF_ERROR(co_await writer_wake_.Wait());
      continue;
    }
    CO_RETURN_IF_ERROR(co_await WriteFrame(frame));
    env_->CrashPoint("journal.flush");
    FinishFrame();
  }
}

Task<> Journal::WriteFrame(Frame* frame) {
  size_t space = FrameSpace(frame->used - kFrameHeaderBytes);
  if (frame->large_bytes > 0) {
    JournalFile own = std::move(reserved_.front());
    reserved_.pop_front();
    CO_RETURN_IF_ERROR(co_await BeginFile(std::move(own)));
  } else if (position_ + static_cast<int64_t>(space) > in_use_.back().bytes) {
    CO_RETURN_IF_ERROR(co_await NextFile());
  }
  std::byte* at = frame->chunk->data() + frame->begin;
  FrameHeader header{.journal_id = journal_id_,
                     .incarnation = in_use_.back().incarnation,
                     .sequence = frame->sequence,
                     .previous = previous_,
                     .body_bytes = static_cast<uint32_t>(frame->used - kFrameHeaderBytes),
                     .entry_count = frame->entry_count};
  EncodeFrameHeader(header, at);
  std::memset(at + frame->used, 0, space - frame->used);
  std::span<const std::byte> bytes(at, space);
  TimePoint began = env_->Now();
  CO_RETURN_IF_ERROR(co_await in_use_.back().file->WriteAt(position_, bytes));
  if (flush_seconds_ != nullptr) {
    flush_seconds_->Observe(std::chrono::duration<double>(env_->Now() - began).count());
    flushed_bytes_->Increment(static_cast<double>(space));
  }
  position_ += static_cast<int64_t>(space);
  previous_ = frame->sequence;
  in_use_.back().last_sequence = frame->sequence;
  co_return Status::OK();
}

void Journal::FinishFrame() {
  LogPosition durable;
  uint64_t mask = 0;
  bool room_wanted = false;
  {
    std::lock_guard lock(mutex_);
    Frame& frame = frames_.front();
    int64_t space = static_cast<int64_t>(FrameSpace(frame.used - kFrameHeaderBytes));
    durable_ = durable = frame.sequence;
    mask = frame.shard_mask;
    room_wanted = std::exchange(room_wanted_bytes_, 0) > 0;
    pinned_room_wanted_ = false;
    bytes_unwritten_ -= static_cast<int64_t>(frame.used - kFrameHeaderBytes);
    large_bytes_unwritten_ -= frame.large_bytes;
    bytes_total_ += space;
    sizes_.push_back({frame.sequence, bytes_total_});
    if (frames_.size() == 1) {
      open_chunk_ = frame.chunk;
      open_begin_ = frame.begin + static_cast<size_t>(space);
    }
    frames_.pop_front();
  }
  UpdateRoom();
  callbacks_.on_durable(durable, mask);
  if (room_wanted) callbacks_.on_room();
}

void Journal::Fence(const Status& status) {
  {
    std::lock_guard lock(mutex_);
    if (!fence_.ok()) return;
    ErrorText text = TextOf(status);
    text.message = "the journal could not be written: " + text.message;
    text.hint = "restart the node when the disk works again; nothing acknowledged is lost";
    fence_ = MakeError(ErrorCode::kStorageError, text);
    frames_.clear();
    bytes_unwritten_ = large_bytes_unwritten_ = 0;
  }
  stopping_ = true;
  maker_wake_.NotifyAll();
  callbacks_.on_fenced(fence_);
}

// ---------------------------------------------------------------- files

std::string Journal::PathOf(int64_t number) const {
  return fmt::format("{}/journal-{:04}", options_.folder, number);
}

Task<> Journal::NextFile() {
  if (free_.empty()) {
    CO_ASSIGN_OR_RETURN(JournalFile made, co_await MakeFile(options_.file_bytes));
    free_.push_back(std::move(made));
  }
  JournalFile next = std::move(free_.back());
  free_.pop_back();
  co_return co_await BeginFile(std::move(next));
}

Task<> Journal::BeginFile(JournalFile next) {
  JournalFile* last = FindIncarnation(last_incarnation_);
  next.incarnation = ++last_incarnation_;
  next.last_sequence = previous_;
  CO_RETURN_IF_ERROR(co_await WriteHeader(&next, 0));
  // From here on this file is missed when it is not there.
  if (last != nullptr) CO_RETURN_IF_ERROR(co_await WriteHeader(last, next.incarnation));
  in_use_.push_back(std::move(next));
  position_ = static_cast<int64_t>(kJournalBlockBytes);
  UpdateRoom();
  maker_wake_.NotifyAll();
  co_return Status::OK();
}

Task<> Journal::WriteHeader(JournalFile* file, uint64_t followed_by) {
  AlignedBuffer block(kJournalBlockBytes);
  JournalFileHeader header{.journal_id = journal_id_,
                           .incarnation = file->incarnation,
                           .followed_by = followed_by,
                           .file_bytes = file->bytes};
  EncodeFileHeader(header, block.data());
  std::span<const std::byte> bytes = block.span();
  co_return co_await file->file->WriteAt(0, bytes);
}

// Null: it was written over, or removed. Once the file maker runs, it is the last one in use.
Journal::JournalFile* Journal::FindIncarnation(uint64_t incarnation) {
  if (!in_use_.empty() && in_use_.back().incarnation == incarnation) return &in_use_.back();
  for (std::vector<JournalFile>* files : {&free_, &retired_}) {
    for (JournalFile& file : *files) {
      if (file.incarnation == incarnation && incarnation != 0) return &file;
    }
  }
  return nullptr;
}

void Journal::UpdateRoom() {
  int64_t usable = options_.file_bytes - static_cast<int64_t>(kJournalBlockBytes);
  std::lock_guard lock(mutex_);
  rest_room_ = in_use_.empty() ? 0 : in_use_.back().bytes - position_;
  room_ = rest_room_ + static_cast<int64_t>(free_.size()) * usable;
}

Task<> Journal::PrepareLarge(size_t body_bytes) {
  int64_t bytes = static_cast<int64_t>(kJournalBlockBytes + FrameSpace(body_bytes));
  if (prepared_ && prepared_->bytes >= bytes) co_return Status::OK();  // it was not reserved then
  if (prepared_) retired_.push_back(std::move(*prepared_));
  prepared_.reset();
  maker_wake_.NotifyAll();
  CO_ASSIGN_OR_RETURN(JournalFile made, co_await MakeFile(bytes));
  prepared_ = std::move(made);
  co_return Status::OK();
}

Task<Journal::JournalFile> Journal::MakeFile(int64_t bytes) {
  JournalFile made{.path = PathOf(++last_file_number_), .bytes = bytes};
  OpenOptions how{.write = true, .create = true, .truncate = true, .direct_durable = true};
  CO_ASSIGN_OR_RETURN(made.file, co_await env_->files().Open(made.path, how));
  AlignedBuffer zeros(std::min(kZeroFillBytes, static_cast<size_t>(bytes)));
  for (int64_t at = 0; at < bytes; at += static_cast<int64_t>(zeros.size())) {
    size_t size = std::min(zeros.size(), static_cast<size_t>(bytes - at));
    std::span<const std::byte> piece = zeros.span().first(size);
    Status written = co_await made.file->WriteAt(at, piece);
    if (!written.ok()) {
      made.file.reset();
      IgnoreError(co_await env_->files().Remove(made.path), "recovery removes short files");
      co_return written;
    }
  }
  CO_RETURN_IF_ERROR(co_await env_->files().SyncDirectory(options_.folder));
  co_return made;
}

// Keeps one file ahead, so that the writer never waits for one to be filled, and makes more when
// somebody waits for more room than there is.
Task<> Journal::RunFileMaker() {
  while (!stopping_) {
    if (!retired_.empty()) {
      std::string path = retired_.back().path;
      retired_.pop_back();
      IgnoreError(co_await env_->files().Remove(std::move(path)), "it is tried at each start");
      continue;  // it may be time to stop
    }
    bool may_grow = static_cast<int64_t>(file_count()) < options_.file_count_max;
    if (!may_grow || !LacksFile()) {
      CO_RETURN_IF_ERROR(co_await maker_wake_.Wait());
      continue;
    }
    Result<JournalFile> made = co_await MakeFile(options_.file_bytes);
    {
      std::lock_guard lock(mutex_);
      room_error_ = made.status();
    }
    if (made.ok()) {
      free_.push_back(std::move(made).ValueUnsafe());
      UpdateRoom();
      callbacks_.on_room();
    } else {
      callbacks_.on_room();
      TimePoint retry = env_->Now() + kMakeFileRetry;
      CO_RETURN_IF_ERROR(co_await maker_wake_.Wait(retry));
    }
  }
  co_return Status::OK();
}

bool Journal::LacksFile() const {
  std::lock_guard lock(mutex_);
  return free_.empty() || room_ < room_wanted_bytes_;
}

void Journal::Recycle(LogPosition covered) {
  while (in_use_.size() > 1 && in_use_.front().last_sequence <= covered) {
    bool usable = in_use_.front().bytes == options_.file_bytes;
    (usable ? free_ : retired_).push_back(std::move(in_use_.front()));
    in_use_.pop_front();
  }
  {
    std::lock_guard lock(mutex_);
    // Frames that are forgotten are in segments, which a checkpoint covers first.
    covered_bytes_ = std::max(covered_bytes_, sizes_base_);
    for (const FrameSize& size : sizes_) {
      if (size.sequence > covered) break;
      covered_bytes_ = std::max(covered_bytes_, size.end);
    }
    room_wanted_bytes_ = 0;  // who still lacks room says so again
    pinned_room_wanted_ = false;
  }
  UpdateRoom();
  maker_wake_.NotifyAll();
  callbacks_.on_room();
}

// ---------------------------------------------------------------- sizes

int64_t Journal::pinned_bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_total_ - covered_bytes_ + bytes_unwritten_;
}

int64_t Journal::cached_bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_total_ - sizes_base_ + bytes_unwritten_;
}

LogPosition Journal::PositionBefore(int64_t bytes) const {
  std::lock_guard lock(mutex_);
  LogPosition position{0};
  if (bytes_total_ - sizes_base_ + bytes_unwritten_ <= bytes) return position;
  for (const FrameSize& size : sizes_) {
    position = size.sequence;
    if (bytes_total_ - size.end + bytes_unwritten_ <= bytes) break;
  }
  return position;
}

void Journal::ForgetSizes(LogPosition position) {
  std::lock_guard lock(mutex_);
  while (!sizes_.empty() && sizes_.front().sequence <= position) {
    sizes_base_ = sizes_.front().end;
    sizes_.pop_front();
  }
}

}  // namespace mainstem::storage
