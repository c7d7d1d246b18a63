#include "simulation/fetch_reader.h"

#include "gateway/kafka/messages/metadata.h"

namespace mainstem::simulation {
namespace {

constexpr int16_t kByIdFrom = 13;
constexpr int16_t kOffsetOutOfRange = 1;
constexpr Duration kRetryPause = std::chrono::milliseconds(100);

}  // namespace

void FetchReader::Want(const PartitionKey& key, int64_t position) { positions_[key] = position; }
void FetchReader::Forget(const PartitionKey& key) { positions_.erase(key); }
void FetchReader::Clear() { positions_.clear(); }

void FetchReader::EndSession() {
  session_id_ = 0;
  session_epoch_ = 0;
  told_.clear();
}

Task<> FetchReader::LookUpIds() {
  CO_ASSIGN_OR_RETURN(ids_, co_await LookUpTopics(client_));
  co_return Status::OK();
}

kafka::FetchRequest FetchReader::MakeRequest() {
  kafka::FetchRequest request;
  request.max_wait_ms = options_.max_wait_ms;
  request.min_bytes = 1;
  request.max_bytes = options_.max_bytes;
  request.isolation_level = options_.read_committed ? 1 : 0;
  request.session_epoch = options_.uses_session ? session_epoch_ : -1;
  request.session_id = session_id_;
  bool is_incremental = options_.uses_session && session_epoch_ > 0;
  for (const auto& [key, position] : positions_) {
    auto told = told_.find(key);
    if (is_incremental && told != told_.end() && told->second == position) continue;
    if (request.topics.empty() || request.topics.back().name != key.first) {
      request.topics.push_back({.name = key.first, .topic_id = ids_[key.first]});
    }
    request.topics.back().partitions.push_back(
        {.index = key.second, .fetch_offset = position, .max_bytes = options_.partition_bytes});
  }
  for (const auto& [key, position] : told_) {
    if (!is_incremental || positions_.contains(key)) continue;
    if (request.forgotten_topics.empty() || request.forgotten_topics.back().name != key.first) {
      request.forgotten_topics.push_back({.name = key.first, .topic_id = ids_[key.first]});
    }
    request.forgotten_topics.back().partitions.push_back(key.second);
  }
  told_ = positions_;
  at_sending_.clear();
  for (const auto& [key, position] : positions_) at_sending_[key] = ledger_->MarksOf(key);
  return request;
}

Task<std::vector<FetchedPartition>> FetchReader::Poll() {
  std::vector<FetchedPartition> fetched;
  if (options_.version >= kByIdFrom && ids_.empty()) CO_RETURN_IF_ERROR(co_await LookUpIds());
  if (session_connection_ != client_->connection_number() || !client_->is_connected()) EndSession();
  kafka::FetchRequest request = MakeRequest();
  Result<kafka::FetchResponse> response =
      co_await client_->Call<kafka::FetchResponse>(options_.version, request);
  session_connection_ = client_->connection_number();
  if (Is(response.status(), ErrorCode::kCancelled)) co_return response.status();
  if (!response.ok()) {
    if (Is(response.status(), ErrorCode::kInternal)) ledger_->Violated(Describe(response.status()));
    EndSession();
    co_return fetched;
  }
  if (response->error_code != 0) {
    ledger_->Count("fetch sessions refused");
    EndSession();
    co_return fetched;
  }
  if (options_.uses_session) {
    bool goes_on = response->session_id != 0;
    if (session_epoch_ > 0 && goes_on) ledger_->Count("incremental fetches");
    session_id_ = response->session_id;
    if (goes_on) {
      ++session_epoch_;
    } else {
      EndSession();
    }
  }
  Take(*response, &fetched);
  co_return fetched;
}

void FetchReader::Take(const kafka::FetchResponse& response,
                       std::vector<FetchedPartition>* fetched) {
  for (const kafka::FetchResponse::Topic& topic : response.topics) {
    std::string name = topic.name;
    for (const auto& [known, id] : ids_) {
      if (options_.version >= kByIdFrom && id == topic.topic_id) name = known;
    }
    for (const kafka::FetchResponse::Partition& answer : topic.partitions) {
      TakePartition({name, answer.index}, answer, fetched);
    }
  }
}

void FetchReader::TakePartition(const PartitionKey& key,
                                const kafka::FetchResponse::Partition& answer,
                                std::vector<FetchedPartition>* fetched) {
  auto position = positions_.find(key);
  if (position == positions_.end()) {
    return ledger_->Violated(NameOf(key) + ": an answer about a partition that was not asked for");
  }
  if (answer.error_code == kOffsetOutOfRange) {
    int64_t start = ledger_->MarksOf(key).log_start;
    if (!options_.trimmed.contains(key.first)) {
      ledger_->Violated(
          fmt::format("{}: offset {}, up to which there were records, is out of range", NameOf(key),
                      position->second));
    }
    // The start has moved: further than we know, it may be.
    position->second = std::max(position->second + 1, start);
    return;
  }
  if (answer.error_code != 0) return ledger_->Count("fetch errors of partitions");
  ledger_->SeeMarks(key, at_sending_[key],
                    {.log_start = answer.log_start_offset,
                     .last_stable = answer.last_stable_offset,
                     .high_watermark = answer.high_watermark});
  Result<std::vector<FetchedBatch>> batches = ReadBatches(answer);
  if (!batches.ok()) {
    return ledger_->Violated(NameOf(key) + ": " + Describe(batches.status()));
  }
  FetchedPartition& one = fetched->emplace_back();
  one.key = key;
  one.from = one.next = position->second;
  one.end = options_.read_committed ? answer.last_stable_offset : answer.high_watermark;
  one.batches = std::move(*batches);
  Check(one, answer);
  if (!one.batches.empty()) one.next = one.batches.back().header.next_offset().value();
  if (options_.read_committed) {
    one.records = CommittedRecords(
        one.batches,
        answer.aborted_transactions.value_or(decltype(answer.aborted_transactions)::value_type()));
  } else {
    one.records = AllRecords(one.batches);
  }
  std::erase_if(one.records, [&](const SeenRecord& record) { return record.offset < one.from; });
  for (const FetchedBatch& batch : one.batches) {
    if (batch.header.control()) continue;
    for (const SeenRecord& record : batch.records) ledger_->See(key, record);
  }
  position->second = one.next;
}

void FetchReader::Check(const FetchedPartition& fetched,
                        const kafka::FetchResponse::Partition& answer) {
  bool may_have_gaps = options_.compacted.contains(fetched.key.first);
  int64_t expected = fetched.from;
  for (size_t i = 0; i < fetched.batches.size(); ++i) {
    const storage::BatchHeader& header = fetched.batches[i].header;
    int64_t base = header.base_offset.value();
    bool follows = i == 0 ? base <= expected || may_have_gaps
                          : base == expected || (may_have_gaps && base > expected);
    if (!follows || header.last_offset().value() < fetched.from) {
      ledger_->Violated(fmt::format("{}: a batch at {} to {} where {} was due (asked from {})",
                                    NameOf(fetched.key), base, header.last_offset().value(),
                                    expected, fetched.from));
    }
    expected = header.next_offset().value();
  }
  if (expected > std::max(fetched.end, fetched.from)) {
    ledger_->Violated(fmt::format("{}: a reader got up to {}, beyond {} (high watermark {})",
                                  NameOf(fetched.key), expected, fetched.end,
                                  answer.high_watermark));
  }
}

Task<std::map<std::string, kafka::Uuid>> LookUpTopics(KafkaClient* client) {
  for (;;) {
    kafka::MetadataRequest request;
    request.allow_auto_topic_creation = false;
    Result<kafka::MetadataResponse> response =
        co_await client->Call<kafka::MetadataResponse>(12, request);
    if (Is(response.status(), ErrorCode::kCancelled)) co_return response.status();
    if (response.ok()) {
      std::map<std::string, kafka::Uuid> ids;
      for (const auto& topic : response->topics) ids[topic.name.value_or("")] = topic.topic_id;
      co_return ids;
    }
    CO_RETURN_IF_ERROR(co_await Sleep(kRetryPause));
  }
}

Task<std::vector<SeenRecord>> ReadWhole(KafkaClient* client, Ledger* ledger, PartitionKey key,
                                        FetchReaderOptions options) {
  FetchReader reader(client, ledger, std::move(options));
  reader.Want(key, ledger->MarksOf(key).log_start);
  std::vector<SeenRecord> records;
  for (;;) {
    CO_ASSIGN_OR_RETURN(std::vector<FetchedPartition> fetched, co_await reader.Poll());
    for (FetchedPartition& one : fetched) {
      std::move(one.records.begin(), one.records.end(), std::back_inserter(records));
      if (one.next >= one.end) co_return records;
    }
    if (fetched.empty()) CO_RETURN_IF_ERROR(co_await Sleep(kRetryPause));
  }
}

}  // namespace mainstem::simulation
