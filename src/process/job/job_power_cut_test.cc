// Goal: what a job delivers to a sink and to a topic is there once, whenever the power goes, and
// would not be without the syncs of the log and of the checkpoints. Method: the job of
// counting_job.h over the real log, on a simulated disk, with power cuts at random steps and one
// more after its end. A disk that breaks its promises must make the same checker fail, and so must
// one that forgets only one kind of them, as if the code had no such sync.
#include <random>

#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "process/job/job_runner.h"
#include "process/job/testing/counting_job.h"
#include "storage/embedded_log.h"
#include "storage/record_batch.h"

namespace mainstem::process {
namespace {

using storage::EmbeddedLog;
using testing::CountingModel;
using testing::MemoryWorld;

constexpr int kPowerCutLives = 7;

storage::EmbeddedLogOptions TinyJobLog() {
  storage::EmbeddedLogOptions options;
  options.data_dir = "/data";
  options.cache_bytes = 256 << 10;
  options.buffer_bytes = 64 << 10;
  options.journal_file_bytes = 128 << 10;
  options.journal_bytes_max = 1 << 20;
  options.checkpoint_interval = std::chrono::milliseconds(20);
  return options;
}

class PowerCutWorld {
 public:
  PowerCutWorld(uint64_t seed, SimDiskOptions disk)
      : random_(seed),
        disk_(seed, std::move(disk)),
        model_({.split_count = 2, .batch_count = 15, .row_count = 10}, &random_, &outside_),
        is_upsert_(seed % 2 == 0),
        plan_(std::make_shared<plan::Plan>(testing::CountingPlan(is_upsert_))) {
    testing::AddMemoryConnectors(&outside_, &registry_);
  }

  // Runs the job to its end, with cuts on the way. Empty, or what is wrong.
  std::string Run() {
    for (int life = 0;; ++life) {
      bool is_last = life == kPowerCutLives;
      int64_t steps = is_last ? 2'000'000 : 100 + static_cast<int64_t>(random_() % 1500);
      Status outcome;
      bool ended = Live(steps, &outcome);
      if (ended && !outcome.ok()) return "the job ended: " + outcome.ToString();
      if (ended) break;
      if (is_last) return "the job does not end";
      ++cut_count_;
    }
    SimEnv env(&disk_, {.seed = 1});
    std::vector<std::string> copied;
    Status read = env.Run(OpenAndRead(&env, &copied));
    if (!read.ok()) return "no start: " + read.ToString();
    if (copied != model_.ExpectedTopic()) return "the topic differs";
    std::vector<std::string> table = CountingModel::TableOf(&outside_, is_upsert_);
    return table == model_.ExpectedTable() ? "" : "the table differs";
  }

  int cut_count() const { return cut_count_; }

 private:
  // One process; leaked, as the power ends it.
  struct Process {
    std::unique_ptr<SimEnv> env;
    std::unique_ptr<EmbeddedLog> log;
    std::optional<JobEnvironment> environment;
    std::unique_ptr<JobRunner> runner;
  };

  // False when the power went before the job ended; else it goes then.
  bool Live(int64_t steps, Status* outcome) {
    auto process = std::make_unique<Process>();
    process->env = std::make_unique<SimEnv>(&disk_, SimEnvOptions{.seed = random_()});
    JobRunnerOptions options;
    options.job_id = "job";
    options.parallelism = 1 + static_cast<int>(random_() % 3);
    options.checkpoint_interval = std::chrono::milliseconds(3);
    options.checkpoint_directory = "/state/jobs/job";
    options.fail_fast = true;
    Task<> work = Work(process.get(), std::move(options));
    bool ended = process->env->RunSteps(std::move(work), steps, outcome);
    // The power goes with the log as it is, for an orderly stop would sync.
    process->env->Abandon();
    (void)process.release();
    disk_.Crash();
    return ended;
  }

  Task<> Work(Process* process, JobRunnerOptions options) {
    SimEnv* env = process->env.get();
    CO_ASSIGN_OR_RETURN(process->log, co_await EmbeddedLog::Open(env, TinyJobLog()));
    if (!process->log->FindTopic("copy")) {
      storage::TopicConfig none;
      CO_RETURN_IF_ERROR((co_await process->log->CreateTopic("copy", 1, none, false)).status());
    }
    process->environment.emplace(JobEnvironment{
        env, process->log.get(), &registry_, state_.get(), {}, Logger::Silent(), &state_memory_});
    process->environment->context.env = env;
    process->environment->context.log = process->log.get();
    process->runner =
        std::make_unique<JobRunner>(&*process->environment, plan_, std::move(options));
    Status ran = co_await process->runner->Run();
    if (ran.ok() && process->runner->state() != JobState::kFinished) {
      ran = MakeError(ErrorCode::kInternal, "it has not finished");
    }
    co_return ran;
  }

  static Task<> OpenAndRead(SimEnv* env, std::vector<std::string>* values) {
    CO_ASSIGN_OR_RETURN(auto log, co_await EmbeddedLog::Open(env, TinyJobLog()));
    Status read = co_await ReadTopic(log.get(), values);
    CO_RETURN_IF_ERROR(co_await log->Stop());
    co_return read;
  }

  static Task<> ReadTopic(EmbeddedLog* log, std::vector<std::string>* values) {
    auto topic = log->FindTopic("copy");
    if (!topic) co_return MakeError(ErrorCode::kUnknownTopic, "the topic is lost");
    storage::TopicPartition where{topic->id, PartitionId(0)};
    CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log->Offsets(where));
    for (Offset next = offsets.log_start; next < offsets.high_watermark;) {
      CO_ASSIGN_OR_RETURN(storage::ReadResult read, co_await log->Read(where, next, {}));
      for (const storage::SharedBytes& batch : read.batches) {
        CO_ASSIGN_OR_RETURN(auto reader, storage::RecordReader::Open(batch.bytes));
        for (storage::RecordView record;;) {
          CO_ASSIGN_OR_RETURN(bool more, reader.Next(&record));
          if (!more) break;
          values->emplace_back(*record.value);
        }
        next = reader.header().next_offset();
      }
    }
    std::sort(values->begin(), values->end());
    co_return Status::OK();
  }

  std::mt19937_64 random_;
  SimDisk disk_;
  MemoryWorld outside_;
  CountingModel model_;
  const bool is_upsert_;
  std::shared_ptr<plan::Plan> plan_;
  connector::ConnectorRegistry registry_;
  // In memory, as if its files were synced always: RocksDB's syncs are its own matter.
  std::unique_ptr<StateBackendFactory> state_ = MakeMemoryStateBackendFactory();
  StateMemory state_memory_{64u << 20};
  int cut_count_ = 0;
};

TEST(JobPowerCutTest, EachRowIsOnceInSinkAndTopicWheneverThePowerGoes) {
  int cut_count = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    PowerCutWorld world(seed, {});
    EXPECT_EQ(world.Run(), "") << "seed " << seed;
    cut_count += world.cut_count();
  }
  EXPECT_GT(cut_count, 40) << "too few cuts";
}

TEST(JobPowerCutTest, TheCheckerSeesADiskThatDoesNotSync) {
  int violated = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    PowerCutWorld world(seed, {.keeps_promises = false});
    violated += !world.Run().empty();
  }
  EXPECT_GE(violated, 9);
}

// The syncs between a row and its place in sink and topic (docs/decisions/0011-what-is-synced.md).
struct DeliverySync {
  const char* name;
  ForgottenSyncs forgets;
};

std::vector<DeliverySync> DeliverySyncs() {
  using enum SimChange;
  using Path = const std::string&;
  auto has = [](Path path, std::string_view part) { return path.find(part) != std::string::npos; };
  return {
      {"a frame of the journal",
       [has](SimChange what, Path path) { return what == kData && has(path, "/journal/"); }},
      {"the manifest of a checkpoint",
       [has](SimChange what, Path path) { return what == kData && has(path, "/manifest"); }},
      {"the name of the manifest",
       [has](SimChange what, Path path) { return what == kRename && has(path, "/manifest"); }},
      {"the folder of a checkpoint",
       [has](SimChange what, Path path) { return what == kMakeDirectory && has(path, "/chk-"); }},
      {"the folder of a job",
       [](SimChange what, Path path) { return what == kMakeDirectory && path.ends_with("/job"); }},
      {"the folder of the jobs",
       [](SimChange what, Path path) { return what == kMakeDirectory && path.ends_with("/jobs"); }},
  };
}

TEST(JobPowerCutTest, EachSyncBetweenARowAndItsPlaceIsNeeded) {
  for (const DeliverySync& sync : DeliverySyncs()) {
    std::string violation;
    uint64_t seed = 0;
    while (violation.empty() && ++seed <= 60) {
      violation = PowerCutWorld(seed, {.forgets = sync.forgets}).Run();
    }
    EXPECT_NE(violation, "") << "without " << sync.name;
    std::printf("without %s: seed %d: %s\n", sync.name, static_cast<int>(seed), violation.c_str());
  }
}

}  // namespace
}  // namespace mainstem::process
