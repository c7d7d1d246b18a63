// The last operators of a chain. Inline sinks write at once (at least once); log and delivery sinks
// buffer record batches that the job's epoch commits, so that they are seen exactly once.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "connector/table.h"
#include "process/operator/operator.h"
#include "process/operator/reject_rule.h"
#include "process/state/row_codec.h"
#include "storage/batch_builder.h"

namespace mainstem::process {

// What a job's sinks hold until the next commit; shared by all its subtasks. Any thread.
struct PendingOutput {
  // Beyond this a checkpoint begins early; beyond three times this, sources wait. Well below what
  // shares a file of the journal (32 MiB): a larger epoch waits until one is made for it.
  static constexpr int64_t kSoftLimitBytes = 4 << 20;
  std::atomic<int64_t> bytes{0};
  std::function<void()> request_checkpoint;  // thread-safe
  bool over_hard_limit() const { return bytes.load() > 3 * kSoftLimitBytes; }
};

// Records on their way into topics, as record batches of bounded size. One subtask's.
class EpochBuffer {
 public:
  explicit EpochBuffer(PendingOutput* pending) : pending_(pending) {}
  // Of the batches that are made from now on, unless a record alone needs more.
  void set_max_batch_bytes(size_t bytes) { max_batch_bytes_ = bytes; }
  Status Add(const storage::TopicPartition& partition, int64_t timestamp_ms,
             std::optional<std::string_view> key, std::optional<std::string_view> value,
             std::span<const storage::RecordHeader> headers = {});
  // Into a quarantine: the original bytes, with headers that tell origin, stage and cause.
  Status AddRejected(const storage::TopicPartition& quarantine, int64_t now_ms,
                     std::string_view stage, const std::vector<connector::RejectedRecord>& records);
  // All batches, in the order of their records in each partition. The bytes stay counted as
  // pending until the commit.
  Result<std::vector<storage::EpochCommit::Append>> Take();

 private:
  static constexpr size_t kBatchBytes = 512u << 10;
  Status Seal(const storage::TopicPartition& partition, storage::BatchBuilder* builder);

  PendingOutput* pending_;
  size_t max_batch_bytes_ = SIZE_MAX;
  std::map<storage::TopicPartition, storage::BatchBuilder> open_;
  std::vector<storage::EpochCommit::Append> sealed_;
};

// Rows that a topic can't take: kept with the epoch of those that it took, left out, or the end of
// the job, as the rule says. One subtask's.
class RefusedRows {
 public:
  RefusedRows(RejectRule rule, std::function<Task<storage::TopicPartition>()> quarantine)
      : rule_(std::move(rule)), make_quarantine_(std::move(quarantine)) {}
  // What checkpoints of before have counted.
  void Restore(const OperatorContext& context);
  // The errors are of a kind that no restart cures.
  Task<> Handle(std::vector<connector::RejectedRecord> refused, const OperatorContext* context,
                EpochBuffer* buffer);
  std::string Blob() const;  // for Restore

 private:
  RejectRule rule_;
  std::function<Task<storage::TopicPartition>()> make_quarantine_;  // called with the first
  std::optional<storage::TopicPartition> quarantine_;
  int64_t count_ = 0;  // of this subtask, and of those before the restore
};

// What an upsert sink wants of a changelog: the old row of an update goes when the new one follows,
// and becomes a deletion of its key when it does not, as when a condition holds the new row back.
Result<ChangelogBatch> ToUpserts(ChangelogBatch batch, const std::vector<int>& key_columns);

class InlineSinkOperator final : public Operator {
 public:
  // `upsert_key` is empty but for upsert sinks.
  InlineSinkOperator(std::unique_ptr<connector::InlineWriter> writer, std::vector<int> upsert_key)
      : writer_(std::move(writer)), upsert_key_(std::move(upsert_key)) {}
  std::string name() const override { return "Sink"; }
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  Task<> Finish(Output* out) override { return writer_->Finish(); }

 private:
  std::unique_ptr<connector::InlineWriter> writer_;
  const std::vector<int> upsert_key_;
};

struct LogSinkOptions {
  connector::TableSink* sink = nullptr;  // outlives the operator
  std::vector<int> upsert_key;           // empty but for upsert sinks
  RejectRule rejects;                    // rows that the topic can't take
  // Makes the place where kQuarantine keeps them; called with the first.
  std::function<Task<storage::TopicPartition>()> quarantine;
  // Not null: rows go to the log at once instead of with the epoch, and so at least once. The
  // epoch's commit follows them in the same journal: when it is durable, they are.
  storage::Log* at_once = nullptr;
};

class LogSinkOperator final : public Operator {
 public:
  LogSinkOperator(LogSinkOptions options, PendingOutput* pending)
      : options_(std::move(options)),
        refused_(options_.rejects, options_.quarantine),
        buffer_(pending) {}
  std::string name() const override { return "Sink"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  Task<> AppendNow();

  LogSinkOptions options_;
  PendingOutput at_once_pending_;
  EpochBuffer at_once_buffer_{&at_once_pending_};
  RefusedRows refused_;
  const OperatorContext* context_ = nullptr;
  std::unique_ptr<connector::LogWriter> writer_;
  EpochBuffer buffer_;
};

struct DeliverySinkOptions {
  // A row that is longer, as it lies in memory, is refused.
  static constexpr int64_t kRowBytesMax = 16 << 20;
  storage::TopicId topic;
  std::string table;  // for messages
  int partition_count = 1;
  std::vector<int> key_columns;  // empty: each subtask has a partition of its own
  std::vector<std::shared_ptr<arrow::DataType>> key_types;
  connector::SinkMode mode = connector::SinkMode::kAppendOnly;
  RejectRule rejects;
  std::function<Task<storage::TopicPartition>()> quarantine;  // as of LogSinkOptions
};

// Writes the sink's changelog to its internal topic, a partition by the hash of the sink's key.
class DeliverySinkOperator final : public Operator {
 public:
  DeliverySinkOperator(DeliverySinkOptions options, PendingOutput* pending)
      : options_(std::move(options)),
        refused_(options_.rejects, options_.quarantine),
        buffer_(pending) {}
  std::string name() const override { return "Sink"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  Status AddParts(const ChangelogBatch& batch);
  Status AddPart(int partition, const ChangelogBatch& part);
  Status AddSlice(int partition, const ChangelogBatch& part, int64_t begin, int64_t count);

  DeliverySinkOptions options_;
  const OperatorContext* context_ = nullptr;
  std::unique_ptr<RowCodec> codec_;
  EncodedRows keys_;
  std::vector<connector::RejectedRecord> too_long_;  // of the batch that is being taken
  RefusedRows refused_;
  EpochBuffer buffer_;
};

// Refuses or drops rows with NULL in NOT NULL columns, before a sink.
class NotNullOperator final : public Operator {
 public:
  struct Column {
    int index;
    std::string name;
  };
  NotNullOperator(std::vector<Column> columns, bool drop, std::string table_name)
      : columns_(std::move(columns)), drop_(drop), table_name_(std::move(table_name)) {}
  std::string name() const override { return "NotNull"; }
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;

 private:
  std::vector<Column> columns_;
  bool drop_;
  std::string table_name_;
};

}  // namespace mainstem::process
