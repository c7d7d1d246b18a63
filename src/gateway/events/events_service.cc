#include "gateway/events/events_service.h"

#include <map>

#include "gateway/events/operations.h"
#include "gateway/events/shapes.h"

namespace mainstem::gateway::events {
namespace {

const std::map<std::string, Operation, std::less<>>& EventsOperations() {
  static const std::map<std::string, Operation, std::less<>> table = {
      {"CreateEventBus", CreateEventBus},
      {"UpdateEventBus", UpdateEventBus},
      {"DeleteEventBus", DeleteEventBus},
      {"DescribeEventBus", DescribeEventBus},
      {"ListEventBuses", ListEventBuses},
      {"TagResource", ChangeTags},
      {"UntagResource", ChangeTags},
      {"ListTagsForResource", ListTagsForResource},
      {"PutEvents", PutEvents},
      {"TestEventPattern", TestEventPattern},
      {"PutRule", PutRule},
      {"DeleteRule", DeleteRule},
      {"DescribeRule", DescribeRule},
      {"EnableRule", EnableRule},
      {"DisableRule", DisableRule},
      {"ListRules", ListRules},
      {"ListRuleNamesByTarget", ListRuleNamesByTarget},
      {"PutTargets", PutTargets},
      {"RemoveTargets", RemoveTargets},
      {"ListTargetsByRule", ListTargetsByRule},
      {"CreateConnection", CreateConnection},
      {"UpdateConnection", UpdateConnection},
      {"DescribeConnection", DescribeConnection},
      {"DeleteConnection", DeleteConnection},
      {"ListConnections", ListConnections},
      {"CreateApiDestination", CreateApiDestination},
      {"UpdateApiDestination", UpdateApiDestination},
      {"DescribeApiDestination", DescribeApiDestination},
      {"DeleteApiDestination", DeleteApiDestination},
      {"ListApiDestinations", ListApiDestinations},
      {"CreateArchive", CreateArchive},
      {"UpdateArchive", UpdateArchive},
      {"DescribeArchive", DescribeArchive},
      {"DeleteArchive", DeleteArchive},
      {"ListArchives", ListArchives},
      {"StartReplay", StartReplay},
      {"CancelReplay", CancelReplay},
      {"DescribeReplay", DescribeReplay},
      {"ListReplays", ListReplays},
  };
  return table;
}

}  // namespace

struct EventsService::Impl {
  struct Catalogs {
    std::unique_ptr<BusCatalog> buses;
    std::unique_ptr<ApiDestinations> apis;
    std::unique_ptr<Archives> archives;
    std::unique_ptr<TargetDelivery> delivery;
    std::unique_ptr<ScheduleRunner> schedules;
    std::unique_ptr<RuleCatalog> rules;
    std::unique_ptr<Replays> replays;

    Task<> Stop() const {
      if (replays) CO_RETURN_IF_ERROR(co_await replays->Stop());
      CO_RETURN_IF_ERROR(co_await schedules->Stop());
      co_return co_await delivery->Stop();
    }
  };
  static Task<> StartAll(RuleCatalog::Parts rules, Replays::Parts replays, Catalogs* catalogs);
  Impl(Env* env, storage::Log* log, Metrics* metrics, Catalogs given, std::string account,
       aws::TokenSealer given_sealer)
      : home(env->shard(0)),
        sealer(std::move(given_sealer)),
        catalogs(std::move(given)),
        context{.env = env,
                .log = log,
                .catalog = catalogs.buses.get(),
                .rules = catalogs.rules.get(),
                .apis = catalogs.apis.get(),
                .archives = catalogs.archives.get(),
                .replays = catalogs.replays.get(),
                .sealer = &sealer,
                .account = std::move(account),
                .events_in = &metrics->AddCounter(
                    {.name = "mainstem_events_in_total", .help = "events put on event buses"})} {}

  Task<std::string> FindOwnerHere(storage::TopicInfo topic);

  const Executor home;
  const aws::TokenSealer sealer;
  const Catalogs catalogs;
  const Context context;
};

Task<std::string> EventsService::Impl::FindOwnerHere(storage::TopicInfo topic) {
  size_t dot = topic.name.find('.');
  if (dot == std::string::npos) co_return std::string();
  std::string name = topic.name.substr(dot + 1);
  if (BusTopic(name) == topic.name && catalogs.buses->Has(name)) co_return "event bus " + name;
  auto archive = catalogs.archives->FindPartition(name);
  if (archive && archive->topic_id == topic.id) co_return "event archive " + name;
  co_return std::string();
}

Task<std::string> EventsService::FindOwner(storage::TopicInfo topic) {
  return RunOn(impl_->home, impl_->FindOwnerHere(std::move(topic)));
}

EventsService::EventsService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EventsService::~EventsService() = default;

// What runs by itself; stopped by the caller when it fails.
Task<> EventsService::Impl::StartAll(RuleCatalog::Parts rules, Replays::Parts replays,
                                     Catalogs* catalogs) {
  CO_ASSIGN_OR_RETURN(catalogs->rules, co_await RuleCatalog::Open(std::move(rules)));
  CO_RETURN_IF_ERROR(co_await catalogs->archives->Start(catalogs->delivery.get()));
  CO_ASSIGN_OR_RETURN(catalogs->replays, co_await Replays::Open(std::move(replays)));
  co_return Status::OK();
}

Task<std::unique_ptr<EventsService>> EventsService::Open(Env* env, storage::Log* log,
                                                         MemoryBudget* budget, Metrics* metrics,
                                                         Logger logger, EventsOptions options) {
  CO_ASSIGN_OR_RETURN(aws::TokenSealer sealer, co_await aws::TokenSealer::Open(env, log));
  Impl::Catalogs catalogs;
  CO_ASSIGN_OR_RETURN(catalogs.buses, co_await BusCatalog::Open(env, log, budget, logger));
  CO_ASSIGN_OR_RETURN(catalogs.apis, co_await ApiDestinations::Open(env, log));
  Archives::Parts archives{
      .env = env, .log = log, .buses = catalogs.buses.get(), .account = options.account};
  CO_ASSIGN_OR_RETURN(catalogs.archives, co_await Archives::Open(std::move(archives)));
  DeliveryParts delivery{.env = env,
                         .log = log,
                         .budget = budget,
                         .metrics = metrics,
                         .logger = std::move(logger),
                         .account = options.account,
                         .buses = catalogs.buses.get(),
                         .find_stream = options.find_stream,
                         .find_log = options.find_log,
                         .apis = catalogs.apis.get(),
                         .archives = catalogs.archives.get()};
  Logger events_logger = delivery.logger;
  ScheduleRunner::Parts schedules{.env = env,
                                  .log = log,
                                  .logger = events_logger,
                                  .account = options.account,
                                  .buses = catalogs.buses.get()};
  catalogs.schedules = std::make_unique<ScheduleRunner>(std::move(schedules));
  catalogs.delivery = std::make_unique<TargetDelivery>(std::move(delivery));
  RuleCatalog::Parts parts{.env = env,
                           .log = log,
                           .budget = budget,
                           .logger = events_logger,
                           .buses = catalogs.buses.get(),
                           .delivery = catalogs.delivery.get(),
                           .schedules = catalogs.schedules.get()};
  Replays::Parts replays{.env = env,
                         .log = log,
                         .budget = budget,
                         .logger = events_logger,
                         .buses = catalogs.buses.get(),
                         .archives = catalogs.archives.get()};
  Status started = co_await Impl::StartAll(std::move(parts), std::move(replays), &catalogs);
  if (!started.ok()) {
    IgnoreError(co_await catalogs.Stop(), "the failure to open is what counts");
    co_return started;
  }
  auto impl = std::make_unique<Impl>(env, log, metrics, std::move(catalogs),
                                     std::move(options.account), std::move(sealer));
  co_return std::unique_ptr<EventsService>(new EventsService(std::move(impl)));
}

Task<> EventsService::Stop() { return RunOn(impl_->home, impl_->catalogs.Stop()); }

const aws::Shape* EventsService::FindOperation(std::string_view name) const {
  return EventsOperations().count(name) > 0 ? FindShape(name) : nullptr;
}

Task<> EventsService::Run(aws::AwsCall* call) {
  auto it = EventsOperations().find(call->operation);
  CHECK(it != EventsOperations().end());
  return RunOn(impl_->home, it->second(impl_->context, call));
}

}  // namespace mainstem::gateway::events
