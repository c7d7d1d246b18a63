// kill -9 against a real folder: a child process appends a known pattern and tells each
// acknowledgement through a pipe; the parent kills it at a random moment, opens the folder itself
// and compares. Rounds: MAINSTEM_KILL_ROUNDS (default 20), on one folder, so that recoveries build
// on recoveries. Prints what the kills hit, as far as the folder shows it.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "core/env.h"
#include "core/sync.h"
#include "storage/batch_builder.h"
#include "storage/embedded_log.h"

namespace mainstem::storage {
namespace {

constexpr int32_t kPartitions = 4;
constexpr int kValuesPerBatch = 3;

EmbeddedLogOptions Options(const std::string& folder) {
  EmbeddedLogOptions options;
  options.data_dir = folder;
  options.cache_bytes = 2 << 20;
  options.journal_file_bytes = 1 << 20;
  options.journal_bytes_max = 8 << 20;
  return options;
}

std::string ValueOf(int64_t number) {
  return std::to_string(number) + ":" + std::string(static_cast<size_t>(number * 131 % 3000), 'x');
}

// ---------------------------------------------------------------- child

struct Acknowledgement {
  int32_t partition = 0;  // kPartitions: an epoch
  int32_t pad = 0;
  int64_t number = 0;  // all values below it are acknowledged
};

void Tell(int pipe, int32_t partition, int64_t number) {
  Acknowledgement message{partition, 0, number};
  // At most PIPE_BUF bytes: written as a whole.
  CHECK(::write(pipe, &message, sizeof(message)) == sizeof(message));
}

Task<> AppendForEver(EmbeddedLog* log, TopicPartition partition, int pipe) {
  CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
  int64_t next = offsets.high_watermark.value();
  while (true) {
    BatchBuilder builder;
    for (int i = 0; i < kValuesPerBatch; ++i) {
      std::string value = ValueOf(next + i);
      builder.Add(1, std::nullopt, value);
    }
    CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
    AppendOptions options;
    CO_ASSIGN_OR_RETURN(AppendResult result, co_await log->Append(partition, batch, options));
    CHECK(result.base_offset == Offset(next));
    next += kValuesPerBatch;
    Tell(pipe, partition.partition.value(), next);
  }
}

Task<> CommitForEver(EmbeddedLog* log, TopicInfo topic, int pipe) {
  std::string job = "job";
  CO_ASSIGN_OR_RETURN(JobEpoch last, co_await log->LastEpoch(job));
  for (int64_t epoch = last.epoch + 1;; ++epoch) {
    EpochCommit commit{.job_id = job, .epoch = epoch};
    for (int32_t i = 0; i < kPartitions; ++i) {
      BatchBuilder builder;
      std::string value = ValueOf(epoch - 1);
      builder.Add(1, std::nullopt, value);
      commit.appends.push_back({{topic.id, PartitionId(i)}, builder.Build().ValueOrDie()});
    }
    CO_RETURN_IF_ERROR(co_await log->CommitEpoch(std::move(commit)));
    Tell(pipe, kPartitions, epoch);
  }
}

Task<TopicInfo> FindOrCreate(EmbeddedLog* log, std::string name) {
  if (auto found = log->FindTopic(name)) co_return *found;
  TopicConfig config = {{"segment.bytes", "1048576"}};
  co_return co_await log->CreateTopic(name, kPartitions, config, false);
}

Task<> Child(Env* env, std::string folder, int pipe) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, Options(folder)));
  CO_ASSIGN_OR_RETURN(TopicInfo plain, co_await FindOrCreate(log.get(), "plain"));
  CO_ASSIGN_OR_RETURN(TopicInfo epochs, co_await FindOrCreate(log.get(), "epochs"));
  Tell(pipe, -1, 0);
  TaskScope scope(env->shard(0), "writers", [](const std::string& name, const Status& status) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), Describe(status).c_str());
    std::_Exit(3);
  });
  for (int32_t i = 0; i < kPartitions; ++i) {
    scope.Spawn("append", AppendForEver(log.get(), {plain.id, PartitionId(i)}, pipe));
  }
  scope.Spawn("epochs", CommitForEver(log.get(), epochs, pipe));
  co_return co_await scope.Join();
}

// ---------------------------------------------------------------- parent

struct Ledger {
  std::vector<int64_t> acknowledged = std::vector<int64_t>(kPartitions + 1);
  std::vector<int64_t> found = std::vector<int64_t>(kPartitions + 1);
};

Task<int64_t> CountValues(EmbeddedLog* log, TopicPartition partition, int64_t from) {
  int64_t next = from;
  while (true) {
    ReadOptions options;
    CO_ASSIGN_OR_RETURN(ReadResult result, co_await log->Read(partition, Offset(next), options));
    if (result.batches.empty()) co_return next;
    for (const SharedBytes& batch : result.batches) {
      CO_ASSIGN_OR_RETURN(RecordReader reader, RecordReader::Open(batch.bytes));
      RecordView record;
      while (true) {
        CO_ASSIGN_OR_RETURN(bool more, reader.Next(&record));
        if (!more) break;
        if (record.offset.value() < next) continue;
        if (record.offset.value() != next || record.value != ValueOf(next)) {
          co_return MakeError(ErrorCode::kInternal,
                              fmt::format("partition {} has something else at offset {}",
                                          partition.partition, next));
        }
        ++next;
      }
    }
  }
}

Task<> CheckFolder(Env* env, std::string folder, Ledger* ledger) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, Options(folder)));
  CO_ASSIGN_OR_RETURN(TopicInfo plain, co_await FindOrCreate(log.get(), "plain"));
  CO_ASSIGN_OR_RETURN(TopicInfo epochs, co_await FindOrCreate(log.get(), "epochs"));
  std::string job = "job";
  CO_ASSIGN_OR_RETURN(JobEpoch last, co_await log->LastEpoch(job));
  Status status;
  for (int32_t i = 0; i < kPartitions; ++i) {
    auto values = co_await CountValues(log.get(), {plain.id, PartitionId(i)}, 0);
    auto steps = co_await CountValues(log.get(), {epochs.id, PartitionId(i)}, 0);
    CO_RETURN_IF_ERROR(values);
    CO_RETURN_IF_ERROR(steps);
    ledger->found[static_cast<size_t>(i)] = *values;
    if (*values < ledger->acknowledged[static_cast<size_t>(i)]) {
      status = MakeError(ErrorCode::kInternal, fmt::format("partition {} lost records", i));
    }
    if (*steps != last.epoch) {
      status =
          MakeError(ErrorCode::kInternal, fmt::format("epoch {} is there in part", last.epoch));
    }
  }
  ledger->found[kPartitions] = last.epoch;
  if (last.epoch < ledger->acknowledged[kPartitions]) {
    status = MakeError(ErrorCode::kInternal, "an acknowledged epoch is lost");
  }
  CO_RETURN_IF_ERROR(co_await log->Stop());
  co_return status;
}

// Starts a child, kills it after a random time, and reads what it acknowledged.
bool RunRound(const char* program, const std::string& folder, std::mt19937_64* random,
              Ledger* ledger) {
  int ends[2];
  CHECK(::pipe(ends) == 0);
  pid_t child = ::fork();
  CHECK(child >= 0);
  if (child == 0) {
    ::close(ends[0]);
    std::string pipe = std::to_string(ends[1]);
    ::execl(program, program, "--child", folder.c_str(), pipe.c_str(), nullptr);
    std::_Exit(127);
  }
  ::close(ends[1]);
  // Now and then in the middle of recovery, mostly later.
  auto delay = std::chrono::milliseconds((*random)() % 400);
  std::thread killer([child, delay] {
    std::this_thread::sleep_for(delay);
    ::kill(child, SIGKILL);
  });
  Acknowledgement message;
  int64_t count = 0;
  while (::read(ends[0], &message, sizeof(message)) == sizeof(message)) {
    ++count;
    if (message.partition < 0) continue;
    ledger->acknowledged[static_cast<size_t>(message.partition)] = message.number;
  }
  killer.join();
  ::close(ends[0]);
  int status = 0;
  CHECK(::waitpid(child, &status, 0) == child);
  bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  std::printf("killed after %lld ms, %lld acknowledgements\n",
              static_cast<long long>(delay.count()), static_cast<long long>(count));
  return killed;
}

int Parent(const char* program) {
  const char* text = std::getenv("MAINSTEM_KILL_ROUNDS");
  int rounds = text != nullptr ? std::atoi(text) : 20;
  std::string folder = (std::filesystem::temp_directory_path() / "mainstem-kill-XXXXXX").string();
  CHECK(::mkdtemp(folder.data()) != nullptr);
  uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  Ledger ledger;
  std::unique_ptr<Env> env;
  for (int round = 0; round < rounds; ++round) {
    if (!RunRound(program, folder, &random, &ledger)) {
      std::printf("the child ended by itself; data in %s\n", folder.c_str());
      return 1;
    }
    // No threads while we fork: the env lives for the check only.
    env = MakeRealEnv({.shard_count = 2});
    Status checked = RunBlocking(env->shard(0), CheckFolder(env.get(), folder, &ledger));
    env.reset();
    if (!checked.ok()) {
      std::printf("round %d: %s; data in %s\n", round, Describe(checked).c_str(), folder.c_str());
      return 1;
    }
  }
  int64_t total = 0;
  for (int64_t found : ledger.found) total += found;
  std::printf("%d kills: nothing lost, nothing twice; %lld records and epochs\n", rounds,
              static_cast<long long>(total));
  std::filesystem::remove_all(folder);
  return total > 0 ? 0 : 1;
}

int RunChild(const std::string& folder, int pipe) {
  std::unique_ptr<Env> env = MakeRealEnv({.shard_count = 2});
  Status status = RunBlocking(env->shard(0), Child(env.get(), folder, pipe));
  std::fprintf(stderr, "%s\n", Describe(status).c_str());
  return 3;
}

}  // namespace
}  // namespace mainstem::storage

int main(int argc, char** argv) {
  if (argc == 4 && std::string(argv[1]) == "--child") {
    return mainstem::storage::RunChild(argv[2], std::atoi(argv[3]));
  }
  return mainstem::storage::Parent(argv[0]);
}
