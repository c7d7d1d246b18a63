// Plans a change of a stream's shards: which are split and merged, and what comes of it. Every step
// is a split in two or a merge of two neighbours, so that each shard has one or two parents. Pure.
#pragma once

#include <cstdint>

#include "gateway/kinesis/stream.h"

namespace mainstem::gateway::kinesis {

class Resharding {
 public:
  Resharding(const Stream& stream, int64_t now_ms);

  // Both give the (first) child's number. The shards must be open, and neighbours.
  int32_t Split(int32_t shard, HashKey second_first);
  int32_t Merge(int32_t lower, int32_t upper);
  // Open shards become `count` equal ranges: splits at each border that is missing, then merges of
  // what lies between two borders. What is only in between is listed as a shard, and stays empty.
  void MakeUniform(int32_t count);

  std::vector<ShardMeta> Take() { return std::move(shards_); }

 private:
  ShardMeta Child(const HashKeyRange& range, int32_t parent) const;
  int32_t Add(ShardMeta shard);
  // Open shards that take keys, by the beginning of their range.
  std::vector<int32_t> OpenByRange() const;

  const int64_t now_ms_;
  std::vector<ShardMeta> shards_;
  std::vector<bool> open_;
};

}  // namespace mainstem::gateway::kinesis
