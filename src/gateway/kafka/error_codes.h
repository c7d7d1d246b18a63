// The error codes of Kafka's protocol that this gateway answers with. Errors of storage carry
// theirs in core/errors.def; KafkaCode() takes them from there.
#pragma once

#include <cstdint>

#include "core/status.h"

namespace mainstem::gateway::kafka {

enum class KafkaError : int16_t {
  kUnknown = -1,
  kNone = 0,
  kOffsetOutOfRange = 1,
  kCorruptMessage = 2,
  kUnknownTopicOrPartition = 3,
  kOffsetMetadataTooLarge = 12,
  kCoordinatorLoadInProgress = 14,
  kCoordinatorNotAvailable = 15,
  kInvalidTopic = 17,
  kInvalidRequiredAcks = 21,
  kIllegalGeneration = 22,
  kInconsistentGroupProtocol = 23,
  kInvalidGroupId = 24,
  kUnknownMemberId = 25,
  kInvalidSessionTimeout = 26,
  kRebalanceInProgress = 27,
  kInvalidCommitOffsetSize = 28,
  kIllegalSaslState = 34,
  kUnsupportedVersion = 35,
  kTopicAlreadyExists = 36,
  kInvalidPartitions = 37,
  kInvalidReplicationFactor = 38,
  kInvalidReplicaAssignment = 39,
  kInvalidConfig = 40,
  kInvalidRequest = 42,
  kPolicyViolation = 44,
  kInvalidProducerEpoch = 47,
  kInvalidTxnState = 48,
  kInvalidProducerIdMapping = 49,
  kInvalidTransactionTimeout = 50,
  kTransactionalIdAuthorizationFailed = 53,
  kSecurityDisabled = 54,
  kOperationNotAttempted = 55,
  kNonEmptyGroup = 68,
  kGroupIdNotFound = 69,
  kFetchSessionIdNotFound = 70,
  kInvalidFetchSessionEpoch = 71,
  kFencedLeaderEpoch = 74,
  kUnknownLeaderEpoch = 75,
  kUnsupportedCompressionType = 76,
  kMemberIdRequired = 79,
  kGroupMaxSizeReached = 81,
  kFencedInstanceId = 82,
  kElectionNotNeeded = 84,
  kNoReassignmentInProgress = 85,
  kGroupSubscribedToTopic = 86,
  kInvalidRecord = 87,
  kUnstableOffsetCommit = 88,
  kThrottlingQuotaExceeded = 89,
  kProducerFenced = 90,
  kResourceNotFound = 91,
  kUnknownTopicId = 100,
  kTransactionalIdNotFound = 105,
  kFetchSessionTopicIdError = 106,
  kTransactionAbortable = 120,
  kInvalidRegularExpression = 128,
};

constexpr int16_t Code(KafkaError error) { return static_cast<int16_t>(error); }
// 0 for OK.
inline int16_t KafkaCode(const Status& status) {
  return status.ok() ? 0 : TraitsOf(CodeOf(status)).kafka_code;
}

// The same for what groups and transactions keep. Clients give up at codes of partitions there
// (Java's at 56 in OffsetCommit, EndTxn, InitProducerId), and come again at this one, whichever API
// it is.
inline int16_t CoordinatorCode(const Status& status) {
  if (Is(status, ErrorCode::kStorageError) || Is(status, ErrorCode::kDiskFull) ||
      Is(status, ErrorCode::kResourceExhausted) || Is(status, ErrorCode::kTimedOut)) {
    return Code(KafkaError::kCoordinatorLoadInProgress);
  }
  if (Is(status, ErrorCode::kRecordListTooLarge)) return Code(KafkaError::kInvalidCommitOffsetSize);
  return KafkaCode(status);
}

// What a client is told of an outcome. A cancelled call is not answered: then its status.
inline Result<int16_t> AnswerCode(const Status& status) {
  if (Is(status, ErrorCode::kCancelled)) return status;
  return KafkaCode(status);
}
inline Result<int16_t> CoordinatorAnswerCode(const Status& status) {
  if (Is(status, ErrorCode::kCancelled)) return status;
  return CoordinatorCode(status);
}

}  // namespace mainstem::gateway::kafka
