#include "sink/kafka/cluster_writer.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include "connector/close_on_pool.h"
#include "connector/kafka/client_thread.h"
#include "connector/kafka/kafka_error.h"
#include "connector/kafka/kafka_producer.h"
#include "connector/remark.h"
#include "core/error_context.h"
#include "sink/kafka/row_encoder.h"
#include "sink/refused_row.h"
#include "sink/waiting_rows.h"

namespace mainstem::sink {
namespace {

using connector::KafkaFailure;
using connector::KafkaProducer;
using connector::LogRecord;
using connector::RejectedRecord;

// What one transaction holds at most: it is kept until the commit, to be sent again without the
// records that the topic refuses.
constexpr size_t kTransactionRecordsMax = 50000;
constexpr size_t kTransactionBytesMax = size_t{16} << 20;
constexpr int kPollMs = 100;
constexpr auto kCoordinatorPause = std::chrono::milliseconds(100);
constexpr auto kInitTime = std::chrono::seconds(10);
constexpr auto kPartitionCountTime = std::chrono::minutes(1);

// The two end together, the producer first: it may be in use until its thread has done its work.
struct ClusterClient {
  std::unique_ptr<connector::ClientThread> thread = std::make_unique<connector::ClientThread>();
  std::unique_ptr<KafkaProducer> producer;
};

// A record until it is committed.
struct HeldRecord {
  LogRecord record;
  int32_t partition = 0;
  size_t batch = 0;  // of the rows it comes from
  int64_t row = 0;
  bool is_answered = false;
  bool is_alone = false;  // its batch was refused: it goes in one of its own
  bool is_refused = false;
};

struct HeldBatch {
  ChangelogBatch batch;
  Offset end;
};

class ClusterWriter final : public connector::DeliveryWriter, public connector::RemarkingPart {
 public:
  ClusterWriter(Env* env, std::shared_ptr<const ClusterSinkOptions> options,
                std::string delivery_id, PartitionId partition)
      : env_(env),
        options_(std::move(options)),
        layout_(&options_->layout),
        delivery_id_(std::move(delivery_id)),
        partition_(partition),
        partitioner_(layout_->partitioner, static_cast<uint32_t>(partition.value())) {}

  ~ClusterWriter() override { connector::CloseOnPool(env_, std::move(client_)); }

  Task<std::optional<Offset>> Open() override {
    client_ = std::make_unique<ClusterClient>();
    std::shared_ptr<const RecordLayout> layout(options_, layout_);
    CO_ASSIGN_OR_RETURN(encoder_, co_await RowEncoder::Make(env_, std::move(layout)));
    connector::KafkaProducerOptions producer;
    CO_ASSIGN_OR_RETURN(producer.properties,
                        co_await connector::LoadKafkaProperties(env_, options_->client));
    producer.topic = layout_->topic;
    producer.id = fmt::format("{}-{}-{}", options_->id_prefix, delivery_id_, partition_.value());
    producer.is_transactional = !layout_->is_at_once;
    compresses_ = Compresses(producer.properties);
    CO_RETURN_IF_ERROR(Named(co_await OpenProducer(std::move(producer))));
    co_return position_;
  }

  Task<> Deliver(ChangelogBatch batch, Offset end) override {
    if (failed_) co_return WriterHasFailed();
    failed_ = true;
    if (batch.rows->num_columns() != layout_->column_count) {
      co_return Named(MakeError(ErrorCode::kInternal, "rows have other columns than the table"));
    }
    CO_RETURN_IF_ERROR(Named(co_await RefreshPartitionCount()));
    CO_RETURN_IF_ERROR(
        Named(co_await client_->thread->Run([&] { return Take(std::move(batch), end); })));
    failed_ = false;
    bool is_full = held_.size() >= kTransactionRecordsMax || held_bytes_ >= kTransactionBytesMax;
    if (is_full) co_return co_await Write();
    co_return Status::OK();
  }

  Task<Offset> Flush(FlushOptions) override {
    CO_RETURN_IF_ERROR(co_await Write());
    co_return position_.value_or(Offset(0));
  }

  std::string Remark() const override {
    // As far as the cluster tells: without the right to look nothing is known.
    const connector::KafkaTopicLimits& limits = client_->producer->limits();
    if (!layout_->upsert || !limits.deletes) return "";
    return DeletingTopicText(layout_->topic);
  }

 private:
  Status Named(const Status& status) const {
    if (status.ok() || Is(status, ErrorCode::kCancelled)) return status;
    return InContext("connector 'kafka', table '" + options_->table_name + "': ", status);
  }

  static bool Compresses(const connector::KafkaProperties& properties) {
    for (const char* name : {"compression.type", "compression.codec"}) {
      auto found = properties.find(name);
      if (found != properties.end() && found->second != "none") return true;
    }
    return false;
  }

  Task<> OpenProducer(connector::KafkaProducerOptions options) {
    connector::ClientThread& thread = *client_->thread;
    CO_RETURN_IF_ERROR(co_await thread.Run([&]() -> Status {
      ASSIGN_OR_RETURN(client_->producer, KafkaProducer::Make(std::move(options)));
      RETURN_IF_ERROR(client_->producer->Connect());
      ASSIGN_OR_RETURN(partition_count_, client_->producer->PartitionCount());
      return CheckKeys();
    }));
    counted_at_ = env_->Now();
    TimePoint deadline = env_->Now() + kInitTime;
    for (;;) {
      Status waits_for;
      CO_ASSIGN_OR_RETURN(bool is_ready, co_await thread.Run([&] {
        return client_->producer->TryInit(&waits_for);
      }));
      if (is_ready) break;
      if (env_->Now() >= deadline) co_return waits_for;
      CO_RETURN_IF_ERROR(co_await Yield());  // cancelled?
    }
    for (;;) {
      Result<std::optional<Offset>> read =
          co_await thread.Run([&] { return client_->producer->ReadPosition(); });
      if (read.ok()) position_ = *read;
      bool is_over = read.ok() || !IsRetriable(read.status()) || env_->Now() >= deadline;
      if (is_over) co_return read.status();
      CO_RETURN_IF_ERROR(co_await Sleep(kCoordinatorPause));
    }
  }

  // A table without keys is told at once that its topic is compacted.
  Status CheckKeys() const {
    bool has_keys = !layout_->key_format.format.empty();
    if (has_keys || !client_->producer->limits().is_compacted) return Status::OK();
    return MakeError(ErrorCode::kInvalidConfig, KeylessText(layout_->topic));
  }

  // Topics may grow while a job runs; keys then go to other partitions, as with Kafka's clients.
  Task<> RefreshPartitionCount() {
    if (env_->Now() - counted_at_ < kPartitionCountTime) co_return Status::OK();
    CO_ASSIGN_OR_RETURN(partition_count_, co_await client_->thread->Run([this] {
      return client_->producer->PartitionCount();
    }));
    counted_at_ = env_->Now();
    co_return Status::OK();
  }

  // ---- on the client's thread

  Status Take(ChangelogBatch batch, Offset end) {
    if (!is_begun_) RETURN_IF_ERROR(Begin());
    partitioner_.NextBatch();
    ASSIGN_OR_RETURN(std::vector<LogRecord> records, encoder_->Encode(batch));
    const connector::KafkaTopicLimits& limits = client_->producer->limits();
    for (size_t row = 0; row < records.size(); ++row) {
      HeldRecord held;
      held.partition = partitioner_.Choose(records[row].key, partition_count_);
      held.record = std::move(records[row]);
      held.batch = batches_.size();
      held.row = static_cast<int64_t>(row);
      held_bytes_ += BatchBytesBound(held.record);
      held_.push_back(std::move(held));
    }
    batches_.push_back({.batch = std::move(batch), .end = end});
    for (size_t i = held_.size() - records.size(); i < held_.size(); ++i) {
      size_t bytes = BatchBytesBound(held_[i].record);
      if (limits.is_compacted && !held_[i].record.key) {
        Refuse(&held_[i], KeylessText(layout_->topic));
      } else if (!compresses_ && limits.max_message_bytes &&
                 bytes > static_cast<size_t>(*limits.max_message_bytes)) {
        auto limit = static_cast<size_t>(*limits.max_message_bytes);
        Refuse(&held_[i], TooLongText(layout_->topic, bytes, limit));
      }
    }
    end_ = end;
    return SendMore();
  }

  Status Begin() {
    RETURN_IF_ERROR(client_->producer->Begin());
    is_begun_ = true;
    return Status::OK();
  }

  // Puts records in line as far as there is room, and up to one that goes alone.
  Status SendMore() {
    KafkaProducer* producer = client_->producer.get();
    for (; next_to_send_ < held_.size(); ++next_to_send_) {
      HeldRecord& held = held_[next_to_send_];
      if (held.is_refused || held.is_answered) continue;
      if (producer->has_failures()) break;
      if (held.is_alone && producer->pending_count() > 0) break;
      ASSIGN_OR_RETURN(bool has_room, producer->Send(held.record, held.partition, next_to_send_));
      if (!has_room) break;
      if (!held.is_alone) continue;
      ++next_to_send_;
      break;  // wait for its answer
    }
    return Status::OK();
  }

  // One step towards everything being answered; true when it is.
  Result<bool> Settle() {
    KafkaProducer* producer = client_->producer.get();
    RETURN_IF_ERROR(SendMore());
    producer->Poll(kPollMs);
    for (size_t tag : producer->TakeAnswered()) held_[tag].is_answered = true;
    if (producer->has_failures()) {
      RETURN_IF_ERROR(Recover());
      return false;
    }
    return next_to_send_ == held_.size() && producer->pending_count() == 0;
  }

  // Some records were refused: without them once more.
  Status Recover() {
    KafkaProducer* producer = client_->producer.get();
    RETURN_IF_ERROR(producer->Abort());
    is_begun_ = false;
    for (size_t tag : producer->TakeAnswered()) held_[tag].is_answered = true;
    size_t first = held_.size();
    for (const KafkaFailure& failure : producer->TakeFailures()) {
      if (!connector::IsRecordRefused(failure.code)) return producer->StatusOf(failure.code);
      HeldRecord& held = held_[failure.tag];
      first = std::min(first, failure.tag);
      if (held.is_alone) {
        Refuse(&held, TextOf(producer->StatusOf(failure.code)));
      } else {
        held.is_alone = true;
      }
    }
    // Of a transaction that was taken back nothing is in; else the order of what follows counts.
    next_to_send_ = producer->is_transactional() ? 0 : first;
    for (size_t i = next_to_send_; i < held_.size(); ++i) held_[i].is_answered = false;
    return Begin();
  }

  void Refuse(HeldRecord* held, ErrorText why) {
    held->is_refused = true;
    const HeldBatch& from = batches_[held->batch];
    const arrow::RecordBatch& rows = *from.batch.rows;
    RefusedRowPlace place{.delivery_id = delivery_id_, .partition = partition_, .end = from.end};
    RowKind kind = from.batch.kinds.empty() ? RowKind::kInsert
                                            : from.batch.kinds[static_cast<size_t>(held->row)];
    refused_.push_back(RefuseUnstorable(rows, held->row, kind, layout_->key_columns,
                                        "connector 'kafka': table '" + options_->table_name + "'",
                                        std::move(place), std::move(why)));
  }

  // ---- on the task's shard

  Task<> Write() {
    if (failed_) co_return WriterHasFailed();
    if (!end_ || position_ == end_) co_return Status::OK();
    // Until it succeeds: the rows it has taken must not be passed over.
    failed_ = true;
    CO_RETURN_IF_ERROR(Named(co_await WriteTransaction()));
    failed_ = false;
    co_return Status::OK();
  }

  Task<> WriteTransaction() {
    for (;;) {
      CO_ASSIGN_OR_RETURN(bool is_settled,
                          co_await client_->thread->Run([this] { return Settle(); }));
      if (is_settled) break;
      CO_RETURN_IF_ERROR(co_await Yield());  // cancelled?
    }
    CO_RETURN_IF_ERROR(co_await KeepRefused(std::exchange(refused_, {})));
    env_->CrashPoint("sink.commit");
    CO_RETURN_IF_ERROR(
        co_await client_->thread->Run([this] { return client_->producer->Commit(*end_); }));
    env_->CrashPoint("sink.committed");
    position_ = end_;
    is_begun_ = false;
    held_.clear();
    batches_.clear();
    held_bytes_ = 0;
    next_to_send_ = 0;
    co_return Status::OK();
  }

  Env* env_;
  std::shared_ptr<const ClusterSinkOptions> options_;
  const RecordLayout* layout_;
  std::string delivery_id_;
  PartitionId partition_;
  Partitioner partitioner_;
  bool compresses_ = false;  // then only the broker knows how long a record is
  std::unique_ptr<RowEncoder> encoder_;
  std::unique_ptr<ClusterClient> client_;
  int32_t partition_count_ = 0;
  TimePoint counted_at_{};
  std::optional<Offset> position_;
  std::optional<Offset> end_;
  bool failed_ = false;
  bool is_begun_ = false;
  std::vector<HeldBatch> batches_;
  std::vector<HeldRecord> held_;
  size_t held_bytes_ = 0;
  size_t next_to_send_ = 0;
  std::vector<RejectedRecord> refused_;  // not handed over yet
};

}  // namespace

std::unique_ptr<connector::DeliveryWriter> MakeClusterWriter(
    Env* env, std::shared_ptr<const ClusterSinkOptions> options, std::string delivery_id,
    PartitionId partition) {
  return std::make_unique<ClusterWriter>(env, std::move(options), std::move(delivery_id),
                                         partition);
}

}  // namespace mainstem::sink
