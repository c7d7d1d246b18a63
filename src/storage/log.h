// The log: what gateways, the SQL engine and sinks see of storage. Topics with partitions of
// record batches (Kafka's format v2), appended durably and read by offset; consumer-group offsets;
// producer ids; atomic commits of a job's epoch. Drivers: embedded (storage/embedded_log.h), later
// Apache Kafka and Kinesis. All calls may be made from any shard; a driver hops to the owner.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/ids.h"
#include "core/status.h"

namespace mainstem::storage {

using TopicId = std::array<uint8_t, 16>;  // random, never all zero; new for a re-created topic

struct TopicPartition {
  TopicId topic_id{};
  PartitionId partition;
  auto operator<=>(const TopicPartition&) const = default;
  template <typename H>
  friend H AbslHashValue(H state, const TopicPartition& tp) {
    return H::combine(std::move(state), tp.topic_id, tp.partition);
  }
};

// Topic configuration as set by a user; keys are Kafka's names. Absent: the default.
using TopicConfig = std::map<std::string, std::string>;

struct TopicInfo {
  std::string name;
  TopicId id{};
  int32_t partition_count = 0;
  TopicConfig config;
  bool internal = false;  // made by Mainstem for itself ("__mainstem...")
};

// One documented configuration key of a topic. Source: Kafka's topic configuration reference.
enum class ConfigKind : uint8_t { kString, kInt, kLong, kDouble, kBoolean, kList };
struct ConfigKey {
  std::string name;
  ConfigKind kind;
  std::string default_value;
  std::string documentation;
  bool honoured = true;  // false: accepted because clients set it, without effect on one node
};
// All keys a topic may have, sorted by name.
const std::vector<ConfigKey>& TopicConfigKeys();

// Immutable bytes shared with the cache: what Read hands out, without a copy. Keeps its memory
// alive; copyable.
struct SharedBytes {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;
};

enum class Durability : uint8_t {
  kFlushed,   // answer after the flush: survives a power cut (acks=all)
  kAccepted,  // answer when accepted in memory; one flush may be lost (acks=0/1)
};

struct AppendOptions {
  Durability durability = Durability::kFlushed;
  // Batches from inside skip client checks such as the control bit.
  bool trusted = false;
};

struct AppendResult {
  Offset base_offset;
  int64_t log_append_time_ms = -1;  // -1 unless message.timestamp.type=LogAppendTime
  Offset log_start_offset;
};

struct PartitionAppend {
  TopicPartition partition;
  std::span<const std::byte> batches;
  Result<AppendResult>* outcome;
};

struct ReadOptions {
  size_t max_bytes = 1 << 20;  // soft: the first batch always goes out whole
  // Ends at the last stable offset and leaves out aborted batches (their markers stay, so that the
  // reader gets on).
  bool read_committed = false;
  // Hands aborted batches out, too, and lists what is aborted: for readers that filter themselves.
  bool keep_aborted = false;
};

// The records of one producer in one partition that were aborted, all in between its own.
struct AbortedTransaction {
  ProducerId producer_id;
  Offset first_offset;
  Offset last_offset;         // its marker
  Offset last_stable_offset;  // when the marker was written
};

struct ReadResult {
  std::vector<SharedBytes> batches;  // whole batches; the first one holds the asked offset
  size_t total_bytes = 0;
  std::vector<AbortedTransaction> aborted;  // with keep_aborted: those that overlap the batches
  Offset high_watermark;
  Offset last_stable_offset;
  Offset log_start_offset;
};

struct PartitionOffsets {
  Offset log_start;
  Offset high_watermark;  // = flushed end: what readers see ends here
  Offset last_stable_offset;
  int64_t size_bytes = 0;
};

struct OffsetForTime {
  Offset offset;  // -1: none
  int64_t timestamp_ms = -1;
};

struct CommittedOffset {
  Offset offset;
  LeaderEpoch leader_epoch{-1};
  std::string metadata;
  int64_t commit_time_ms = 0;
};

// One step of a job: made durable and visible as a whole by one journal write, or not at all.
struct EpochCommit {
  struct Append {
    TopicPartition partition;
    std::vector<std::byte> batch;  // one record batch, offsets are set on append
  };
  std::string job_id;
  int64_t epoch = 0;          // must be the job's last committed epoch + 1, else kAlreadyExists
  std::string metadata = {};  // small: kept until the job's next epoch (e.g. checkpoint id)
  std::vector<Append> appends = {};
};
struct JobEpoch {
  int64_t epoch = 0;  // 0: none yet
  std::string metadata;
};

inline constexpr size_t kWaitedPartitionsMax = 10'000;  // of one WaitForData

class Log {
 public:
  virtual ~Log() = default;

  // ---- topics
  // kAlreadyExists, kInvalidTopic, kInvalidPartitions, kInvalidConfig. partition_count -1: default.
  virtual Task<TopicInfo> CreateTopic(std::string name, int32_t partition_count, TopicConfig config,
                                      bool validate_only) = 0;
  virtual Task<> DeleteTopic(TopicId id) = 0;
  // Is called when a topic's deletion is durable, in the step that drops its offsets from the log,
  // on the log's home executor, where this is called, too; null ends that. One at a time.
  virtual void OnTopicDeleted(std::function<void(const std::string& topic)> forget) = 0;
  virtual Task<TopicInfo> AddPartitions(TopicId id, int32_t new_count) = 0;
  // `change` makes the topic's new set of user-given values of the one that it has, on the log's
  // home executor, after the changes that came before; its error refuses.
  using ConfigChange = std::function<Result<TopicConfig>(TopicConfig current)>;
  virtual Task<> ChangeTopicConfig(TopicId id, ConfigChange change, bool validate_only) = 0;
  // Replaces the whole set.
  Task<> SetTopicConfig(TopicId id, TopicConfig config, bool validate_only);
  // Snapshots, without waiting; any thread. Sorted by name.
  virtual std::vector<TopicInfo> ListTopics() const = 0;
  virtual std::optional<TopicInfo> FindTopic(const std::string& name) const = 0;
  virtual std::optional<TopicInfo> FindTopic(const TopicId& id) const = 0;

  // ---- records
  // `batches` is one or more whole record batches v2 as sent by a producer; it is copied. Checks
  // CRC, structure, sequence (idempotence), size and timestamp limits.
  virtual Task<AppendResult> Append(TopicPartition partition, std::span<const std::byte> batches,
                                    AppendOptions options) = 0;
  // The same for several partitions, each with an outcome of its own; one flush serves all. Calls
  // that begin one after the other reach each partition in that order. Fails as a whole only when
  // it is cancelled: then every append may have happened.
  virtual Task<> AppendEach(std::vector<PartitionAppend> appends, AppendOptions options);
  // kOffsetOutOfRange below log start or above the high watermark; empty at the end.
  virtual Task<ReadResult> Read(TopicPartition partition, Offset from, ReadOptions options) = 0;
  // Waits until the high watermark of any partition passes its given offset, the topic goes away,
  // or the deadline; true when something moved. At most kWaitedPartitionsMax a call.
  virtual Task<bool> WaitForData(std::vector<std::pair<TopicPartition, Offset>> beyond,
                                 TimePoint deadline) = 0;
  virtual Task<PartitionOffsets> Offsets(TopicPartition partition) = 0;
  // First record with timestamp >= time.
  virtual Task<OffsetForTime> FindByTime(TopicPartition partition, int64_t timestamp_ms) = 0;
  // Greatest timestamp and its record (ListOffsets -3).
  virtual Task<OffsetForTime> FindMaxTimestamp(TopicPartition partition) = 0;
  // Moves the log start; Offset(-1) means the high watermark. Returns the new log start.
  virtual Task<Offset> DeleteRecords(TopicPartition partition, Offset before) = 0;

  // ---- producers
  virtual Task<ProducerId> NextProducerId() = 0;  // unique for ever

  // ---- consumer-group offsets (kept in the log itself, durable when the call returns)
  struct OffsetKey {
    std::string group;
    std::string topic;
    PartitionId partition;
    auto operator<=>(const OffsetKey&) const = default;
  };
  // nullopt deletes. One durable write for all.
  virtual Task<> CommitOffsets(
      std::vector<std::pair<OffsetKey, std::optional<CommittedOffset>>> offsets) = 0;
  // Everything known, for the group coordinator at start.
  virtual Task<std::vector<std::pair<OffsetKey, CommittedOffset>>> LoadOffsets() = 0;

  // ---- jobs
  virtual Task<> CommitEpoch(EpochCommit commit) = 0;
  virtual Task<JobEpoch> LastEpoch(std::string job_id) = 0;
  virtual Task<> ForgetJob(std::string job_id) = 0;
  // Small durable values (job definitions, settings): keys are namespaced "jobs/NAME".
  virtual Task<> PutMeta(std::string key, std::optional<std::string> value) = 0;
  virtual Task<std::map<std::string, std::string>> ListMeta(std::string prefix) = 0;
  // Retention never deletes at or after the pin (a slow sink, a restorable checkpoint).
  virtual Task<> PinRetention(std::string holder, TopicPartition partition,
                              std::optional<Offset> from) = 0;
};

}  // namespace mainstem::storage
