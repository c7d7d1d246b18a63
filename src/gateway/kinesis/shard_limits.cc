#include "gateway/kinesis/shard_limits.h"

#include <algorithm>

namespace mainstem::gateway::kinesis {
namespace {

// Beyond so many, those that nobody has used for a while are dropped: they would be full.
constexpr size_t kBucketsKept = 10'000;
constexpr Duration kIdleAfter = std::chrono::seconds(30);

}  // namespace

void ShardLimits::DropIdle(TimePoint now) {
  std::erase_if(buckets_,
                [now](const auto& entry) { return now - entry.second.filled_at > kIdleAfter; });
}

ShardLimits::Buckets& ShardLimits::Filled(const storage::TopicPartition& shard, TimePoint now) {
  if (buckets_.size() > kBucketsKept) DropIdle(now);
  auto [it, is_new] = buckets_.try_emplace(shard);
  Buckets& buckets = it->second;
  if (is_new) buckets.filled_at = now;
  double seconds = std::max(std::chrono::duration<double>(now - buckets.filled_at).count(), 0.0);
  buckets.filled_at = std::max(buckets.filled_at, now);
  auto fill = [seconds](double& bucket, double per_second) {
    bucket = std::min(bucket + seconds * per_second, per_second);
  };
  fill(buckets.records, kWriteRecordsPerSecond);
  fill(buckets.write_bytes, kWriteBytesPerSecond);
  fill(buckets.calls, kReadCallsPerSecond);
  fill(buckets.read_bytes, kReadBytesPerSecond);
  return buckets;
}

bool ShardLimits::AllowRecord(const storage::TopicPartition& shard, int64_t bytes, TimePoint now) {
  std::lock_guard lock(mutex_);
  Buckets& buckets = Filled(shard, now);
  auto size = static_cast<double>(bytes);
  // A record greater than what a second allows goes when the bucket is full.
  bool fits = buckets.write_bytes >= std::min(size, kWriteBytesPerSecond);
  if (buckets.records < 1 || !fits) return false;
  buckets.records -= 1;
  buckets.write_bytes -= size;
  return true;
}

bool ShardLimits::AllowRead(const storage::TopicPartition& shard, TimePoint now) {
  std::lock_guard lock(mutex_);
  Buckets& buckets = Filled(shard, now);
  if (buckets.calls < 1 || buckets.read_bytes <= 0) return false;
  buckets.calls -= 1;
  return true;
}

void ShardLimits::CountRead(const storage::TopicPartition& shard, int64_t bytes, TimePoint now) {
  std::lock_guard lock(mutex_);
  Filled(shard, now).read_bytes -= static_cast<double>(bytes);
}

size_t ShardLimits::size() const {
  std::lock_guard lock(mutex_);
  return buckets_.size();
}

}  // namespace mainstem::gateway::kinesis
