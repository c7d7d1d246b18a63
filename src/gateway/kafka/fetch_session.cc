#include "gateway/kafka/fetch_session.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr int32_t kFirstEpoch = 0;   // opens a session
constexpr int32_t kFinalEpoch = -1;  // wants none
// What is kept of a partition in list and map, with the name of its topic.
int64_t BytesOf(const std::string& topic) { return 400 + 2 * static_cast<int64_t>(topic.size()); }

int32_t EpochAfter(int32_t epoch) { return epoch == INT32_MAX ? 1 : epoch + 1; }

}  // namespace

KafkaError FetchSession::Begin(const FetchRequest& request, bool by_id) {
  turn_ = Turn::kNone;
  bool is_whole = request.session_epoch == kFirstEpoch || request.session_epoch == kFinalEpoch;
  if (is_whole) {
    if (request.session_epoch == kFirstEpoch || request.session_id == id_) Close();
    if (request.session_epoch == kFirstEpoch && Open(request, by_id)) turn_ = Turn::kWhole;
    return KafkaError::kNone;
  }
  if (id_ == 0 || request.session_id != id_) return KafkaError::kFetchSessionIdNotFound;
  if (by_id != by_id_) return KafkaError::kFetchSessionTopicIdError;
  if (request.session_epoch != next_epoch_) return KafkaError::kInvalidFetchSessionEpoch;
  next_epoch_ = EpochAfter(next_epoch_);
  bool has_room = true;
  for (const FetchRequest::Topic& topic : request.topics) {
    for (const auto& partition : topic.partitions) has_room = has_room && Want(topic, partition);
  }
  for (const FetchRequest::ForgottenTopic& topic : request.forgotten_topics) Forget(topic);
  if (!has_room) {
    Close();
    return KafkaError::kFetchSessionIdNotFound;  // the client begins anew, and is told session 0
  }
  turn_ = Turn::kIncremental;
  return KafkaError::kNone;
}

bool FetchSession::Open(const FetchRequest& request, bool by_id) {
  size_t count = 0;
  for (const FetchRequest::Topic& topic : request.topics) count += topic.partitions.size();
  bool is_open = true;
  for (const FetchRequest::Topic& topic : request.topics) {
    for (const auto& partition : topic.partitions) is_open = is_open && Want(topic, partition);
  }
  if (!is_open || order_.size() != count) {
    Close();
    return false;
  }
  while (id_ == 0) id_ = static_cast<int32_t>(env_->Random() & INT32_MAX);
  next_epoch_ = EpochAfter(kFirstEpoch);
  by_id_ = by_id;
  return true;
}

bool FetchSession::Want(const FetchRequest::Topic& topic,
                        const FetchRequest::Partition& partition) {
  Key key{topic.topic_id, topic.name, partition.index};
  auto known = partitions_.find(key);
  if (known != partitions_.end()) {
    known->second->wanted = partition;
    return true;
  }
  if (!LeaseFor(kept_bytes_ + BytesOf(topic.name))) return false;
  kept_bytes_ += BytesOf(topic.name);
  order_.push_back({.topic = topic.name, .topic_id = topic.topic_id, .wanted = partition});
  partitions_[std::move(key)] = std::prev(order_.end());
  return true;
}

void FetchSession::Forget(const FetchRequest::ForgottenTopic& topic) {
  for (int32_t index : topic.partitions) {
    auto known = partitions_.find({topic.topic_id, topic.name, index});
    if (known == partitions_.end()) continue;
    kept_bytes_ -= BytesOf(topic.name);
    order_.erase(known->second);
    partitions_.erase(known);
  }
}

// Grows in steps and never shrinks. Half of what is shared is left for others.
bool FetchSession::LeaseFor(int64_t bytes) {
  if (budget_ == nullptr || bytes <= lease_.bytes()) return true;
  MemoryLease larger =
      budget_->TryLease(std::max(bytes, 2 * lease_.bytes()), budget_->shared_bytes() / 2);
  if (larger.bytes() == 0) return false;
  lease_ = std::move(larger);
  return true;
}

void FetchSession::Close() {
  id_ = 0;
  order_.clear();
  partitions_.clear();
  kept_bytes_ = 0;
  lease_.Release();
}

FetchRequest FetchSession::Whole(const FetchRequest& request) const {
  FetchRequest whole = request;
  whole.topics.clear();
  for (const Partition& partition : order_) {
    bool is_next = whole.topics.empty() || whole.topics.back().topic_id != partition.topic_id ||
                   whole.topics.back().name != partition.topic;
    if (is_next) whole.topics.push_back({.name = partition.topic, .topic_id = partition.topic_id});
    whole.topics.back().partitions.push_back(partition.wanted);
  }
  return whole;
}

bool FetchSession::Tell(const FetchResponse::Partition& answer, Partition* known) {
  bool is_news = answer.error_code != 0 || !answer.records.empty() ||
                 answer.high_watermark != known->told_high_watermark ||
                 answer.log_start_offset != known->told_log_start;
  // After an error the client has to hear when it is over.
  known->told_high_watermark = answer.error_code == 0 ? answer.high_watermark : -1;
  known->told_log_start = answer.log_start_offset;
  return is_news;
}

void FetchSession::End(FetchResponse* response) {
  if (turn_ == Turn::kNone) return;
  response->session_id = id_;
  auto next = order_.begin();
  for (FetchResponse::Topic& topic : response->topics) {
    std::vector<FetchResponse::Partition> news;
    for (FetchResponse::Partition& answer : topic.partitions) {
      auto known = next++;
      bool is_news = Tell(answer, &*known) || turn_ == Turn::kWhole;
      if (!answer.records.empty()) order_.splice(order_.end(), order_, known);
      if (is_news) news.push_back(std::move(answer));
    }
    topic.partitions = std::move(news);
  }
  std::erase_if(response->topics, [](const auto& topic) { return topic.partitions.empty(); });
}

}  // namespace mainstem::gateway::kafka
