// What the log knows besides records: topics, group offsets, job epochs, producer ids, small
// values, pins. One change is one journal entry; the same encodings make up the snapshot. A change
// states the new value, so applying one twice does nothing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/ids.h"
#include "core/status.h"
#include "storage/journal_format.h"
#include "storage/log.h"
#include "storage/partition_transactions.h"
#include "storage/producer_state.h"
#include "storage/transactions.h"

namespace mainstem::storage {

struct TopicChange {
  TopicInfo topic;
};
struct TopicDeletion {
  TopicId id{};
  std::string name;  // the groups' offsets for it go, too
};
struct ProducerIdBlock {
  int64_t end = 0;
};
struct GroupOffsetsChange {
  std::vector<std::pair<Log::OffsetKey, std::optional<CommittedOffset>>> offsets;
};
struct JobEpochChange {
  std::string job_id;
  std::optional<JobEpoch> epoch;
};
struct MetaChange {
  std::string key;
  std::optional<std::string> value;
};
struct LogStartChange {
  TopicPartition partition;
  Offset log_start;
};
struct PinChange {
  std::string holder;
  TopicPartition partition;
  std::optional<Offset> from;
};

struct TransactionChange {
  std::string id;
  std::optional<Transaction> transaction;  // nothing: the id is forgotten
};
struct PendingOffsetsChange {
  std::string transactional_id;
  std::vector<std::pair<Log::OffsetKey, CommittedOffset>> offsets;
};

// A segment file as far as it is durable.
struct SegmentInfo {
  Offset base_offset{};
  Offset next_offset{};
  int64_t bytes = 0;
  int64_t max_timestamp = -1;
  Offset max_timestamp_offset{-1};  // last offset of the batch that holds it
  int64_t created_ms = 0;           // time of the first append, for segment.ms
  int64_t generation = 0;           // of the compaction that wrote it; 0: none

  // Records may carry no timestamp; then the segment's own age counts.
  int64_t newest_ms() const { return max_timestamp >= 0 ? max_timestamp : created_ms; }
};
struct PartitionState {
  TopicPartition partition;
  Offset log_start;
  Offset flushed;  // all before lies in segments
  std::vector<SegmentInfo> segments;
  std::vector<ProducerSnapshot> producers;
};

// One step of a partition's compaction: a segment took the place of those that begin from `begin`
// to before `end` (none when they are equal).
struct CompactionChange {
  TopicPartition partition{};
  int64_t generation = 0;  // 1, 2, 3 ... of the partition's steps
  Offset begin{};
  Offset end{};
  SegmentInfo segment{};
  Offset cleaned_to{};             // what lies before it holds each key once
  int64_t delete_horizon_ms = -1;  // when the first tombstone before it may go; -1: there is none
};
struct PartitionCompactionState {
  TopicPartition partition{};
  int64_t generation = 0;
  Offset cleaned_to{};
  int64_t delete_horizon_ms = -1;
  std::vector<std::pair<Offset, int64_t>> segments{};  // base offset and generation
};

using Change = std::variant<TopicChange, TopicDeletion, ProducerIdBlock, GroupOffsetsChange,
                            JobEpochChange, MetaChange, LogStartChange, PinChange,
                            TransactionChange, PendingOffsetsChange, PartitionState,
                            PartitionTransactionsState, CompactionChange, PartitionCompactionState>;

EntryType TypeOf(const Change& change);
// Appends the payload to `out`.
void EncodeChange(const Change& change, std::string* out);
// kCorruptStorage when the bytes are no such change.
Result<Change> DecodeChange(EntryType type, std::span<const std::byte> payload);

}  // namespace mainstem::storage
