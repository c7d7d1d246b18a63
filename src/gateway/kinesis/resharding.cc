#include "gateway/kinesis/resharding.h"

#include <algorithm>

#include "core/status.h"

namespace mainstem::gateway::kinesis {

Resharding::Resharding(const Stream& stream, int64_t now_ms) : now_ms_(now_ms) {
  for (const Shard& shard : stream.shards()) {
    shards_.push_back(shard.meta);
    open_.push_back(shard.takes_keys());
  }
}

// A second later than its parent at least: sequence numbers are ordered by it.
ShardMeta Resharding::Child(const HashKeyRange& range, int32_t parent) const {
  int64_t parent_s = shards_[static_cast<size_t>(parent)].created_ms / 1000;
  return {.range = range, .created_ms = std::max(now_ms_, (parent_s + 1) * 1000), .parent = parent};
}

int32_t Resharding::Add(ShardMeta shard) {
  shards_.push_back(std::move(shard));
  open_.push_back(true);
  return static_cast<int32_t>(shards_.size()) - 1;
}

int32_t Resharding::Split(int32_t shard, HashKey second_first) {
  auto index = static_cast<size_t>(shard);
  CHECK(open_[index]);
  HashKeyRange range = shards_[index].range;
  CHECK(second_first > range.first && second_first <= range.last);
  open_[index] = false;
  int32_t first = Add(Child({.first = range.first, .last = second_first - 1}, shard));
  Add(Child({.first = second_first, .last = range.last}, shard));
  return first;
}

int32_t Resharding::Merge(int32_t lower, int32_t upper) {
  auto low = static_cast<size_t>(lower);
  auto high = static_cast<size_t>(upper);
  CHECK(open_[low] && open_[high] && shards_[low].range.last + 1 == shards_[high].range.first);
  open_[low] = open_[high] = false;
  HashKeyRange range{.first = shards_[low].range.first, .last = shards_[high].range.last};
  ShardMeta child = Child(range, lower);
  child.created_ms = std::max(child.created_ms, Child(range, upper).created_ms);
  child.adjacent = upper;
  return Add(std::move(child));
}

std::vector<int32_t> Resharding::OpenByRange() const {
  std::vector<int32_t> open;
  for (size_t i = 0; i < shards_.size(); ++i) {
    if (open_[i]) open.push_back(static_cast<int32_t>(i));
  }
  std::sort(open.begin(), open.end(), [this](int32_t a, int32_t b) {
    return shards_[static_cast<size_t>(a)].range.first <
           shards_[static_cast<size_t>(b)].range.first;
  });
  return open;
}

void Resharding::MakeUniform(int32_t count) {
  std::vector<HashKeyRange> wanted = EvenRanges(count);
  size_t border = 1;  // where wanted[border] begins
  for (int32_t shard : OpenByRange()) {
    HashKeyRange range = shards_[static_cast<size_t>(shard)].range;
    while (border < wanted.size() && wanted[border].first <= range.first) ++border;
    while (border < wanted.size() && wanted[border].first <= range.last) {
      shard = Split(shard, wanted[border].first) + 1;  // the rest is split on
      ++border;
    }
  }
  std::vector<int32_t> open = OpenByRange();
  size_t at = 0;
  for (const HashKeyRange& range : wanted) {
    int32_t merged = open[at++];
    while (shards_[static_cast<size_t>(merged)].range.last != range.last) {
      merged = Merge(merged, open[at++]);
    }
  }
}

}  // namespace mainstem::gateway::kinesis
