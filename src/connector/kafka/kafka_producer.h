// Writes records and a position into a cluster of Apache Kafka: in one transaction, or, without
// transactions, the position after the records. Everything blocks: call it on a ClientThread, one
// call at a time.
//
// The position is the committed offset of the group `id` for partition 0 of the topic: the offset
// commit is part of the transaction (KIP-98, KIP-447), so both are there or neither. Open ends what
// a predecessor of the same `id` has left open, and fences it off.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connector/kafka/kafka_client.h"
#include "connector/table.h"

namespace mainstem::connector {

struct KafkaProducerOptions {
  KafkaProperties properties;
  std::string topic;
  std::string id;  // transactional id, and group of the position
  bool is_transactional = true;
};

// What became of a record that was not taken.
struct KafkaFailure {
  size_t tag = 0;
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
};

class KafkaProducer {
 public:
  // No I/O. kInvalidArgument: the properties do not go together.
  static Result<std::unique_ptr<KafkaProducer>> Make(KafkaProducerOptions options);
  // Takes back an open transaction if the cluster answers at once; else the cluster does after
  // 'transaction.timeout.ms', or who opens the id next.
  ~KafkaProducer();

  // Connects and asks what the topic is like.
  Status Connect();
  // True: ready for Begin. False: not yet, for the reason in `waits_for`; call again. Waits for
  // half a second at most.
  Result<bool> TryInit(Status* waits_for);
  // After TryInit. Errors that are IsRetriable: a coordinator starts or moves, ask again.
  Result<std::optional<Offset>> ReadPosition();
  Result<int32_t> PartitionCount();
  const KafkaTopicLimits& limits() const { return limits_; }
  bool is_transactional() const { return options_.is_transactional; }

  Status Begin();
  // Puts the record in line; false when there is no room now. `tag` comes back with its answer. A
  // record that is too large for the client becomes a failure.
  Result<bool> Send(const LogRecord& record, int32_t partition, size_t tag);
  // Sends what is in line and takes answers, for `wait_ms` at most.
  void Poll(int wait_ms);
  // Sent, without an answer.
  size_t pending_count() const { return pending_count_; }
  // Of records that are in, and of those that are not: since they were taken last.
  std::vector<size_t> TakeAnswered() { return std::exchange(answered_, {}); }
  std::vector<KafkaFailure> TakeFailures() { return std::exchange(failures_, {}); }
  bool has_failures() const { return !failures_.empty(); }

  // All records must be answered. After an error the outcome is not known: make a new producer.
  Status Commit(Offset position);
  // Whatever is not answered fails. With transactions, nothing since Begin will be seen.
  Status Abort();
  Status StatusOf(rd_kafka_resp_err_t code);

 private:
  explicit KafkaProducer(KafkaProducerOptions options) : options_(std::move(options)) {}
  Status MakeClient(std::optional<int64_t> batch_bytes);
  Status MakePositionClient();
  std::string servers() const;
  Status SendPosition(Offset position);
  std::string Doing() const { return "cannot write to topic '" + options_.topic + "'"; }
  static void OnDelivery(rd_kafka_t* handle, const rd_kafka_message_t* message, void* client);

  KafkaProducerOptions options_;
  std::unique_ptr<KafkaClient> client_;
  std::unique_ptr<KafkaClient> position_client_;  // with transactions only while it is read
  std::unique_ptr<rd_kafka_topic_t, void (*)(rd_kafka_topic_t*)> topic_{nullptr,
                                                                        rd_kafka_topic_destroy};
  KafkaTopicLimits limits_;
  bool in_transaction_ = false;
  size_t pending_count_ = 0;
  std::vector<size_t> answered_;
  std::vector<KafkaFailure> failures_;
};

}  // namespace mainstem::connector
