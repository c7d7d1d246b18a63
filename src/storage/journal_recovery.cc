// Reading the journal back: the ordinary start.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "storage/journal.h"

namespace mainstem::storage {

struct Journal::Found {
  std::string path;
  int64_t number = 0;
  int64_t bytes = 0;
  std::unique_ptr<File> file{};
  std::optional<JournalFileHeader> header{};
  LogPosition last_sequence{0};
};

namespace {

constexpr size_t kScanBytes = size_t{1} << 20;
constexpr std::string_view kPrefix = "journal-";

std::optional<int64_t> NumberOf(const std::string& name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  int64_t number = 0;
  const char* end = name.data() + name.size();
  auto [stop, error] = std::from_chars(name.data() + kPrefix.size(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace

Task<std::vector<Journal::Found>> Journal::FindFiles() {
  std::vector<Found> files;
  CO_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries,
                      co_await env_->files().List(options_.folder));
  for (const DirectoryEntry& entry : entries) {
    std::optional<int64_t> number = NumberOf(entry.name);
    if (!number || entry.is_directory) continue;
    Found found{.path = options_.folder + "/" + entry.name, .number = *number, .bytes = entry.size};
    last_file_number_ = std::max(last_file_number_, *number);
    OpenOptions how;
    CO_ASSIGN_OR_RETURN(found.file, co_await env_->files().Open(found.path, how));
    std::vector<std::byte> block(kJournalBlockBytes);
    std::span<std::byte> into(block);
    CO_ASSIGN_OR_RETURN(size_t count, co_await found.file->ReadAt(0, into));
    found.header = DecodeFileHeader(into.first(count));
    if (found.header) last_incarnation_ = std::max(last_incarnation_, found.header->incarnation);
    files.push_back(std::move(found));
  }
  auto order = [](const Found& a, const Found& b) {
    uint64_t first = a.header ? a.header->incarnation : 0;
    uint64_t second = b.header ? b.header->incarnation : 0;
    return std::pair(first, a.number) < std::pair(second, b.number);
  };
  std::sort(files.begin(), files.end(), order);
  co_return files;
}

Status Journal::ChooseIdentity(uint64_t journal_id, const std::vector<Found>& files) {
  journal_id_ = journal_id;
  for (const Found& found : files) {
    if (!found.header) continue;
    if (journal_id_ == 0) journal_id_ = found.header->journal_id;
    if (found.header->journal_id != journal_id_) {
      return MakeError(ErrorCode::kCorruptStorage,
                       {.message = fmt::format("'{}' belongs to another data folder", found.path),
                        .hint = "move the file away"});
    }
  }
  while (journal_id_ == 0) journal_id_ = env_->Random();
  return Status::OK();
}

Task<> Journal::Recover(uint64_t journal_id, LogPosition covered, JournalVisitor* visitor) {
  CO_RETURN_IF_ERROR(co_await env_->files().CreateDirectories(options_.folder));
  CO_ASSIGN_OR_RETURN(std::vector<Found> files, co_await FindFiles());
  CO_RETURN_IF_ERROR(ChooseIdentity(journal_id, files));
  previous_ = covered;
  for (Found& found : files) {
    if (found.header) {
      CO_RETURN_IF_ERROR(co_await ReplayFile(&found, covered, visitor));
      continue;
    }
    // Never used, or its header was being written over: then all it holds is covered.
    int64_t begin = static_cast<int64_t>(kJournalBlockBytes);
    CO_ASSIGN_OR_RETURN(auto later, co_await FindLaterFrame(found, begin, covered));
    if (later) {
      std::string what = "its header is broken";
      co_return co_await ReportCorruption(found, what);
    }
  }
  {
    std::lock_guard lock(mutex_);
    durable_ = previous_;
    // The number of a frame that may lie torn in the old file is never used again.
    next_sequence_ = previous_ + 2;
  }
  co_return co_await Adopt(std::move(files), covered);
}

Task<> Journal::ReplayFile(Found* found, LogPosition covered, JournalVisitor* visitor) {
  int64_t position = static_cast<int64_t>(kJournalBlockBytes);
  size_t wanted = 0;
  bool ended = false;
  while (!ended && position < found->bytes) {
    size_t size = std::max(wanted, pool_->chunk_bytes());
    size = std::min(size, static_cast<size_t>(found->bytes - position));
    ChunkPool::Chunk chunk = pool_->Take(size);
    std::span<std::byte> into = chunk->span().first(size);
    CO_ASSIGN_OR_RETURN(size_t count, co_await found->file->ReadAt(position, into));
    std::span<const std::byte> bytes = into.first(count);
    Result<size_t> taken = ReplayFrames(found, position, bytes, chunk, visitor, &wanted, &ended);
    if (Is(taken.status(), ErrorCode::kCorruptStorage)) {
      std::string what = TextOf(taken.status()).message;
      co_return co_await ReportCorruption(*found, what);
    }
    CO_RETURN_IF_ERROR(taken);
    if (*taken == 0 && wanted <= bytes.size()) ended = true;
    position += static_cast<int64_t>(*taken);
    CO_RETURN_IF_ERROR(co_await visitor->OnPause());
  }
  if (position >= found->bytes) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(auto later, co_await FindLaterFrame(*found, position, previous_));
  if (!later) co_return Status::OK();
  std::string what = fmt::format(
      "the frame at byte {} is broken, but frame {} after it was written", position, *later);
  co_return co_await ReportCorruption(*found, what);
}

Result<size_t> Journal::ReplayFrames(Found* found, int64_t position,
                                     std::span<const std::byte> bytes,
                                     const ChunkPool::Chunk& chunk, JournalVisitor* visitor,
                                     size_t* wanted, bool* ended) {
  size_t at = 0;
  *wanted = 0;
  while (at + kFrameHeaderBytes <= bytes.size()) {
    std::optional<FrameHeader> header = DecodeFrameHeader(bytes.subspan(at));
    bool ours = header && header->journal_id == journal_id_ &&
                header->incarnation == found->header->incarnation;
    size_t space = ours ? FrameSpace(header->body_bytes) : 0;
    if (!ours || position + static_cast<int64_t>(at + space) > found->bytes) {
      *ended = true;
      return at;
    }
    if (at + space > bytes.size()) {
      *wanted = space;
      return at;
    }
    if (header->sequence > previous_) {
      if (header->previous != previous_) {
        return MakeError(ErrorCode::kCorruptStorage,
                         fmt::format("frame {} follows {}, but the last one found is {}",
                                     header->sequence, header->previous, previous_));
      }
      // All entries are checked before the first is applied: a frame counts as a whole.
      std::span<const std::byte> body = bytes.subspan(at + kFrameHeaderBytes, header->body_bytes);
      uint32_t seed = FrameSeed(journal_id_, header->sequence);
      std::vector<EntryView> entries;
      size_t read = 0;
      while (read < body.size() && entries.size() < header->entry_count) {
        std::optional<EntryView> entry = DecodeEntry(body.subspan(read), seed);
        if (!entry) break;
        read += entry->space;
        entries.push_back(*entry);
      }
      if (read != body.size() || entries.size() != header->entry_count) {
        *ended = true;
        return at;
      }
      for (const EntryView& entry : entries) {
        RETURN_IF_ERROR(visitor->OnEntry(entry, header->sequence, chunk));
      }
      previous_ = header->sequence;
      std::lock_guard lock(mutex_);
      bytes_total_ += static_cast<int64_t>(space);
      sizes_.push_back({header->sequence, bytes_total_});
    }
    found->last_sequence = std::max(found->last_sequence, header->sequence);
    at += space;
  }
  return at;
}

Task<std::optional<LogPosition>> Journal::FindLaterFrame(const Found& found, int64_t position,
                                                         LogPosition last) {
  AlignedBuffer buffer(kScanBytes);
  while (position < found.bytes) {
    size_t size = std::min(buffer.size(), static_cast<size_t>(found.bytes - position));
    std::span<std::byte> into = buffer.span().first(size);
    CO_ASSIGN_OR_RETURN(size_t count, co_await found.file->ReadAt(position, into));
    for (size_t at = 0; at + kFrameHeaderBytes <= count; at += kJournalBlockBytes) {
      std::optional<FrameHeader> header = DecodeFrameHeader(into.first(count).subspan(at));
      if (!header || header->journal_id != journal_id_) continue;
      if (found.header && header->incarnation != found.header->incarnation) continue;
      // The one that was being written when the power went may have left its own header.
      bool is_the_torn_one = header->previous == last && found.header;
      if (header->sequence > last && !is_the_torn_one) co_return header->sequence;
    }
    position += static_cast<int64_t>(size);
  }
  co_return std::optional<LogPosition>();
}

Task<> Journal::ReportCorruption(const Found& found, std::string what) {
  std::string copy = fmt::format("{}.set-aside", found.path);
  OpenOptions how{.write = true, .create = true, .truncate = true};
  CO_ASSIGN_OR_RETURN(std::unique_ptr<File> target, co_await env_->files().Open(copy, how));
  AlignedBuffer buffer(kScanBytes);
  for (int64_t at = 0; at < found.bytes; at += static_cast<int64_t>(kScanBytes)) {
    std::span<std::byte> into = buffer.span();
    CO_ASSIGN_OR_RETURN(size_t count, co_await found.file->ReadAt(at, into));
    std::span<const std::byte> piece = into.first(count);
    CO_RETURN_IF_ERROR(co_await target->WriteAt(at, piece));
  }
  CO_RETURN_IF_ERROR(co_await target->Sync());
  co_return MakeError(
      ErrorCode::kCorruptStorage,
      {.message = fmt::format("the journal file '{}' is damaged: {}", found.path, what),
       .detail = fmt::format("nothing was changed; a copy is at '{}'", copy),
       .hint = "restore the file from a backup, or move the data folder away to begin anew"});
}

// Opens the files for writing over, once what they hold is durable elsewhere.
Task<> Journal::Adopt(std::vector<Found> files, LogPosition covered) {
  for (Found& found : files) {
    found.file.reset();
    if (!found.header && found.bytes != options_.file_bytes) {
      CO_RETURN_IF_ERROR(co_await env_->files().Remove(found.path));
      continue;
    }
    JournalFile file{.path = found.path,
                     .bytes = found.bytes,
                     .incarnation = found.header ? found.header->incarnation : 0,
                     .last_sequence = found.last_sequence};
    OpenOptions how{.write = true, .direct_durable = true};
    CO_ASSIGN_OR_RETURN(file.file, co_await env_->files().Open(found.path, how));
    if (found.last_sequence > covered) {
      in_use_.push_back(std::move(file));
    } else {
      (file.bytes == options_.file_bytes ? free_ : retired_).push_back(std::move(file));
    }
  }
  co_return Status::OK();
}

}  // namespace mainstem::storage
