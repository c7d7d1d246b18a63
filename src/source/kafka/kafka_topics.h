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

// Position of a split: "<next offset>" or, for a scan with an end, "<next offset>-<end offset>".
struct PartitionPosition {
  Offset next;
  std::optional<Offset> end;

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
