// A stream as one moment shows it: its topic's partitions as shards, where each key goes, and which
// shard came from which. Immutable; shared between shards of the node by pointer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/kinesis/sequence_number.h"
#include "gateway/kinesis/stream_meta.h"
#include "storage/log.h"

namespace mainstem::gateway::kinesis {

struct Shard {
  int32_t index = 0;  // = the partition
  ShardMeta meta;
  std::string label{};  // its name: formatted once
  std::vector<int32_t> children{};

  const std::string& name() const { return label; }
  // No record comes any more, but from Kafka clients that choose the partition themselves.
  bool closed() const { return meta.closed_ms > 0; }
  // Takes no new records, while some may be on their way.
  bool closing() const { return !closed() && !children.empty(); }
  bool takes_keys() const { return !closed() && children.empty() && !meta.added; }
  // A child's is greater than its parents'.
  int64_t created_s() const { return meta.created_ms / 1000; }
  std::string SequenceAt(int64_t sequence_index) const {
    return FormatSequenceNumber(
        {.shard_created_s = created_s(), .shard = index, .index = sequence_index});
  }
};

// Held by whoever is writing by a stream's routes: when the last one of an older stream is gone, no
// more records come to the shards that it knew as open.
struct WriteToken {};

class Stream {
 public:
  Stream(storage::TopicInfo topic, StreamMeta meta, std::shared_ptr<const WriteToken> writing);

  const storage::TopicInfo& topic() const { return topic_; }
  const std::string& name() const { return topic_.name; }
  const StreamMeta& meta() const { return meta_; }
  const std::vector<Shard>& shards() const { return shards_; }
  const Shard* FindShard(int32_t index) const;
  // The open shard whose range holds the key.
  const Shard& Route(HashKey key) const { return shards_[static_cast<size_t>(RouteIndex(key))]; }
  size_t open_count() const { return routes_.size(); }  // of those that take keys
  bool is_updating() const;
  std::shared_ptr<const WriteToken> writing() const { return writing_; }

  int64_t retention_hours() const { return retention_hours_; }
  // Of a record with its key.
  int64_t record_bytes_max() const { return int64_t{meta_.record_kib_max} * 1024; }
  // Of a record batch, by the topic's own configuration.
  size_t batch_bytes_max() const { return batch_bytes_max_; }
  // Closed so long ago that all its data has expired: no longer listed.
  bool IsExpired(const Shard& shard, int64_t now_ms) const;

 private:
  struct RouteEntry {
    HashKey first;
    int32_t shard;
  };
  int32_t RouteIndex(HashKey key) const;

  storage::TopicInfo topic_;
  StreamMeta meta_;
  std::shared_ptr<const WriteToken> writing_;
  std::vector<Shard> shards_;
  std::vector<RouteEntry> routes_;  // by `first`
  int64_t retention_hours_ = 24;
  size_t batch_bytes_max_ = 0;
};

using StreamPtr = std::shared_ptr<const Stream>;

}  // namespace mainstem::gateway::kinesis
