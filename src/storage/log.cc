#include "storage/log.h"

namespace mainstem::storage {

Task<> Log::SetTopicConfig(TopicId id, TopicConfig config, bool validate_only) {
  ConfigChange replace = [config = std::move(config)](const TopicConfig&) { return config; };
  return ChangeTopicConfig(id, std::move(replace), validate_only);
}

Task<> Log::AppendEach(std::vector<PartitionAppend> appends, AppendOptions options) {
  for (const PartitionAppend& append : appends) {
    *append.outcome = co_await Append(append.partition, append.batches, options);
    if (Is(append.outcome->status(), ErrorCode::kCancelled)) co_return append.outcome->status();
  }
  co_return Status::OK();
}

}  // namespace mainstem::storage
