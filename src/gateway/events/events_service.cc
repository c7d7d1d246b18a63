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
  };
  return table;
}

}  // namespace

struct EventsService::Impl {
  Impl(Env* env, storage::Log* log, Metrics* metrics, std::unique_ptr<BusCatalog> given,
       EventsOptions options, aws::TokenSealer given_sealer)
      : home(env->shard(0)),
        sealer(std::move(given_sealer)),
        catalog(std::move(given)),
        context{.env = env,
                .log = log,
                .catalog = catalog.get(),
                .sealer = &sealer,
                .account = std::move(options.account),
                .events_in = &metrics->AddCounter(
                    {.name = "mainstem_events_in_total", .help = "events put on event buses"})} {}

  const Executor home;
  const aws::TokenSealer sealer;
  const std::unique_ptr<BusCatalog> catalog;
  const Context context;
};

EventsService::EventsService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EventsService::~EventsService() = default;

Task<std::unique_ptr<EventsService>> EventsService::Open(Env* env, storage::Log* log,
                                                         MemoryBudget* budget, Metrics* metrics,
                                                         EventsOptions options) {
  CO_ASSIGN_OR_RETURN(aws::TokenSealer sealer, co_await aws::TokenSealer::Open(env, log));
  auto forget_topic = options.forget_topic;
  CO_ASSIGN_OR_RETURN(std::unique_ptr<BusCatalog> catalog,
                      co_await BusCatalog::Open(env, log, budget, std::move(forget_topic)));
  auto impl = std::make_unique<Impl>(env, log, metrics, std::move(catalog), std::move(options),
                                     std::move(sealer));
  co_return std::unique_ptr<EventsService>(new EventsService(std::move(impl)));
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
