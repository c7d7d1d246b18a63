#include "simulation/idempotent_producer.h"

#include <algorithm>

#include "gateway/kafka/messages/producers.h"
#include "simulation/fetch_reader.h"
#include "storage/batch_builder.h"

namespace mainstem::simulation {
namespace {

constexpr size_t kBatchesMax = 5;
constexpr int16_t kProduceByIdFrom = 13;
constexpr int16_t kOutOfOrderSequence = 45;
constexpr Duration kPauseAfterTrouble = std::chrono::milliseconds(150);

}  // namespace

IdempotentProducer::IdempotentProducer(KafkaClient* client, Ledger* ledger,
                                       IdempotentProducerOptions options)
    : client_(client), ledger_(ledger), options_(std::move(options)), dice_(options_.seed) {
  for (int32_t i = 0; i < options_.partition_count; ++i) sent_[i];
}

Task<> IdempotentProducer::ObtainId() {
  while (producer_id_ < 0) {
    kafka::InitProducerIdRequest request;
    request.transaction_timeout_ms = 60'000;
    Result<kafka::InitProducerIdResponse> response =
        co_await client_->Call<kafka::InitProducerIdResponse>(4, request);
    if (Is(response.status(), ErrorCode::kCancelled)) co_return response.status();
    if (response.ok() && response->error_code == 0) producer_id_ = response->producer_id;
    if (producer_id_ < 0) CO_RETURN_IF_ERROR(co_await Sleep(kPauseAfterTrouble));
  }
  co_return Status::OK();
}

Task<> IdempotentProducer::Run() {
  CO_RETURN_IF_ERROR(co_await ObtainId());
  if (options_.version >= kProduceByIdFrom) {
    CO_ASSIGN_OR_RETURN(auto ids, co_await LookUpTopics(client_));
    topic_id_ = ids[options_.topic];
  }
  while (!finishing_ || !unacknowledged_.empty()) {
    if (!finishing_) MakeBatches();
    CO_RETURN_IF_ERROR(co_await Round());
    Duration pause = dice_.UpTo(options_.pause_max);
    if (dice_.Below(3) == 0) CO_RETURN_IF_ERROR(co_await Sleep(pause));
  }
  co_return Status::OK();
}

void IdempotentProducer::MakeBatches() {
  size_t wanted = 1 + dice_.Below(kBatchesMax);
  while (unacknowledged_.size() < wanted) {
    auto partition =
        static_cast<int32_t>(dice_.Below(static_cast<uint64_t>(options_.partition_count)));
    CHECK_OK(MakeBatch(partition));
  }
}

Status IdempotentProducer::MakeBatch(int32_t partition) {
  Batch batch{.partition = partition, .base_sequence = next_sequence_[partition]};
  storage::BatchBuilder builder({.producer_id = ProducerId(producer_id_),
                                 .producer_epoch = ProducerEpoch(0),
                                 .base_sequence = batch.base_sequence});
  int64_t time_ms = client_->env()->WallTime().value();
  for (uint64_t count = 1 + dice_.Below(4); count > 0; --count) {
    std::vector<std::string>& sent = sent_[partition];
    std::string value = fmt::format("{}:{}:", options_.name, sent.size());
    value.append(dice_.Below(8) == 0 ? dice_.Below(4000) : dice_.Below(100), 'x');
    sent.push_back(value);
    SeenRecord record{.value = value};
    if (options_.key_count > 0) {
      // Its own keys, so that their newest value is its last one.
      record.key = fmt::format("{}-{}", options_.name,
                               dice_.Below(static_cast<uint64_t>(options_.key_count)));
      if (dice_.Below(10) == 0) record.value.reset();
      newest_[partition][record.key] = record.value;
    }
    std::optional<std::string_view> key;
    if (options_.key_count > 0) key = record.key;
    builder.Add(time_ms, key, record.value);
    batch.records.push_back(std::move(record));
  }
  next_sequence_[partition] += static_cast<int32_t>(batch.records.size());
  ASSIGN_OR_RETURN(batch.bytes, builder.Build());
  unacknowledged_.push_back(std::move(batch));
  return Status::OK();
}

// Sends all that is not acknowledged, then takes the answers.
Task<> IdempotentProducer::Round() {
  size_t count = unacknowledged_.size();
  Status status;
  size_t sent = 0;
  for (; sent < count && status.ok(); ++sent) {
    const Batch& batch = unacknowledged_[sent];
    kafka::ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 10'000;
    request.topics.push_back({.name = options_.topic, .topic_id = topic_id_});
    request.topics[0].partitions.push_back(
        {.index = batch.partition, .records = std::span(batch.bytes)});
    status = co_await client_->Send(options_.version, request);
  }
  std::vector<bool> done(count, false);
  std::set<int32_t> troubled;  // partitions
  for (size_t i = 0; i < count && status.ok(); ++i) {
    Result<kafka::ProduceResponse> response =
        co_await client_->Receive<kafka::ProduceResponse>(options_.version);
    status = response.status();
    if (status.ok()) done[i] = Take(i, *response, &troubled);
  }
  if (Is(status, ErrorCode::kCancelled)) co_return status;
  if (Is(status, ErrorCode::kInternal)) ledger_->Violated(Describe(status));
  bool had_trouble = false;
  std::deque<Batch> rest;
  for (size_t i = 0; i < count; ++i) {
    if (done[i]) continue;
    had_trouble = true;
    rest.push_back(std::move(unacknowledged_[i]));
  }
  unacknowledged_ = std::move(rest);
  if (!had_trouble) co_return Status::OK();
  ledger_->Count("producer rounds with trouble");
  co_return co_await Sleep(kPauseAfterTrouble);
}

bool IdempotentProducer::Take(size_t index, const kafka::ProduceResponse& response,
                              std::set<int32_t>* troubled) {
  const Batch& batch = unacknowledged_[index];
  PartitionKey key{options_.topic, batch.partition};
  if (response.topics.size() != 1 || response.topics[0].partitions.size() != 1) {
    ledger_->Violated(NameOf(key) + ": a produce answer about something else");
    return false;
  }
  const kafka::ProduceResponse::Partition& answer = response.topics[0].partitions[0];
  if (answer.error_code == 0) {
    // The one before it failed, so this one can't be in order.
    if (troubled->contains(batch.partition)) {
      ledger_->Violated(fmt::format("{}: {} took sequence {} although one before it failed",
                                    NameOf(key), options_.name, batch.base_sequence));
    }
    int64_t offset = answer.base_offset;
    for (const SeenRecord& record : batch.records) {
      SeenRecord acknowledged = record;
      acknowledged.offset = offset++;
      ledger_->Acknowledge(key, std::move(acknowledged));
    }
    return true;
  }
  bool is_follow_up =
      answer.error_code == kOutOfOrderSequence && troubled->contains(batch.partition);
  if (!is_follow_up && !IsPassingError(answer.error_code)) {
    ledger_->Violated(fmt::format("{}: {} got error {} for sequence {}: {}", NameOf(key),
                                  options_.name, answer.error_code, batch.base_sequence,
                                  answer.error_message.value_or("")));
  }
  troubled->insert(batch.partition);
  ledger_->Count("produce errors");
  return false;
}

void IdempotentProducer::CheckOnceInOrder(int32_t partition, const std::vector<SeenRecord>& records,
                                          bool is_trimmed) const {
  const std::vector<std::string>& expected = sent_.at(partition);
  std::string prefix = options_.name + ":";
  size_t next = 0;
  for (const SeenRecord& record : records) {
    if (!record.value || !record.value->starts_with(prefix)) continue;
    if (is_trimmed && next == 0) {
      auto first = std::find(expected.begin(), expected.end(), *record.value);
      next = static_cast<size_t>(first - expected.begin());
    }
    if (next >= expected.size() || *record.value != expected[next]) {
      return ledger_->Violated(fmt::format("{}/{}: {} at offset {} where record {} of {} was due",
                                           options_.topic, partition, record.value->substr(0, 24),
                                           record.offset, next, options_.name));
    }
    ++next;
  }
  bool may_be_empty = is_trimmed && next == 0;
  if (next != expected.size() && !may_be_empty) {
    ledger_->Violated(fmt::format("{}/{}: {} records of {} are there, {} were acknowledged",
                                  options_.topic, partition, next, options_.name, expected.size()));
  }
}

void IdempotentProducer::CheckNewestOfKeys(int32_t partition,
                                           const std::vector<SeenRecord>& records) const {
  auto expected = newest_.find(partition);
  if (expected == newest_.end()) return;
  std::map<std::string, std::optional<std::string>> there;
  for (const SeenRecord& record : records) there[record.key] = record.value;
  for (const auto& [key, value] : expected->second) {
    auto found = there.find(key);
    std::optional<std::string> now;
    if (found != there.end()) now = found->second;
    if (now == value) continue;
    ledger_->Violated(fmt::format("{}/{}: key {} has value {}, its newest is {}", options_.topic,
                                  partition, key, now.value_or("null").substr(0, 24),
                                  value.value_or("null").substr(0, 24)));
  }
}

}  // namespace mainstem::simulation
