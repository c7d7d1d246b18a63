// A transactional id that was not used for `transactional.id.expiration.ms`, in virtual time, over
// the real log: who comes back under it is a stranger, and gets an id that nobody had.
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "gateway/kafka/transaction/coordinator.h"
#include "storage/batch_builder.h"
#include "storage/embedded_log.h"

namespace mainstem::gateway::kafka {
namespace {

using namespace std::chrono_literals;

Task<ProducerIdentity> InitId(TransactionCoordinator* coordinator) {
  InitProducerCall call{.transactional_id = "t", .timeout_ms = 60'000};
  CO_ASSIGN_OR_RETURN(auto reply, co_await coordinator->InitProducer(std::move(call)));
  EXPECT_EQ(reply.error, KafkaError::kNone);
  co_return reply.producer;
}

Task<> ComeBackAfterExpiry(SimEnv* env) {
  storage::EmbeddedLogOptions options;
  options.data_dir = "/data";
  options.cache_bytes = 1 << 20;
  options.journal_file_bytes = 1 << 20;
  options.journal_bytes_max = 4 << 20;
  CO_ASSIGN_OR_RETURN(auto opened, co_await storage::EmbeddedLog::Open(env, options));
  storage::EmbeddedLog* log = opened.release();  // all of it ends with the process
  auto* groups = new GroupCoordinator(env, log, log, nullptr, Logger::Silent(), env->shard(0), {});
  TransactionSettings settings{.expiration = 2h};
  auto* coordinator = new TransactionCoordinator(env, log, log, groups, nullptr, Logger::Silent(),
                                                 env->shard(0), settings);
  CO_RETURN_IF_ERROR(co_await groups->Start());
  CO_RETURN_IF_ERROR(co_await coordinator->Start());
  CO_ASSIGN_OR_RETURN(storage::TopicInfo topic, co_await log->CreateTopic("t", 1, {}, false));
  const storage::TopicPartition partition{topic.id, PartitionId(0)};
  const std::vector<storage::TopicPartition> partitions = {partition};
  CO_ASSIGN_OR_RETURN(ProducerIdentity producer, co_await InitId(coordinator));
  CO_ASSIGN_OR_RETURN(KafkaError error,
                      co_await coordinator->AddPartitions("t", producer, partitions));
  EXPECT_EQ(error, KafkaError::kNone);
  EndCall end{.caller = producer, .commit = true};
  CO_ASSIGN_OR_RETURN(auto ended, co_await coordinator->End("t", end));
  EXPECT_EQ(ended.error, KafkaError::kNone);

  CO_RETURN_IF_ERROR(co_await Sleep(5h));
  CO_ASSIGN_OR_RETURN(auto all, co_await coordinator->List());
  EXPECT_TRUE(all.empty());
  CO_ASSIGN_OR_RETURN(error, co_await coordinator->AddPartitions("t", producer, partitions));
  EXPECT_EQ(error, KafkaError::kInvalidProducerIdMapping);
  CO_ASSIGN_OR_RETURN(ended, co_await coordinator->End("t", end));
  EXPECT_EQ(ended.error, KafkaError::kInvalidProducerIdMapping);
  storage::BatchBuilder builder({.producer_id = producer.id,
                                 .producer_epoch = producer.epoch,
                                 .base_sequence = 0,
                                 .transactional = true});
  builder.Add(env->WallTime().value(), "key", "late");
  CO_ASSIGN_OR_RETURN(const std::vector<std::byte> batch, builder.Build());
  auto late = co_await log->Append(partition, batch, {});
  EXPECT_TRUE(Is(late.status(), ErrorCode::kInvalidTransactionState)) << Describe(late.status());
  CO_ASSIGN_OR_RETURN(ProducerIdentity next, co_await InitId(coordinator));
  EXPECT_GT(next.id, producer.id);
  EXPECT_EQ(next.epoch, ProducerEpoch(0));
  co_return Status::OK();
}

TEST(TransactionExpiryTest, WhoComesBackAfterItIsAStranger) {
  SimDisk disk(1);
  auto* env = new SimEnv(&disk, {.seed = 1});
  Status status = env->Run(ComeBackAfterExpiry(env));
  ASSERT_TRUE(status.ok()) << Describe(status);
  env->Abandon();
}

}  // namespace
}  // namespace mainstem::gateway::kafka
