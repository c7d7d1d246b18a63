#include "connector/kafka/kafka_error.h"

namespace mainstem::connector {
namespace {

struct KafkaErrorKind {
  ErrorCode code;
  const char* hint;
};

KafkaErrorKind KindOf(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return {ErrorCode::kPermissionDenied,
              "the user needs the ACL operation Read on the topic, of a sink Write and (for the "
              "position) Read"};
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return {ErrorCode::kPermissionDenied,
              "the user needs the ACL operation Read on the group; a sink's groups begin with "
              "'sink.transactional-id-prefix', 'mainstem' by default"};
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return {
          ErrorCode::kPermissionDenied,
          "the user needs the ACL operations Describe and Write on transactional ids that begin "
          "with 'sink.transactional-id-prefix', 'mainstem' by default"};
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return {ErrorCode::kPermissionDenied,
              "the user needs the ACL operation IdempotentWrite on the cluster"};
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
      return {ErrorCode::kPermissionDenied,
              "check 'properties.security.protocol', 'properties.sasl.mechanism' and the user's "
              "password"};
    case RD_KAFKA_RESP_ERR__SSL:
      return {ErrorCode::kPermissionDenied,
              "check 'properties.security.protocol' and the files of certificates"};
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return {ErrorCode::kUnknownTopic,
              "create it there; the broker makes no topics by itself (auto.create.topics.enable)"};
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return {ErrorCode::kInvalidRecord,
              "raise the topic's max.message.bytes, or write less in a row"};
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
      return {ErrorCode::kInvalidRecord,
              "a compacted topic takes no record without a key: 'key.format' and 'key.fields', or "
              "'upsert-kafka'"};
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
      return {ErrorCode::kInvalidRecord,
              "the topic's message.timestamp.before.max.ms or .after.max.ms forbids this time"};
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
      return {ErrorCode::kUnsupported, "brokers before Kafka 2.5 lack it"};
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
      return {ErrorCode::kInvalidArgument,
              "'properties.transaction.timeout.ms' is more than the broker's "
              "transaction.max.timeout.ms"};
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
      return {ErrorCode::kUnavailable, "another writer has the transactional id now"};
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS: return {ErrorCode::kInvalidArgument, ""};
    default: return {ErrorCode::kUnavailable, ""};
  }
}

}  // namespace

Status KafkaStatus(rd_kafka_resp_err_t code, const std::string& doing, const std::string& reason) {
  KafkaErrorKind kind = KindOf(code);
  return MakeError(kind.code,
                   {.message = doing + ": " + (reason.empty() ? rd_kafka_err2str(code) : reason),
                    .hint = kind.hint});
}

Status TakeKafkaError(rd_kafka_error_t* error, const std::string& doing) {
  if (error == nullptr) return Status::OK();
  Status status = KafkaStatus(rd_kafka_error_code(error), doing, rd_kafka_error_string(error));
  rd_kafka_error_destroy(error);
  return status;
}

bool IsRecordRefused(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || code == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
         code == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP;
}

}  // namespace mainstem::connector
