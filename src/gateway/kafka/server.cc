#include "gateway/kafka/server.h"

#include <atomic>

#include "gateway/kafka/session.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr Duration kAcceptRetry = std::chrono::milliseconds(50);
// Between two lines of the log about connections that are refused.
constexpr Duration kRefusalsLogged = std::chrono::seconds(30);

// What one shard runs for this server.
struct ShardSessions {
  ShardSessions(Executor executor, TaskScope::ErrorHandler on_error)
      : executor(executor), scope(executor, "kafka", std::move(on_error)) {}
  Executor executor;
  TaskScope scope;
};

Task<> CloseScope(TaskScope* scope) { co_return co_await scope->Close(); }

}  // namespace

struct KafkaServer::Impl {
  Impl(Env* env, storage::Log* log, storage::TransactionLog* transaction_log, MemoryBudget* budget,
       Metrics* metrics, Logger logger, KafkaSettings given)
      : env(env),
        log(log),
        transaction_log(transaction_log),
        budget(budget),
        logger(logger.Named("kafka")),
        settings(std::move(given)),
        home(env->shard(0)),
        groups(env, log, transaction_log, budget, logger, home, settings.groups),
        transactions(env, log, transaction_log, &groups, budget, logger, home,
                     settings.transactions),
        metrics(metrics) {}

  Task<> StartHere();
  Task<> StopHere();
  Task<> StopCoordinators();
  Task<> AcceptLoop();
  Task<> Serve(std::unique_ptr<Stream> stream, Executor executor);
  Task<> SpawnSession(ShardSessions* shard, std::unique_ptr<Stream> stream);

  void NoteRefusal();
  void Report(const std::string& task, const Status& status) {
    logger.Debug("connection ended", {{"task", task}, {"error", status}});
  }

  Env* const env;
  storage::Log* const log;
  storage::TransactionLog* const transaction_log;
  MemoryBudget* const budget;
  const Logger logger;
  const KafkaSettings settings;
  const Executor home;
  GroupCoordinator groups;
  TransactionCoordinator transactions;
  KafkaMetrics metrics;
  std::atomic<size_t> open_count{0};
  std::optional<TimePoint> refusal_logged;
  std::unique_ptr<Listener> listener;
  uint16_t port = 0;
  std::vector<std::unique_ptr<ShardSessions>> shards;
  std::unique_ptr<TaskScope> accepting;
};

KafkaServer::KafkaServer(Env* env, storage::Log* log, storage::TransactionLog* transaction_log,
                         MemoryBudget* budget, Metrics* metrics, Logger logger,
                         KafkaSettings settings)
    : impl_(std::make_unique<Impl>(env, log, transaction_log, budget, metrics, std::move(logger),
                                   std::move(settings))) {}

KafkaServer::~KafkaServer() = default;

uint16_t KafkaServer::port() const { return impl_->port; }
GroupCoordinator& KafkaServer::groups() { return impl_->groups; }
TransactionCoordinator& KafkaServer::transactions() { return impl_->transactions; }
int64_t KafkaServer::fetched_bytes() const { return impl_->metrics.fetched_bytes(); }
Task<> KafkaServer::Start() { return RunOn(impl_->home, impl_->StartHere()); }
Task<> KafkaServer::Stop() { return RunOn(impl_->home, impl_->StopHere()); }

Task<> KafkaServer::Impl::StartHere() {
  auto on_error = [this](const std::string& task, const Status& status) { Report(task, status); };
  CO_RETURN_IF_ERROR(co_await groups.Start());
  Status status = co_await transactions.Start();
  if (status.ok()) {
    status = (co_await env->network().Listen(settings.host, settings.port)).Value(&listener);
  }
  if (!status.ok()) {
    IgnoreError(co_await StopCoordinators(), "what failed before is reported");
    co_return status;
  }
  port = listener->port();
  for (size_t i = 0; i < env->shard_count(); ++i) {
    shards.push_back(std::make_unique<ShardSessions>(env->shard(i), on_error));
  }
  accepting = std::make_unique<TaskScope>(home, "kafka accept", on_error);
  accepting->Spawn("accept", AcceptLoop());
  logger.Info("listening", {{"host", settings.host}, {"port", port}});
  co_return Status::OK();
}

Task<> KafkaServer::Impl::StopHere() {
  if (accepting == nullptr) co_return Status::OK();
  listener->Close();
  CO_RETURN_IF_ERROR(co_await accepting->Close());
  for (auto& shard : shards) {
    CO_RETURN_IF_ERROR(co_await RunOn(shard->executor, CloseScope(&shard->scope)));
  }
  accepting.reset();
  shards.clear();
  co_return co_await StopCoordinators();
}

Task<> KafkaServer::Impl::StopCoordinators() {
  Status status = co_await transactions.Stop();
  Status groups_status = co_await groups.Stop();
  co_return status.ok() ? groups_status : status;
}

Task<> KafkaServer::Impl::AcceptLoop() {
  for (size_t next = 0;; ++next) {
    ShardSessions* shard = shards[next % shards.size()].get();
    Result<std::unique_ptr<Stream>> accepted = co_await listener->Accept(shard->executor);
    if (!accepted.ok()) {
      if (co_await IsCancelled()) co_return accepted.status();
      // Out of descriptors, most likely: some will be given back.
      logger.Warning("connection not accepted", {{"error", accepted.status()}});
      CO_RETURN_IF_ERROR(co_await Sleep(kAcceptRetry));
      continue;
    }
    std::unique_ptr<Stream> stream = std::move(accepted).ValueUnsafe();
    if (open_count.load() >= settings.connections_max) {
      NoteRefusal();
      CO_RETURN_IF_ERROR(co_await RunOn(shard->executor, SpawnSession(nullptr, std::move(stream))));
      continue;
    }
    ++open_count;
    metrics.connections().Increment();
    CO_RETURN_IF_ERROR(co_await RunOn(shard->executor, SpawnSession(shard, std::move(stream))));
  }
}

void KafkaServer::Impl::NoteRefusal() {
  metrics.refused_connections().Increment();
  TimePoint now = env->Now();
  if (refusal_logged && now - *refusal_logged < kRefusalsLogged) return;
  refusal_logged = now;
  logger.Warning("connections refused: as many as there may be are open",
                 {{"open", open_count.load()}});
}

// On the shard that owns the stream. Without a shard to serve it the stream is closed.
Task<> KafkaServer::Impl::SpawnSession(ShardSessions* shard, std::unique_ptr<Stream> stream) {
  if (shard == nullptr) {
    stream->Close();
  } else {
    std::string name = stream->remote_address();
    shard->scope.Spawn(std::move(name), Serve(std::move(stream), shard->executor));
  }
  co_return Status::OK();
}

Task<> KafkaServer::Impl::Serve(std::unique_ptr<Stream> stream, Executor executor) {
  Services services{env, log, transaction_log, &groups, &transactions, &settings};
  Session session(services, budget, &metrics, std::move(stream), executor);
  Status status = co_await session.Run();
  --open_count;
  metrics.connections().Decrement();
  co_return status;
}

}  // namespace mainstem::gateway::kafka
