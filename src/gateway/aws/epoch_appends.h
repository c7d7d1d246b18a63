// What a commit appends (Log::CommitEpoch), record by record: batches of each partition are made as
// they fill. One task at a time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "storage/batch_builder.h"
#include "storage/log.h"

namespace mainstem::gateway::aws {

class EpochAppends {
 public:
  struct Record {
    int64_t timestamp_ms = 0;
    std::string_view key{};
    std::string_view value{};
    std::span<const storage::RecordHeader> headers{};
  };
  // The pieces are copied.
  Status Add(storage::TopicPartition partition, const Record& record);
  // Kept until the appends are destroyed: what says that the partition stays as it is.
  void Hold(std::shared_ptr<const void> held);
  // In the order in which they were added, within each partition.
  Result<std::vector<storage::EpochCommit::Append>> Take();

 private:
  Status Close(storage::TopicPartition partition, storage::BatchBuilder* builder);

  std::map<storage::TopicPartition, storage::BatchBuilder> open_;
  std::vector<storage::EpochCommit::Append> closed_;
  std::vector<std::shared_ptr<const void>> held_;
};

}  // namespace mainstem::gateway::aws
