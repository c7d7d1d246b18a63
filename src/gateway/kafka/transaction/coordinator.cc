#include "gateway/kafka/transaction/coordinator.h"

#include "core/run_to_end.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr Duration kExpiryInterval = std::chrono::hours(1);
// Of the shared memory, for all transactional ids.
constexpr int64_t kTransactionsMemoryParts = 8;
// What is kept here and in the log.
constexpr int64_t kTransactionBytes = 1000;
constexpr int64_t kTransactionIdCopies = 5;
constexpr int64_t kTransactionPartitionBytes = 200;
constexpr int64_t kTransactionGroupBytes = 200;

using storage::TransactionState;

int64_t BytesOf(const storage::Transaction& transaction) {
  int64_t bytes = kTransactionBytes + kTransactionIdCopies * std::ssize(transaction.id) +
                  kTransactionPartitionBytes * std::ssize(transaction.partitions);
  for (const std::string& group : transaction.groups)
    bytes += kTransactionGroupBytes + 2 * std::ssize(group);
  return bytes;
}

}  // namespace

TransactionCoordinator::TransactionCoordinator(Env* env, storage::Log* log,
                                               storage::TransactionLog* transactions,
                                               GroupCoordinator* groups, MemoryBudget* budget,
                                               Logger logger, Executor home,
                                               TransactionSettings settings)
    : env_(env),
      log_(log),
      transactions_(transactions),
      groups_(groups),
      logger_(logger.Named("transactions")),
      home_(home),
      settings_(settings),
      memory_(budget, kTransactionsMemoryParts),
      began_(home),
      scope_(home, "transactions",
             [logger = logger_](const std::string& task, const Status& status) {
               logger.Error("background task failed", {{"task", task}, {"error", status}});
             }) {}

TransactionCoordinator::~TransactionCoordinator() = default;

// ---- every public call hops to the home shard

Task<> TransactionCoordinator::Start() { return RunOn(home_, StartHere()); }
Task<> TransactionCoordinator::Stop() { return RunOn(home_, StopHere()); }
Task<TransactionCoordinator::Reply> TransactionCoordinator::InitProducer(InitProducerCall call) {
  return RunToEnd(home_, InitProducerHere(std::move(call)));
}
Task<KafkaError> TransactionCoordinator::AddPartitions(
    std::string id, ProducerIdentity caller, std::vector<storage::TopicPartition> partitions) {
  return RunToEnd(home_, AddPartitionsHere(std::move(id), caller, std::move(partitions)));
}
Task<KafkaError> TransactionCoordinator::VerifyPartitions(
    std::string id, ProducerIdentity caller, std::vector<storage::TopicPartition> partitions) {
  return RunOn(home_, VerifyPartitionsHere(std::move(id), caller, std::move(partitions)));
}
Task<KafkaError> TransactionCoordinator::AddGroup(std::string id, ProducerIdentity caller,
                                                  std::string group) {
  return RunToEnd(home_, AddGroupHere(std::move(id), caller, std::move(group)));
}
Task<KafkaError> TransactionCoordinator::CommitOffsets(std::string id, ProducerIdentity caller,
                                                       CommitCall call, bool add_group) {
  return RunToEnd(home_, CommitOffsetsHere(std::move(id), caller, std::move(call), add_group));
}
Task<TransactionCoordinator::Reply> TransactionCoordinator::End(std::string id, EndCall call) {
  return RunToEnd(home_, EndHere(std::move(id), call));
}
Task<KafkaError> TransactionCoordinator::AbortOf(ProducerIdentity producer,
                                                 storage::TopicPartition partition) {
  return RunToEnd(home_, AbortOfHere(producer, partition));
}
Task<KafkaError> TransactionCoordinator::Abort(std::string id) {
  return RunToEnd(home_, AbortHere(std::move(id)));
}
Task<std::vector<storage::Transaction>> TransactionCoordinator::List() {
  return RunOn(home_, ListHere());
}

// ---- life

Task<> TransactionCoordinator::StartHere() {
  CO_ASSIGN_OR_RETURN(auto known, co_await transactions_->LoadTransactions());
  for (storage::Transaction& transaction : known) {
    std::string id = transaction.id;
    if (transaction.state == TransactionState::kOngoing) ongoing_.insert(id);
    auto slot = std::make_unique<Slot>(home_);
    slot->transaction = std::move(transaction);
    Account(slot.get());
    slots_[id] = std::move(slot);
  }
  scope_.Spawn("timeouts", AbortLate());
  scope_.Spawn("expiry", ExpireIds());
  co_return Status::OK();
}

Task<> TransactionCoordinator::StopHere() { co_return co_await scope_.Close(); }

// ---- one call at a time for each id

Task<TransactionCoordinator::Slot*> TransactionCoordinator::Hold(std::string id) {
  std::unique_ptr<Slot>& place = slots_[id];
  if (place == nullptr) place = std::make_unique<Slot>(home_);
  Slot* slot = place.get();
  auto user = slot->users.insert(slot->users.end(), 0);
  Status status;
  while (user != slot->users.begin() && status.ok()) {
    status = (co_await slot->released.Wait()).status();
  }
  if (!status.ok()) {
    slot->users.erase(user);
    slot->released.NotifyAll();
    co_return status;
  }
  co_return slot;
}

void TransactionCoordinator::Release(const std::string& id, Slot* slot) {
  slot->users.pop_front();
  slot->released.NotifyAll();
  if (slot->users.empty() && !slot->transaction) slots_.erase(id);
}

void TransactionCoordinator::Account(Slot* slot) {
  int64_t before = slot->bytes;
  slot->bytes = slot->transaction ? BytesOf(*slot->transaction) : 0;
  memory_.Change(slot->bytes - before);
}

Task<> TransactionCoordinator::Apply(Slot* slot, TransactionStep step) {
  if (!step.put && !step.end) co_return Status::OK();
  if (step.put && !memory_.HasRoomFor(BytesOf(*step.put) - slot->bytes)) {
    co_return MakeError(ErrorCode::kResourceExhausted,
                        {.message = "there is no memory for more in transactions",
                         .hint = "give the node more with --memory"});
  }
  storage::Transaction after = *step.After(slot->current());
  std::string id = after.id;
  bool committed = after.state == TransactionState::kCommitted;
  bool is_end = step.end.has_value();
  if (is_end) {
    CO_RETURN_IF_ERROR(co_await transactions_->EndTransaction(std::move(*step.end)));
  } else {
    CO_RETURN_IF_ERROR(co_await transactions_->PutTransaction(std::move(*step.put)));
  }
  if (after.state == TransactionState::kOngoing) {
    bool is_first = ongoing_.empty();
    ongoing_.insert(id);
    if (is_first) began_.NotifyAll();
  } else {
    ongoing_.erase(id);
  }
  slot->transaction = std::move(after);
  Account(slot);
  if (is_end) co_return co_await groups_->EndTransaction(id, committed);
  co_return Status::OK();
}

// A new id where the step may need one; else one that is not used.
Task<ProducerId> TransactionCoordinator::FreshIdFor(const storage::Transaction* current,
                                                    bool may_advance) {
  bool is_needed = current == nullptr || (may_advance && IsEpochExhausted(*current));
  ProducerId none(-1);
  if (!is_needed) co_return none;
  co_return co_await log_->NextProducerId();
}

// ---- calls

Task<> TransactionCoordinator::ApplyAndReply(Slot* slot, TransactionStep step, Reply* reply) {
  reply->error = step.error;
  CO_RETURN_IF_ERROR(co_await Apply(slot, std::move(step)));
  if (reply->error == KafkaError::kNone) {
    reply->producer = {slot->transaction->producer_id, slot->transaction->producer_epoch};
  }
  co_return Status::OK();
}

Task<TransactionCoordinator::Reply> TransactionCoordinator::InitProducerHere(
    InitProducerCall call) {
  if (call.transactional_id.empty()) co_return Reply{.error = KafkaError::kInvalidRequest};
  if (call.timeout_ms <= 0 || call.timeout_ms > settings_.timeout_max.count()) {
    co_return Reply{.error = KafkaError::kInvalidTransactionTimeout};
  }
  std::string id = call.transactional_id;
  if (id.size() > kIdBytesMax && !slots_.contains(id)) {
    co_return Reply{.error = KafkaError::kInvalidRequest};
  }
  CO_ASSIGN_OR_RETURN(Slot * slot, co_await Hold(id));
  Result<ProducerId> fresh = co_await FreshIdFor(slot->current(), /*may_advance=*/true);
  Status status = fresh.status();
  Reply reply;
  if (status.ok()) {
    TransactionStep step =
        kafka::InitProducer(slot->current(), call, *fresh, env_->WallTime().value());
    status = co_await ApplyAndReply(slot, std::move(step), &reply);
  }
  Release(id, slot);
  CO_RETURN_IF_ERROR(status);
  co_return reply;
}

Task<KafkaError> TransactionCoordinator::AddPartitionsHere(
    std::string id, ProducerIdentity caller, std::vector<storage::TopicPartition> partitions) {
  if (id.empty()) co_return KafkaError::kInvalidRequest;
  CO_ASSIGN_OR_RETURN(Slot * slot, co_await Hold(id));
  TransactionStep step =
      kafka::AddPartitions(slot->current(), caller, partitions, env_->WallTime().value());
  KafkaError error = step.error;
  Status status = co_await Apply(slot, std::move(step));
  Release(id, slot);
  CO_RETURN_IF_ERROR(status);
  co_return error;
}

Task<KafkaError> TransactionCoordinator::VerifyPartitionsHere(
    std::string id, ProducerIdentity caller, std::vector<storage::TopicPartition> partitions) {
  auto found = slots_.find(id);
  const storage::Transaction* current = found == slots_.end() ? nullptr : found->second->current();
  co_return kafka::VerifyPartitions(current, caller, partitions);
}

Task<KafkaError> TransactionCoordinator::AddGroupHere(std::string id, ProducerIdentity caller,
                                                      std::string group) {
  if (id.empty()) co_return KafkaError::kInvalidRequest;
  if (group.empty() || group.size() > kIdBytesMax) co_return KafkaError::kInvalidGroupId;
  CO_ASSIGN_OR_RETURN(Slot * slot, co_await Hold(id));
  TransactionStep step = kafka::AddGroup(slot->current(), caller, group, env_->WallTime().value());
  KafkaError error = step.error;
  Status status = co_await Apply(slot, std::move(step));
  Release(id, slot);
  CO_RETURN_IF_ERROR(status);
  co_return error;
}

Task<KafkaError> TransactionCoordinator::CommitOffsetsHere(std::string id, ProducerIdentity caller,
                                                           CommitCall call, bool add_group) {
  CO_ASSIGN_OR_RETURN(Slot * slot, co_await Hold(id));
  TransactionStep step =
      kafka::AddGroup(slot->current(), caller, call.group, env_->WallTime().value());
  KafkaError error = step.error;
  if (error == KafkaError::kNone && !add_group && step.put) error = KafkaError::kInvalidTxnState;
  // Held until the offsets are kept, so that the transaction can't end in between.
  Status status;
  if (error == KafkaError::kNone) status = co_await Apply(slot, std::move(step));
  if (error == KafkaError::kNone && status.ok()) {
    Result<KafkaError> kept = co_await groups_->CommitInTransaction(id, std::move(call));
    status = kept.status();
    if (kept.ok()) error = *kept;
  }
  Release(id, slot);
  CO_RETURN_IF_ERROR(status);
  co_return error;
}

Task<TransactionCoordinator::Reply> TransactionCoordinator::EndHere(std::string id, EndCall call) {
  if (id.empty()) co_return Reply{.error = KafkaError::kInvalidRequest};
  CO_ASSIGN_OR_RETURN(Slot * slot, co_await Hold(id));
  Reply reply;
  ProducerId fresh(-1);
  Status status;
  if (slot->transaction) {
    status = (co_await FreshIdFor(slot->current(), call.bump_epoch)).Value(&fresh);
  }
  if (status.ok()) {
    TransactionStep step =
        kafka::EndTransaction(slot->current(), call, fresh, env_->WallTime().value());
    status = co_await ApplyAndReply(slot, std::move(step), &reply);
  }
  Release(id, slot);
  CO_RETURN_IF_ERROR(status);
  co_return reply;
}

Task<KafkaError> TransactionCoordinator::AbortOfHere(ProducerIdentity producer,
                                                     storage::TopicPartition partition) {
  std::string id;
  for (const std::string& candidate : ongoing_) {
    const storage::Transaction* transaction = slots_.at(candidate)->current();
    if (transaction->producer_id == producer.id) id = candidate;
  }
  if (id.empty()) co_return KafkaError::kInvalidTxnState;
  CO_ASSIGN_OR_RETURN(Slot * slot, co_await Hold(id));
  const storage::Transaction* current = slot->current();
  KafkaError error = KafkaError::kNone;
  bool is_open = current != nullptr && current->state == TransactionState::kOngoing &&
                 current->producer_id == producer.id && current->partitions.contains(partition);
  if (!is_open) {
    error = KafkaError::kInvalidTxnState;
  } else if (producer.epoch < current->producer_epoch) {
    error = KafkaError::kInvalidProducerEpoch;
  }
  Status status;
  if (error == KafkaError::kNone) {
    status = co_await Apply(slot, ForceAbort(*current, env_->WallTime().value()));
  }
  Release(id, slot);
  CO_RETURN_IF_ERROR(status);
  co_return error;
}

Task<KafkaError> TransactionCoordinator::AbortHere(std::string id) {
  CO_ASSIGN_OR_RETURN(Slot * slot, co_await Hold(id));
  const storage::Transaction* current = slot->current();
  KafkaError error = KafkaError::kNone;
  Status status;
  if (current == nullptr) {
    error = KafkaError::kTransactionalIdNotFound;
  } else if (current->state != TransactionState::kOngoing) {
    error = KafkaError::kInvalidTxnState;
  } else {
    logger_.Info("transaction is aborted by an admin", {{"id", id}});
    status = co_await Apply(slot, ForceAbort(*current, env_->WallTime().value()));
  }
  Release(id, slot);
  CO_RETURN_IF_ERROR(status);
  co_return error;
}

Task<std::vector<storage::Transaction>> TransactionCoordinator::ListHere() {
  std::vector<storage::Transaction> all;
  for (const auto& [id, slot] : slots_) {
    if (slot->transaction) all.push_back(*slot->transaction);
  }
  co_return all;
}

// ---- time

Task<> TransactionCoordinator::AbortLate() {
  for (;;) {
    while (ongoing_.empty()) CO_RETURN_IF_ERROR(co_await began_.Wait());
    CO_RETURN_IF_ERROR(co_await Sleep(settings_.timeout_check_interval));
    int64_t now_ms = env_->WallTime().value();
    std::vector<std::string> late;
    for (const std::string& id : ongoing_) {
      if (HasTimedOut(*slots_.at(id)->transaction, now_ms)) late.push_back(id);
    }
    for (const std::string& id : late) {
      Status status = co_await RunToEnd(home_, AbortIfLate(id));
      if (status.ok()) continue;
      logger_.Warning("transaction not aborted, will try again", {{"id", id}, {"error", status}});
    }
  }
}

Task<> TransactionCoordinator::AbortIfLate(std::string id) {
  CO_ASSIGN_OR_RETURN(Slot * slot, co_await Hold(id));
  int64_t now_ms = env_->WallTime().value();
  Status status;
  if (slot->transaction && HasTimedOut(*slot->transaction, now_ms)) {
    logger_.Info("transaction ran out of time and is aborted",
                 {{"id", id}, {"timeout_ms", slot->transaction->timeout_ms}});
    status = co_await Apply(slot, ForceAbort(*slot->transaction, now_ms));
  }
  Release(id, slot);
  co_return status;
}

Task<> TransactionCoordinator::ExpireIds() {
  for (;;) {
    CO_RETURN_IF_ERROR(co_await Sleep(kExpiryInterval));
    std::vector<std::string> ids;
    for (const auto& [id, slot] : slots_) ids.push_back(id);
    for (const std::string& id : ids) {
      Status status = co_await RunToEnd(home_, ForgetIfExpired(id));
      if (status.ok()) continue;
      logger_.Warning("transactional id not forgotten, will try again",
                      {{"id", id}, {"error", status}});
    }
  }
}

Task<> TransactionCoordinator::ForgetIfExpired(std::string id) {
  CO_ASSIGN_OR_RETURN(Slot * slot, co_await Hold(id));
  const storage::Transaction* current = slot->current();
  Status status;
  bool is_expired = current != nullptr && current->state != TransactionState::kOngoing &&
                    env_->WallTime().value() - current->updated_ms >= settings_.expiration.count();
  if (is_expired) status = co_await transactions_->ForgetTransaction(id);
  if (is_expired && status.ok()) {
    slot->transaction.reset();
    Account(slot);
  }
  Release(id, slot);
  co_return status;
}

}  // namespace mainstem::gateway::kafka
