#include "connector/kafka/kafka_producer.h"

#include <algorithm>

#include "connector/kafka/kafka_error.h"

namespace mainstem::connector {
namespace {

constexpr int kInitWaitMs = 500;
constexpr int kCloseWaitMs = 2000;
constexpr int64_t kBatchBytes = 1000000;  // librdkafka's own default
// One record; the topic's limit, which the broker knows, is the one that counts.
constexpr char kRecordBytesMax[] = "100000000";
// A record that is not acknowledged by then has failed; the delivery begins anew.
constexpr char kRecordTimeoutMs[] = "30000";

void* OpaqueOf(size_t tag) { return reinterpret_cast<void*>(tag + 1); }  // null would be none
size_t TagOf(const void* opaque) { return reinterpret_cast<size_t>(opaque) - 1; }

bool IsPurged(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
}

rd_kafka_headers_t* HeadersOf(const LogRecord& record) {
  if (record.headers.empty()) return nullptr;
  rd_kafka_headers_t* headers = rd_kafka_headers_new(record.headers.size());
  for (const auto& [name, value] : record.headers) {
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                        static_cast<ssize_t>(value.size()));
  }
  return headers;
}

}  // namespace

Result<std::unique_ptr<KafkaProducer>> KafkaProducer::Make(KafkaProducerOptions options) {
  std::unique_ptr<KafkaProducer> producer(new KafkaProducer(std::move(options)));
  RETURN_IF_ERROR(producer->MakeClient(std::nullopt));
  return producer;
}

KafkaProducer::~KafkaProducer() {
  if (in_transaction_ && options_.is_transactional) {
    rd_kafka_error_t* error = rd_kafka_abort_transaction(client_->handle(), kCloseWaitMs);
    if (error != nullptr) rd_kafka_error_destroy(error);
  }
}

Status KafkaProducer::MakeClient(std::optional<int64_t> batch_bytes) {
  const KafkaProperties& given = options_.properties;
  KafkaProperties more;
  auto by_default = [&](const char* name, std::string value) {
    if (given.count(name) == 0) more.emplace(name, std::move(value));
  };
  by_default("client.id", "mainstem");
  by_default("message.max.bytes", kRecordBytesMax);
  bool has_timeout = given.count("delivery.timeout.ms") + given.count("message.timeout.ms") +
                         given.count("transaction.timeout.ms") >
                     0;
  if (!has_timeout) more.emplace("message.timeout.ms", kRecordTimeoutMs);
  if (batch_bytes) more.emplace("batch.size", std::to_string(*batch_bytes));
  if (options_.is_transactional) {
    more.emplace("transactional.id", options_.id);
    more.emplace("enable.idempotence", "true");
  } else {
    by_default("enable.idempotence", "true");
  }
  ASSIGN_OR_RETURN(KafkaConfig config, MakeKafkaConfig(given, more));
  rd_kafka_conf_set_dr_msg_cb(config.get(), &KafkaProducer::OnDelivery);
  topic_.reset();
  client_.reset();
  ASSIGN_OR_RETURN(client_, KafkaClient::Make(RD_KAFKA_PRODUCER, std::move(config), servers()));
  client_->set_owner(this);
  topic_.reset(rd_kafka_topic_new(client_->handle(), options_.topic.c_str(), nullptr));
  if (topic_ != nullptr) return Status::OK();
  return StatusOf(rd_kafka_last_error());
}

std::string KafkaProducer::servers() const {
  auto found = options_.properties.find("bootstrap.servers");
  return found == options_.properties.end() ? "" : found->second;
}

Status KafkaProducer::MakePositionClient() {
  if (position_client_ != nullptr) return Status::OK();
  KafkaProperties more = {{"group.id", options_.id}, {"enable.auto.commit", "false"}};
  if (options_.properties.count("client.id") == 0) more.emplace("client.id", "mainstem");
  ASSIGN_OR_RETURN(KafkaConfig config, MakeKafkaConfig(options_.properties, more));
  ASSIGN_OR_RETURN(position_client_,
                   KafkaClient::Make(RD_KAFKA_CONSUMER, std::move(config), servers()));
  return Status::OK();
}

void KafkaProducer::OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void* client) {
  auto* self = static_cast<KafkaProducer*>(static_cast<KafkaClient*>(client)->owner());
  --self->pending_count_;
  size_t tag = TagOf(message->_private);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    self->answered_.push_back(tag);
  } else if (!IsPurged(message->err)) {
    self->failures_.push_back({.tag = tag, .code = message->err});
  }
}

Status KafkaProducer::Connect() {
  RETURN_IF_ERROR(PartitionCount());
  ASSIGN_OR_RETURN(limits_, client_->LimitsOf(options_.topic));
  bool is_small = limits_.max_message_bytes && *limits_.max_message_bytes < kBatchBytes;
  if (!is_small || options_.properties.count("batch.size") > 0) return Status::OK();
  // A batch that is larger than the topic's limit is refused whole.
  return MakeClient(std::max<int64_t>(1, *limits_.max_message_bytes));
}

Result<bool> KafkaProducer::TryInit(Status* waits_for) {
  if (!options_.is_transactional) return true;
  rd_kafka_error_t* error = rd_kafka_init_transactions(client_->handle(), kInitWaitMs);
  if (error == nullptr) return true;
  bool may_pass = rd_kafka_error_is_retriable(error) != 0;
  Status status = client_->Take(error, "cannot begin transactions as '" + options_.id + "'");
  if (!may_pass || !IsRetriable(status)) return status;
  *waits_for = std::move(status);
  return false;
}

Result<std::optional<Offset>> KafkaProducer::ReadPosition() {
  RETURN_IF_ERROR(MakePositionClient());
  ASSIGN_OR_RETURN(KafkaOffsets found,
                   position_client_->CommittedOffsets(options_.id, {{options_.topic, 0}}));
  if (options_.is_transactional) position_client_.reset();
  if (found.empty()) return std::nullopt;
  return found.begin()->second;
}

Result<int32_t> KafkaProducer::PartitionCount() {
  ASSIGN_OR_RETURN(auto counts, client_->PartitionCounts({options_.topic}));
  return counts.begin()->second;
}

Status KafkaProducer::Begin() {
  if (options_.is_transactional) {
    RETURN_IF_ERROR(client_->Take(rd_kafka_begin_transaction(client_->handle()), Doing()));
  }
  in_transaction_ = true;
  return Status::OK();
}

Result<bool> KafkaProducer::Send(const LogRecord& record, int32_t partition, size_t tag) {
  rd_kafka_headers_t* headers = HeadersOf(record);
  const void* key = record.key ? record.key->data() : nullptr;
  const size_t key_bytes = record.key ? record.key->size() : 0;
  void* value = record.value ? const_cast<char*>(record.value->data()) : nullptr;
  const size_t value_bytes = record.value ? record.value->size() : 0;
  rd_kafka_resp_err_t code = rd_kafka_producev(
      client_->handle(), RD_KAFKA_V_RKT(topic_.get()), RD_KAFKA_V_PARTITION(partition),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_bytes),
      RD_KAFKA_V_VALUE(value, value_bytes),
      RD_KAFKA_V_TIMESTAMP(std::max<int64_t>(record.timestamp_ms, 0)),
      RD_KAFKA_V_OPAQUE(OpaqueOf(tag)), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++pending_count_;
    return true;
  }
  if (headers != nullptr) rd_kafka_headers_destroy(headers);
  if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) return false;
  if (!IsRecordRefused(code)) return StatusOf(code);
  failures_.push_back({.tag = tag, .code = code});
  return true;
}

void KafkaProducer::Poll(int wait_ms) {
  // Unlike rd_kafka_poll it does not wait for batches to fill.
  rd_kafka_flush(client_->handle(), wait_ms);
}

Status KafkaProducer::SendPosition(Offset position) {
  auto* offsets = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(offsets, options_.topic.c_str(), 0)->offset = position.value();
  auto* group = rd_kafka_consumer_group_metadata_new(options_.id.c_str());
  rd_kafka_error_t* error =
      rd_kafka_send_offsets_to_transaction(client_->handle(), offsets, group, kKafkaCallMs);
  rd_kafka_consumer_group_metadata_destroy(group);
  rd_kafka_topic_partition_list_destroy(offsets);
  return client_->Take(error, "cannot store the position in group '" + options_.id + "'");
}

Status KafkaProducer::Commit(Offset position) {
  CHECK(pending_count_ == 0 && failures_.empty());
  if (!options_.is_transactional) {
    in_transaction_ = false;
    return position_client_->CommitOffsets(options_.id, {{{options_.topic, 0}, position}});
  }
  RETURN_IF_ERROR(SendPosition(position));
  RETURN_IF_ERROR(client_->Take(rd_kafka_commit_transaction(client_->handle(), 2 * kKafkaCallMs),
                                "cannot commit a transaction of '" + options_.id + "'"));
  in_transaction_ = false;
  return Status::OK();
}

Status KafkaProducer::Abort() {
  in_transaction_ = false;
  if (!options_.is_transactional) {
    rd_kafka_purge(client_->handle(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    Poll(kKafkaCallMs);
    return Status::OK();
  }
  return client_->Take(rd_kafka_abort_transaction(client_->handle(), 2 * kKafkaCallMs),
                       "cannot take back a transaction of '" + options_.id + "'");
}

Status KafkaProducer::StatusOf(rd_kafka_resp_err_t code) {
  return client_->StatusOf(code, Doing());
}

}  // namespace mainstem::connector
