#include <absl/container/flat_hash_set.h>

#include "core/sync.h"
#include "gateway/kafka/handlers/handlers.h"
#include "gateway/kafka/handlers/partitions.h"
#include "gateway/kafka/handlers/turns.h"

namespace mainstem::gateway::kafka {
namespace {

// What an answer takes in memory, with its encoding.
constexpr int64_t kPartitionBytes = 250;
constexpr int64_t kTopicBytes = 200;

template <typename Partition>
Partition DescribePartition(int32_t index, int32_t node_id) {
  Partition partition;
  partition.index = index;
  partition.leader_id = node_id;
  partition.leader_epoch = kLeaderEpoch;
  partition.replica_nodes = {node_id};
  partition.isr_nodes = {node_id};
  return partition;
}

MetadataResponse::Topic DescribeTopic(const RequestContext& context, const storage::TopicInfo& info,
                                      bool with_operations) {
  MetadataResponse::Topic topic;
  topic.name = info.name;
  topic.topic_id = info.id;
  topic.is_internal = info.internal;
  topic.partitions.reserve(static_cast<size_t>(info.partition_count));
  for (int32_t index = 0; index < info.partition_count; ++index) {
    topic.partitions.push_back(
        DescribePartition<MetadataResponse::Partition>(index, context.services.settings->node_id));
  }
  if (with_operations) topic.authorized_operations = kTopicOperations;
  return topic;
}

MetadataResponse::Topic Missing(const std::string& name, int16_t error_code) {
  MetadataResponse::Topic topic;
  topic.name = name;
  topic.error_code = error_code;
  return topic;
}

Task<MetadataResponse::Topic> LookUpByName(const RequestContext& context, const std::string& name,
                                           bool may_create, bool with_operations) {
  storage::Log& log = *context.services.log;
  if (auto info = log.FindTopic(name)) co_return DescribeTopic(context, *info, with_operations);
  if (!IsLegalTopicName(name)) co_return Missing(name, Code(KafkaError::kInvalidTopic));
  if (!may_create) co_return Missing(name, Code(KafkaError::kUnknownTopicOrPartition));
  if (WhyNotNamed(log, name)) co_return Missing(name, Code(KafkaError::kInvalidTopic));
  storage::TopicConfig no_config;
  Result<storage::TopicInfo> created = co_await log.CreateTopic(name, -1, no_config, false);
  if (created.ok()) co_return DescribeTopic(context, *created, with_operations);
  // Another client was faster.
  if (auto info = log.FindTopic(name)) co_return DescribeTopic(context, *info, with_operations);
  CO_ASSIGN_OR_RETURN(int16_t code, AnswerCode(created.status()));
  co_return Missing(name, code);
}

MetadataResponse::Topic LookUpById(const RequestContext& context, const Uuid& id,
                                   bool with_operations) {
  if (auto info = context.services.log->FindTopic(id)) {
    return DescribeTopic(context, *info, with_operations);
  }
  MetadataResponse::Topic topic;
  topic.topic_id = id;
  topic.error_code = Code(KafkaError::kUnknownTopicId);
  return topic;
}

std::optional<storage::TopicInfo> FindWanted(const RequestContext& context,
                                             const MetadataRequest::Topic& topic) {
  storage::Log& log = *context.services.log;
  return topic.name ? log.FindTopic(*topic.name) : log.FindTopic(topic.topic_id);
}

// Each topic once, however often it is named: a small request must not make a large answer.
std::vector<MetadataRequest::Topic> WithoutRepeats(
    const std::vector<MetadataRequest::Topic>& topics) {
  absl::flat_hash_set<std::string> names;
  absl::flat_hash_set<Uuid> ids;
  std::vector<MetadataRequest::Topic> once;
  for (const MetadataRequest::Topic& topic : topics) {
    bool is_first =
        topic.name ? names.insert(*topic.name).second : ids.insert(topic.topic_id).second;
    if (is_first) once.push_back(topic);
  }
  return once;
}

Task<> DescribeAll(const RequestContext& context, bool with_operations,
                   MetadataResponse* response) {
  const std::vector<storage::TopicInfo> all = context.services.log->ListTopics();
  int64_t bytes = 0;
  for (const auto& info : all) bytes += kTopicBytes + info.partition_count * kPartitionBytes;
  CO_RETURN_IF_ERROR(co_await context.answer_memory->LeaseFor(bytes));
  Turns turns;
  for (const storage::TopicInfo& info : all) {
    response->topics.push_back(DescribeTopic(context, info, with_operations));
    CO_RETURN_IF_ERROR(co_await turns.After(std::ssize(response->topics.back().partitions) + 1));
  }
  co_return Status::OK();
}

}  // namespace

Task<MetadataResponse> HandleMetadata(const RequestContext& context,
                                      const MetadataRequest& request) {
  const KafkaSettings& settings = *context.services.settings;
  MetadataResponse response;
  response.brokers.push_back(
      {settings.node_id, context.advertised_host, context.advertised_port, std::nullopt});
  response.cluster_id = settings.cluster_id;
  response.controller_id = settings.node_id;
  if (request.include_cluster_authorized_operations) {
    response.cluster_authorized_operations = kClusterOperations;
  }
  bool with_operations = request.include_topic_authorized_operations;
  bool wants_all = !request.topics || (context.version == 0 && request.topics->empty());
  if (wants_all) {
    CO_RETURN_IF_ERROR(co_await DescribeAll(context, with_operations, &response));
    co_return response;
  }
  bool may_create = settings.auto_create_topics && request.allow_auto_topic_creation;
  const std::vector<MetadataRequest::Topic> topics = WithoutRepeats(*request.topics);
  int64_t bytes = 0;
  for (const MetadataRequest::Topic& topic : topics) {
    auto info = FindWanted(context, topic);
    bytes += kTopicBytes + (info ? info->partition_count * kPartitionBytes : 0);
  }
  CO_RETURN_IF_ERROR(co_await context.answer_memory->LeaseFor(bytes));
  Turns turns;
  for (const MetadataRequest::Topic& topic : topics) {
    if (topic.name) {
      CO_ASSIGN_OR_RETURN(auto answer,
                          co_await LookUpByName(context, *topic.name, may_create, with_operations));
      response.topics.push_back(std::move(answer));
    } else {
      response.topics.push_back(LookUpById(context, topic.topic_id, with_operations));
    }
    CO_RETURN_IF_ERROR(co_await turns.After(std::ssize(response.topics.back().partitions) + 1));
  }
  co_return response;
}

// Topics come in the order of their names; the cursor says where to go on.
Task<DescribeTopicPartitionsResponse> HandleDescribeTopicPartitions(
    const RequestContext& context, const DescribeTopicPartitionsRequest& request) {
  constexpr int32_t kPartitionsMax = 2000;
  storage::Log& log = *context.services.log;
  std::vector<std::string> names;
  for (const auto& topic : request.topics) names.push_back(topic.name);
  bool wants_all = names.empty();
  if (wants_all) {
    for (const storage::TopicInfo& info : log.ListTopics()) names.push_back(info.name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());

  DescribeTopicPartitionsResponse response;
  int32_t left = std::clamp(request.response_partition_limit, 1, kPartitionsMax);
  for (const std::string& name : names) {
    int32_t first = 0;
    if (request.cursor) {
      if (name < request.cursor->topic_name) continue;
      if (name == request.cursor->topic_name) first = std::max(0, request.cursor->partition_index);
    }
    if (left == 0) {
      response.next_cursor.emplace(DescribeTopicPartitionsResponse::Cursor{name, first});
      break;
    }
    auto info = log.FindTopic(name);
    if (!info && wants_all) continue;  // deleted meanwhile
    DescribeTopicPartitionsResponse::Topic& topic = response.topics.emplace_back();
    topic.name = name;
    if (!info) {
      topic.error_code = Code(IsLegalTopicName(name) ? KafkaError::kUnknownTopicOrPartition
                                                     : KafkaError::kInvalidTopic);
      continue;
    }
    topic.topic_id = info->id;
    topic.is_internal = info->internal;
    topic.authorized_operations = kTopicOperations;
    int32_t end = std::min<int64_t>(info->partition_count, int64_t{first} + left);
    for (int32_t index = first; index < end; ++index) {
      auto partition = DescribePartition<DescribeTopicPartitionsResponse::Partition>(
          index, context.services.settings->node_id);
      partition.eligible_leader_replicas.emplace();
      partition.last_known_elr.emplace();
      topic.partitions.push_back(std::move(partition));
      --left;
    }
    if (end < info->partition_count) {
      response.next_cursor.emplace(DescribeTopicPartitionsResponse::Cursor{name, end});
      break;
    }
  }
  co_return response;
}

}  // namespace mainstem::gateway::kafka
