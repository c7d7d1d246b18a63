// How an execution asks its sources, on their shards, how far they are.
#include "process/job/execution.h"

namespace mainstem::process {
namespace {

constexpr std::string_view kSourcePrefix = "Source: ";

// Belongs to whoever still waits for it or answers it.
struct Gathering {
  explicit Gathering(Executor home) : arrived(home) {}
  std::vector<SourceWatermarks> sources;
  size_t missing = 0;  // answers
  Event arrived;
};

void Take(Gathering* gathering, size_t source, std::vector<SplitStatus> statuses) {
  auto& splits = gathering->sources[source].splits;
  std::move(statuses.begin(), statuses.end(), std::back_inserter(splits));
  --gathering->missing;
  gathering->arrived.NotifyAll();
}

Task<std::vector<SourceWatermarks>> Await(std::shared_ptr<Gathering> gathering) {
  while (gathering->missing > 0) {
    CO_ASSIGN_OR_RETURN(bool notified, co_await gathering->arrived.Wait());
    (void)notified;
  }
  co_return std::move(gathering->sources);
}

// Before it has started a subtask has no feed.
std::vector<SplitStatus> StatusesOf(Subtask* subtask) {
  return subtask->feed() ? subtask->feed()->Statuses() : std::vector<SplitStatus>();
}

}  // namespace

// A subtask is destroyed on its shard by what is posted there later than this.
Task<std::vector<SourceWatermarks>> Execution::GatherWatermarks() const {
  auto gathering = std::make_shared<Gathering>(home_);
  for (const GraphVertex& vertex : graph_->vertices) {
    if (!vertex.source || static_cast<size_t>(vertex.id) >= subtasks_.size()) continue;
    const size_t source = gathering->sources.size();
    std::string table = vertex.operators[0].name;
    if (table.starts_with(kSourcePrefix)) table.erase(0, kSourcePrefix.size());
    gathering->sources.push_back({.table = std::move(table),
                                  .has_watermark = vertex.source->feed.watermark != nullptr,
                                  .idle_timeout_ms = vertex.source->feed.idle_timeout_ms,
                                  .splits = {}});
    for (const auto& owned : subtasks_[static_cast<size_t>(vertex.id)]) {
      if (!owned) continue;  // it is being closed
      Subtask* subtask = owned.get();
      ++gathering->missing;
      Scheduler* scheduler = subtask->executor().scheduler();
      if (scheduler->RunsInThisThread()) {
        Take(gathering.get(), source, StatusesOf(subtask));
        continue;
      }
      scheduler->Post(UniqueFunction([subtask, gathering, source, home = home_]() mutable {
        home.scheduler()->Post(UniqueFunction(
            [gathering = std::move(gathering), source, statuses = StatusesOf(subtask)]() mutable {
              Take(gathering.get(), source, std::move(statuses));
            }));
      }));
    }
  }
  return Await(std::move(gathering));
}

}  // namespace mainstem::process
