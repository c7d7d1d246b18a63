#include "simulation/atomic_writer.h"

#include <cstdlib>

namespace mainstem::simulation {

Task<TransactionalClient::Outcome> AtomicWriter::WriteOne(TransactionalClient* producer,
                                                          int64_t number) {
  int records = 1 + static_cast<int>(dice_.Below(3));
  for (int round = 0; round < records; ++round) {
    for (int32_t i = 0; i < options_.partition_count; ++i) {
      std::vector<std::string> values = {std::to_string(number)};
      values[0].append(dice_.Below(300), ' ');
      PartitionKey key{options_.topic, i};
      CO_ASSIGN_OR_RETURN(Outcome outcome, co_await producer->Produce(key, std::move(values)));
      if (outcome != Outcome::kDone) co_return outcome;
    }
  }
  co_return Outcome::kDone;
}

Task<> AtomicWriter::Write() {
  TransactionalClient producer(writing_, ledger_, options_.transactions);
  CO_RETURN_IF_ERROR(co_await producer.Init());
  while (!finishing_) {
    int64_t number = next_number_++;
    CO_ASSIGN_OR_RETURN(Outcome outcome, co_await WriteOne(&producer, number));
    bool commits = outcome == Outcome::kDone && dice_.Below(3) != 0;
    if (!commits) aborted_.insert(number);
    bool is_open = outcome != Outcome::kFenced;
    if (is_open) {
      CO_ASSIGN_OR_RETURN(outcome, co_await producer.End(commits));
    }
    if (outcome == Outcome::kDone && commits) committed_.insert(number);
    // Its time ran out: if that was the answer to a commit, it may be there or not.
    if (outcome != Outcome::kDone) CO_RETURN_IF_ERROR(co_await producer.Init());
    Duration pause = dice_.MsBelow(300);
    if (dice_.Below(2) == 0) CO_RETURN_IF_ERROR(co_await Sleep(pause));
  }
  co_return Status::OK();
}

Task<std::set<int64_t>> AtomicWriter::NumbersIn(PartitionKey key) {
  CO_ASSIGN_OR_RETURN(std::vector<SeenRecord> records,
                      co_await ReadWhole(reading_, ledger_, key, options_.reader));
  std::set<int64_t> numbers;
  for (const SeenRecord& record : records) {
    numbers.insert(std::atoll(record.value.value_or("0").c_str()));
  }
  co_return numbers;
}

Task<> AtomicWriter::ReadAll() {
  std::set<int64_t> must = committed_;  // acknowledged before the first read
  for (int32_t i = 0; i < options_.partition_count; ++i) {
    PartitionKey key{options_.topic, i};
    CO_ASSIGN_OR_RETURN(std::set<int64_t> numbers, co_await NumbersIn(key));
    for (int64_t number : must) {
      if (numbers.contains(number)) continue;
      ledger_->Violated(
          fmt::format("{}: transaction {} is committed and not seen", NameOf(key), number));
    }
    for (int64_t number : numbers) {
      if (!aborted_.contains(number)) continue;
      ledger_->Violated(fmt::format("{}: transaction {} is aborted and seen", NameOf(key), number));
    }
    // What was seen in one partition is visible in all.
    must.insert(numbers.begin(), numbers.end());
  }
  ledger_->Count("atomic reads");
  co_return Status::OK();
}

Task<> AtomicWriter::Read() {
  while (!finishing_) {
    CO_RETURN_IF_ERROR(co_await ReadAll());
    Duration pause = dice_.MsBelow(2500);
    CO_RETURN_IF_ERROR(co_await Sleep(pause));
  }
  co_return Status::OK();
}

Task<> AtomicWriter::Check() {
  CO_RETURN_IF_ERROR(co_await ReadAll());
  // In both directions: nothing may be in a part of the partitions.
  std::set<int64_t> first;
  for (int32_t i = 0; i < options_.partition_count; ++i) {
    PartitionKey key{options_.topic, i};
    CO_ASSIGN_OR_RETURN(std::set<int64_t> numbers, co_await NumbersIn(key));
    if (i == 0) first = numbers;
    if (numbers != first) ledger_->Violated(NameOf(key) + ": a transaction is there in part");
  }
  co_return Status::OK();
}

}  // namespace mainstem::simulation
