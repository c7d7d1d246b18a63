#include "simulation/watcher.h"

namespace mainstem::simulation {

Task<> Watcher::Run() {
  FetchReader reader(client_, ledger_, options_.reader);
  std::map<PartitionKey, int64_t> forgotten;
  for (const PartitionKey& key : options_.partitions) reader.Want(key, 0);
  while (!finishing_) {
    CO_ASSIGN_OR_RETURN(std::vector<FetchedPartition> fetched, co_await reader.Poll());
    if (fetched.empty() || dice_.Below(4) == 0) {
      Duration pause = dice_.UpTo(options_.pause_max);
      CO_RETURN_IF_ERROR(co_await Sleep(pause));
    }
    const PartitionKey& chosen = options_.partitions[dice_.Below(options_.partitions.size())];
    switch (dice_.Below(12)) {
      case 0:  // from the start again
        forgotten.erase(chosen);
        reader.Want(chosen, ledger_->MarksOf(chosen).log_start);
        break;
      case 1: {
        auto position = reader.positions().find(chosen);
        if (position == reader.positions().end()) break;
        forgotten[chosen] = position->second;
        reader.Forget(chosen);
        break;
      }
      case 2:
      case 3:
        for (const auto& [key, position] : forgotten) reader.Want(key, position);
        forgotten.clear();
        break;
      case 4:
        if (dice_.Below(10) == 0) client_->Close();
        break;
      default: break;
    }
  }
  co_return Status::OK();
}

}  // namespace mainstem::simulation
