#include "gateway/logs/logs_service.h"

#include <map>

#include "gateway/aws/unavailable.h"
#include "gateway/logs/operations.h"
#include "gateway/logs/shapes.h"

namespace mainstem::gateway::logs {
namespace {

const std::map<std::string, Operation, std::less<>>& LogsOperations() {
  static const std::map<std::string, Operation, std::less<>> table = {
      {"CreateLogGroup", CreateLogGroup},
      {"DeleteLogGroup", DeleteLogGroup},
      {"DescribeLogGroups", DescribeLogGroups},
      {"PutLogGroupDeletionProtection", PutLogGroupDeletionProtection},
      {"PutRetentionPolicy", PutRetentionPolicy},
      {"DeleteRetentionPolicy", DeleteRetentionPolicy},
      {"TagLogGroup", ChangeTags},
      {"UntagLogGroup", ChangeTags},
      {"TagResource", ChangeTags},
      {"UntagResource", ChangeTags},
      {"ListTagsLogGroup", ListTags},
      {"ListTagsForResource", ListTags},
      {"CreateLogStream", CreateLogStream},
      {"DeleteLogStream", DeleteLogStream},
      {"DescribeLogStreams", DescribeLogStreams},
      {"PutLogEvents", PutLogEvents},
      {"GetLogEvents", GetLogEvents},
      {"FilterLogEvents", FilterLogEvents},
      {"PutSubscriptionFilter", PutSubscriptionFilter},
      {"DescribeSubscriptionFilters", DescribeSubscriptionFilters},
      {"DeleteSubscriptionFilter", DeleteSubscriptionFilter},
      {"TestMetricFilter", TestMetricFilter},
  };
  return table;
}

LogsCounters MakeLogsCounters(Metrics* metrics) {
  return {.events_in = &metrics->AddCounter(
              {.name = "mainstem_log_events_in_total", .help = "events put into log groups"}),
          .bytes_in = &metrics->AddCounter(
              {.name = "mainstem_log_event_bytes_in_total", .help = "their record batches"})};
}

// What may work later has another name here than with other services.
Task<> RunTold(Operation operation, const Context& context, aws::AwsCall* call) {
  co_return aws::UnavailableAs("ServiceUnavailableException", co_await operation(context, call));
}

Task<std::optional<aws::LogPlace>> FindPlaceHere(LogCatalog* catalog, std::string group,
                                                 std::string stream) {
  LogGroupPtr found = catalog->Find(group);
  if (found == nullptr) co_return std::nullopt;
  if (found->FindStream(stream) == nullptr) {
    Status made = co_await catalog->CreateStream(found, std::move(stream));
    if (Is(made, ErrorCode::kNotFound)) co_return std::nullopt;
    if (!Is(made, ErrorCode::kAlreadyExists)) CO_RETURN_IF_ERROR(made);
  }
  auto topic = catalog->TopicOf(*found);
  if (!topic) co_return std::nullopt;
  co_return aws::LogPlace{.partition = {.topic_id = topic->id, .partition = PartitionId(0)}};
}

Task<std::string> FindOwnerHere(LogCatalog* catalog, storage::TopicInfo topic) {
  for (const auto& [name, group] : catalog->groups()) {
    if (group->definition.topic != topic.name) continue;
    auto own = catalog->TopicOf(*group);
    if (own && own->id == topic.id) co_return "log group " + name;
  }
  co_return std::string();
}

}  // namespace

struct LogsService::Impl {
  Impl(Env* env, storage::Log* log, MemoryBudget* budget, Metrics* metrics, Logger logger,
       std::unique_ptr<SubscriptionDelivery> given_delivery, std::unique_ptr<LogCatalog> given,
       LogsOptions options, aws::TokenSealer given_sealer)
      : home(env->shard(0)),
        sealer(std::move(given_sealer)),
        delivery(std::move(given_delivery)),
        catalog(std::move(given)),
        context{.env = env,
                .log = log,
                .budget = budget,
                .logger = std::move(logger),
                .catalog = catalog.get(),
                .delivery = delivery.get(),
                .sealer = &sealer,
                .account = std::move(options.account),
                .counters = MakeLogsCounters(metrics)} {}

  const Executor home;
  const aws::TokenSealer sealer;
  const std::unique_ptr<SubscriptionDelivery> delivery;
  const std::unique_ptr<LogCatalog> catalog;
  const Context context;
};

LogsService::LogsService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LogsService::~LogsService() = default;

Task<std::unique_ptr<LogsService>> LogsService::Open(Env* env, storage::Log* log,
                                                     MemoryBudget* budget, Metrics* metrics,
                                                     Logger logger, LogsOptions options) {
  CO_ASSIGN_OR_RETURN(aws::TokenSealer sealer, co_await aws::TokenSealer::Open(env, log));
  SubscriptionDelivery::Parts parts{.env = env,
                                    .log = log,
                                    .budget = budget,
                                    .metrics = metrics,
                                    .logger = logger,
                                    .account = options.account,
                                    .find_place = options.find_place};
  auto delivery = std::make_unique<SubscriptionDelivery>(std::move(parts));
  auto catalog = co_await LogCatalog::Open(env, log, budget, delivery.get(), logger);
  if (!catalog.ok()) {
    IgnoreError(co_await delivery->Stop(), "the failure to open is what counts");
    co_return catalog.status();
  }
  auto impl =
      std::make_unique<Impl>(env, log, budget, metrics, std::move(logger), std::move(delivery),
                             std::move(*catalog), std::move(options), std::move(sealer));
  co_return std::unique_ptr<LogsService>(new LogsService(std::move(impl)));
}

Task<> LogsService::Stop() { return RunOn(impl_->home, impl_->delivery->Stop()); }

Task<std::optional<aws::LogPlace>> LogsService::FindPlace(std::string group, std::string stream) {
  LogCatalog* catalog = impl_->catalog.get();
  return RunOn(impl_->home, FindPlaceHere(catalog, std::move(group), std::move(stream)));
}

Task<std::string> LogsService::FindOwner(storage::TopicInfo topic) {
  return RunOn(impl_->home, FindOwnerHere(impl_->catalog.get(), std::move(topic)));
}

const aws::Shape* LogsService::FindOperation(std::string_view name) const {
  return LogsOperations().count(name) > 0 ? FindShape(name) : nullptr;
}

Task<> LogsService::Run(aws::AwsCall* call) {
  auto it = LogsOperations().find(call->operation);
  CHECK(it != LogsOperations().end());
  return RunOn(impl_->home, RunTold(it->second, impl_->context, call));
}

}  // namespace mainstem::gateway::logs
