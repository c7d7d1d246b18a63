#include "source/kafka/cluster_topics.h"

#include <mutex>

#include <re2/re2.h>

#include "core/suggest.h"
#include "source/kafka/cluster_reader.h"

namespace mainstem::source {
namespace {

using connector::KafkaClient;
using connector::KafkaOffsets;
using connector::KafkaProperties;

class ClusterTopics final : public KafkaTopics {
 public:
  explicit ClusterTopics(ClusterTopicsOptions options) : options_(std::move(options)) {}

  Task<std::map<std::string, int32_t>> PartitionCounts(std::vector<std::string> names,
                                                       std::string pattern) override {
    CO_ASSIGN_OR_RETURN(auto cluster, co_await Cluster());
    co_return co_await cluster->thread.Run([&] { return CountNow(*cluster, names, pattern); });
  }

  Task<PartitionBounds> Bounds(PartitionName partition) override {
    CO_ASSIGN_OR_RETURN(auto cluster, co_await Cluster());
    co_return co_await cluster->thread.Run([&]() -> Result<PartitionBounds> {
      ASSIGN_OR_RETURN(auto bounds, cluster->client->Bounds(partition.topic, partition.partition));
      return PartitionBounds{.begin = bounds.first, .end = bounds.second};
    });
  }

  Task<std::optional<Offset>> OffsetAtTime(PartitionName partition, int64_t timestamp_ms) override {
    CO_ASSIGN_OR_RETURN(auto cluster, co_await Cluster());
    co_return co_await cluster->thread.Run([&] {
      return cluster->client->OffsetAtTime(partition.topic, partition.partition, timestamp_ms);
    });
  }

  Task<GroupOffsets> CommittedOffsets(std::string group,
                                      std::vector<PartitionName> partitions) override {
    CO_ASSIGN_OR_RETURN(auto cluster, co_await Cluster());
    co_return co_await cluster->thread.Run([&]() -> Result<GroupOffsets> {
      std::vector<std::pair<std::string, int32_t>> asked;
      for (const PartitionName& name : partitions) asked.emplace_back(name.topic, name.partition);
      ASSIGN_OR_RETURN(KafkaOffsets found, cluster->client->CommittedOffsets(group, asked));
      GroupOffsets offsets;
      for (const auto& [where, offset] : found) {
        offsets[{.topic = where.first, .partition = where.second}] = offset;
      }
      return offsets;
    });
  }

  Task<> CommitOffsets(std::string group, GroupOffsets offsets) override {
    CO_ASSIGN_OR_RETURN(auto cluster, co_await Cluster());
    Status status = co_await cluster->thread.Run([&] {
      KafkaOffsets commits;
      for (const auto& [name, offset] : offsets) commits[{name.topic, name.partition}] = offset;
      return cluster->client->CommitOffsets(group, commits);
    });
    if (status.ok() || !IsRetriable(status)) co_return status;
    IgnoreError(status, "they are for others to see, and the next checkpoint commits them again");
    co_return Status::OK();
  }

  Task<std::unique_ptr<connector::SplitReader>> OpenPartition(
      PartitionName partition, PartitionPosition position,
      std::unique_ptr<RecordDecoder> decoder) override {
    CO_ASSIGN_OR_RETURN(auto cluster, co_await Cluster());
    co_return co_await OpenClusterReader(options_.env, std::move(cluster), std::move(partition),
                                         position, std::move(decoder));
  }

 private:
  static Result<std::map<std::string, int32_t>> CountNow(const KafkaCluster& cluster,
                                                         const std::vector<std::string>& names,
                                                         const std::string& pattern) {
    if (!names.empty()) {
      auto counts = cluster.client->PartitionCounts(names);
      if (!Is(counts.status(), ErrorCode::kUnknownTopic)) return counts;
      // With the near name, if the cluster lets us see it.
      Result<std::vector<std::string>> known = cluster.client->TopicNames();
      if (!known.ok()) return counts;
      ErrorText text = TextOf(counts.status());
      for (const std::string& name : names) {
        if (std::find(known->begin(), known->end(), name) != known->end()) continue;
        text.hint = SuggestionFor(name, *known);
      }
      return MakeError(ErrorCode::kUnknownTopic, std::move(text));
    }
    ASSIGN_OR_RETURN(std::vector<std::string> known, cluster.client->TopicNames());
    std::erase_if(known,
                  [&](const std::string& name) { return !re2::RE2::FullMatch(name, pattern); });
    return cluster.client->PartitionCounts(known);
  }

  // Made at first use; of two who come at once one makes it for both.
  Task<std::shared_ptr<KafkaCluster>> Cluster() {
    {
      std::lock_guard lock(mutex_);
      if (cluster_ != nullptr) co_return cluster_;
    }
    CO_ASSIGN_OR_RETURN(KafkaProperties properties,
                        co_await connector::LoadKafkaProperties(options_.env, options_.client));
    std::lock_guard lock(mutex_);
    if (cluster_ == nullptr) {
      CO_ASSIGN_OR_RETURN(std::unique_ptr<KafkaClient> client, MakeConsumer(properties));
      Env* env = options_.env;
      cluster_ = std::shared_ptr<KafkaCluster>(
          new KafkaCluster{.thread = {}, .client = std::move(client)}, [env](KafkaCluster* owner) {
            connector::CloseOnPool(env, std::unique_ptr<KafkaCluster>(owner));
          });
    }
    co_return cluster_;
  }

  Result<std::unique_ptr<KafkaClient>> MakeConsumer(const KafkaProperties& given) const {
    KafkaProperties more = {
        {"enable.auto.commit", "false"},
        {"auto.commit.enable", "false"},
        {"enable.auto.offset.store", "false"},
        {"enable.partition.eof", "true"},
        // What is gone is told, and never passed over.
        {"auto.offset.reset", "error"},
        {"isolation.level", options_.read_committed ? "read_committed" : "read_uncommitted"}};
    if (!options_.group.empty()) more.emplace("group.id", options_.group);
    auto by_default = [&](const char* name, const char* value) {
      if (given.count(name) == 0) more.emplace(name, value);
    };
    by_default("client.id", "mainstem");
    by_default("allow.auto.create.topics", "false");
    // Of each partition. librdkafka 2.0 asks a partition for nothing for a second once either is
    // reached: by its number of messages (100,000 by default) that is after few megabytes.
    by_default("queued.min.messages", "10000000");
    by_default("queued.max.messages.kbytes", "32768");
    ASSIGN_OR_RETURN(connector::KafkaConfig config, connector::MakeKafkaConfig(given, more));
    auto servers = given.find("bootstrap.servers");
    return KafkaClient::Make(RD_KAFKA_CONSUMER, std::move(config),
                             servers == given.end() ? "" : servers->second);
  }

  ClusterTopicsOptions options_;
  std::mutex mutex_;  // guards cluster_
  std::shared_ptr<KafkaCluster> cluster_;
};

}  // namespace

std::shared_ptr<KafkaTopics> MakeClusterTopics(ClusterTopicsOptions options) {
  return std::make_shared<ClusterTopics>(std::move(options));
}

}  // namespace mainstem::source
