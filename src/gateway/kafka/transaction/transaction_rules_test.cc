#include "gateway/kafka/transaction/transaction_rules.h"

#include <gtest/gtest.h>

namespace mainstem::gateway::kafka {
namespace {

using storage::Transaction;
using storage::TransactionState;

constexpr ProducerId kFresh{900};
const storage::TopicPartition kP0{{1}, PartitionId(0)};
const storage::TopicPartition kP1{{1}, PartitionId(1)};

// One transactional id under test, with its clock.
class TransactionRulesTest : public ::testing::Test {
 protected:
  KafkaError Take(TransactionStep step) {
    last_end_.reset();
    if (step.end) last_end_ = *step.end;
    const Transaction* after = step.After(current());
    if (after != nullptr) transaction_ = Transaction(*after);
    return step.error;
  }
  const Transaction* current() const { return transaction_ ? &*transaction_ : nullptr; }
  ProducerIdentity identity() const {
    return {transaction_->producer_id, transaction_->producer_epoch};
  }
  KafkaError Init(ProducerIdentity expected = {}, ProducerId fresh = ProducerId(7)) {
    InitProducerCall call{.transactional_id = "t", .timeout_ms = 1000, .expected = expected};
    return Take(InitProducer(current(), call, fresh, now_ms_));
  }
  KafkaError Add(ProducerIdentity caller, std::vector<storage::TopicPartition> partitions) {
    return Take(AddPartitions(current(), caller, partitions, now_ms_));
  }
  KafkaError End(ProducerIdentity caller, bool commit, bool bump_epoch = false) {
    EndCall call{.caller = caller, .commit = commit, .bump_epoch = bump_epoch};
    return Take(EndTransaction(current(), call, kFresh, now_ms_));
  }

  std::optional<Transaction> transaction_;
  std::optional<storage::TransactionEnd> last_end_;
  int64_t now_ms_ = 5000;
};

TEST_F(TransactionRulesTest, ANewIdBeginsWithEpochZero) {
  EXPECT_EQ(Init(), KafkaError::kNone);
  EXPECT_EQ(identity(), (ProducerIdentity{ProducerId(7), ProducerEpoch(0)}));
  EXPECT_EQ(transaction_->state, TransactionState::kEmpty);
}

TEST_F(TransactionRulesTest, CommitsWhatWasAdded) {
  Init();
  EXPECT_EQ(End(identity(), true), KafkaError::kInvalidTxnState);  // nothing was begun
  EXPECT_EQ(Add(identity(), {kP0}), KafkaError::kNone);
  EXPECT_EQ(Add(identity(), {kP1}), KafkaError::kNone);
  EXPECT_EQ(transaction_->started_ms, 5000);
  EXPECT_EQ(End(identity(), true), KafkaError::kNone);
  ASSERT_TRUE(last_end_);
  EXPECT_EQ(last_end_->partitions, (std::set{kP0, kP1}));
  EXPECT_EQ(last_end_->producer_epoch, ProducerEpoch(0));
  EXPECT_EQ(transaction_->state, TransactionState::kCommitted);
  EXPECT_TRUE(transaction_->partitions.empty());
}

TEST_F(TransactionRulesTest, AnEndMayBeRepeatedButNotTurnedRound) {
  Init();
  Add(identity(), {kP0});
  End(identity(), false);
  EXPECT_EQ(End(identity(), false), KafkaError::kNone);
  EXPECT_FALSE(last_end_);
  EXPECT_EQ(End(identity(), true), KafkaError::kInvalidTxnState);
}

TEST_F(TransactionRulesTest, AddingTwiceChangesNothing) {
  Init();
  Add(identity(), {kP0});
  TransactionStep step = AddPartitions(current(), identity(), {kP0}, now_ms_ + 1);
  EXPECT_EQ(step.error, KafkaError::kNone);
  EXPECT_FALSE(step.put || step.end);
  EXPECT_EQ(Take(AddGroup(current(), identity(), "g", now_ms_)), KafkaError::kNone);
  EXPECT_FALSE(AddGroup(current(), identity(), "g", now_ms_).put);
  EXPECT_EQ(VerifyPartitions(current(), identity(), {kP0}), KafkaError::kNone);
  EXPECT_EQ(VerifyPartitions(current(), identity(), {kP1}), KafkaError::kInvalidTxnState);
}

TEST_F(TransactionRulesTest, TheNextStartFencesTheZombieAndAbortsWhatItHadOpen) {
  Init();
  ProducerIdentity zombie = identity();
  Add(zombie, {kP0});
  EXPECT_EQ(Init(), KafkaError::kNone);
  ASSERT_TRUE(last_end_);
  EXPECT_EQ(last_end_->after.state, TransactionState::kAborted);
  EXPECT_EQ(last_end_->partitions, (std::set{kP0}));
  EXPECT_EQ(last_end_->producer_epoch, ProducerEpoch(1));  // the marker fences, too
  EXPECT_EQ(identity().epoch, ProducerEpoch(1));
  EXPECT_EQ(End(zombie, true), KafkaError::kProducerFenced);
  EXPECT_EQ(Add(zombie, {kP0}), KafkaError::kProducerFenced);
  EXPECT_EQ(Init(zombie), KafkaError::kProducerFenced);
  ProducerIdentity stranger{ProducerId(8), ProducerEpoch(1)};
  EXPECT_EQ(End(stranger, true), KafkaError::kInvalidProducerIdMapping);
}

TEST_F(TransactionRulesTest, AProducerMayAskForItsNextEpochAgain) {
  Init();
  ProducerIdentity before = identity();
  EXPECT_EQ(Init(before), KafkaError::kNone);
  ProducerIdentity after = identity();
  EXPECT_EQ(after.epoch, ProducerEpoch(1));
  EXPECT_EQ(Init(before), KafkaError::kNone);
  EXPECT_EQ(identity(), after);
  Add(after, {kP0});
  EXPECT_EQ(Init(before), KafkaError::kProducerFenced);  // too late: it went on since
  EXPECT_EQ(transaction_->state, TransactionState::kOngoing);
}

TEST_F(TransactionRulesTest, TimeRunsOutOnceAndFences) {
  Init();
  ProducerIdentity late = identity();
  EXPECT_FALSE(HasTimedOut(*transaction_, 1'000'000));  // nothing is open
  Add(late, {kP0});
  EXPECT_FALSE(HasTimedOut(*transaction_, 5999));
  EXPECT_TRUE(HasTimedOut(*transaction_, 6000));
  EXPECT_EQ(Take(ForceAbort(*transaction_, 6000)), KafkaError::kNone);
  EXPECT_EQ(transaction_->state, TransactionState::kAborted);
  EXPECT_EQ(End(late, true), KafkaError::kProducerFenced);
  EXPECT_EQ(Init(late), KafkaError::kProducerFenced);
  EXPECT_EQ(Init(), KafkaError::kNone);
  EXPECT_EQ(identity().epoch, ProducerEpoch(2));
}

TEST_F(TransactionRulesTest, EachTransactionHasItsEpochInTheNewerProtocol) {
  Init();
  ProducerIdentity first = identity();
  Add(first, {kP0});
  EXPECT_EQ(End(first, true, true), KafkaError::kNone);
  EXPECT_EQ(last_end_->producer_epoch, ProducerEpoch(1));
  EXPECT_EQ(identity().epoch, ProducerEpoch(1));
  EXPECT_EQ(End(first, true, true), KafkaError::kNone);  // the answer was lost
  EXPECT_FALSE(last_end_);
  EXPECT_EQ(identity().epoch, ProducerEpoch(1));
  EXPECT_EQ(End(first, false, true), KafkaError::kProducerFenced);
  EXPECT_EQ(End(identity(), true, true), KafkaError::kInvalidTxnState);
  EXPECT_EQ(End(identity(), false, true), KafkaError::kNone);  // an abort of nothing moves on
  EXPECT_EQ(identity().epoch, ProducerEpoch(2));
}

TEST_F(TransactionRulesTest, TakesAFreshIdWhenTheEpochsAreUsedUp) {
  Init();
  transaction_->producer_epoch = kLastEpoch;
  ProducerIdentity before = identity();
  Add(before, {kP0});
  EXPECT_EQ(End(before, true, true), KafkaError::kNone);
  EXPECT_EQ(last_end_->producer_id, before.id);
  EXPECT_EQ(last_end_->producer_epoch, ProducerEpoch(INT16_MAX));
  EXPECT_EQ(identity(), (ProducerIdentity{kFresh, ProducerEpoch(0)}));
  EXPECT_EQ(End(before, true, true), KafkaError::kNone);  // repeated

  transaction_->producer_epoch = kLastEpoch;
  EXPECT_EQ(Init({}, ProducerId(901)), KafkaError::kNone);
  EXPECT_EQ(identity(), (ProducerIdentity{ProducerId(901), ProducerEpoch(0)}));
}

TEST_F(TransactionRulesTest, KnowsNobodyBeforeTheFirstStart) {
  ProducerIdentity anybody{ProducerId(7), ProducerEpoch(0)};
  EXPECT_EQ(Add(anybody, {kP0}), KafkaError::kInvalidProducerIdMapping);
  EXPECT_EQ(End(anybody, true), KafkaError::kInvalidProducerIdMapping);
  EXPECT_FALSE(transaction_);
}

}  // namespace
}  // namespace mainstem::gateway::kafka
