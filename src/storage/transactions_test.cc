// Transactions as the log keeps them: what committed readers see, what survives reopening, and that
// an end is there everywhere or nowhere.
#include "storage/transactions.h"

#include <gtest/gtest.h>

#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

constexpr ProducerId kProducer{40};
constexpr ProducerEpoch kEpoch{3};

class TransactionsTest : public testing::Test {
 protected:
  TransactionsTest() : env_(MakeRealEnv({.shard_count = 2})) {}
  void Run(Task<> scenario) {
    Status status = RunBlocking(env_->shard(0), std::move(scenario));
    EXPECT_TRUE(status.ok()) << Describe(status);
  }
  Task<std::unique_ptr<EmbeddedLog>> Open() {
    return EmbeddedLog::Open(env_.get(), SmallLog(folder_.path()));
  }
  Transaction Ongoing(const TopicInfo& topic, int32_t partition_count) {
    Transaction transaction{.id = "t", .producer_id = kProducer, .producer_epoch = kEpoch};
    transaction.timeout_ms = 1000;
    transaction.state = TransactionState::kOngoing;
    for (int32_t i = 0; i < partition_count; ++i) {
      transaction.partitions.insert({topic.id, PartitionId(i)});
    }
    return transaction;
  }
  TransactionEnd End(const Transaction& transaction, TransactionState state) {
    TransactionEnd end{.after = transaction};
    end.after.state = state;
    end.after.partitions.clear();
    end.producer_id = transaction.producer_id;
    end.producer_epoch = transaction.producer_epoch;
    end.partitions = transaction.partitions;
    return end;
  }
  std::vector<std::byte> Data(std::string value, int32_t sequence, bool transactional = true) {
    return MakeBatch({std::move(value)}, {.producer_id = kProducer,
                                          .producer_epoch = kEpoch,
                                          .base_sequence = sequence,
                                          .transactional = transactional});
  }
  Task<std::string> Committed(Log* log, TopicPartition partition);

  FreshFolder folder_;
  const TopicConfig no_config_;
  std::unique_ptr<Env> env_;

  Task<> CommitAndAbort();
  Task<> Reopening();
  Task<> Admission();
  Task<> Offsets();
  Task<> AbortedList();
};

// The values that a committed reader sees, one after the other.
Task<std::string> TransactionsTest::Committed(Log* log, TopicPartition partition) {
  std::string values;
  Offset from(0);
  while (true) {
    ReadOptions options{.max_bytes = 1, .read_committed = true};
    CO_ASSIGN_OR_RETURN(ReadResult result, co_await log->Read(partition, from, options));
    if (result.batches.empty()) {
      EXPECT_EQ(from, result.last_stable_offset);
      co_return values;
    }
    for (const SharedBytes& batch : result.batches) {
      CO_ASSIGN_OR_RETURN(RecordReader reader, RecordReader::Open(batch.bytes));
      from = reader.header().next_offset();
      if (reader.header().control()) continue;
      RecordView record;
      while (true) {
        CO_ASSIGN_OR_RETURN(bool more, reader.Next(&record));
        if (!more) break;
        values += *record.value;
      }
    }
  }
}

Task<> TransactionsTest::CommitAndAbort() {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await Open());
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 4, no_config_, false));
  Transaction transaction = Ongoing(topic, 4);
  std::string expected[4];
  int32_t sequence = 0;
  for (int round = 0; round < 6; ++round) {
    bool commit = round % 3 != 1;
    CO_RETURN_IF_ERROR(co_await log->PutTransaction(transaction));
    for (int32_t i = 0; i < 4; ++i) {
      TopicPartition partition{topic.id, PartitionId(i)};
      CO_ASSIGN_OR_RETURN(PartitionOffsets before, co_await log->Offsets(partition));
      std::string value(1, static_cast<char>('a' + round));
      std::vector<std::byte> batch = Data(value, sequence);
      CO_RETURN_IF_ERROR(co_await log->Append(partition, batch, {}));
      std::vector<std::byte> plain = MakeBatch({"-"});
      CO_RETURN_IF_ERROR(co_await log->Append(partition, plain, {}));
      CO_ASSIGN_OR_RETURN(PartitionOffsets open, co_await log->Offsets(partition));
      EXPECT_EQ(open.last_stable_offset, before.high_watermark);
      EXPECT_EQ(open.high_watermark, before.high_watermark + 2);
      CO_ASSIGN_OR_RETURN(std::string seen, co_await Committed(log.get(), partition));
      EXPECT_EQ(seen, expected[i]);
      expected[i] += commit ? value + "-" : "-";
    }
    ++sequence;
    auto end = End(transaction, commit ? TransactionState::kCommitted : TransactionState::kAborted);
    CO_RETURN_IF_ERROR(co_await log->EndTransaction(std::move(end)));
    for (int32_t i = 0; i < 4; ++i) {
      TopicPartition partition{topic.id, PartitionId(i)};
      CO_ASSIGN_OR_RETURN(std::string seen, co_await Committed(log.get(), partition));
      EXPECT_EQ(seen, expected[i]);
      CO_ASSIGN_OR_RETURN(PartitionOffsets ended, co_await log->Offsets(partition));
      EXPECT_EQ(ended.last_stable_offset, ended.high_watermark);
    }
    if (round == 3) CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  }
  co_return co_await log->Stop();
}

TEST_F(TransactionsTest, CommittedReadersSeeWholeTransactionsOnly) { Run(CommitAndAbort()); }

Task<> TransactionsTest::Reopening() {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await Open());
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 1, no_config_, false));
  TopicPartition partition{topic.id, PartitionId(0)};
  Transaction transaction = Ongoing(topic, 1);
  for (int32_t round = 0; round < 3; ++round) {
    CO_RETURN_IF_ERROR(co_await log->PutTransaction(transaction));
    std::vector<std::byte> batch = Data(round == 1 ? "aborted" : "kept", round);
    CO_RETURN_IF_ERROR(co_await log->Append(partition, batch, {}));
    if (round == 1) CO_RETURN_IF_ERROR(co_await log->Checkpoint());
    if (round == 2) break;
    auto state = round == 0 ? TransactionState::kCommitted : TransactionState::kAborted;
    CO_RETURN_IF_ERROR(co_await log->EndTransaction(End(transaction, state)));
  }
  // Open: two restarts, then more data, then the commit.
  for (int restart = 0; restart < 2; ++restart) {
    CO_RETURN_IF_ERROR(co_await log->Stop());
    CO_ASSIGN_OR_RETURN(log, co_await Open());
    CO_ASSIGN_OR_RETURN(std::string seen, co_await Committed(log.get(), partition));
    EXPECT_EQ(seen, "kept");
    CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
    EXPECT_EQ(offsets.last_stable_offset, Offset(4));
    CO_ASSIGN_OR_RETURN(std::vector<Transaction> known, co_await log->LoadTransactions());
    EXPECT_EQ(known.size(), 1u);
    EXPECT_EQ(known.at(0).state, TransactionState::kOngoing);
    EXPECT_EQ(known.at(0).partitions, transaction.partitions);
  }
  std::vector<std::byte> more = Data("more", 3);
  CO_RETURN_IF_ERROR(co_await log->Append(partition, more, {}));
  CO_ASSIGN_OR_RETURN(std::vector<ProducerInfo> producers, co_await log->ListProducers(partition));
  EXPECT_EQ(producers.at(0).open_from, Offset(4));
  EXPECT_EQ(producers.at(0).last_sequence, 3);
  CO_RETURN_IF_ERROR(co_await log->EndTransaction(End(transaction, TransactionState::kCommitted)));
  for (int restart = 0; restart < 2; ++restart) {
    CO_ASSIGN_OR_RETURN(std::string seen, co_await Committed(log.get(), partition));
    EXPECT_EQ(seen, "keptkeptmore");
    CO_RETURN_IF_ERROR(co_await log->Stop());
    CO_ASSIGN_OR_RETURN(log, co_await Open());
  }
  co_return co_await log->Stop();
}

TEST_F(TransactionsTest, AnOpenTransactionGoesOnAfterARestart) { Run(Reopening()); }

Task<> TransactionsTest::Admission() {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await Open());
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 2, no_config_, false));
  TopicPartition added{topic.id, PartitionId(0)};
  TopicPartition other{topic.id, PartitionId(1)};
  std::vector<std::byte> batch = Data("x", 0);
  Status refused = (co_await log->Append(added, batch, {})).status();
  EXPECT_TRUE(Is(refused, ErrorCode::kInvalidTransactionState)) << Describe(refused);
  Transaction transaction = Ongoing(topic, 1);
  CO_RETURN_IF_ERROR(co_await log->PutTransaction(transaction));
  CO_RETURN_IF_ERROR(co_await log->Append(added, batch, {}));
  refused = (co_await log->Append(other, batch, {})).status();
  EXPECT_TRUE(Is(refused, ErrorCode::kInvalidTransactionState)) << Describe(refused);
  std::vector<std::byte> plain = Data("x", 1, /*transactional=*/false);
  refused = (co_await log->Append(added, plain, {})).status();
  EXPECT_TRUE(Is(refused, ErrorCode::kInvalidTransactionState)) << Describe(refused);
  TransactionEnd end = End(transaction, TransactionState::kAborted);
  end.partitions.insert({{9}, PartitionId(0)});  // a topic that is gone
  CO_RETURN_IF_ERROR(co_await log->EndTransaction(std::move(end)));
  // A repeat of what was stored is answered as such, anything new is refused.
  CO_ASSIGN_OR_RETURN(AppendResult repeat, co_await log->Append(added, batch, {}));
  EXPECT_EQ(repeat.base_offset, Offset(0));
  std::vector<std::byte> late = Data("late", 1);
  refused = (co_await log->Append(added, late, {})).status();
  EXPECT_TRUE(Is(refused, ErrorCode::kInvalidTransactionState)) << Describe(refused);
  co_return co_await log->Stop();
}

TEST_F(TransactionsTest, TakesDataOfAnOpenTransactionOnly) { Run(Admission()); }

Task<> TransactionsTest::Offsets() {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await Open());
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 1, no_config_, false));
  Transaction transaction = Ongoing(topic, 1);
  auto offset_of = [&](int64_t offset) {
    std::vector<std::pair<Log::OffsetKey, CommittedOffset>> offsets;
    for (int32_t i = 0; i < 2; ++i) {
      CommittedOffset committed;
      committed.offset = Offset(offset + i);
      committed.metadata = "m";
      offsets.emplace_back(Log::OffsetKey{"g", "t", PartitionId(i)}, committed);
    }
    return offsets;
  };
  int64_t visible = 0;
  for (int round = 1; round <= 3; ++round) {
    CO_RETURN_IF_ERROR(co_await log->PutTransaction(transaction));
    auto pending = offset_of(round * 10);
    CO_RETURN_IF_ERROR(co_await log->AddTransactionOffsets("t", std::move(pending)));
    if (round != 1) CO_RETURN_IF_ERROR(co_await log->Checkpoint());
    CO_RETURN_IF_ERROR(co_await log->Stop());
    CO_ASSIGN_OR_RETURN(log, co_await Open());
    CO_ASSIGN_OR_RETURN(auto before, co_await log->LoadOffsets());
    EXPECT_EQ(before.size(), visible == 0 ? 0u : 2u);
    if (visible != 0) {
      EXPECT_EQ(before.at(1).second.offset, Offset(visible + 1));
    }
    CO_ASSIGN_OR_RETURN(auto kept, co_await log->LoadPendingOffsets());
    EXPECT_EQ(kept.size(), 2u);
    EXPECT_EQ(kept.at(1).offset.offset, Offset(round * 10 + 1));
    bool commit = round != 2;
    auto state = commit ? TransactionState::kCommitted : TransactionState::kAborted;
    CO_RETURN_IF_ERROR(co_await log->EndTransaction(End(transaction, state)));
    if (commit) visible = round * 10;
    CO_ASSIGN_OR_RETURN(auto after, co_await log->LoadOffsets());
    EXPECT_EQ(after.at(1).second.offset, Offset(visible + 1));
    CO_ASSIGN_OR_RETURN(kept, co_await log->LoadPendingOffsets());
    EXPECT_TRUE(kept.empty());
  }
  co_return co_await log->Stop();
}

TEST_F(TransactionsTest, OffsetsCountWhenTheirTransactionCommits) { Run(Offsets()); }

Task<std::vector<int64_t>> Firsts(Log* log, TopicPartition partition, int64_t from,
                                  size_t max_bytes) {
  ReadOptions options{.max_bytes = max_bytes, .read_committed = true, .keep_aborted = true};
  CO_ASSIGN_OR_RETURN(ReadResult result, co_await log->Read(partition, Offset(from), options));
  std::vector<int64_t> offsets;
  for (const AbortedTransaction& aborted : result.aborted) {
    EXPECT_EQ(aborted.producer_id, kProducer);
    EXPECT_EQ(aborted.last_offset, aborted.first_offset + 1);
    offsets.push_back(aborted.first_offset.value());
  }
  co_return offsets;
}

Task<> TransactionsTest::AbortedList() {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await Open());
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 1, no_config_, false));
  TopicPartition partition{topic.id, PartitionId(0)};
  Transaction transaction = Ongoing(topic, 1);
  for (int32_t round = 0; round < 4; ++round) {  // data at 2 * round, marker after it
    CO_RETURN_IF_ERROR(co_await log->PutTransaction(transaction));
    std::vector<std::byte> batch = Data("x", round);
    CO_RETURN_IF_ERROR(co_await log->Append(partition, batch, {}));
    auto state = round == 2 ? TransactionState::kCommitted : TransactionState::kAborted;
    CO_RETURN_IF_ERROR(co_await log->EndTransaction(End(transaction, state)));
  }
  for (int restart = 0; restart < 3; ++restart) {
    CO_ASSIGN_OR_RETURN(auto all, co_await Firsts(log.get(), partition, 0, 1 << 20));
    EXPECT_EQ(all, (std::vector<int64_t>{0, 2, 6}));
    CO_ASSIGN_OR_RETURN(auto one, co_await Firsts(log.get(), partition, 0, 1));
    EXPECT_EQ(one, (std::vector<int64_t>{0}));
    CO_ASSIGN_OR_RETURN(auto marker_only, co_await Firsts(log.get(), partition, 3, 1));
    EXPECT_EQ(marker_only, (std::vector<int64_t>{2}));
    CO_ASSIGN_OR_RETURN(auto none, co_await Firsts(log.get(), partition, 4, 1));
    EXPECT_EQ(none, (std::vector<int64_t>{}));
    CO_RETURN_IF_ERROR(co_await log->Checkpoint());
    CO_RETURN_IF_ERROR(co_await log->Stop());
    CO_ASSIGN_OR_RETURN(log, co_await Open());
  }
  // What lies before the log's start is forgotten.
  CO_RETURN_IF_ERROR(co_await log->DeleteRecords(partition, Offset(4)));
  ReadOptions options{.read_committed = true, .keep_aborted = true};
  CO_ASSIGN_OR_RETURN(ReadResult result, co_await log->Read(partition, Offset(4), options));
  EXPECT_EQ(result.aborted.size(), 1u);
  co_return co_await log->Stop();
}

TEST_F(TransactionsTest, ListsWhatWasAborted) { Run(AbortedList()); }

}  // namespace
}  // namespace mainstem::storage
