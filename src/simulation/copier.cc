#include "simulation/copier.h"

namespace mainstem::simulation {

std::vector<PartitionKey> Copier::Sources() const {
  std::vector<PartitionKey> keys;
  for (int32_t i = 0; i < options_.partition_count; ++i) keys.push_back({options_.source, i});
  return keys;
}

Task<> Copier::Run() {
  while (!is_done_) {
    CO_RETURN_IF_ERROR(co_await Live());
    ledger_->Count("lives of copiers");
    Duration pause = dice_.MsBelow(3000);
    if (!is_done_) CO_RETURN_IF_ERROR(co_await Sleep(pause));
  }
  co_return Status::OK();
}

Task<> Copier::Rewind(FetchReader* reader) {
  CO_ASSIGN_OR_RETURN(auto offsets,
                      co_await StableOffsets(writing_, ledger_, options_.group, Sources()));
  for (const auto& [key, offset] : offsets) reader->Want(key, std::max<int64_t>(0, offset));
  co_return Status::OK();
}

bool Copier::IsDone(const FetchReader& reader) const {
  if (!finishing_) return false;
  for (const auto& [key, end] : ends_) {
    auto position = reader.positions().find(key);
    if (position == reader.positions().end() || position->second < end) return false;
  }
  return true;
}

Task<> Copier::Live() {
  TransactionalClient producer(writing_, ledger_, options_.transactions);
  FetchReader reader(reading_, ledger_, options_.reader);
  CO_RETURN_IF_ERROR(co_await producer.Init());
  CO_RETURN_IF_ERROR(co_await Rewind(&reader));
  for (;;) {
    // Positions lie behind what is committed: the last turn ended well.
    is_done_ = IsDone(reader);
    if (is_done_) co_return Status::OK();
    CO_ASSIGN_OR_RETURN(std::vector<FetchedPartition> fetched, co_await reader.Poll());
    std::erase_if(fetched, [](const FetchedPartition& one) { return one.next == one.from; });
    if (fetched.empty()) {
      CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::milliseconds(20)));
      continue;
    }
    CO_ASSIGN_OR_RETURN(Outcome outcome, co_await Copy(&producer, std::move(fetched)));
    bool aborts = outcome == Outcome::kMustAbort;
    if (outcome == Outcome::kDone && dice_.Below(5) == 0) aborts = true;
    if (outcome != Outcome::kFenced) {
      CO_ASSIGN_OR_RETURN(outcome, co_await producer.End(!aborts));
    }
    if (outcome != Outcome::kDone) {
      ledger_->Count("copiers fenced");
      co_return Status::OK();
    }
    if (!aborts) {
      for (const auto& [key, offset] : sent_offsets_) {
        ledger_->AcknowledgeCommit(options_.group, key, offset);
      }
      continue;
    }
    CO_RETURN_IF_ERROR(co_await Rewind(&reader));
  }
}

Task<TransactionalClient::Outcome> Copier::Copy(TransactionalClient* producer,
                                                std::vector<FetchedPartition> fetched) {
  std::map<PartitionKey, int64_t> offsets;
  for (const FetchedPartition& one : fetched) {
    offsets[one.key] = one.next;
    std::vector<std::string> values;
    for (const SeenRecord& record : one.records) values.push_back(record.value.value_or(""));
    if (values.empty()) continue;
    PartitionKey target{options_.target, one.key.second};
    CO_ASSIGN_OR_RETURN(Outcome outcome, co_await producer->Produce(target, std::move(values)));
    if (outcome != Outcome::kDone) co_return outcome;
  }
  // Sometimes the owner dawdles: its time may run out.
  if (dice_.Below(25) == 0) {
    Duration pause = dice_.MsBelow(9000);
    CO_RETURN_IF_ERROR(co_await Sleep(pause));
  }
  sent_offsets_ = offsets;
  co_return co_await producer->CommitOffsets(options_.group, std::move(offsets));
}

void CheckCopied(Ledger* ledger, const PartitionKey& target, const std::vector<SeenRecord>& copies,
                 const std::vector<SeenRecord>& originals) {
  for (size_t i = 0; i < std::max(copies.size(), originals.size()); ++i) {
    if (i < copies.size() && i < originals.size() && copies[i].value == originals[i].value) {
      continue;
    }
    std::string copy = i < copies.size() ? copies[i].value.value_or("null") : "nothing";
    std::string original = i < originals.size() ? originals[i].value.value_or("null") : "nothing";
    return ledger->Violated(
        fmt::format("{}: copy {} is {}, and the original {} ({} copies, {} "
                    "originals)",
                    NameOf(target), i, copy.substr(0, 24), original.substr(0, 24), copies.size(),
                    originals.size()));
  }
}

}  // namespace mainstem::simulation
