// Goal: of transactions, compaction counts what was committed only. Method: one producer commits
// and aborts in turn; committed readers see the newest committed record of each key, and what was
// aborted is gone from the segments.
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

constexpr ProducerId kProducer{40};
constexpr ProducerEpoch kEpoch{3};
constexpr int kTransactions = 120;
constexpr int kWorkKeys = 5;

bool IsCommitted(int number) { return number % 3 != 2; }
std::string KeyOf(int number) { return "key" + std::to_string(number % kWorkKeys); }

EmbeddedLogOptions WorkOptions() {
  EmbeddedLogOptions options = SizedLog("/data", {512 << 10, 512 << 10, 4 << 20});
  options.compaction_check_interval = std::chrono::hours(10'000);
  return options;
}

Task<> RunTransaction(EmbeddedLog* log, TopicPartition partition, int number) {
  Transaction transaction{.id = "t", .producer_id = kProducer, .producer_epoch = kEpoch};
  transaction.timeout_ms = 60'000;
  transaction.state = TransactionState::kOngoing;
  transaction.partitions.insert(partition);
  Transaction begun = transaction;
  CO_RETURN_IF_ERROR(co_await log->PutTransaction(std::move(begun)));
  BatchBuilder builder({.producer_id = kProducer,
                        .producer_epoch = kEpoch,
                        .base_sequence = number,
                        .transactional = true});
  std::string value = std::to_string(number) + std::string(40'000, 'x');
  builder.Add(1000 + number, KeyOf(number), value);
  CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
  CO_RETURN_IF_ERROR(co_await log->Append(partition, batch, {}));
  TransactionEnd end{.after = transaction};
  end.after.state = IsCommitted(number) ? TransactionState::kCommitted : TransactionState::kAborted;
  end.after.partitions.clear();
  end.producer_id = kProducer;
  end.producer_epoch = kEpoch;
  end.partitions = transaction.partitions;
  co_return co_await log->EndTransaction(std::move(end));
}

// The numbers of the records that are there, by key, newest last.
using Seen = std::map<std::string, std::vector<int>>;

Task<Seen> ReadAll(Log* log, TopicPartition partition, bool read_committed) {
  Seen seen;
  Offset from(0);
  while (true) {
    ReadOptions options{.max_bytes = 200'000, .read_committed = read_committed};
    CO_ASSIGN_OR_RETURN(ReadResult result, co_await log->Read(partition, from, options));
    if (result.batches.empty()) co_return seen;
    for (const SharedBytes& batch : result.batches) {
      CO_ASSIGN_OR_RETURN(RecordReader reader, RecordReader::Open(batch.bytes));
      from = reader.header().next_offset();
      if (reader.header().control()) continue;
      RecordView record;
      while (true) {
        CO_ASSIGN_OR_RETURN(bool more, reader.Next(&record));
        if (!more) break;
        seen[std::string(*record.key)].push_back(std::stoi(std::string(*record.value)));
      }
    }
  }
}

Task<> Check(EmbeddedLog* log, TopicPartition partition) {
  std::map<std::string, int> newest;
  for (int i = 0; i < kTransactions; ++i) {
    if (IsCommitted(i)) newest[KeyOf(i)] = i;
  }
  CO_ASSIGN_OR_RETURN(Seen committed, co_await ReadAll(log, partition, true));
  CO_ASSIGN_OR_RETURN(Seen all, co_await ReadAll(log, partition, false));
  size_t count = 0;
  for (const auto& [key, number] : newest) {
    std::vector<int>& numbers = committed[key];
    EXPECT_EQ(numbers.empty() ? -1 : numbers.back(), number) << key;
    count += all[key].size();
  }
  // Four segments of 26 transactions are closed; what is left is one of each key, and the active
  // segment.
  EXPECT_LE(count, 5u + 27u);
  co_return Status::OK();
}

Task<> FillTransactions(SimEnv* env) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, WorkOptions()));
  TopicConfig config{{"cleanup.policy", "compact"},
                     {"segment.bytes", "1048576"},
                     {"min.cleanable.dirty.ratio", "0.0"}};
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("table", 1, config, false));
  TopicPartition partition{topic.id, PartitionId(0)};
  Status status;
  for (int i = 0; i < kTransactions && status.ok(); ++i) {
    status = co_await RunTransaction(log.get(), partition, i);
  }
  if (status.ok()) status = co_await log->Checkpoint();
  if (status.ok()) status = co_await log->Compact();
  if (status.ok()) status = co_await Check(log.get(), partition);
  CO_RETURN_IF_ERROR(co_await log->Stop());
  co_return status;
}

Task<> OpenAndCheck(SimEnv* env) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, WorkOptions()));
  TopicPartition partition{log->FindTopic("table")->id, PartitionId(0)};
  Status status = co_await Check(log.get(), partition);
  CO_RETURN_IF_ERROR(co_await log->Stop());
  co_return status;
}

TEST(CompactionTransactionsTest, KeepsTheNewestCommittedRecordAndNothingAborted) {
  SimDisk disk(1, {});
  {
    SimEnv env(&disk, {.seed = 1});
    Status status = env.Run(FillTransactions(&env));
    ASSERT_TRUE(status.ok()) << Describe(status);
  }
  SimEnv env(&disk, {.seed = 2});
  Status status = env.Run(OpenAndCheck(&env));
  ASSERT_TRUE(status.ok()) << Describe(status);
}

}  // namespace
}  // namespace mainstem::storage
