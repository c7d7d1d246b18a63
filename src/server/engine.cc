#include "server/engine.h"

#include <cstdlib>
#include <filesystem>

#include <arrow/memory_pool.h>

#include "core/sync.h"
#include "server/connectors.h"

namespace mainstem::server {
namespace {

// Shares of the accounted memory, reserved at start. The rest is shared: requests, their answers.
constexpr double kAccountedShare = 0.7;
constexpr double kCacheShare = 0.3;
constexpr double kStateShare = 0.45;
constexpr double kColumnShare = 0.1;

int64_t Share(int64_t bytes, double share) {
  return static_cast<int64_t>(static_cast<double>(bytes) * share);
}

// What the settings leave open, the environment of the process may say.
connector::S3Defaults WithEnvironment(connector::S3Defaults s3) {
  s3.environment = connector::S3Environment(EnvironmentVariable);
  return s3;
}

}  // namespace

Engine::Engine(Settings settings, Logger logger)
    : settings_(std::move(settings)),
      logger_(std::move(logger)),
      budget_(std::make_unique<MemoryBudget>(Share(settings_.memory_bytes, kAccountedShare))),
      metrics_(std::make_unique<Metrics>()),
      registry_(MakeConnectorRegistry(WithEnvironment(settings_.s3))) {
  using Kind = Metrics::Kind;
  auto watch = [this](std::string name, std::string help, Kind kind, auto value) {
    metrics_->AddFunction(
        {.name = std::move(name), .help = std::move(help)}, kind,
        [budget = budget_.get(), value] { return static_cast<double>((budget->*value)()); });
  };
  watch("mainstem_memory_budget_bytes", "the accounted part of --memory", Kind::kGauge,
        &MemoryBudget::total_bytes);
  watch("mainstem_memory_leased_bytes", "what is leased of it", Kind::kGauge,
        &MemoryBudget::used_bytes);
  watch("mainstem_memory_refusals_total", "leases that had to wait or were refused", Kind::kCounter,
        &MemoryBudget::refused_count);
  metrics_->AddFunction(
      {.name = "mainstem_arrow_bytes",
       .help = "columns in memory: rows on their way, files being written"},
      Kind::kGauge,
      [] { return static_cast<double>(arrow::default_memory_pool()->bytes_allocated()); });
}

Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::Open(Settings settings, Logger logger) {
  auto engine = std::unique_ptr<Engine>(new Engine(std::move(settings), std::move(logger)));
  ASSIGN_OR_RETURN(engine->folder_lock_, FolderLock::Take(engine->settings_.data_dir));
  const char* crash_point = std::getenv("MAINSTEM_CRASH_POINT");
  engine->env_ = MakeRealEnv({.shard_count = engine->settings_.shard_count,
                              .crash_point = crash_point == nullptr ? "" : crash_point});
  RETURN_IF_ERROR(RunBlocking(engine->env_->shard(0), engine->OpenLog()));
  return engine;
}

Task<> Engine::OpenLog() {
  int64_t accounted = budget_->total_bytes();
  CO_ASSIGN_OR_RETURN(cache_memory_, budget_->Reserve(Share(accounted, kCacheShare), "the cache"));
  CO_ASSIGN_OR_RETURN(state_memory_,
                      budget_->Reserve(Share(accounted, kStateShare), "the state of jobs"));
  CO_ASSIGN_OR_RETURN(auto column_memory,
                      budget_->Reserve(Share(accounted, kColumnShare), "the rows of jobs"));
  column_memory_ = std::make_unique<process::ColumnMemory>(budget_.get(), std::move(column_memory));
  storage::EmbeddedLogOptions options;
  options.data_dir = settings_.data_dir + "/log";
  // The keys of a running compaction are part of the cache's share.
  options.compaction_key_bytes = static_cast<size_t>(cache_memory_.bytes()) / 8;
  options.cache_bytes = cache_memory_.bytes() - static_cast<int64_t>(options.compaction_key_bytes);
  options.journal_bytes_max = settings_.journal_limit_bytes;
  options.checkpoint_interval = std::chrono::milliseconds(settings_.journal_checkpoint_interval_ms);
  options.default_partition_count = settings_.default_partitions;
  options.logger = logger_.Named("storage");
  options.metrics = metrics_.get();
  CO_ASSIGN_OR_RETURN(log_, co_await storage::EmbeddedLog::Open(env_.get(), std::move(options)));
  metrics_->AddFunction(
      {.name = "mainstem_journal_pinned_bytes", .help = "journal that is in no segment yet"},
      Metrics::Kind::kGauge,
      [log = log_.get()] { return static_cast<double>(log->journal_pinned_bytes()); });
  co_return Status::OK();
}

Task<> Engine::StartJobs(std::vector<std::string> own_addresses) {
  process::JobManagerOptions options;
  options.state_directory = settings_.data_dir + "/jobs";
  // Absolute, because it is shown to people, and may be used by another node.
  options.savepoint_directory =
      std::filesystem::absolute(settings_.data_dir).string() + "/savepoints";
  options.default_parallelism = settings_.default_parallelism;
  options.checkpoint_interval = std::chrono::milliseconds(settings_.checkpoint_interval_ms);
  options.state_memory_bytes = static_cast<size_t>(state_memory_.bytes());
  options.column_memory = column_memory_.get();
  options.recovers_jobs = !settings_.data_is_temporary;
  options.own_addresses = std::move(own_addresses);
  CO_ASSIGN_OR_RETURN(jobs_, process::JobManager::Make(env_.get(), log_.get(), &registry_,
                                                       std::move(options), logger_.Named("jobs")));
  co_return co_await jobs_->Start();
}

Status Engine::StopJobs() {
  return jobs_ ? RunBlocking(env_->shard(0), jobs_->Stop()) : Status::OK();
}

Status Engine::StopLog() { return log_ ? RunBlocking(env_->shard(0), log_->Stop()) : Status::OK(); }

Status Engine::Stop() {
  Status jobs = StopJobs();
  Status log = StopLog();
  return jobs.ok() ? log : jobs;
}

}  // namespace mainstem::server
