// Appends through the log, flushed, and says GB/s and CPU seconds per GB; then reads it back. One
// JSON line. Arguments: --folder F --gb N --batch-kb N --record-bytes N --partitions N --writers N
// --shards N --cache-mb N --codec NAME
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "core/env.h"
#include "core/sync.h"
#include "storage/batch_builder.h"
#include "storage/embedded_log.h"

namespace mainstem::storage {
namespace {

struct Settings {
  std::string folder;
  double gigabytes = 2;
  size_t batch_bytes = 64 << 10;
  size_t record_bytes = 1024;
  int32_t partitions = 8;
  int32_t writers = 32;
  size_t shards = 1;
  int64_t cache_bytes = int64_t{256} << 20;
  std::string codec = "none";
};

double CpuSeconds() {
  rusage usage;
  ::getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Measure {
  Env* env;
  TimePoint start = env->Now();
  double cpu = CpuSeconds();
  double seconds() const { return std::chrono::duration<double>(env->Now() - start).count(); }
  double cpu_seconds() const { return CpuSeconds() - cpu; }
};

Task<> Write(Log* log, TopicPartition partition, const std::vector<std::byte>* batch,
             int64_t* left) {
  AppendOptions options;
  while (*left > 0) {
    *left -= static_cast<int64_t>(batch->size());
    CO_RETURN_IF_ERROR((co_await log->Append(partition, *batch, options)));
  }
  co_return Status::OK();
}

Task<int64_t> ReadAll(Log* log, TopicPartition partition) {
  Offset at(0);
  int64_t bytes = 0;
  ReadOptions options;
  while (true) {
    CO_ASSIGN_OR_RETURN(ReadResult result, co_await log->Read(partition, at, options));
    if (result.batches.empty()) co_return bytes;
    bytes += static_cast<int64_t>(result.total_bytes);
    at = ReadBatchHeader(result.batches.back().bytes.data()).next_offset();
  }
}

Task<> Run(Env* env, Settings settings) {
  EmbeddedLogOptions options;
  options.data_dir = settings.folder;
  options.cache_bytes = settings.cache_bytes;
  Measure opening{env};
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await EmbeddedLog::Open(env, options));
  double open_seconds = opening.seconds();
  TopicConfig config = {{"max.message.bytes", "10000000"}};
  CO_ASSIGN_OR_RETURN(TopicInfo topic,
                      co_await log->CreateTopic("bench", settings.partitions, config, false));
  BatchBuilder builder({.codec = CodecFromName(settings.codec).ValueOrDie()});
  std::string value(settings.record_bytes, 'x');
  for (size_t i = 0; i < value.size(); ++i) value[i] = static_cast<char>('a' + i * i % 23);
  while (builder.bytes() + settings.record_bytes < settings.batch_bytes) {
    builder.Add(env->WallTime().value(), "key", value);
  }
  CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());

  int64_t total = static_cast<int64_t>(settings.gigabytes * 1e9);
  int64_t left = total;
  TaskScope scope(env->shard(0), "bench", [](const std::string&, const Status& status) {
    std::fprintf(stderr, "%s\n", Describe(status).c_str());
  });
  Measure writing{env};
  for (int32_t i = 0; i < settings.writers; ++i) {
    TopicPartition partition{topic.id, PartitionId(i % settings.partitions)};
    scope.Spawn("writer", Write(log.get(), partition, &batch, &left));
  }
  CO_RETURN_IF_ERROR(co_await scope.Join());
  double write_seconds = writing.seconds();
  double write_cpu = writing.cpu_seconds();

  Measure reading{env};
  int64_t read = 0;
  for (int32_t i = 0; i < settings.partitions; ++i) {
    CO_ASSIGN_OR_RETURN(int64_t bytes, co_await ReadAll(log.get(), {topic.id, PartitionId(i)}));
    read += bytes;
  }
  double gigabytes = static_cast<double>(total) * 1e-9;
  double read_gigabytes = static_cast<double>(read) * 1e-9;
  std::printf(
      "{\"bench\":\"storage\",\"batch_kb\":%zu,\"record_bytes\":%zu,\"partitions\":%d,"
      "\"writers\":%d,\"shards\":%zu,\"codec\":\"%s\",\"write_gb_per_s\":%.3f,"
      "\"write_cpu_s_per_gb\":%.3f,\"read_gb_per_s\":%.3f,\"read_cpu_s_per_gb\":%.3f,"
      "\"open_s\":%.3f,\"journal_files\":%zu}\n",
      settings.batch_bytes >> 10, settings.record_bytes, settings.partitions, settings.writers,
      settings.shards, settings.codec.c_str(), gigabytes / write_seconds, write_cpu / gigabytes,
      read_gigabytes / reading.seconds(), reading.cpu_seconds() / read_gigabytes, open_seconds,
      log->journal_file_count());
  CO_RETURN_IF_ERROR(co_await scope.Close());
  co_return co_await log->Stop();
}

}  // namespace
}  // namespace mainstem::storage

int main(int argc, char** argv) {
  using namespace mainstem;
  storage::Settings settings;
  std::map<std::string, std::string> given;
  for (int i = 1; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
  auto number = [&given](const char* name, double fallback) {
    auto it = given.find(name);
    return it == given.end() ? fallback : std::atof(it->second.c_str());
  };
  settings.gigabytes = number("--gb", settings.gigabytes);
  settings.batch_bytes = static_cast<size_t>(number("--batch-kb", 64)) << 10;
  settings.record_bytes = static_cast<size_t>(number("--record-bytes", 1024));
  settings.partitions = static_cast<int32_t>(number("--partitions", settings.partitions));
  settings.writers = static_cast<int32_t>(number("--writers", settings.writers));
  settings.shards = static_cast<size_t>(number("--shards", 1));
  settings.cache_bytes = static_cast<int64_t>(number("--cache-mb", 256)) << 20;
  if (given.count("--codec")) settings.codec = given["--codec"];
  bool fresh = !given.count("--folder");
  settings.folder = fresh ? "" : given["--folder"];
  if (fresh) {
    settings.folder = (std::filesystem::temp_directory_path() / "mainstem-bench-XXXXXX").string();
    CHECK(::mkdtemp(settings.folder.data()) != nullptr);
  }
  auto env = MakeRealEnv({.shard_count = settings.shards});
  Status status = RunBlocking(env->shard(0), storage::Run(env.get(), settings));
  if (fresh) std::filesystem::remove_all(settings.folder);
  if (!status.ok()) std::fprintf(stderr, "%s\n", Describe(status).c_str());
  return status.ok() ? 0 : 1;
}
