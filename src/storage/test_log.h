// Shared by the tests of this folder: a fresh folder, batches with a pattern, a log opened on it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "core/env.h"
#include "core/sim/sim_env.h"
#include "core/sync.h"
#include "storage/batch_builder.h"
#include "storage/embedded_log.h"

namespace mainstem::storage {

// A folder that goes with the object.
class FreshFolder {
 public:
  FreshFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mainstem-XXXXXX").string();
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~FreshFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::vector<std::byte> MakeBatch(const std::vector<std::string>& values,
                                        BatchBuilderOptions options = {}, int64_t time_ms = 1000) {
  BatchBuilder builder(options);
  for (const std::string& value : values) builder.Add(time_ms, "key", value);
  return builder.Build().ValueOrDie();
}

struct LogSizes {
  int64_t cache_bytes;
  int64_t journal_file_bytes;
  int64_t journal_bytes_max;
};
// Small files and little memory, so that tests reach every limit.
inline EmbeddedLogOptions SizedLog(const std::string& folder, LogSizes sizes) {
  EmbeddedLogOptions options;
  options.data_dir = folder;
  options.cache_bytes = sizes.cache_bytes;
  options.journal_file_bytes = sizes.journal_file_bytes;
  options.journal_bytes_max = sizes.journal_bytes_max;
  return options;
}
inline EmbeddedLogOptions SmallLog(const std::string& folder) {
  return SizedLog(folder, {1 << 20, 1 << 20, 8 << 20});
}

using ProcessBody = std::function<Task<>(SimEnv*)>;
enum class ProcessEnd : uint8_t { kPowerCut, kKill };

// Processes one after the other on one disk; each ends in the middle of whatever it does.
class Runs {
 public:
  Runs(SimDisk* disk, uint64_t seed) : disk_(disk), seed_(seed) {}
  Status Run(const ProcessBody& body, ProcessEnd end = ProcessEnd::kPowerCut) {
    auto* env = new SimEnv(disk_, {.seed = ++seed_});  // leaked: the process is killed
    Status status = env->Run(body(env));
    env->Abandon();
    if (end == ProcessEnd::kPowerCut) disk_->Crash();
    return status;
  }

 private:
  SimDisk* const disk_;
  uint64_t seed_;
};

// All values of a partition, read in steps.
inline Task<std::vector<std::string>> ReadValues(Log* log, TopicPartition partition,
                                                 Offset from = Offset(0)) {
  std::vector<std::string> values;
  while (true) {
    ReadOptions options;
    options.max_bytes = 64 << 10;
    CO_ASSIGN_OR_RETURN(ReadResult result, co_await log->Read(partition, from, options));
    if (result.batches.empty()) co_return values;
    for (const SharedBytes& batch : result.batches) {
      EXPECT_TRUE(BatchCrcMatches(batch.bytes));
      CO_ASSIGN_OR_RETURN(RecordReader reader, RecordReader::Open(batch.bytes));
      EXPECT_LE(reader.header().base_offset, from);
      RecordView record;
      while (true) {
        CO_ASSIGN_OR_RETURN(bool more, reader.Next(&record));
        if (!more) break;
        if (record.offset < from) continue;
        EXPECT_EQ(record.offset, from);
        from = record.offset + 1;
        values.emplace_back(record.value.value_or("null"));
      }
    }
  }
}

}  // namespace mainstem::storage
