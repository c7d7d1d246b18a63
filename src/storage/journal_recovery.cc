// Reading the journal back: the ordinary start.
#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>

#include "storage/journal.h"
#include "storage/set_aside.h"

namespace mainstem::storage {

struct Journal::Found {
  std::string path;
  int64_t number = 0;
  int64_t bytes = 0;
  std::unique_ptr<File> file{};
  std::optional<JournalFileHeader> header{};
  bool is_blank = false;  // zeros where a header should be
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
    if (IsOfLaterFormat(into.first(count))) {
      co_return MakeError(ErrorCode::kUnsupported,
                          {.message = fmt::format(
                               "'{}' was written by a later version of this program", found.path),
                           .hint = "start that version again; nothing was changed"});
    }
    found.is_blank = std::all_of(block.begin(), block.begin() + static_cast<ptrdiff_t>(count),
                                 [](std::byte byte) { return byte == std::byte{0}; });
    found.header = DecodeFileHeader(into.first(count));
    if (found.header) last_incarnation_ = std::max(last_incarnation_, found.header->incarnation);
    files.push_back(std::move(found));
  }
  co_return files;
}

// Not known: that of most files. Those of another data folder are set aside.
Task<> Journal::ChooseIdentity(uint64_t journal_id, std::vector<Found>* files,
                               JournalVisitor* visitor) {
  journal_id_ = journal_id;
  std::map<uint64_t, int> counts;
  for (const Found& found : *files) {
    if (found.header && journal_id_ == 0) ++counts[found.header->journal_id];
  }
  int most = 0;
  for (const auto& [id, count] : counts) {
    if (count <= most) continue;
    most = count;
    journal_id_ = id;
  }
  while (journal_id_ == 0) journal_id_ = env_->Random();
  auto is_foreign = [this](const Found& found) {
    return found.header && found.header->journal_id != journal_id_;
  };
  for (const Found& found : *files) {
    if (!is_foreign(found)) continue;
    CO_ASSIGN_OR_RETURN(std::string name, co_await MoveAside(&env_->files(), found.path));
    visitor->OnForeign(
        fmt::format("'{}' belongs to another data folder; it is '{}' now", found.path, name));
  }
  std::erase_if(*files, is_foreign);
  co_return Status::OK();
}

// The frame at `position` is not valid, and nothing comes behind it in this file.
Task<> Journal::NoteDamagedHeader(const Found* found, int64_t position) {
  std::vector<std::byte> header(kFrameHeaderBytes);
  std::span<std::byte> into(header);
  CO_ASSIGN_OR_RETURN(size_t count, co_await found->file->ReadAt(position, into));
  std::span<const std::byte> bytes = into.first(count);
  if (IsDamagedFrameHeader(bytes, journal_id_, found->header->incarnation, previous_)) {
    torn_ = Torn{.found = found,
                 .position = position,
                 .bytes = found->bytes - position,
                 .sequence = previous_ + 1,
                 .is_damaged = true};
  }
  co_return Status::OK();
}

// Keeps the bytes of a frame that may have been durable, because its file is written over.
Task<> Journal::ReportTorn(Torn torn, JournalVisitor* visitor) {
  const Found& found = *torn.found;
  if (torn.is_damaged) {
    std::string what = fmt::format(
        "its last frame, {} at byte {}, is broken, and not by a write "
        "that was cut",
        torn.sequence, torn.position);
    co_return co_await SetAside(found, std::move(what), torn.bytes, visitor);
  }
  std::string what =
      fmt::format("frame {} at byte {} of '{}'", torn.sequence, torn.position, found.path);
  std::string copy = fmt::format("{}.cut-frame-{}", found.path, torn.sequence);
  int64_t end = std::min(found.bytes, torn.position + torn.bytes);
  Status kept = co_await CopyAside(&env_->files(), found.file.get(), torn.position, end, copy);
  if (kept.ok()) kept = co_await env_->files().SyncDirectory(options_.folder);
  // A full disk is no reason not to start.
  visitor->OnTorn(kept.ok()
                      ? fmt::format("{}; its bytes are kept in '{}'", what, copy)
                      : fmt::format("{}; its bytes could not be kept: {}", what, Describe(kept)));
  co_return Status::OK();
}

// Whether anything was written, or begun, after the last frame that was found.
Task<> Journal::CheckEnd(const JournalStart& start, const std::vector<Found>& files,
                         JournalVisitor* visitor) {
  if (torn_) CO_RETURN_IF_ERROR(co_await ReportTorn(*std::exchange(torn_, {}), visitor));
  if (files.empty()) {
    if (start.is_new) co_return Status::OK();
    visitor->OnLost({.what = fmt::format("'{}' has no file of this journal", options_.folder),
                     .bytes = options_.file_bytes});
    co_return Status::OK();
  }
  const Found* last = nullptr;
  for (const Found& found : files) {
    if (!found.header || found.header->incarnation == 0) continue;
    if (last == nullptr || found.header->incarnation > last->header->incarnation) last = &found;
  }
  if (last == nullptr) co_return Status::OK();
  int64_t missing = last->header->file_bytes - last->bytes;
  if (missing > 0) {
    std::string what = fmt::format("it has {} bytes instead of {}; the last frame found is {}",
                                   last->bytes, last->header->file_bytes, previous_);
    CO_RETURN_IF_ERROR(co_await SetAside(*last, std::move(what), missing, visitor));
  }
  if (last->header->followed_by > last->header->incarnation) {
    visitor->OnLost({.what = fmt::format("a file that was written after '{}' is missing or empty; "
                                         "the last frame found is {}",
                                         last->path, previous_),
                     .bytes = options_.file_bytes});
  }
  co_return Status::OK();
}

// A file whose header is broken is known by its frames.
Task<> Journal::NameHeaderless(std::vector<Found>* files, LogPosition covered,
                               JournalVisitor* visitor) {
  for (Found& found : *files) {
    if (found.header) continue;
    // Never used, or its header was being written over: then all it holds is covered.
    int64_t begin = static_cast<int64_t>(kJournalBlockBytes);
    CO_ASSIGN_OR_RETURN(auto later, co_await FindLaterFrame(found, begin, covered));
    if (!later) continue;
    std::string what = "its header is broken";
    CO_RETURN_IF_ERROR(co_await SetAside(found, std::move(what), 0, visitor));
    found.header =
        JournalFileHeader{.journal_id = journal_id_, .incarnation = later->header.incarnation};
  }
  auto order = [](const Found& a, const Found& b) {
    uint64_t first = a.header ? a.header->incarnation : 0;
    uint64_t second = b.header ? b.header->incarnation : 0;
    return std::pair(first, a.number) < std::pair(second, b.number);
  };
  std::sort(files->begin(), files->end(), order);
  co_return Status::OK();
}

Task<> Journal::Recover(JournalStart start, JournalVisitor* visitor) {
  const LogPosition covered = start.covered;
  is_exact_start_ = start.is_exact;
  CO_RETURN_IF_ERROR(co_await env_->files().CreateDirectories(options_.folder));
  CO_ASSIGN_OR_RETURN(std::vector<Found> files, co_await FindFiles());
  CO_RETURN_IF_ERROR(co_await ChooseIdentity(start.journal_id, &files, visitor));
  CO_RETURN_IF_ERROR(co_await NameHeaderless(&files, covered, visitor));
  previous_ = covered;
  const Found* earlier = nullptr;
  for (Found& found : files) {
    if (!found.header) continue;
    CO_RETURN_IF_ERROR(co_await ReplayFile(&found, earlier, visitor));
    earlier = &found;
  }
  CO_RETURN_IF_ERROR(co_await CheckEnd(start, files, visitor));
  {
    std::lock_guard lock(mutex_);
    durable_ = previous_;
    // The number of a frame that may lie torn in the old file is never used again.
    next_sequence_ = previous_ + 2;
  }
  co_return co_await Adopt(std::move(files), covered);
}

Task<> Journal::ReplayFile(Found* found, const Found* earlier, JournalVisitor* visitor) {
  int64_t position = static_cast<int64_t>(kJournalBlockBytes);
  CO_ASSIGN_OR_RETURN(position, co_await ReplayFrom(found, position, earlier, visitor));
  int64_t broken = position;
  while (position < found->bytes) {
    CO_ASSIGN_OR_RETURN(auto later, co_await FindLaterFrame(*found, position, previous_));
    if (!later) co_return co_await NoteDamagedHeader(found, broken);  // or a torn tail
    position = later->position;
    if (later->header.previous > previous_) {
      std::string what = fmt::format(
          "the frame at byte {} is broken, but frame {} at byte {} was "
          "written after it",
          broken, later->header.sequence, position);
      int64_t bytes = position - broken;
      CO_RETURN_IF_ERROR(co_await SetAside(*found, std::move(what), bytes, visitor));
      previous_ = later->header.previous;
    }
    // Else it is the one that was being written when the power went, which may have left its
    // header; or what is broken before it is covered.
    LogPosition before = previous_;
    CO_ASSIGN_OR_RETURN(broken, co_await ReplayFrom(found, position, earlier, visitor));
    bool is_torn = previous_ == before;
    if (is_torn) {
      torn_ = Torn{.found = found,
                   .position = position,
                   .bytes = static_cast<int64_t>(FrameSpace(later->header.body_bytes)),
                   .sequence = later->header.sequence,
                   .is_damaged = kFrameHeaderBytes + later->header.body_bytes <= kSectorBytes};
    }
    position = is_torn ? position + static_cast<int64_t>(kJournalBlockBytes) : broken;
  }
  co_return Status::OK();
}

Task<int64_t> Journal::ReplayFrom(Found* found, int64_t position, const Found* earlier,
                                  JournalVisitor* visitor) {
  Halt halt;
  while (!halt.ended && position < found->bytes) {
    size_t size = std::max(halt.wanted, pool_->chunk_bytes());
    size = std::min(size, static_cast<size_t>(found->bytes - position));
    ChunkPool::Chunk chunk = pool_->Take(size);
    std::span<std::byte> into = chunk->span().first(size);
    CO_ASSIGN_OR_RETURN(size_t count, co_await found->file->ReadAt(position, into));
    std::span<const std::byte> bytes = into.first(count);
    halt = {};
    CO_ASSIGN_OR_RETURN(size_t taken, ReplayFrames(found, position, bytes, chunk, visitor, &halt));
    position += static_cast<int64_t>(taken);
    if (halt.follows > previous_) {
      // The last frames of the file before this one are broken, or that file is missing.
      std::string what = fmt::format(
          "frame {} at byte {} of '{}' follows frame {}, but the last one "
          "found is {}",
          halt.follows + 1, position, found->path, halt.follows, previous_);
      if (is_exact_start_) {
        const Found& damaged = earlier != nullptr ? *earlier : *found;
        int64_t bytes = std::max(damaged.bytes, options_.file_bytes);
        CO_RETURN_IF_ERROR(co_await SetAside(damaged, std::move(what), bytes, visitor));
      } else {
        visitor->OnGap(std::move(what));
      }
      previous_ = halt.follows;
      torn_.reset();
      continue;
    }
    if (taken == 0 && halt.wanted <= bytes.size()) halt.ended = true;
    CO_RETURN_IF_ERROR(co_await visitor->OnPause());
  }
  co_return position;
}

Result<size_t> Journal::ReplayFrames(Found* found, int64_t position,
                                     std::span<const std::byte> bytes,
                                     const ChunkPool::Chunk& chunk, JournalVisitor* visitor,
                                     Halt* halt) {
  size_t at = 0;
  while (at + kFrameHeaderBytes <= bytes.size()) {
    std::optional<FrameHeader> header = DecodeFrameHeader(bytes.subspan(at));
    bool ours = header && header->journal_id == journal_id_ &&
                header->incarnation == found->header->incarnation;
    size_t space = ours ? FrameSpace(header->body_bytes) : 0;
    if (!ours || position + static_cast<int64_t>(at + space) > found->bytes) {
      halt->ended = true;
      return at;
    }
    if (at + space > bytes.size()) {
      halt->wanted = space;
      return at;
    }
    if (header->sequence > previous_) {
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
        halt->ended = true;
        return at;
      }
      if (header->previous > previous_) {
        halt->follows = header->previous;
        return at;
      }
      for (const EntryView& entry : entries) {
        RETURN_IF_ERROR(visitor->OnEntry(entry, header->sequence, chunk));
      }
      previous_ = header->sequence;
      torn_.reset();
      std::lock_guard lock(mutex_);
      bytes_total_ += static_cast<int64_t>(space);
      sizes_.push_back({header->sequence, bytes_total_});
    }
    found->last_sequence = std::max(found->last_sequence, header->sequence);
    at += space;
  }
  return at;
}

Task<std::optional<Journal::LaterFrame>> Journal::FindLaterFrame(const Found& found,
                                                                 int64_t position,
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
      if (header->sequence <= last) continue;
      co_return LaterFrame{.position = position + static_cast<int64_t>(at), .header = *header};
    }
    position += static_cast<int64_t>(size);
  }
  co_return std::optional<LaterFrame>();
}

// A copy, because the file itself is written over once what can be read of it is durable elsewhere.
Task<> Journal::SetAside(const Found& found, std::string what, int64_t bytes,
                         JournalVisitor* visitor) {
  std::string prefix = found.path + ".set-aside-";
  CO_ASSIGN_OR_RETURN(std::string copy, co_await FirstFreeName(&env_->files(), std::move(prefix)));
  CO_RETURN_IF_ERROR(co_await CopyAside(&env_->files(), found.file.get(), 0, found.bytes, copy));
  CO_RETURN_IF_ERROR(co_await env_->files().SyncDirectory(options_.folder));
  visitor->OnLost(
      {.what = fmt::format("'{}' is damaged: {}; a copy of it is '{}'", found.path, what, copy),
       .bytes = bytes});
  co_return Status::OK();
}

// Opens the files for writing over, once what they hold is durable elsewhere.
Task<> Journal::Adopt(std::vector<Found> files, LogPosition covered) {
  for (Found& found : files) {
    found.file.reset();
    if (!found.header && !found.is_blank) {
      CO_RETURN_IF_ERROR((co_await MoveAside(&env_->files(), found.path)).status());
      continue;
    }
    if (!found.header && found.bytes != options_.file_bytes) {  // it was being made
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
