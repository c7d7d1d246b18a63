#include "server/admin/topic_sampler.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace mainstem::server {
namespace {

using namespace std::chrono_literals;

constexpr Duration kFresh = 900ms;
// A rate over a longer gap would be the history, not what goes on now.
constexpr Duration kLongestGap = 30s;
constexpr Duration kWatchInterval = 5s;
// A look at very many partitions takes long: so many times as long nobody looks, but not so long
// that a rate could not be told.
constexpr int kWatchShare = 200;
constexpr Duration kWatchLongest = 20s;
constexpr Duration kHistory = 10min;
constexpr size_t kBusiestTopics = 20;

}  // namespace

TopicSampler::TopicSampler(const AdminDependencies* dependencies)
    : dependencies_(dependencies), sampled_(dependencies->env->shard(0)) {}
TopicSampler::~TopicSampler() = default;

namespace {

// A sample taken before a topic was made, changed or deleted is old at once.
bool SameTopics(const NodeSample& sample, const std::vector<storage::TopicInfo>& topics) {
  auto same = [](const TopicSample& sampled, const storage::TopicInfo& topic) {
    return sampled.topic.id == topic.id && sampled.topic.partition_count == topic.partition_count &&
           sampled.topic.config == topic.config;
  };
  return std::equal(sample.topics.begin(), sample.topics.end(), topics.begin(), topics.end(), same);
}

}  // namespace

Task<NodeSample> TopicSampler::Sample() {
  while (sampling_) {
    CO_ASSIGN_OR_RETURN(bool woken, co_await sampled_.Wait());
    (void)woken;
  }
  TimePoint now = dependencies_->env->Now();
  bool fresh = has_sample_ && now - taken_at_ < kFresh;
  if (fresh && SameTopics(last_, dependencies_->log->ListTopics())) co_return last_;
  sampling_ = true;
  NodeSample sample;
  Status failed;
  for (const storage::TopicInfo& topic : dependencies_->log->ListTopics()) {
    Result<TopicSample> one = co_await Look(topic);
    // Deleted between the list and the look.
    if (Is(one.status(), ErrorCode::kUnknownTopicId) ||
        Is(one.status(), ErrorCode::kUnknownTopic)) {
      continue;
    }
    if (!one.ok()) {
      failed = one.status();
      break;
    }
    sample.topics.push_back(std::move(*one));
  }
  sampling_ = false;
  sampled_.NotifyAll();
  CO_RETURN_IF_ERROR(failed);
  int64_t bytes_out = dependencies_->bytes_out_total ? dependencies_->bytes_out_total() : 0;
  Duration elapsed = now - taken_at_;
  if (has_sample_ && elapsed < kLongestGap) {
    AddRates(&sample, elapsed);
    double seconds = std::chrono::duration<double>(elapsed).count();
    sample.bytes_out_per_second =
        static_cast<double>(std::max<int64_t>(0, bytes_out - last_bytes_out_)) / seconds;
    Keep(sample);
  }
  last_ = sample;
  last_bytes_out_ = bytes_out;
  taken_at_ = now;
  has_sample_ = true;
  co_return sample;
}

void TopicSampler::Keep(const NodeSample& sample) {
  PastSample& past = history_.emplace_back();
  past.taken_at = dependencies_->env->Now();
  past.time_ms = dependencies_->env->WallTime().value();
  past.records_in_per_second = sample.records_in_per_second;
  past.bytes_in_per_second = sample.bytes_in_per_second;
  past.bytes_out_per_second = sample.bytes_out_per_second;
  std::vector<const TopicSample*> busy;
  for (const TopicSample& topic : sample.topics) {
    if (topic.records_in_per_second > 0) busy.push_back(&topic);
  }
  auto last = busy.begin() + static_cast<std::ptrdiff_t>(std::min(busy.size(), kBusiestTopics));
  std::partial_sort(busy.begin(), last, busy.end(), [](const auto* a, const auto* b) {
    return a->records_in_per_second > b->records_in_per_second;
  });
  for (auto topic = busy.begin(); topic != last; ++topic) {
    past.topics[(*topic)->topic.name] = (*topic)->records_in_per_second;
  }
  while (past.taken_at - history_.front().taken_at > kHistory) history_.pop_front();
}

Task<> TopicSampler::Watch() {
  const Env& env = *dependencies_->env;
  while (true) {
    TimePoint began = env.Now();
    // Whoever asks is told why a look fails; here it leaves a gap.
    Status looked = (co_await Sample()).status();
    if (Is(looked, ErrorCode::kCancelled)) co_return looked;
    Duration took = env.Now() - began;
    Duration pause = std::clamp<Duration>(took * kWatchShare, kWatchInterval, kWatchLongest);
    CO_RETURN_IF_ERROR(co_await Sleep(pause));
  }
}

Task<TopicSample> TopicSampler::Look(storage::TopicInfo topic) {
  TopicSample sample;
  for (int32_t i = 0; i < topic.partition_count; ++i) {
    storage::TopicPartition id{.topic_id = topic.id, .partition = PartitionId(i)};
    CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets,
                        co_await dependencies_->log->Offsets(id));
    sample.size_bytes += offsets.size_bytes;
    sample.records += offsets.high_watermark - offsets.log_start;
    sample.records_end += offsets.high_watermark.value();
  }
  sample.topic = std::move(topic);
  co_return sample;
}

void TopicSampler::AddRates(NodeSample* sample, Duration elapsed) const {
  double seconds = std::chrono::duration<double>(elapsed).count();
  std::map<storage::TopicId, const TopicSample*> before;
  for (const TopicSample& topic : last_.topics) before[topic.topic.id] = &topic;
  for (TopicSample& topic : sample->topics) {
    auto found = before.find(topic.topic.id);
    int64_t records = topic.records_end;
    int64_t bytes = topic.size_bytes;
    if (found != before.end()) {
      records -= found->second->records_end;
      bytes -= found->second->size_bytes;
    }
    // Retention and compaction shrink a topic; that is no traffic.
    topic.records_in_per_second = static_cast<double>(std::max<int64_t>(0, records)) / seconds;
    topic.bytes_in_per_second = static_cast<double>(std::max<int64_t>(0, bytes)) / seconds;
    if (topic.topic.internal) continue;  // the node's own traffic is not what came in
    sample->records_in_per_second += topic.records_in_per_second;
    sample->bytes_in_per_second += topic.bytes_in_per_second;
  }
}

std::string TopicIdText(const storage::TopicId& id) {
  std::string text;
  for (uint8_t byte : id) fmt::format_to(std::back_inserter(text), "{:02x}", byte);
  return text;
}

namespace {

template <typename Of>
void WriteSeries(const std::deque<PastSample>& history, Of of, JsonWriter* json) {
  json->BeginArray();
  for (const PastSample& past : history) json->Value(static_cast<int64_t>(std::llround(of(past))));
  json->EndArray();
}

// Of the whole time, sorted by name.
std::vector<std::string> BusiestTopics(const std::deque<PastSample>& history) {
  std::map<std::string, double> sums;
  for (const PastSample& past : history) {
    for (const auto& [name, rate] : past.topics) sums[name] += rate;
  }
  std::vector<std::pair<double, std::string>> ranked;
  for (const auto& [name, sum] : sums) ranked.emplace_back(-sum, name);
  auto last = ranked.begin() + static_cast<std::ptrdiff_t>(std::min(ranked.size(), kBusiestTopics));
  std::partial_sort(ranked.begin(), last, ranked.end());
  std::vector<std::string> names;
  for (auto entry = ranked.begin(); entry != last; ++entry) names.push_back(entry->second);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::string WriteHistory(const std::deque<PastSample>& history) {
  JsonWriter json;
  json.BeginObject().Key("times_ms").BeginArray();
  for (const PastSample& past : history) json.Value(past.time_ms);
  json.EndArray().Key("bytes_in");
  WriteSeries(
      history, [](const auto& past) { return past.bytes_in_per_second; }, &json);
  json.Key("bytes_out");
  WriteSeries(
      history, [](const auto& past) { return past.bytes_out_per_second; }, &json);
  json.Key("records_in");
  WriteSeries(
      history, [](const auto& past) { return past.records_in_per_second; }, &json);
  json.Key("topics").BeginObject();
  for (const std::string& name : BusiestTopics(history)) {
    json.Key(name);
    auto of = [&](const PastSample& past) {
      auto found = past.topics.find(name);
      return found == past.topics.end() ? 0 : found->second;
    };
    WriteSeries(history, of, &json);
  }
  json.EndObject().EndObject();
  return json.Take();
}

void WriteTopic(const TopicSample& sample, JsonWriter* json) {
  json->Field("name", sample.topic.name).Field("id", TopicIdText(sample.topic.id));
  json->Field("internal", sample.topic.internal);
  json->Field("partition_count", sample.topic.partition_count);
  json->Field("size_bytes", sample.size_bytes).Field("records", sample.records);
  json->Key("rates").BeginObject().Field("bytes_in", sample.bytes_in_per_second);
  json->Field("records_in", sample.records_in_per_second).EndObject();
  json->Key("config").BeginObject();
  for (const auto& [key, value] : sample.topic.config) json->Field(key, value);
  json->EndObject();
}

}  // namespace mainstem::server
