// The topics that a table reads, wherever they are: of this node's log (log_topics.h) or of another
// cluster (cluster_topics.h). Private to kafka.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connector/table.h"
#include "source/kafka/record_decoder.h"

namespace mainstem::source {

// Position of a split: "<next offset>" or, for a scan with an end, "<next offset>-<end offset>"; of
// this node's log "@<topic id>" stands behind it, in hexadecimal digits (positions of old do not
// have it).
struct PartitionPosition {
  Offset next;
  std::optional<Offset> end;
  // One that is made again under its name has another; absent: it is not looked at.
  std::optional<storage::TopicId> topic;

  std::string ToString() const;
  static Result<PartitionPosition> Parse(const std::string& text);
};

struct PartitionName {
  std::string topic;
  int32_t partition = 0;

  std::string ToString() const { return topic + "/" + std::to_string(partition); }
  static Result<PartitionName> Parse(const std::string& text);
  auto operator<=>(const PartitionName&) const = default;
};
using GroupOffsets = std::map<PartitionName, Offset>;

struct PartitionBounds {
  Offset begin;  // of the first record
  Offset end;    // where the next one will be
};

class KafkaTopics {
 public:
  virtual ~KafkaTopics() = default;
  // Partitions of `names`, or, when there are none, of all topics but internal ones whose name
  // matches `pattern`. kUnknownTopic with the near name.
  virtual Task<std::map<std::string, int32_t>> PartitionCounts(std::vector<std::string> names,
                                                               std::string pattern) = 0;
  virtual Task<PartitionBounds> Bounds(PartitionName partition) = 0;
  // Of the first record with that time or a later one; nullopt: none.
  virtual Task<std::optional<Offset>> OffsetAtTime(PartitionName partition,
                                                   int64_t timestamp_ms) = 0;
  // Where it lies in this node's log; nothing of another cluster, or when it is not there.
  virtual std::optional<storage::TopicPartition> InOwnLog(const PartitionName& partition) const {
    return std::nullopt;
  }
  // kOffsetOutOfRange: reading can't go on there, because records are gone. Only in this node's
  // log; other clusters say so when they are read.
  virtual Task<> CheckPosition(PartitionName partition, PartitionPosition position) {
    co_return Status::OK();
  }
  // What the group has committed for them; partitions without an offset are absent.
  virtual Task<GroupOffsets> CommittedOffsets(std::string group,
                                              std::vector<PartitionName> partitions) = 0;
  virtual Task<> CommitOffsets(std::string group, GroupOffsets offsets) = 0;
  // Called on the task's shard. kUnknownTopic when the partition is gone.
  virtual Task<std::unique_ptr<connector::SplitReader>> OpenPartition(
      PartitionName partition, PartitionPosition position,
      std::unique_ptr<RecordDecoder> decoder) = 0;
};

}  // namespace mainstem::source
