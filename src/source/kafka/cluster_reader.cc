#include "source/kafka/cluster_reader.h"

#include <deque>

#include "core/sync.h"
#include "storage/varint.h"

namespace mainstem::source {
namespace {

using connector::SourceBatch;

// What the client's thread wakes the task with. Its own event, so that a wake-up that comes late
// finds nobody, not memory that is gone.
struct Wakeup {
  explicit Wakeup(Executor executor) : event(executor) {}
  Event event;
};

// A partition that is being fetched. Made on the shard, ended on the pool.
class PartitionFetch {
 public:
  PartitionFetch(std::shared_ptr<KafkaCluster> cluster, PartitionName name, Executor executor,
                 std::weak_ptr<Wakeup> wakeup)
      : cluster_(std::move(cluster)),
        name_(std::move(name)),
        executor_(executor),
        wakeup_(std::move(wakeup)) {}

  ~PartitionFetch() {
    if (queue_ != nullptr) rd_kafka_queue_cb_event_enable(queue_, nullptr, nullptr);
    if (is_started_) rd_kafka_consume_stop(topic_, name_.partition);
    if (queue_ != nullptr) rd_kafka_queue_destroy(queue_);
    if (topic_ != nullptr) rd_kafka_topic_destroy(topic_);
  }

  Status Start(Offset offset) {
    rd_kafka_t* handle = cluster_->client->handle();
    topic_ = rd_kafka_topic_new(handle, name_.topic.c_str(), nullptr);
    if (topic_ == nullptr) return StatusOf(rd_kafka_last_error());
    queue_ = rd_kafka_queue_new(handle);
    rd_kafka_queue_cb_event_enable(queue_, &PartitionFetch::OnReady, this);
    if (rd_kafka_consume_start_queue(topic_, name_.partition, offset.value(), queue_) != 0) {
      return StatusOf(rd_kafka_last_error());
    }
    is_started_ = true;
    return Status::OK();
  }

  // What is there; errors and the end of the partition come as messages, too.
  size_t Take(std::vector<rd_kafka_message_t*>* messages, size_t max_count) {
    messages->resize(max_count);
    ssize_t count = rd_kafka_consume_batch_queue(queue_, 0, messages->data(), max_count);
    messages->resize(count > 0 ? static_cast<size_t>(count) : 0);
    return messages->size();
  }

  // -1: not known yet.
  int64_t HighWatermark() const {
    int64_t low = -1;
    int64_t high = -1;
    rd_kafka_resp_err_t code = rd_kafka_get_watermark_offsets(
        cluster_->client->handle(), name_.topic.c_str(), name_.partition, &low, &high);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? high : -1;
  }

  Status StatusOf(rd_kafka_resp_err_t code, const std::string& reason = "") const {
    return cluster_->client->StatusOf(code, "cannot read '" + name_.ToString() + "'", reason);
  }
  KafkaCluster* cluster() const { return cluster_.get(); }
  const PartitionName& name() const { return name_; }

 private:
  // On a thread of librdkafka's, each time that something comes into the empty queue.
  static void OnReady(rd_kafka_t*, void* self) {
    auto* fetch = static_cast<PartitionFetch*>(self);
    fetch->executor_.scheduler()->Post(UniqueFunction([wakeup = fetch->wakeup_] {
      if (std::shared_ptr<Wakeup> target = wakeup.lock()) target->event.NotifyAll();
    }));
  }

  std::shared_ptr<KafkaCluster> cluster_;
  PartitionName name_;
  Executor executor_;
  std::weak_ptr<Wakeup> wakeup_;
  rd_kafka_topic_t* topic_ = nullptr;
  rd_kafka_queue_t* queue_ = nullptr;
  bool is_started_ = false;
};

// The records of one call, and what their views point to.
struct FetchedRecords : GatheredRecords {
  std::vector<rd_kafka_message_t*> messages;
  std::deque<std::vector<std::byte>> headers;

  FetchedRecords() = default;
  FetchedRecords(const FetchedRecords&) = delete;
  FetchedRecords& operator=(const FetchedRecords&) = delete;
  ~FetchedRecords() {
    for (rd_kafka_message_t* message : messages) rd_kafka_message_destroy(message);
  }
};

std::optional<std::string_view> BytesOf(const void* data, size_t size) {
  if (data == nullptr) return std::nullopt;
  return std::string_view(static_cast<const char*>(data), size);
}

void AppendVarint(int64_t value, std::vector<std::byte>* out) {
  uint64_t rest = storage::ZigZag(value);
  for (; rest >= 0x80; rest >>= 7) out->push_back(static_cast<std::byte>(rest | 0x80));
  out->push_back(static_cast<std::byte>(rest));
}

// As records have them: a length, -1 for none, and the bytes.
void AppendBytes(const void* data, size_t size, std::vector<std::byte>* out) {
  if (data == nullptr) return AppendVarint(-1, out);
  AppendVarint(static_cast<int64_t>(size), out);
  const auto* bytes = static_cast<const std::byte*>(data);
  out->insert(out->end(), bytes, bytes + size);
}

class ClusterReader final : public connector::SplitReader {
 public:
  ClusterReader(Env* env, PartitionPosition position, std::unique_ptr<RecordDecoder> decoder,
                std::shared_ptr<Wakeup> wakeup, std::unique_ptr<PartitionFetch> fetch)
      : env_(env),
        position_(position),
        decoder_(std::move(decoder)),
        wakeup_(std::move(wakeup)),
        fetch_(std::move(fetch)) {}
  ~ClusterReader() override { connector::CloseOnPool(env_, std::move(fetch_)); }

  Status Start() { return fetch_->Start(position_.next); }

  Task<SourceBatch> Read(size_t max_rows, TimePoint deadline) override {
    FetchedRecords fetched;
    while (!AtEnd()) {
      CO_RETURN_IF_ERROR(Gather(max_rows, &fetched));
      if (!fetched.records.empty() || AtEnd()) break;
      if (has_moved_) break;  // past records that nobody sees
      CO_ASSIGN_OR_RETURN(bool is_woken, co_await wakeup_->event.Wait(deadline));
      if (is_woken) continue;
      CO_RETURN_IF_ERROR(co_await CheckConnection());
      break;
    }
    has_moved_ = false;
    CO_ASSIGN_OR_RETURN(SourceBatch batch, co_await decoder_->Decode(&fetched));
    batch.position = position_.ToString();
    batch.bytes_read = std::exchange(bytes_read_, 0);
    batch.end_of_split = AtEnd();
    batch.caught_up = is_at_high_watermark_;
    int64_t high = fetch_->HighWatermark();
    if (is_at_high_watermark_) {
      batch.lag_records = 0;
    } else if (high >= 0) {
      batch.lag_records = std::max<int64_t>(high - position_.next.value(), 0);
    }
    co_return batch;
  }

 private:
  bool AtEnd() const { return position_.end && position_.next >= *position_.end; }

  Status Gather(size_t max_rows, FetchedRecords* out) {
    std::vector<rd_kafka_message_t*> taken;
    fetch_->Take(&taken, max_rows);
    size_t at = 0;
    Status status;
    for (; at < taken.size() && status.ok(); ++at) status = Add(taken[at], out);
    for (; at < taken.size(); ++at) rd_kafka_message_destroy(taken[at]);
    return status;
  }

  // Takes ownership.
  Status Add(rd_kafka_message_t* message, FetchedRecords* out) {
    out->messages.push_back(message);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) return AddEvent(*message);
    Offset offset(message->offset);
    if (offset < position_.next || AtEnd()) return Status::OK();
    if (position_.end && offset >= *position_.end) {
      position_.next = *position_.end;
      return Status::OK();
    }
    position_.next = offset + 1;
    is_at_high_watermark_ = false;
    bytes_read_ += message->len + message->key_len;
    rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    storage::RecordView view;
    view.offset = offset;
    view.timestamp_ms = rd_kafka_message_timestamp(message, &kind);
    view.key = BytesOf(message->key, message->key_len);
    view.value = BytesOf(message->payload, message->len);
    AddHeaders(message, &view, out);
    bool is_log_append_time = kind == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME;
    if (out->origins.empty() || out->origins.back().is_log_append_time != is_log_append_time) {
      out->origins.push_back({.is_log_append_time = is_log_append_time});
    }
    out->origin_of_record.push_back(static_cast<uint32_t>(out->origins.size() - 1));
    out->records.push_back(view);
    return Status::OK();
  }

  // The end of what there is, or an error.
  Status AddEvent(const rd_kafka_message_t& message) {
    if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      // Behind what ends transactions, and what was taken back.
      Offset reached(message.offset);
      if (reached > position_.next) {
        position_.next = position_.end ? std::min(reached, *position_.end) : reached;
        has_moved_ = true;
      }
      is_at_high_watermark_ = true;
      return Status::OK();
    }
    Status status = fetch_->StatusOf(message.err, rd_kafka_message_errstr(&message));
    // librdkafka goes on trying by itself; whether it is in vain, CheckConnection finds out.
    if (Is(status, ErrorCode::kUnavailable)) return Status::OK();
    return status;
  }

  static void AddHeaders(rd_kafka_message_t* message, storage::RecordView* view,
                         FetchedRecords* out) {
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
    std::vector<std::byte>& bytes = out->headers.emplace_back();
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      AppendBytes(name, std::strlen(name), &bytes);
      AppendBytes(value, size, &bytes);
      ++view->header_count;
    }
    view->headers = bytes;
  }

  // A cluster that is away is an error, for people to see; the job tries again from its checkpoint.
  Task<> CheckConnection() {
    KafkaCluster* cluster = fetch_->cluster();
    if (!cluster->client->has_lost_brokers()) co_return Status::OK();
    std::vector<std::string> topic = {fetch_->name().topic};
    Result<std::map<std::string, int32_t>> counts =
        co_await cluster->thread.Run([&] { return cluster->client->PartitionCounts(topic); });
    co_return counts.status();
  }

  Env* env_;
  PartitionPosition position_;
  std::unique_ptr<RecordDecoder> decoder_;
  std::shared_ptr<Wakeup> wakeup_;
  std::unique_ptr<PartitionFetch> fetch_;
  bool has_moved_ = false;
  bool is_at_high_watermark_ = false;
  size_t bytes_read_ = 0;
};

}  // namespace

Task<std::unique_ptr<connector::SplitReader>> OpenClusterReader(
    Env* env, std::shared_ptr<KafkaCluster> cluster, PartitionName partition,
    PartitionPosition position, std::unique_ptr<RecordDecoder> decoder) {
  Executor executor = co_await asio::this_coro::executor;
  auto wakeup = std::make_shared<Wakeup>(executor);
  auto fetch = std::make_unique<PartitionFetch>(std::move(cluster), std::move(partition), executor,
                                                std::weak_ptr<Wakeup>(wakeup));
  auto reader = std::make_unique<ClusterReader>(env, position, std::move(decoder),
                                                std::move(wakeup), std::move(fetch));
  CO_RETURN_IF_ERROR(reader->Start());
  co_return reader;
}

}  // namespace mainstem::source
