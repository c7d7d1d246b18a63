#include "gateway/kafka/transaction/transaction_rules.h"

#include <algorithm>

namespace mainstem::gateway::kafka {
namespace {

using storage::Transaction;
using storage::TransactionState;

constexpr ProducerEpoch kNoEpoch{-1};

TransactionStep Refuse(KafkaError error) { return {.error = error}; }

ProducerIdentity CurrentOf(const Transaction& transaction) {
  return {transaction.producer_id, transaction.producer_epoch};
}

// The epoch that fences the current one.
ProducerEpoch NextEpoch(const Transaction& transaction) {
  return ProducerEpoch(
      static_cast<int16_t>(std::min<int>(INT16_MAX, transaction.producer_epoch.value() + 1)));
}

// The next identity: one more epoch, or a fresh id when there are no more.
void Advance(Transaction* transaction, ProducerId fresh) {
  bool is_exhausted = IsEpochExhausted(*transaction);
  transaction->last_producer_id = transaction->producer_id;
  transaction->last_producer_epoch = transaction->producer_epoch;
  transaction->producer_epoch = is_exhausted ? ProducerEpoch(0) : NextEpoch(*transaction);
  if (is_exhausted) transaction->producer_id = fresh;
}

TransactionStep End(const Transaction& current, bool commit, ProducerEpoch marker_epoch,
                    int64_t now_ms) {
  TransactionStep step;
  storage::TransactionEnd& end = step.end.emplace();
  end.after = current;
  end.after.state = commit ? TransactionState::kCommitted : TransactionState::kAborted;
  end.after.partitions.clear();
  end.after.groups.clear();
  end.after.updated_ms = now_ms;
  end.producer_id = current.producer_id;
  end.producer_epoch = marker_epoch;
  end.partitions = current.partitions;
  return step;
}

Transaction Begun(const Transaction& current, int64_t now_ms) {
  Transaction next = current;
  if (current.state != TransactionState::kOngoing) next.started_ms = now_ms;
  next.state = TransactionState::kOngoing;
  next.updated_ms = now_ms;
  return next;
}

// Whether the identity that the caller names may get the next one, or did and asks again.
enum class Claim : uint8_t { kCurrent, kRepeat, kStranger };
Claim CheckClaim(const Transaction& current, ProducerIdentity expected) {
  if (expected.id.value() < 0 || expected == CurrentOf(current)) return Claim::kCurrent;
  bool is_last =
      expected.id == current.last_producer_id && expected.epoch == current.last_producer_epoch;
  return is_last ? Claim::kRepeat : Claim::kStranger;
}

}  // namespace

std::string_view NameOf(TransactionState state) {
  switch (state) {
    case TransactionState::kEmpty: return "Empty";
    case TransactionState::kOngoing: return "Ongoing";
    case TransactionState::kCommitted: return "CompleteCommit";
    case TransactionState::kAborted: return "CompleteAbort";
  }
  return "Unknown";
}

const Transaction* TransactionStep::After(const Transaction* current) const {
  if (put) return &*put;
  if (end) return &end->after;
  return current;
}

bool IsEpochExhausted(const Transaction& transaction) {
  return transaction.producer_epoch >= kLastEpoch;
}

TransactionStep InitProducer(const Transaction* current, const InitProducerCall& call,
                             ProducerId fresh, int64_t now_ms) {
  TransactionStep step;
  if (current == nullptr) {
    Transaction& made = step.put.emplace();
    made.id = call.transactional_id;
    made.producer_id = fresh;
    made.producer_epoch = ProducerEpoch(0);
    made.timeout_ms = call.timeout_ms;
    made.updated_ms = now_ms;
    return step;
  }
  Claim claim = CheckClaim(*current, call.expected);
  if (claim == Claim::kStranger) return Refuse(KafkaError::kProducerFenced);
  bool is_ongoing = current->state == TransactionState::kOngoing;
  // The answer to the first try was lost; since then nothing was begun.
  if (claim == Claim::kRepeat && is_ongoing) return Refuse(KafkaError::kProducerFenced);
  if (claim == Claim::kRepeat) return step;
  if (is_ongoing) step = End(*current, /*commit=*/false, NextEpoch(*current), now_ms);
  Transaction& next = is_ongoing ? step.end->after : step.put.emplace(*current);
  Advance(&next, fresh);
  if (call.expected.id.value() < 0) {
    next.last_producer_id = ProducerId(-1);
    next.last_producer_epoch = kNoEpoch;
  }
  next.timeout_ms = call.timeout_ms;
  next.updated_ms = now_ms;
  if (!is_ongoing) next.state = TransactionState::kEmpty;
  return step;
}

KafkaError CheckProducer(const Transaction* current, ProducerIdentity caller) {
  if (current == nullptr || caller.id != current->producer_id) {
    return KafkaError::kInvalidProducerIdMapping;
  }
  return caller.epoch == current->producer_epoch ? KafkaError::kNone : KafkaError::kProducerFenced;
}

TransactionStep AddPartitions(const Transaction* current, ProducerIdentity caller,
                              const std::vector<storage::TopicPartition>& partitions,
                              int64_t now_ms) {
  KafkaError error = CheckProducer(current, caller);
  if (error != KafkaError::kNone) return Refuse(error);
  TransactionStep step;
  Transaction next = Begun(*current, now_ms);
  next.partitions.insert(partitions.begin(), partitions.end());
  bool is_new = next.partitions.size() != current->partitions.size();
  if (is_new) step.put = std::move(next);
  return step;
}

TransactionStep AddGroup(const Transaction* current, ProducerIdentity caller,
                         const std::string& group, int64_t now_ms) {
  KafkaError error = CheckProducer(current, caller);
  if (error != KafkaError::kNone) return Refuse(error);
  TransactionStep step;
  if (current->groups.contains(group)) return step;
  step.put = Begun(*current, now_ms);
  step.put->groups.insert(group);
  return step;
}

KafkaError VerifyPartitions(const Transaction* current, ProducerIdentity caller,
                            const std::vector<storage::TopicPartition>& partitions) {
  KafkaError error = CheckProducer(current, caller);
  if (error != KafkaError::kNone) return error;
  for (const storage::TopicPartition& partition : partitions) {
    if (!current->partitions.contains(partition)) return KafkaError::kInvalidTxnState;
  }
  return KafkaError::kNone;
}

TransactionStep EndTransaction(const Transaction* current, const EndCall& call, ProducerId fresh,
                               int64_t now_ms) {
  TransactionState wanted = call.commit ? TransactionState::kCommitted : TransactionState::kAborted;
  // With an epoch for each transaction a repeat comes under the epoch before.
  bool is_repeat = current != nullptr && call.bump_epoch && current->state == wanted &&
                   call.caller.id == current->last_producer_id &&
                   call.caller.epoch == current->last_producer_epoch;
  if (is_repeat) return {};
  KafkaError error = CheckProducer(current, call.caller);
  if (error != KafkaError::kNone) return Refuse(error);
  if (current->state != TransactionState::kOngoing) {
    if (!call.bump_epoch && current->state == wanted) return {};
    // An abort of nothing is fine with epochs for each transaction: it moves on to the next.
    if (!call.bump_epoch || call.commit) return Refuse(KafkaError::kInvalidTxnState);
  }
  ProducerEpoch marker_epoch = call.bump_epoch ? NextEpoch(*current) : current->producer_epoch;
  TransactionStep step = End(*current, call.commit, marker_epoch, now_ms);
  if (call.bump_epoch) Advance(&step.end->after, fresh);
  return step;
}

TransactionStep ForceAbort(const Transaction& current, int64_t now_ms) {
  TransactionStep step = End(current, /*commit=*/false, NextEpoch(current), now_ms);
  Transaction& after = step.end->after;
  after.producer_epoch = NextEpoch(current);
  after.last_producer_id = ProducerId(-1);
  after.last_producer_epoch = kNoEpoch;
  return step;
}

bool HasTimedOut(const Transaction& transaction, int64_t now_ms) {
  return transaction.state == TransactionState::kOngoing &&
         now_ms - transaction.started_ms >= transaction.timeout_ms;
}

}  // namespace mainstem::gateway::kafka
