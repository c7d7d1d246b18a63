// The coordinator over a log in memory: calls that meet, time that runs out, a restart.
#include "gateway/kafka/transaction/coordinator.h"

#include <gtest/gtest.h>

#include "storage/testing/memory_log.h"

namespace mainstem::gateway::kafka {
namespace {

using namespace std::chrono_literals;

const storage::TopicPartition kPartition{{1}, PartitionId(0)};

class TransactionCoordinatorTest : public ::testing::Test {
 protected:
  void SetUp() override { Start(); }
  void TearDown() override { Stop(); }
  void Start() {
    Executor home = env_->shard(0);
    groups_ = std::make_unique<GroupCoordinator>(env_.get(), &log_, &log_, &budget_,
                                                 Logger::Silent(), home, GroupSettings());
    TransactionSettings settings{.timeout_check_interval = 5ms};
    coordinator_ = std::make_unique<TransactionCoordinator>(
        env_.get(), &log_, &log_, groups_.get(), &budget_, Logger::Silent(), home, settings);
    CHECK_OK(RunBlocking(home, groups_->Start()));
    CHECK_OK(RunBlocking(home, coordinator_->Start()));
  }
  void Stop() {
    CHECK_OK(RunBlocking(env_->shard(0), coordinator_->Stop()));
    CHECK_OK(RunBlocking(env_->shard(0), groups_->Stop()));
    coordinator_.reset();
    groups_.reset();
  }
  void Run(Task<> scenario) {
    Status status = RunBlocking(env_->shard(1), std::move(scenario));
    EXPECT_TRUE(status.ok()) << Describe(status);
  }
  Task<ProducerIdentity> Init(int32_t timeout_ms = 60'000) {
    InitProducerCall call{.transactional_id = "t", .timeout_ms = timeout_ms};
    CO_ASSIGN_OR_RETURN(auto reply, co_await coordinator_->InitProducer(std::move(call)));
    EXPECT_EQ(reply.error, KafkaError::kNone);
    co_return reply.producer;
  }
  Task<KafkaError> Add(ProducerIdentity caller) {
    std::vector<storage::TopicPartition> partitions = {kPartition};
    co_return co_await coordinator_->AddPartitions("t", caller, std::move(partitions));
  }
  Task<KafkaError> Commit(ProducerIdentity caller, int64_t offset, bool add_group) {
    CommitCall call;
    call.group = "g";
    OffsetCommit& commit = call.offsets.emplace_back();
    commit.topic = "source";
    commit.offset.offset = Offset(offset);
    co_return co_await coordinator_->CommitOffsets("t", caller, std::move(call), add_group);
  }
  Task<int64_t> OffsetOfGroup() {
    CO_ASSIGN_OR_RETURN(GroupOffsets offsets, co_await groups_->Offsets("g"));
    co_return offsets.empty() ? -1 : offsets.begin()->second.offset.value();
  }

  Task<> ManyStarts();
  Task<> OneStart(std::set<int16_t>* epochs);
  Task<> Late();
  Task<> Offsets();
  Task<> BeforeRestart(ProducerIdentity* producer);
  Task<> AfterRestart(ProducerIdentity producer);
  Task<> Forced();
  Task<> ForcedById();
  Task<> ManyIds();

  std::unique_ptr<Env> env_ = MakeRealEnv({.shard_count = 2});
  storage::MemoryLog log_{env_.get()};
  MemoryBudget budget_{int64_t{8} << 20};
  std::unique_ptr<GroupCoordinator> groups_;
  std::unique_ptr<TransactionCoordinator> coordinator_;
};

Task<> TransactionCoordinatorTest::OneStart(std::set<int16_t>* epochs) {
  CO_ASSIGN_OR_RETURN(ProducerIdentity producer, co_await Init());
  epochs->insert(producer.epoch.value());
  co_return Status::OK();
}

Task<> TransactionCoordinatorTest::ManyStarts() {
  std::set<int16_t> epochs;
  TaskScope scope(env_->shard(1), "starts", [](const std::string&, const Status& status) {
    ADD_FAILURE() << Describe(status);
  });
  for (int i = 0; i < 20; ++i) scope.Spawn("start", OneStart(&epochs));
  CO_RETURN_IF_ERROR(co_await scope.Join());
  EXPECT_EQ(epochs.size(), 20u);
  EXPECT_EQ(*epochs.rbegin(), 19);
  co_return co_await scope.Close();
}

TEST_F(TransactionCoordinatorTest, CallsForOneIdWaitForEachOther) { Run(ManyStarts()); }

Task<> TransactionCoordinatorTest::Late() {
  CO_ASSIGN_OR_RETURN(ProducerIdentity producer, co_await Init(30));
  CO_ASSIGN_OR_RETURN(KafkaError error, co_await Add(producer));
  EXPECT_EQ(error, KafkaError::kNone);
  storage::TransactionState state = storage::TransactionState::kOngoing;
  for (int i = 0; i < 1000 && state == storage::TransactionState::kOngoing; ++i) {
    CO_RETURN_IF_ERROR(co_await Sleep(5ms));
    CO_ASSIGN_OR_RETURN(auto all, co_await coordinator_->List());
    state = all.at(0).state;
  }
  EXPECT_EQ(state, storage::TransactionState::kAborted);
  EndCall end{.caller = producer, .commit = true};
  CO_ASSIGN_OR_RETURN(auto reply, co_await coordinator_->End("t", end));
  EXPECT_EQ(reply.error, KafkaError::kProducerFenced);
  co_return Status::OK();
}

TEST_F(TransactionCoordinatorTest, AbortsWhatTakesTooLong) { Run(Late()); }

Task<> TransactionCoordinatorTest::Offsets() {
  CO_ASSIGN_OR_RETURN(ProducerIdentity producer, co_await Init());
  CO_ASSIGN_OR_RETURN(KafkaError error, co_await Commit(producer, 5, /*add_group=*/false));
  EXPECT_EQ(error, KafkaError::kInvalidTxnState);  // the group was not added
  for (bool commit : {true, false}) {
    CO_ASSIGN_OR_RETURN(error, co_await coordinator_->AddGroup("t", producer, "g"));
    CO_ASSIGN_OR_RETURN(error, co_await Commit(producer, commit ? 5 : 7, /*add_group=*/false));
    EXPECT_EQ(error, KafkaError::kNone);
    CO_ASSIGN_OR_RETURN(int64_t before, co_await OffsetOfGroup());
    EXPECT_EQ(before, commit ? -1 : 5);
    CO_ASSIGN_OR_RETURN(auto unstable, co_await groups_->UnstableOffsets("g"));
    EXPECT_EQ(unstable.size(), 1u);
    EndCall end{.caller = producer, .commit = commit};
    CO_ASSIGN_OR_RETURN(auto reply, co_await coordinator_->End("t", end));
    EXPECT_EQ(reply.error, KafkaError::kNone);
    CO_ASSIGN_OR_RETURN(int64_t after, co_await OffsetOfGroup());
    EXPECT_EQ(after, 5);
    CO_ASSIGN_OR_RETURN(unstable, co_await groups_->UnstableOffsets("g"));
    EXPECT_TRUE(unstable.empty());
  }
  co_return Status::OK();
}

TEST_F(TransactionCoordinatorTest, OffsetsCountWithTheirCommit) { Run(Offsets()); }

Task<> TransactionCoordinatorTest::BeforeRestart(ProducerIdentity* producer) {
  CO_ASSIGN_OR_RETURN(*producer, co_await Init());
  CO_ASSIGN_OR_RETURN(KafkaError error, co_await Commit(*producer, 9, /*add_group=*/true));
  EXPECT_EQ(error, KafkaError::kNone);
  co_return Status::OK();
}

Task<> TransactionCoordinatorTest::AfterRestart(ProducerIdentity producer) {
  CO_ASSIGN_OR_RETURN(int64_t before, co_await OffsetOfGroup());
  EXPECT_EQ(before, -1);
  EndCall end{.caller = producer, .commit = true};
  CO_ASSIGN_OR_RETURN(auto reply, co_await coordinator_->End("t", end));
  EXPECT_EQ(reply.error, KafkaError::kNone);
  CO_ASSIGN_OR_RETURN(int64_t after, co_await OffsetOfGroup());
  EXPECT_EQ(after, 9);
  co_return Status::OK();
}

TEST_F(TransactionCoordinatorTest, GoesOnAfterARestart) {
  ProducerIdentity producer;
  Run(BeforeRestart(&producer));
  Stop();
  Start();
  Run(AfterRestart(producer));
}

Task<> TransactionCoordinatorTest::Forced() {
  CO_ASSIGN_OR_RETURN(ProducerIdentity producer, co_await Init());
  CO_ASSIGN_OR_RETURN(KafkaError error, co_await coordinator_->AbortOf(producer, kPartition));
  EXPECT_EQ(error, KafkaError::kInvalidTxnState);  // nothing is open
  CO_ASSIGN_OR_RETURN(error, co_await Add(producer));
  storage::TopicPartition other{{1}, PartitionId(1)};
  CO_ASSIGN_OR_RETURN(error, co_await coordinator_->AbortOf(producer, other));
  EXPECT_EQ(error, KafkaError::kInvalidTxnState);
  CO_ASSIGN_OR_RETURN(error, co_await coordinator_->AbortOf(producer, kPartition));
  EXPECT_EQ(error, KafkaError::kNone);
  CO_ASSIGN_OR_RETURN(error, co_await Add(producer));
  EXPECT_EQ(error, KafkaError::kProducerFenced);
  co_return Status::OK();
}

TEST_F(TransactionCoordinatorTest, AbortsByForceAndFences) { Run(Forced()); }

Task<> TransactionCoordinatorTest::ForcedById() {
  CO_ASSIGN_OR_RETURN(KafkaError error, co_await coordinator_->Abort("t"));
  EXPECT_EQ(error, KafkaError::kTransactionalIdNotFound);
  CO_ASSIGN_OR_RETURN(ProducerIdentity producer, co_await Init());
  CO_ASSIGN_OR_RETURN(error, co_await coordinator_->Abort("t"));
  EXPECT_EQ(error, KafkaError::kInvalidTxnState);
  CO_ASSIGN_OR_RETURN(error, co_await Add(producer));
  EXPECT_EQ(error, KafkaError::kNone);
  CO_ASSIGN_OR_RETURN(error, co_await coordinator_->Abort("t"));
  EXPECT_EQ(error, KafkaError::kNone);
  CO_ASSIGN_OR_RETURN(auto all, co_await coordinator_->List());
  EXPECT_EQ(all.at(0).state, storage::TransactionState::kAborted);
  CO_ASSIGN_OR_RETURN(error, co_await Add(producer));
  EXPECT_EQ(error, KafkaError::kProducerFenced);
  co_return Status::OK();
}

TEST_F(TransactionCoordinatorTest, AnAdminAbortsByTheTransactionalId) { Run(ForcedById()); }

// More than there is memory for, and one that is too long.
Task<> TransactionCoordinatorTest::ManyIds() {
  InitProducerCall too_long{.transactional_id = std::string(kIdBytesMax + 1, 'x'),
                            .timeout_ms = 60'000};
  CO_ASSIGN_OR_RETURN(auto refused, co_await coordinator_->InitProducer(std::move(too_long)));
  EXPECT_EQ(refused.error, KafkaError::kInvalidRequest);
  Status status;
  for (int i = 0; i < 10'000 && status.ok(); ++i) {
    InitProducerCall call{.transactional_id = fmt::format("{:01000}", i), .timeout_ms = 60'000};
    auto reply = co_await coordinator_->InitProducer(std::move(call));
    status = reply.status();
  }
  EXPECT_EQ(CoordinatorCode(status), Code(KafkaError::kCoordinatorLoadInProgress))
      << Describe(status);
  EXPECT_LE(budget_.used_bytes(), budget_.shared_bytes() / 8);
  // Those that are there go on.
  InitProducerCall known{.transactional_id = fmt::format("{:01000}", 0), .timeout_ms = 60'000};
  CO_ASSIGN_OR_RETURN(auto again, co_await coordinator_->InitProducer(std::move(known)));
  EXPECT_EQ(again.producer.epoch.value(), 1);
  co_return Status::OK();
}

TEST_F(TransactionCoordinatorTest, TransactionalIdsTakeAPartOfTheMemory) { Run(ManyIds()); }

}  // namespace
}  // namespace mainstem::gateway::kafka
