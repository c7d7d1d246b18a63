// Goal: whatever fails and whenever the power goes, a transaction's records and offsets are there
// in all its partitions or in none, what was acknowledged is what is there, and nothing of an
// aborted one is seen. Method: as in log_crash_test.cc; a writer runs transactions over three
// partitions and a group's offset, and ends what a crash left open.
#include <gtest/gtest.h>

#include "core/sim/power_cuts.h"
#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

constexpr int32_t kWorkPartitions = 3;
constexpr const char* kId = "copier";

EmbeddedLogOptions TinyWorkLog() { return SizedLog("/data", {256 << 10, 128 << 10, 1 << 20}); }

// What the writer knows. It outlives crashes, as a client does.
struct WorkLedger {
  int64_t next = 1;
  std::set<int64_t> committed;  // acknowledged
  std::set<int64_t> aborted;    // the same
  std::string violation;

  void Violated(std::string what) {
    if (violation.empty()) violation = std::move(what);
  }
};

TransactionEnd EndOf(const Transaction& transaction, bool commit) {
  TransactionEnd end{.after = transaction};
  end.after.state = commit ? TransactionState::kCommitted : TransactionState::kAborted;
  end.after.partitions.clear();
  end.producer_id = transaction.producer_id;
  end.producer_epoch = transaction.producer_epoch;
  end.partitions = transaction.partitions;
  return end;
}

// The one that a crash left open, if any: aborted, as when its time runs out.
Task<> EndWhatIsOpen(EmbeddedLog* log) {
  CO_ASSIGN_OR_RETURN(std::vector<Transaction> known, co_await log->LoadTransactions());
  for (const Transaction& transaction : known) {
    if (transaction.state != TransactionState::kOngoing) continue;
    CO_RETURN_IF_ERROR(co_await log->EndTransaction(EndOf(transaction, false)));
  }
  co_return Status::OK();
}

Task<> RunOne(EmbeddedLog* log, const Transaction& begun, int32_t sequence, WorkLedger* ledger) {
  int64_t number = ledger->next++;
  bool commit = number % 3 != 0;
  CO_RETURN_IF_ERROR(co_await log->PutTransaction(begun));
  std::string filler(static_cast<size_t>(number * 7919 % 5000), 'x');
  for (const TopicPartition& partition : begun.partitions) {
    std::vector<std::byte> batch =
        MakeBatch({std::to_string(number) + " " + filler}, {.producer_id = begun.producer_id,
                                                            .producer_epoch = ProducerEpoch(0),
                                                            .base_sequence = sequence,
                                                            .transactional = true});
    CO_RETURN_IF_ERROR(co_await log->Append(partition, batch, {}));
    std::vector<std::byte> plain = MakeBatch({"plain"});
    CO_RETURN_IF_ERROR(co_await log->Append(partition, plain, {}));
  }
  std::vector<std::pair<Log::OffsetKey, CommittedOffset>> offsets;
  CommittedOffset offset;
  offset.offset = Offset(number);
  offsets.emplace_back(Log::OffsetKey{"g", "source", PartitionId(0)}, offset);
  CO_RETURN_IF_ERROR(co_await log->AddTransactionOffsets(kId, std::move(offsets)));
  CO_RETURN_IF_ERROR(co_await log->EndTransaction(EndOf(begun, commit)));
  (commit ? ledger->committed : ledger->aborted).insert(number);
  co_return Status::OK();
}

Task<> Work(EmbeddedLog* log, WorkLedger* ledger) {
  CO_RETURN_IF_ERROR(co_await EndWhatIsOpen(log));
  std::optional<TopicInfo> topic = log->FindTopic("target");
  TopicConfig config;
  if (!topic) {
    CO_ASSIGN_OR_RETURN(topic, co_await log->CreateTopic("target", kWorkPartitions, config, false));
  }
  Transaction transaction{.id = kId};
  CO_ASSIGN_OR_RETURN(transaction.producer_id, co_await log->NextProducerId());
  transaction.producer_epoch = ProducerEpoch(0);
  transaction.state = TransactionState::kOngoing;
  for (int32_t i = 0; i < kWorkPartitions; ++i) {
    transaction.partitions.insert({topic->id, PartitionId(i)});
  }
  for (int32_t sequence = 0; sequence < 8; ++sequence) {
    CO_RETURN_IF_ERROR(co_await RunOne(log, transaction, sequence, ledger));
    if (sequence % 3 == 1) CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  }
  co_return Status::OK();
}

Task<> OpenAndTransact(SimEnv* env, WorkLedger* ledger) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, TinyWorkLog()));
  Status worked = co_await Work(log.get(), ledger);
  Status stopped = co_await log->Stop();
  CO_RETURN_IF_ERROR(worked);
  co_return stopped;
}

// The numbers of the transactions that a committed reader sees.
Task<std::vector<int64_t>> Numbers(EmbeddedLog* log, TopicPartition partition) {
  std::vector<int64_t> numbers;
  Offset from(0);
  while (true) {
    ReadOptions options{.max_bytes = 8192, .read_committed = true};
    CO_ASSIGN_OR_RETURN(ReadResult result, co_await log->Read(partition, from, options));
    if (result.batches.empty()) co_return numbers;
    for (const SharedBytes& batch : result.batches) {
      CO_ASSIGN_OR_RETURN(RecordReader reader, RecordReader::Open(batch.bytes));
      from = reader.header().next_offset();
      RecordView record;
      CO_ASSIGN_OR_RETURN(bool has_record, reader.Next(&record));
      if (!has_record || reader.header().control() || *record.value == "plain") continue;
      numbers.push_back(std::atoll(std::string(*record.value).c_str()));
    }
  }
}

Task<> Check(EmbeddedLog* log, WorkLedger* ledger) {
  CO_RETURN_IF_ERROR(co_await EndWhatIsOpen(log));
  std::optional<TopicInfo> topic = log->FindTopic("target");
  if (!topic) {
    if (!ledger->committed.empty()) ledger->Violated("the topic is lost");
    co_return Status::OK();
  }
  std::vector<int64_t> first;
  for (int32_t i = 0; i < kWorkPartitions; ++i) {
    TopicPartition partition{topic->id, PartitionId(i)};
    CO_ASSIGN_OR_RETURN(std::vector<int64_t> numbers, co_await Numbers(log, partition));
    if (i == 0) first = numbers;
    if (numbers != first) ledger->Violated("a transaction is there in part");
    CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
    bool is_stable = offsets.last_stable_offset == offsets.high_watermark;
    if (!is_stable) ledger->Violated("something is open for ever");
  }
  std::set<int64_t> seen(first.begin(), first.end());
  if (seen.size() != first.size()) ledger->Violated("a record is there twice");
  for (int64_t number : ledger->committed) {
    if (!seen.contains(number)) ledger->Violated("lost: " + std::to_string(number));
  }
  for (int64_t number : ledger->aborted) {
    if (seen.contains(number)) ledger->Violated("aborted, but seen: " + std::to_string(number));
  }
  CO_ASSIGN_OR_RETURN(auto group, co_await log->LoadOffsets());
  int64_t offset = group.empty() ? 0 : group[0].second.offset.value();
  if (offset != (first.empty() ? 0 : first.back())) ledger->Violated("the offset is another's");
  CO_ASSIGN_OR_RETURN(auto pending, co_await log->LoadPendingOffsets());
  if (!pending.empty()) ledger->Violated("an offset is pending for ever");
  co_return Status::OK();
}

Task<> OpenAndCheck(SimEnv* env, WorkLedger* ledger) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, TinyWorkLog()));
  Status checked = co_await Check(log.get(), ledger);
  CO_RETURN_IF_ERROR(co_await log->Stop());
  CO_RETURN_IF_ERROR(checked);
  if (ledger->violation.empty()) co_return Status::OK();
  co_return MakeError(ErrorCode::kInternal, ledger->violation);
}

TEST(TransactionsCrashTest, SurviveTheFailureOfAnyOperation) {
  auto ledger = std::make_shared<WorkLedger>();
  auto body = [&ledger](SimEnv* env) {
    *ledger = WorkLedger();
    return OpenAndTransact(env, ledger.get());
  };
  auto check = [&ledger](SimEnv* env) { return OpenAndCheck(env, ledger.get()); };
  Result<int64_t> tried = ForEachFault(11, {.body = body, .check = check});
  ASSERT_TRUE(tried.ok()) << Describe(tried.status());
  EXPECT_GE(*tried, 60);
}

// Power goes at random steps, several times on one disk. The first violation, or nothing.
std::string PowerCutsAtWork(uint64_t seed, bool keeps_promises, int cut_count) {
  auto* ledger = new WorkLedger();  // leaked with the envs
  const Status status =
      CutPower({.seed = seed, .count = cut_count, .keeps_promises = keeps_promises},
               {.body = [ledger](SimEnv* env) { return OpenAndTransact(env, ledger); },
                .check = [ledger](SimEnv* env) { return OpenAndCheck(env, ledger); }});
  return status.ok() ? "" : Describe(status);
}

TEST(TransactionsCrashTest, SurvivePowerCuts) {
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    ASSERT_EQ(PowerCutsAtWork(seed, /*keeps_promises=*/true, 8), "") << "seed " << seed;
  }
}

TEST(TransactionsCrashTest, TheCheckerSeesADiskThatDoesNotSync) {
  int violated = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    violated += !PowerCutsAtWork(seed, /*keeps_promises=*/false, 8).empty();
  }
  EXPECT_GE(violated, 6);
}

}  // namespace
}  // namespace mainstem::storage
