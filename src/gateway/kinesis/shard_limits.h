// Amazon's limits of a shard's throughput, for who wants to meet them here first: what passes them
// is told ProvisionedThroughputExceededException. Each limit is a bucket that fills by the second;
// a read may overdraw it and is then made to wait. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>

#include "core/executor.h"
#include "storage/log.h"

namespace mainstem::gateway::kinesis {

class ShardLimits {
 public:
  static constexpr double kWriteRecordsPerSecond = 1000;
  static constexpr double kWriteBytesPerSecond = 1 << 20;
  static constexpr double kReadCallsPerSecond = 5;
  static constexpr double kReadBytesPerSecond = 2 << 20;

  // One record of so many bytes, key included.
  bool AllowRecord(const storage::TopicPartition& shard, int64_t bytes, TimePoint now);
  // One call; what it read is told afterwards.
  bool AllowRead(const storage::TopicPartition& shard, TimePoint now);
  void CountRead(const storage::TopicPartition& shard, int64_t bytes, TimePoint now);
  size_t size() const;

 private:
  struct Buckets {
    TimePoint filled_at;
    double records = kWriteRecordsPerSecond;
    double write_bytes = kWriteBytesPerSecond;
    double calls = kReadCallsPerSecond;
    double read_bytes = kReadBytesPerSecond;
  };
  Buckets& Filled(const storage::TopicPartition& shard, TimePoint now);
  void DropIdle(TimePoint now);

  mutable std::mutex mutex_;  // guards buckets_
  std::map<storage::TopicPartition, Buckets> buckets_;
};

}  // namespace mainstem::gateway::kinesis
