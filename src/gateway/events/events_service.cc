#include "gateway/events/events_service.h"

#include <map>

#include "gateway/events/operations.h"
#include "gateway/events/shapes.h"

namespace mainstem::gateway::events {
namespace {

const std::map<std::string, Operation, std::less<>>& EventsOperations() {
  static const std::map<std::string, Operation, std::less<>> table = {
      {"CreateEventBus", CreateEventBus},
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
  };
  return table;
}

}  // namespace

struct EventsService::Impl {
  struct Catalogs {
    std::unique_ptr<BusCatalog> buses;
    std::unique_ptr<ApiDestinations> apis;
    std::unique_ptr<TargetDelivery> delivery;
    std::unique_ptr<ScheduleRunner> schedules;
    std::unique_ptr<RuleCatalog> rules;
  };
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
                .sealer = &sealer,
                .account = std::move(account),
                .events_in = &metrics->AddCounter(
                    {.name = "mainstem_events_in_total", .help = "events put on event buses"})} {}

  const Executor home;
  const aws::TokenSealer sealer;
  const Catalogs catalogs;
  const Context context;
};

EventsService::EventsService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EventsService::~EventsService() = default;

Task<std::unique_ptr<EventsService>> EventsService::Open(Env* env, storage::Log* log,
                                                         MemoryBudget* budget, Metrics* metrics,
                                                         Logger logger, EventsOptions options) {
  CO_ASSIGN_OR_RETURN(aws::TokenSealer sealer, co_await aws::TokenSealer::Open(env, log));
  Impl::Catalogs catalogs;
  auto forget_topic = options.forget_topic;
  CO_ASSIGN_OR_RETURN(catalogs.buses,
                      co_await BusCatalog::Open(env, log, budget, std::move(forget_topic)));
  CO_ASSIGN_OR_RETURN(catalogs.apis, co_await ApiDestinations::Open(env, log));
  DeliveryParts delivery{.env = env,
                         .log = log,
                         .budget = budget,
                         .metrics = metrics,
                         .logger = std::move(logger),
                         .account = options.account,
                         .buses = catalogs.buses.get(),
                         .find_stream = options.find_stream,
                         .find_log = options.find_log,
                         .apis = catalogs.apis.get()};
  ScheduleRunner::Parts schedules{.env = env,
                                  .log = log,
                                  .logger = delivery.logger,
                                  .account = options.account,
                                  .buses = catalogs.buses.get()};
  catalogs.schedules = std::make_unique<ScheduleRunner>(std::move(schedules));
  catalogs.delivery = std::make_unique<TargetDelivery>(std::move(delivery));
  RuleCatalog::Parts parts{.env = env,
                           .log = log,
                           .budget = budget,
                           .buses = catalogs.buses.get(),
                           .delivery = catalogs.delivery.get(),
                           .schedules = catalogs.schedules.get()};
  auto rules = co_await RuleCatalog::Open(parts);
  if (!rules.ok()) {
    IgnoreError(co_await catalogs.schedules->Stop(), "the failure to open is what counts");
    IgnoreError(co_await catalogs.delivery->Stop(), "the failure to open is what counts");
    co_return rules.status();
  }
  catalogs.rules = std::move(*rules);
  auto impl = std::make_unique<Impl>(env, log, metrics, std::move(catalogs),
                                     std::move(options.account), std::move(sealer));
  co_return std::unique_ptr<EventsService>(new EventsService(std::move(impl)));
}

Task<> EventsService::Stop() {
  CO_RETURN_IF_ERROR(co_await RunOn(impl_->home, impl_->catalogs.schedules->Stop()));
  co_return co_await RunOn(impl_->home, impl_->catalogs.delivery->Stop());
}

const aws::Shape* EventsService::FindOperation(std::string_view name) const {
  return EventsOperations().count(name) > 0 ? FindShape(name) : nullptr;
}

Task<> EventsService::Run(aws::AwsCall* call) {
  auto it = EventsOperations().find(call->operation);
  CHECK(it != EventsOperations().end());
  return RunOn(impl_->home, it->second(impl_->context, call));
}

}  // namespace mainstem::gateway::events
