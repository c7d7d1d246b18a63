#include "process/state/rocksdb_backend.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <deque>
#include <filesystem>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

namespace mainstem::process {
namespace {

namespace fs = std::filesystem;

Status FromRocks(const rocksdb::Status& status, const std::string& what) {
  if (status.ok()) return Status::OK();
  ErrorCode code = status.IsCorruption() ? ErrorCode::kCorruptStorage
                   : status.IsNoSpace()  ? ErrorCode::kDiskFull
                                         : ErrorCode::kStorageError;
  return MakeError(code,
                   {.message = "state database: " + what + " failed", .detail = status.ToString()});
}

Status FromErrorCode(const std::error_code& error, const std::string& what) {
  if (!error) return Status::OK();
  return MakeError(ErrorCode::kStorageError,
                   {.message = what + " failed", .detail = error.message()});
}

// StateMutation::appends.
class AppendOperator final : public rocksdb::MergeOperator {
 public:
  const char* Name() const override { return "mainstem.append"; }
  bool FullMergeV2(const MergeOperationInput& input, MergeOperationOutput* output) const override {
    size_t size = input.existing_value != nullptr ? input.existing_value->size() : 0;
    for (const rocksdb::Slice& part : input.operand_list) size += part.size();
    output->new_value.reserve(size);
    if (input.existing_value != nullptr) Append(*input.existing_value, &output->new_value);
    for (const rocksdb::Slice& part : input.operand_list) Append(part, &output->new_value);
    return true;
  }
  bool PartialMergeMulti(const rocksdb::Slice& key, const std::deque<rocksdb::Slice>& operands,
                         std::string* merged, rocksdb::Logger* logger) const override {
    for (const rocksdb::Slice& part : operands) Append(part, merged);
    return true;
  }

 private:
  static void Append(const rocksdb::Slice& part, std::string* out) {
    out->append(part.data(), part.size());
  }
};

struct SharedMemory {
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<rocksdb::WriteBufferManager> write_buffers;
};

rocksdb::Options MakeOptions(const SharedMemory& memory) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = memory.cache;
  // In pieces: a filter in one piece takes more than a byte for each key of its file, and a cache
  // that it does not fit into would read it anew at each look-up.
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.partition_filters = true;
  table.metadata_block_size = 32u << 10;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.cache_index_and_filter_blocks = true;
  table.pin_top_level_index_and_filter = true;
  table.format_version = 5;
  rocksdb::Options options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_manager = memory.write_buffers;
  options.write_buffer_size = 16u << 20;
  // What lies in the first levels is short-lived: not worth its compression.
  options.compression_per_level = {rocksdb::kNoCompression, rocksdb::kNoCompression,
                                   rocksdb::kLZ4Compression};
  options.merge_operator = std::make_shared<AppendOperator>();
  options.create_if_missing = true;
  options.max_open_files = 256;
  options.keep_log_file_num = 1;
  options.info_log_level = rocksdb::ERROR_LEVEL;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

class RocksDbBackend final : public StateBackend {
 public:
  RocksDbBackend(SharedMemory memory, std::string directory, bool keeps_checkpoints)
      : memory_(std::move(memory)),
        directory_(std::move(directory)),
        keeps_checkpoints_(keeps_checkpoints) {}

  Status OpenNow() {
    if (db_) return Status::OK();
    rocksdb::DB* db = nullptr;
    RETURN_IF_ERROR(FromRocks(rocksdb::DB::Open(MakeOptions(memory_), directory_, &db), "open"));
    db_.reset(db);
    return Status::OK();
  }

  Status Write(const StateMutations& mutations) override {
    if (mutations.empty()) return Status::OK();
    RETURN_IF_ERROR(CheckCancelled());
    RETURN_IF_ERROR(OpenNow());
    if (mutations.size() >= kFileFrom) return WriteFile(mutations);
    rocksdb::WriteBatch batch;
    for (size_t i = 0; i < mutations.size(); ++i) {
      const StateMutation mutation = mutations[i];
      const rocksdb::Status status = AddTo(&batch, mutation);
      RETURN_IF_ERROR(FromRocks(status, "write"));
    }
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    return FromRocks(db_->Write(options, &batch), "write");
  }

  Result<std::vector<std::optional<std::string>>> Read(std::span<const std::string> keys) override {
    std::vector<std::optional<std::string>> values(keys.size());
    if (!db_) return values;
    std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
    std::vector<rocksdb::PinnableSlice> found(keys.size());
    std::vector<rocksdb::Status> statuses(keys.size());
    db_->MultiGet(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), keys.size(), slices.data(),
                  found.data(), statuses.data());
    for (size_t i = 0; i < keys.size(); ++i) {
      if (statuses[i].IsNotFound()) continue;
      RETURN_IF_ERROR(FromRocks(statuses[i], "read"));
      values[i] = found[i].ToString();
    }
    return values;
  }

  Result<std::vector<Entry>> Scan(const std::string& begin, const std::string& end,
                                  size_t limit) override {
    std::vector<Entry> found;
    if (!db_) return found;
    rocksdb::Slice upper(end);
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &upper;
    std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options));
    for (it->Seek(begin); it->Valid() && found.size() < limit; it->Next()) {
      found.emplace_back(it->key().ToString(), it->value().ToString());
    }
    RETURN_IF_ERROR(FromRocks(it->status(), "scan"));
    return found;
  }

  Status Checkpoint(const std::string& directory) override {
    if (!keeps_checkpoints_) return Status::OK();
    if (!db_) return Status::OK();  // nothing written: a missing directory is an empty checkpoint
    RETURN_IF_ERROR(CheckCancelled());
    rocksdb::Checkpoint* made = nullptr;
    RETURN_IF_ERROR(FromRocks(rocksdb::Checkpoint::Create(db_.get(), &made), "checkpoint"));
    std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    return FromRocks(checkpoint->CreateCheckpoint(directory), "checkpoint");
  }

  size_t ApproximateBytes() const override {
    uint64_t bytes = 0;
    if (db_) db_->GetAggregatedIntProperty("rocksdb.live-sst-files-size", &bytes);
    return bytes;
  }

  void Cancel() override { is_cancelled_ = true; }

  bool keeps_checkpoints() const override { return keeps_checkpoints_; }

 private:
  // So many entries are written without a look at is_cancelled_.
  static constexpr size_t kCancelStep = 4096;
  static constexpr size_t kSortStep = 65536;

  Status CheckCancelled() const {
    if (!is_cancelled_) return Status::OK();
    return MakeError(ErrorCode::kCancelled, "the state is not wanted any more");
  }

  // So many at once become a table file of their own: sorting them costs a third of what the
  // memtable's skip list does.
  static constexpr size_t kFileFrom = 4096;

  template <typename Target>  // WriteBatch or SstFileWriter
  static rocksdb::Status AddTo(Target* target, const StateMutation& mutation) {
    if (!mutation.value) return target->Delete(mutation.key);
    if (mutation.appends) return target->Merge(mutation.key, *mutation.value);
    return target->Put(mutation.key, *mutation.value);
  }

  // A mutation's place among the others, by the first bytes of its key if they differ.
  struct SortedMutation {
    std::array<uint64_t, 2> first_bytes;  // as numbers
    uint32_t index;
  };

  static std::array<uint64_t, 2> FirstBytes(std::string_view key) {
    std::array<uint64_t, 2> bytes = {};
    std::memcpy(bytes.data(), key.data(), std::min(key.size(), sizeof(bytes)));
    return {__builtin_bswap64(bytes[0]), __builtin_bswap64(bytes[1])};
  }

  // Of mutations of one key the last one comes last. In pieces, then merged: to be cancelled.
  Result<std::vector<SortedMutation>> Sorted(const StateMutations& mutations) const {
    auto is_before = [&](const SortedMutation& a, const SortedMutation& b) {
      if (a.first_bytes != b.first_bytes) return a.first_bytes < b.first_bytes;
      const int order = mutations[a.index].key.compare(mutations[b.index].key);
      return order != 0 ? order < 0 : a.index < b.index;
    };
    std::vector<SortedMutation> sorted;
    sorted.reserve(mutations.size());
    for (uint32_t i = 0; i < mutations.size(); ++i) {
      sorted.push_back({FirstBytes(mutations[i].key), i});
    }
    auto at = [&sorted](size_t i) {
      return sorted.begin() + static_cast<ptrdiff_t>(std::min(i, sorted.size()));
    };
    for (size_t i = 0; i < sorted.size(); i += kSortStep) {
      RETURN_IF_ERROR(CheckCancelled());
      std::sort(at(i), at(i + kSortStep), is_before);
    }
    for (size_t width = kSortStep; width < sorted.size(); width *= 2) {
      for (size_t i = 0; i < sorted.size(); i += 2 * width) {
        RETURN_IF_ERROR(CheckCancelled());
        std::inplace_merge(at(i), at(i + width), at(i + 2 * width), is_before);
      }
    }
    return sorted;
  }

  Status WriteFile(const StateMutations& mutations) {
    ASSIGN_OR_RETURN(const std::vector<SortedMutation> sorted, Sorted(mutations));
    const std::string path = fmt::format("{}/{}.written", directory_, ++files_written_);
    rocksdb::Options written = db_->GetOptions();
    written.compression = rocksdb::kNoCompression;  // as the first levels
    written.compression_per_level.clear();
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), written);
    RETURN_IF_ERROR(FromRocks(writer.Open(path), "write of a file"));
    for (size_t i = 0; i < sorted.size(); ++i) {
      if (i % kCancelStep == 0) RETURN_IF_ERROR(CheckCancelled());
      const StateMutation mutation = mutations[sorted[i].index];
      if (i + 1 < sorted.size() && mutations[sorted[i + 1].index].key == mutation.key) continue;
      RETURN_IF_ERROR(FromRocks(AddTo(&writer, mutation), "write of a file"));
    }
    RETURN_IF_ERROR(FromRocks(writer.Finish(), "write of a file"));
    rocksdb::IngestExternalFileOptions options;
    options.move_files = true;
    options.snapshot_consistency = false;  // nobody reads meanwhile
    return FromRocks(db_->IngestExternalFile({path}, options), "write of a file");
  }

  SharedMemory memory_;
  std::string directory_;
  const bool keeps_checkpoints_;
  int64_t files_written_ = 0;
  std::atomic<bool> is_cancelled_{false};
  std::unique_ptr<rocksdb::DB> db_;
};

Result<std::unique_ptr<rocksdb::DB>> OpenCheckpoint(const SharedMemory& memory,
                                                    const std::string& directory) {
  rocksdb::DB* opened = nullptr;
  RETURN_IF_ERROR(FromRocks(rocksdb::DB::OpenForReadOnly(MakeOptions(memory), directory, &opened),
                            "open checkpoint"));
  return std::unique_ptr<rocksdb::DB>(opened);
}

// How much of a checkpoint is wanted.
enum class Share : uint8_t { kNothing, kPart, kEverything };

// By three seeks a table: entries are in the order of table and key group.
Result<Share> ShareOf(rocksdb::DB* checkpoint, const RestoreFilter& filter) {
  std::unique_ptr<rocksdb::Iterator> it(checkpoint->NewIterator(rocksdb::ReadOptions()));
  bool any_wanted = false;
  bool any_other = false;  // not wanted, or under another number
  it->SeekToFirst();
  while (it->Valid()) {
    ASSIGN_OR_RETURN(const DecodedStateKey key, DecodeStateKey(it->key().ToStringView()));
    const std::optional<uint16_t> table = filter.TableOf(key);
    any_wanted |= table.has_value();
    any_other |= table != key.table;
    const KeyGroupRange& groups = filter.key_groups;
    if (key.key_group < groups.begin) {
      it->Seek(StateGroupBegin(key.table, groups.begin));
    } else if (key.key_group < groups.end) {
      it->Seek(StateGroupBegin(key.table, groups.end));
    } else if (key.table < UINT16_MAX) {
      it->Seek(StateGroupBegin(key.table + 1, 0));
    } else {
      break;
    }
  }
  RETURN_IF_ERROR(FromRocks(it->status(), "read checkpoint"));
  if (!any_wanted) return Share::kNothing;
  return any_other ? Share::kPart : Share::kEverything;
}

// Copies into `target` what is wanted of the checkpoint.
Status Import(rocksdb::DB* checkpoint, const RestoreFilter& filter, RocksDbBackend* target) {
  std::unique_ptr<rocksdb::Iterator> it(checkpoint->NewIterator(rocksdb::ReadOptions()));
  StateMutations chunk;
  constexpr size_t kChunk = 65536;
  constexpr size_t kChunkBytes = 16u << 20;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    ASSIGN_OR_RETURN(DecodedStateKey key, DecodeStateKey(it->key().ToStringView()));
    const std::optional<uint16_t> table = filter.TableOf(key);
    if (!table) continue;
    chunk.Put(WithTable(it->key().ToString(), *table), it->value().ToStringView());
    if (chunk.size() < kChunk && chunk.bytes() < kChunkBytes) continue;
    RETURN_IF_ERROR(target->Write(chunk));
    chunk = {};
  }
  RETURN_IF_ERROR(FromRocks(it->status(), "read checkpoint"));
  return target->Write(chunk);
}

// Table files never change, so a link is a copy; everything else is copied.
Status CloneDirectory(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::create_directories(to, error);
  RETURN_IF_ERROR(FromErrorCode(error, "creating " + to));
  for (fs::directory_iterator it(from, error), end; !error && it != end; it.increment(error)) {
    fs::path target = fs::path(to) / it->path().filename();
    std::error_code link_error;
    if (it->path().extension() == ".sst") {
      fs::create_hard_link(it->path(), target, link_error);
      if (!link_error) continue;
    }
    fs::copy_file(it->path(), target, link_error);
    RETURN_IF_ERROR(FromErrorCode(link_error, "copying " + it->path().string()));
  }
  return FromErrorCode(error, "listing " + from);
}

Status SyncPath(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && fsync(descriptor) == 0;
  const std::error_code error =
      synced ? std::error_code() : std::error_code(errno, std::generic_category());
  if (descriptor >= 0) close(descriptor);
  return FromErrorCode(error, "syncing " + path);
}

// The files of a directory that CloneDirectory has made, durable.
Result<std::vector<StateFile>> SyncFiles(const std::string& directory) {
  std::vector<StateFile> files;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    RETURN_IF_ERROR(SyncPath(it->path().string()));
    const auto bytes = static_cast<int64_t>(it->file_size(error));
    files.push_back({it->path().filename().string(), bytes});
  }
  RETURN_IF_ERROR(FromErrorCode(error, "listing " + directory));
  RETURN_IF_ERROR(SyncPath(directory));
  return files;
}

class RocksDbFactory final : public StateBackendFactory {
 public:
  explicit RocksDbFactory(RocksDbOptions options) : keeps_checkpoints_(options.keeps_checkpoints) {
    memory_.cache = rocksdb::NewLRUCache(options.memory_bytes, -1, false, 0.1);
    memory_.write_buffers = std::make_shared<rocksdb::WriteBufferManager>(
        std::max<size_t>(options.memory_bytes / 2, 8u << 20), memory_.cache);
  }

  Result<std::unique_ptr<StateBackend>> Open(std::string live_directory,
                                             std::vector<std::string> restore_from,
                                             RestoreFilter filter) override {
    RETURN_IF_ERROR(Remove(live_directory));
    std::error_code error;
    fs::create_directories(fs::path(live_directory).parent_path(), error);
    RETURN_IF_ERROR(FromErrorCode(error, "creating " + live_directory));
    std::erase_if(restore_from, [](const std::string& path) { return !fs::exists(path); });
    auto backend = std::make_unique<RocksDbBackend>(memory_, live_directory, keeps_checkpoints_);
    std::vector<Source> sources;
    for (const std::string& directory : restore_from) {
      ASSIGN_OR_RETURN(auto checkpoint, OpenCheckpoint(memory_, directory));
      ASSIGN_OR_RETURN(const Share share, ShareOf(checkpoint.get(), filter));
      if (share == Share::kNothing) continue;
      sources.push_back({directory, std::move(checkpoint), share});
    }
    // As it is when neither plan nor parallelism have changed. Where others' entries lie there too,
    // reading them would do no harm, but they would be carried on for ever.
    if (sources.size() == 1 && sources[0].share == Share::kEverything) {
      RETURN_IF_ERROR(CloneDirectory(sources[0].directory, live_directory));
      RETURN_IF_ERROR(backend->OpenNow());
      return backend;
    }
    for (const Source& source : sources) {
      RETURN_IF_ERROR(Import(source.checkpoint.get(), filter, backend.get()));
    }
    return backend;
  }

  Result<std::vector<StateFile>> Copy(std::string checkpoint, std::string target) override {
    if (!keeps_checkpoints_) {
      return MakeError(ErrorCode::kUnsupported, {.message = "this node keeps no checkpoints",
                                                 .hint = "give it a data folder: --data"});
    }
    if (!fs::exists(checkpoint)) return std::vector<StateFile>{};
    RETURN_IF_ERROR(CloneDirectory(checkpoint, target));
    return SyncFiles(target);
  }

  Status Remove(std::string directory) override {
    std::error_code error;
    fs::remove_all(directory, error);
    return FromErrorCode(error, "removing " + directory);
  }

 private:
  struct Source {
    std::string directory;
    std::unique_ptr<rocksdb::DB> checkpoint;
    Share share;
  };

  SharedMemory memory_;
  const bool keeps_checkpoints_;
};

}  // namespace

std::unique_ptr<StateBackendFactory> MakeRocksDbStateBackendFactory(RocksDbOptions options) {
  return std::make_unique<RocksDbFactory>(options);
}

}  // namespace mainstem::process
