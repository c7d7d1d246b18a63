#include "simulation/scenario.h"

#include "simulation/admin.h"
#include "simulation/atomic_writer.h"
#include "simulation/copier.h"
#include "simulation/faults.h"
#include "simulation/group_member.h"
#include "simulation/idempotent_producer.h"
#include "simulation/node.h"
#include "simulation/watcher.h"

namespace mainstem::simulation {
namespace {

constexpr int32_t kCopiedPartitions = 2;

NodeOptions MakeNodeOptions(const ScenarioOptions& scenario) {
  NodeOptions options;
  options.shard_count = 1 + scenario.seed % 3;
  if (scenario.logs) options.log.logger = Logger::Make({}).ValueOrDie();
  options.log.data_dir = "/data";
  options.log.cache_bytes = 256 << 10;
  options.log.buffer_bytes = 64 << 10;  // more pieces, and a crash leaks little
  options.log.journal_file_bytes = 128 << 10;
  options.log.journal_bytes_max = 1 << 20;
  options.log.checkpoint_interval = std::chrono::seconds(3);
  options.log.retention_check_interval = std::chrono::seconds(2);
  options.log.compaction_check_interval = std::chrono::seconds(1);
  options.log.compaction_key_bytes = 16 << 10;
  options.kafka.port = kKafkaPort;
  options.kafka.cluster_id = "simulated";
  options.kafka.data_directory = options.log.data_dir;
  return options;
}

struct TopicPlan {
  std::string name;
  int32_t partition_count;
  std::map<std::string, std::string> config;
};

const std::vector<TopicPlan>& Topics() {
  // The clocks jump.
  static const std::pair<const std::string, std::string> any_time = {
      "message.timestamp.after.max.ms", "9223372036854775807"};
  static const std::vector<TopicPlan> kTopics = {
      {"plain", 3, {any_time}},
      {"compacted",
       2,
       {any_time,
        {"cleanup.policy", "compact"},
        {"segment.ms", "1500"},
        {"min.cleanable.dirty.ratio", "0.01"},
        {"delete.retention.ms", "3000"}}},
      {"trimmed", 2, {any_time, {"retention.ms", "9000"}, {"segment.ms", "2000"}}},
      {"source", 2, {any_time}},
      {"target", 2, {any_time}},
      {"atomic", 2, {any_time}},
  };
  return kTopics;
}

class Run {
 public:
  explicit Run(const ScenarioOptions& options)
      : options_(options),
        world_(
            {.seed = options.seed, .step_time_max = std::chrono::microseconds(options.seed % 4)}),
        disk_(options.seed,
              {.keeps_promises = options.disk_keeps_promises, .forgets = options.disk_forgets}),
        clients_disk_(0),
        node_(&world_, &disk_, MakeNodeOptions(options)),
        env_(&world_, &clients_disk_, {.shard_count = 1}),
        ledger_(&world_),
        random_(options.seed),
        faults_(&world_, &disk_, &node_, &ledger_, options.seed),
        scope_(env_.shard(0), "clients", [this](const std::string& task, const Status& status) {
          ledger_.Violated(task + " ended: " + Describe(status));
        }) {}

  ScenarioOutcome Go() {
    if (options_.failing_operation >= 0) {
      ledger_.Count("disk errors");
      disk_.FailOperation(options_.failing_operation);
    }
    if (options_.crash_at_step >= 0) {
      world_.CallAtStep(options_.crash_at_step, [this] { node_.Kill(SimEnding::kPowerCut); });
    }
    scope_.Spawn("all", Counted(&running_, "all", Everything()));
    TimePoint end = world_.Now() + options_.faults_for + 5 * options_.patience;
    while (running_ > 0 && ledger_.violation().empty()) {
      if (!world_.Step()) ledger_.Violated("deadlock: nothing is left to run");
      if (world_.Now() > end) ledger_.Violated("the run did not end");
    }
    ScenarioOutcome outcome;
    outcome.violation = ledger_.violation();
    outcome.trace_hash = world_.trace_hash();
    outcome.step_count = world_.step_count();
    outcome.fault_fired = disk_.fault_fired();
    outcome.counts = ledger_.counts();
    outcome.counts["connections cut"] = world_.network().cut_count();
    return outcome;
  }

 private:
  KafkaClient* NewClient(const std::string& name) {
    clients_.push_back(std::make_unique<KafkaClient>(&env_, name, kKafkaPort));
    return clients_.back().get();
  }

  Task<> Everything() {
    scope_.Spawn("faults", Counted(&keeping_alive_, "faults", faults_.KeepAlive()));
    KafkaClient* client = NewClient("setup");
    for (const TopicPlan& plan : Topics()) {
      CO_RETURN_IF_ERROR(
          co_await Admin::CreateTopic(client, plan.name, plan.partition_count, plan.config));
    }
    AddClients();
    CO_RETURN_IF_ERROR(co_await faults_.Rage(options_));
    faults_.Heal();
    CO_RETURN_IF_ERROR(co_await Finish());
    CO_RETURN_IF_ERROR(co_await CheckAll());
    faults_.Finish();
    co_return co_await WaitFor(&keeping_alive_);
  }

  // All that was begun is brought to its end.
  Task<> Finish() {
    for (auto& producer : producers_) producer->Finish();
    for (auto& member : members_) member->Finish();
    admin_->Finish();
    atomic_->Finish();
    CO_RETURN_IF_ERROR(co_await WaitFor(&working_));
    KafkaClient* client = NewClient("ends");
    std::map<PartitionKey, int64_t> ends;
    for (int32_t i = 0; i < kCopiedPartitions; ++i) {
      PartitionKey key{"source", i};
      CO_RETURN_IF_ERROR(co_await ReadWhole(client, &ledger_, key, ReaderOptions(false)));
      ends[key] = ledger_.MarksOf(key).high_watermark;
    }
    for (auto& copier : copiers_) copier->FinishAt(ends);
    CO_RETURN_IF_ERROR(co_await WaitFor(&copying_));
    for (auto& watcher : watchers_) watcher->Finish();
    co_return co_await WaitFor(&watching_);
  }

  // What must end by itself in a quiet world, and soon.
  Task<> WaitFor(int* running) {
    TimePoint end = env_.Now() + options_.patience;
    while (*running > 0) {
      CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::milliseconds(50)));
      if (env_.Now() < end) continue;
      std::string who;
      for (const std::string& name : busy_) who += " " + name;
      co_return MakeError(ErrorCode::kTimedOut, "in a quiet world these do not get on:" + who);
    }
    co_return Status::OK();
  }

  // `running` grows when this is made, not when it begins.
  Task<> Counted(int* running, std::string name, Task<> task) {
    ++*running;
    return CountDown(running, std::move(name), std::move(task));
  }

  Task<> CountDown(int* running, std::string name, Task<> task) {
    busy_.insert(name);
    Status status = co_await std::move(task);
    busy_.erase(name);
    --*running;
    co_return status;
  }

  void AddClients() {
    AddProducer({.name = "a", .topic = "plain", .partition_count = 3, .version = 9});
    AddProducer({.name = "b", .topic = "plain", .partition_count = 3, .version = 13});
    AddProducer({.name = "k", .topic = "compacted", .partition_count = 2, .key_count = 6});
    AddProducer({.name = "t", .topic = "trimmed", .partition_count = 2});
    AddProducer({.name = "s", .topic = "source", .partition_count = kCopiedPartitions});
    AddWatcher("all", false);
    AddWatcher("committed", true);
    bool by_second_protocol = random_() % 2 == 0;
    for (int i = 0; i < 2; ++i) AddCopier(fmt::format("copier-{}", i), by_second_protocol);
    AddAtomicWriter(!by_second_protocol);
    for (int i = 0; i < 3; ++i) AddMember(fmt::format("member-{}", i), i == 0);
    AdminOptions options{.trimmed_topic = "trimmed", .trimmed_partition_count = 2};
    options.seed = random_();
    admin_ = std::make_unique<Admin>(NewClient("admin"), &ledger_, options);
    scope_.Spawn("admin", Counted(&working_, "admin", admin_->Run()));
  }

  void AddProducer(IdempotentProducerOptions options) {
    options.seed = random_();
    KafkaClient* client = NewClient(options.name);
    producers_.push_back(std::make_unique<IdempotentProducer>(client, &ledger_, options));
    scope_.Spawn(options.name, Counted(&working_, options.name, producers_.back()->Run()));
  }

  void AddCopier(const std::string& name, bool by_second_protocol) {
    CopierOptions options{.name = name, .group = "copiers", .source = "source", .target = "target"};
    options.partition_count = kCopiedPartitions;
    options.seed = random_();
    options.transactions = {.id = "copier", .by_second_protocol = by_second_protocol};
    options.transactions.timeout_ms = static_cast<int32_t>(3000 + random_() % 15'000);
    options.reader = ReaderOptions(true);
    options.reader.partition_bytes = 8 << 10;  // batches must fit into the tiny journal
    copiers_.push_back(
        std::make_unique<Copier>(NewClient(name + "-reads"), NewClient(name), &ledger_, options));
    scope_.Spawn(name, Counted(&copying_, name, copiers_.back()->Run()));
  }

  void AddAtomicWriter(bool by_second_protocol) {
    AtomicWriterOptions options{.topic = "atomic", .partition_count = 2};
    options.seed = random_();
    options.transactions = {.id = "atomic", .by_second_protocol = by_second_protocol};
    options.transactions.timeout_ms = static_cast<int32_t>(2000 + random_() % 15'000);
    options.reader = ReaderOptions(true);
    atomic_ = std::make_unique<AtomicWriter>(NewClient("atomic"), NewClient("atomic-reads"),
                                             &ledger_, options);
    scope_.Spawn("atomic", Counted(&working_, "atomic", atomic_->Write()));
    scope_.Spawn("atomic reader", Counted(&working_, "atomic reader", atomic_->Read()));
  }

  void AddMember(const std::string& name, bool is_static) {
    GroupMemberOptions options{.name = name, .group = "readers", .topic = "plain"};
    options.partition_count = 3;
    if (is_static) options.instance_id = name;
    options.seed = random_();
    options.reader = ReaderOptions(false);
    options.reader.max_wait_ms = 100;
    members_.push_back(std::make_unique<GroupMember>(NewClient(name), NewClient(name + "-reads"),
                                                     &ledger_, options));
    scope_.Spawn(name, Counted(&working_, name, members_.back()->Run()));
  }

  FetchReaderOptions ReaderOptions(bool read_committed) {
    FetchReaderOptions options;
    options.read_committed = read_committed;
    options.version = random_() % 2 == 0 ? 12 : 16;
    for (const TopicPlan& plan : Topics()) {
      if (plan.config.contains("cleanup.policy")) options.compacted.insert(plan.name);
      if (plan.config.contains("retention.ms")) options.trimmed.insert(plan.name);
    }
    return options;
  }

  std::vector<PartitionKey> AllPartitions() const {
    std::vector<PartitionKey> keys;
    for (const TopicPlan& plan : Topics()) {
      for (int32_t i = 0; i < plan.partition_count; ++i) keys.push_back({plan.name, i});
    }
    return keys;
  }

  void AddWatcher(const std::string& name, bool read_committed) {
    WatcherOptions options{.name = name, .partitions = AllPartitions()};
    options.reader = ReaderOptions(read_committed);
    options.reader.uses_session = random_() % 4 != 0;
    options.seed = random_();
    watchers_.push_back(std::make_unique<Watcher>(NewClient(name), &ledger_, options));
    scope_.Spawn(name, Counted(&watching_, name, watchers_.back()->Run()));
  }

  Task<> CheckAll() {
    KafkaClient* client = NewClient("checker");
    std::map<PartitionKey, std::vector<SeenRecord>> originals;
    for (const PartitionKey& key : AllPartitions()) {
      CO_ASSIGN_OR_RETURN(std::vector<SeenRecord> records,
                          co_await ReadWhole(client, &ledger_, key, ReaderOptions(false)));
      bool is_compacted = key.first == "compacted";
      const int64_t log_start = ledger_.MarksOf(key).log_start;
      ledger_.CheckAll(key, records, log_start, is_compacted);
      // Retention may have overtaken the reader: then there is a gap before the start.
      std::erase_if(records, [&](const SeenRecord& record) { return record.offset < log_start; });
      for (const auto& producer : producers_) {
        if (producer->topic() != key.first) continue;
        if (is_compacted) {
          producer->CheckNewestOfKeys(key.second, records);
        } else {
          producer->CheckOnceInOrder(key.second, records, key.first == "trimmed");
        }
      }
      if (key.first == "source") originals[key] = std::move(records);
    }
    for (const auto& [key, records] : originals) {
      PartitionKey target{"target", key.second};
      CO_ASSIGN_OR_RETURN(std::vector<SeenRecord> copies,
                          co_await ReadWhole(client, &ledger_, target, ReaderOptions(true)));
      CheckCopied(&ledger_, target, copies, records);
    }
    // Nothing but crashes and errors happened to the files: none of them may look damaged.
    for (const std::string& path : disk_.ListAll()) {
      if (path.find("set-aside") != std::string::npos) ledger_.Violated(path + " is there");
    }
    CO_RETURN_IF_ERROR(co_await atomic_->Check());
    std::set<std::string> names;
    for (const TopicPlan& plan : Topics()) names.insert(plan.name);
    CO_RETURN_IF_ERROR(co_await admin_->Check(std::move(names)));
    std::vector<PartitionKey> plain = {{"plain", 0}, {"plain", 1}, {"plain", 2}};
    std::string group = "readers";
    auto committed = co_await StableOffsets(client, &ledger_, group, std::move(plain));
    co_return committed.status();
  }

  const ScenarioOptions options_;
  SimWorld world_;
  SimDisk disk_;
  SimDisk clients_disk_;
  Node node_;
  SimEnv env_;  // of all clients
  Ledger ledger_;
  std::mt19937_64 random_;
  Faults faults_;
  std::vector<std::unique_ptr<KafkaClient>> clients_;
  std::vector<std::unique_ptr<IdempotentProducer>> producers_;
  std::vector<std::unique_ptr<Watcher>> watchers_;
  std::vector<std::unique_ptr<Copier>> copiers_;
  std::vector<std::unique_ptr<GroupMember>> members_;
  std::unique_ptr<AtomicWriter> atomic_;
  std::unique_ptr<Admin> admin_;
  int running_ = 0;
  int keeping_alive_ = 0;
  int working_ = 0;
  int copying_ = 0;
  int watching_ = 0;
  std::set<std::string> busy_;
  TaskScope scope_;
};

}  // namespace

ScenarioOutcome RunScenario(const ScenarioOptions& options) {
  auto* run = new Run(options);  // leaked with the crashed processes that refer to it
  return run->Go();
}

}  // namespace mainstem::simulation
