// A look at a partition's files at the start, and what to do when they are damaged.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "storage/batch_walk.h"
#include "storage/segments.h"
#include "storage/set_aside.h"

namespace mainstem::storage {
namespace {

constexpr std::string_view kExtensions[] = {".log", ".index", ".timeindex"};

}  // namespace

Task<std::vector<DirectoryEntry>> Segments::ListFiles() {
  std::vector<DirectoryEntry> entries;
  CO_ASSIGN_OR_RETURN(bool exists, co_await env_->files().Exists(place_.folder));
  if (exists) {
    CO_ASSIGN_OR_RETURN(entries, co_await env_->files().List(place_.folder));
  }
  co_return entries;
}

Task<> Segments::CheckActive() {
  if (active_checked_ || list_.empty()) co_return Status::OK();
  std::string path = PathOf(list_.back().base_offset, ".log");
  Result<FileIdentity> file = co_await env_->files().Identify(std::move(path));
  if (!file.ok() && !Is(file.status(), ErrorCode::kNotFound)) co_return file.status();
  std::optional<int64_t> found;
  if (file.ok()) found = file->size;
  co_return co_await CheckActiveFile(found);
}

Task<> Segments::CheckActiveFile(std::optional<int64_t> found_bytes) {
  if (active_checked_ || list_.empty()) co_return Status::OK();
  active_checked_ = true;
  SegmentInfo active = list_.back();
  // Zero: begun, nothing written yet.
  if (active.bytes == 0 || found_bytes.value_or(-1) >= active.bytes) co_return Status::OK();
  CO_RETURN_IF_ERROR(co_await Repair(list_.size() - 1, found_bytes));
  // What follows goes to a file of its own.
  BeginSegment(active.next_offset);
  co_return Status::OK();
}

Task<std::vector<Segments::Hole>> Segments::CheckFiles(Offset log_start, bool keeps_unknown) {
  CO_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, co_await ListFiles());
  CO_ASSIGN_OR_RETURN(bool has_renamed, co_await CheckCleanedFiles(entries));
  if (has_renamed) {
    CO_ASSIGN_OR_RETURN(entries, co_await ListFiles());
  }
  // Written again with the next flush.
  auto is_metadata = [](const DirectoryEntry& entry) { return entry.name == "partition.metadata"; };
  folder_ready_ = std::any_of(entries.begin(), entries.end(), is_metadata);
  std::map<Offset, int64_t> sizes;
  for (const DirectoryEntry& entry : entries) {
    if (auto base = ParseSegmentFileName(entry.name, ".log")) sizes[*base] = entry.size;
  }
  auto size_of = [&sizes](const SegmentInfo& segment) {
    auto it = sizes.find(segment.base_offset);
    return it == sizes.end() ? std::nullopt : std::optional<int64_t>(it->second);
  };
  if (!list_.empty()) CO_RETURN_IF_ERROR(co_await CheckActiveFile(size_of(list_.back())));
  while (list_.size() > 1 && list_.front().next_offset <= log_start) {
    bytes_ -= list_.front().bytes;
    list_.pop_front();
  }
  for (size_t i = 0; i < list_.size(); ++i) {
    SegmentInfo segment = list_[i];
    std::optional<int64_t> found = size_of(segment);
    sizes.erase(segment.base_offset);
    bool is_active = i + 1 == list_.size();  // which is checked, and written over
    if (!is_active && found.value_or(-1) < segment.bytes) {
      size_t count = list_.size();
      CO_RETURN_IF_ERROR(co_await Repair(i, found));
      if (list_.size() < count) --i;
    } else if (found.value_or(-1) > segment.bytes) {
      bool is_cut = is_active;
      if (keeps_unknown) {
        CO_ASSIGN_OR_RETURN(bool is_kept, co_await KeepUnknownEnd(segment, *found));
        is_cut = is_cut || is_kept;
      }
      if (is_cut) continue;
      OpenOptions how{.write = true};
      std::string path = PathOf(segment.base_offset, ".log");
      CO_ASSIGN_OR_RETURN(std::unique_ptr<File> file, co_await env_->files().Open(path, how));
      CO_RETURN_IF_ERROR(co_await file->Truncate(segment.bytes));
    }
  }
  for (const auto& [base, size] : sizes) {
    // What lies before the list, retention has dropped.
    bool may_be_needed = keeps_unknown && (list_.empty() || base > list_.front().base_offset);
    CO_RETURN_IF_ERROR(co_await RemoveUnknown(base, may_be_needed));
  }
  std::vector<Hole> holes = std::move(holes_);
  // Retention had taken them, or was about to.
  std::erase_if(holes, [log_start](const Hole& hole) { return hole.end <= log_start; });
  co_return holes;
}

// Whether there is one.
Task<bool> Segments::KeepUnknownEnd(SegmentInfo segment, int64_t file_bytes) {
  CO_ASSIGN_OR_RETURN(bool is_padding, co_await IsZeroFrom(segment, file_bytes));
  if (is_padding) co_return false;
  std::string path = PathOf(segment.base_offset, ".log");
  CO_ASSIGN_OR_RETURN(std::string remains, co_await SetAside(path, segment.bytes, file_bytes));
  open_files_->Forget(path, segment.generation);
  logger_->Error("the end of a segment may be what lost frames of the journal held",
                 {{"file", path}, {"position", segment.bytes}, {"set_aside", remains}});
  co_return true;
}

Task<> Segments::RemoveUnknown(Offset base_offset, bool keeps_unknown) {
  if (keeps_unknown) {
    std::string path = PathOf(base_offset, ".log");
    CO_ASSIGN_OR_RETURN(std::string remains, co_await MoveAside(&env_->files(), path));
    logger_->Error("a segment that nothing tells of may be what lost frames of the journal held",
                   {{"file", path}, {"set_aside", remains}});
  }
  for (std::string_view extension : kExtensions) {
    std::string path = PathOf(base_offset, extension);
    IgnoreError(co_await env_->files().Remove(path), "a left-over; tried again at the next start");
  }
  co_return Status::OK();
}

// The segment keeps what is whole in its file, or leaves the list.
Task<> Segments::Repair(size_t index, std::optional<int64_t> found_bytes) {
  SegmentInfo damaged = list_[index];
  std::string path = PathOf(damaged.base_offset, ".log");
  SegmentInfo whole{.base_offset = damaged.base_offset, .next_offset = damaged.base_offset};
  std::string remains;
  if (found_bytes) {
    CO_ASSIGN_OR_RETURN(whole, co_await WholePartOf(damaged, *found_bytes, [](auto) {}));
    CO_ASSIGN_OR_RETURN(remains, co_await SetAside(path, whole.bytes, *found_bytes));
  }
  open_files_->Forget(path, damaged.generation);
  bytes_ += whole.bytes - damaged.bytes;
  if (whole.bytes > 0) {
    list_[index] = whole;
  } else {
    list_.erase(list_.begin() + static_cast<std::ptrdiff_t>(index));
  }
  std::string what =
      found_bytes ? fmt::format("'{}' has {} bytes instead of {}; whole record batches end at {}",
                                path, *found_bytes, damaged.bytes, whole.bytes)
                  : fmt::format("'{}' is missing", path);
  if (!remains.empty()) what += fmt::format(", the rest is in '{}'", remains);
  holes_.push_back(
      {.begin = whole.next_offset, .end = damaged.next_offset, .what = std::move(what)});
  co_return Status::OK();
}

// To the end of the last batch whose checksum is right: what is damaged before it stays in its
// place, where its readers find that out.
Task<SegmentInfo> Segments::WholePartOf(SegmentInfo segment, int64_t file_bytes, OnBatch on_batch) {
  SegmentInfo whole = segment;
  whole.next_offset = segment.base_offset;
  whole.bytes = 0;
  whole.max_timestamp = -1;
  whole.max_timestamp_offset = Offset(-1);
  std::string path = PathOf(segment.base_offset, ".log");
  CO_ASSIGN_OR_RETURN(std::shared_ptr<File> file,
                      co_await open_files_->ForLargeReads(std::move(path), segment.generation));
  size_t wanted = read_ahead_->piece_bytes();
  int64_t position = 0;
  while (whole.bytes < file_bytes) {
    size_t size = std::min(wanted, static_cast<size_t>(file_bytes - position));
    CO_ASSIGN_OR_RETURN(FilePiece piece, co_await ReadPiece(buffers_, file, position, size));
    BatchWalk walk(piece.bytes, whole.next_offset, segment.base_offset + int64_t{INT32_MAX});
    int64_t begin = position;
    BatchWalk::Step step;
    bool is_wrong = false;
    while ((step = walk.Next()) == BatchWalk::Step::kBatch) {
      const BatchHeader& header = walk.header();
      is_wrong = !BatchCrcMatches(walk.batch());
      if (is_wrong) break;
      position += static_cast<int64_t>(walk.batch().size());
      whole.bytes = position;
      whole.next_offset = header.next_offset();
      if (header.max_timestamp > whole.max_timestamp) {
        whole.max_timestamp = header.max_timestamp;
        whole.max_timestamp_offset = header.last_offset();
      }
      on_batch(walk.batch());
    }
    bool is_at_end = begin + static_cast<int64_t>(size) == file_bytes;
    bool is_cut = position == begin;  // a batch larger than the piece, or its length is wrong
    bool is_too_long =
        is_cut && static_cast<int64_t>(walk.header().total_bytes()) > file_bytes - begin;
    bool is_broken = is_wrong || step != BatchWalk::Step::kCutOff || is_at_end || is_too_long;
    wanted = is_cut && !is_broken ? walk.header().total_bytes() : read_ahead_->piece_bytes();
    if (!is_broken || position == file_bytes) continue;
    SegmentInfo searched = segment;
    searched.bytes = file_bytes;
    searched.next_offset = segment.base_offset + int64_t{INT32_MAX};
    CO_ASSIGN_OR_RETURN(std::optional<Resumption> behind,
                        co_await FindResumption(searched, position, whole.next_offset));
    if (!behind) break;
    logger_->Error("a record batch of a segment is broken; what is behind it is kept",
                   {{"file", PathOf(segment.base_offset, ".log")},
                    {"position", position},
                    {"next_position", behind->position},
                    {"next_offset", behind->base_offset.value()}});
    position = behind->position;
  }
  co_return whole;
}

// Copies the file from `from` on, and cuts it there; a file without anything before that is
// renamed. Returns the name that the remains have now; empty: there are none.
Task<std::string> Segments::SetAside(std::string path, int64_t from, int64_t file_bytes) {
  Files& files = env_->files();
  if (from == file_bytes && from > 0) co_return std::string();
  std::string prefix = path + ".set-aside-";
  CO_ASSIGN_OR_RETURN(std::string name, co_await FirstFreeName(&files, std::move(prefix)));
  if (from == 0) {
    CO_RETURN_IF_ERROR(co_await files.Rename(path, name));
    CO_RETURN_IF_ERROR(co_await files.SyncDirectory(place_.folder));
    co_return name;
  }
  OpenOptions how{.write = true};
  CO_ASSIGN_OR_RETURN(std::unique_ptr<File> file, co_await files.Open(path, how));
  CO_RETURN_IF_ERROR(co_await CopyAside(&files, file.get(), from, file_bytes, name));
  CO_RETURN_IF_ERROR(co_await files.SyncDirectory(place_.folder));
  CO_RETURN_IF_ERROR(co_await file->Truncate(from));
  co_return name;
}

}  // namespace mainstem::storage
