#include "gateway/kinesis/stream.h"

#include <algorithm>

#include "storage/topic_config.h"

namespace mainstem::gateway::kinesis {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kRetentionHoursMax = 8760;

}  // namespace

Stream::Stream(storage::TopicInfo topic, StreamMeta meta, std::shared_ptr<const WriteToken> writing)
    : topic_(std::move(topic)), meta_(std::move(meta)), writing_(std::move(writing)) {
  std::vector<ShardMeta> layout = meta_.shards;
  if (layout.empty()) {
    for (const HashKeyRange& range : EvenRanges(topic_.partition_count)) {
      layout.push_back({.range = range, .created_ms = meta_.created_ms});
    }
  }
  // What Kafka clients added owns a single key, for show: it goes on to the shard that had it.
  while (layout.size() < static_cast<size_t>(topic_.partition_count)) {
    HashKeyRange last{.first = kHashKeyMax, .last = kHashKeyMax};
    layout.push_back({.range = last, .created_ms = meta_.created_ms, .added = true});
  }
  for (size_t i = 0; i < layout.size(); ++i) {
    auto index = static_cast<int32_t>(i);
    shards_.push_back({.index = index, .meta = layout[i], .label = ShardName(index)});
  }
  for (const Shard& shard : shards_) {
    for (auto parent : {shard.meta.parent, shard.meta.adjacent}) {
      if (parent) shards_[static_cast<size_t>(*parent)].children.push_back(shard.index);
    }
  }
  for (const Shard& shard : shards_) {
    if (shard.takes_keys()) routes_.push_back({shard.meta.range.first, shard.index});
  }
  std::sort(routes_.begin(), routes_.end(),
            [](const RouteEntry& a, const RouteEntry& b) { return a.first < b.first; });
  auto config = storage::ParseTopicConfig(topic_.config);
  CHECK_OK(config);  // the log has checked it
  retention_hours_ = config->retention_ms < 0 ? kRetentionHoursMax
                                              : std::clamp<int64_t>(config->retention_ms / kHourMs,
                                                                    1, kRetentionHoursMax);
  batch_bytes_max_ = config->max_message_bytes;
}

const Shard* Stream::FindShard(int32_t index) const {
  if (index < 0 || static_cast<size_t>(index) >= shards_.size()) return nullptr;
  return &shards_[static_cast<size_t>(index)];
}

int32_t Stream::RouteIndex(HashKey key) const {
  auto behind = std::upper_bound(
      routes_.begin(), routes_.end(), key,
      [](HashKey wanted, const RouteEntry& route) { return wanted < route.first; });
  CHECK(behind != routes_.begin());
  return std::prev(behind)->shard;
}

bool Stream::is_updating() const {
  return std::any_of(shards_.begin(), shards_.end(),
                     [](const Shard& shard) { return shard.closing(); });
}

bool Stream::IsExpired(const Shard& shard, int64_t now_ms) const {
  return shard.closed() && shard.meta.closed_ms + retention_hours_ * kHourMs < now_ms;
}

}  // namespace mainstem::gateway::kinesis
