#include <set>

#include "gateway/kafka/handlers/config_entries.h"
#include "gateway/kafka/handlers/handlers.h"
#include "gateway/kafka/handlers/partitions.h"
#include "storage/topic_config.h"

namespace mainstem::gateway::kafka {
namespace {

struct Refusal {
  int16_t code = 0;
  std::optional<std::string> message;
};

// What the answer for one topic takes in memory, with its encoding; most of it is configuration.
constexpr int64_t kCreatedBytes = 6 << 10;

Refusal Refuse(KafkaError error, std::string message) { return {Code(error), std::move(message)}; }

bool IsOnlyThisNode(const std::vector<int32_t>& replicas, int32_t node_id) {
  return replicas.size() == 1 && replicas[0] == node_id;
}

// Why a topic can't grow as it is asked for.
Refusal CheckGrowth(const CreatePartitionsRequest::Topic& topic, int32_t partition_count,
                    int32_t node_id) {
  Status allowed = storage::CheckClientUse(topic.name, storage::ClientUse::kChange);
  if (!allowed.ok()) return Refuse(KafkaError::kInvalidTopic, Describe(allowed));
  if (topic.count <= partition_count) {
    return Refuse(
        KafkaError::kInvalidPartitions,
        fmt::format("the topic has {} partitions already: they can only grow", partition_count));
  }
  if (topic.count > storage::kPartitionCountMax) {
    return Refuse(KafkaError::kInvalidPartitions,
                  fmt::format("a topic has {} partitions at most", storage::kPartitionCountMax));
  }
  if (!topic.assignments) return {};
  if (std::ssize(*topic.assignments) != topic.count - partition_count) {
    return Refuse(KafkaError::kInvalidReplicaAssignment,
                  "there must be one assignment for each new partition");
  }
  for (const CreatePartitionsRequest::Assignment& assignment : *topic.assignments) {
    if (IsOnlyThisNode(assignment.broker_ids, node_id)) continue;
    return Refuse(KafkaError::kInvalidReplicaAssignment, "replicas must be this node alone");
  }
  return {};
}

// Replicas may only be this node. Gives the partition count that the assignment stands for.
Result<int32_t> CheckAssignments(const CreateTopicsRequest::Topic& topic, int32_t node_id) {
  std::set<int32_t> seen;
  for (const CreateTopicsRequest::Assignment& assignment : topic.assignments) {
    bool is_ours = IsOnlyThisNode(assignment.broker_ids, node_id);
    if (!is_ours) return MakeError(ErrorCode::kInvalidArgument, "replicas must be this node alone");
    seen.insert(assignment.partition_index);
  }
  auto count = static_cast<int32_t>(topic.assignments.size());
  bool is_dense = std::ssize(seen) == count && *seen.begin() == 0 && *seen.rbegin() == count - 1;
  if (!is_dense) return MakeError(ErrorCode::kInvalidArgument, "partitions must be 0, 1, 2 ...");
  return count;
}

// What the log does not know about: replication, assignments, and names that collide.
Refusal CheckTopic(const RequestContext& context, const CreateTopicsRequest::Topic& topic,
                   int32_t* partition_count) {
  *partition_count = topic.partition_count;
  if (context.services.log->FindTopic(topic.name)) {
    return Refuse(KafkaError::kTopicAlreadyExists,
                  fmt::format("Topic '{}' already exists.", topic.name));
  }
  if (auto why = WhyNotNamed(*context.services.log, topic.name)) {
    return Refuse(KafkaError::kInvalidTopic, std::move(*why));
  }
  if (!topic.assignments.empty()) {
    if (topic.partition_count != -1 || topic.replication_factor != -1) {
      return Refuse(KafkaError::kInvalidRequest,
                    "give an assignment or a number of partitions and replicas, not both");
    }
    Result<int32_t> count = CheckAssignments(topic, context.services.settings->node_id);
    if (!count.ok()) {
      return Refuse(KafkaError::kInvalidReplicaAssignment, Describe(count.status()));
    }
    *partition_count = *count;
    return {};
  }
  if (topic.replication_factor != -1 && topic.replication_factor != 1) {
    return Refuse(KafkaError::kInvalidReplicationFactor,
                  fmt::format("replication factor {} is not possible: there is one node",
                              topic.replication_factor));
  }
  if (topic.partition_count == 0 || topic.partition_count < -1) {
    return Refuse(KafkaError::kInvalidPartitions, "a topic needs at least one partition");
  }
  return {};
}

void DescribeCreated(const storage::TopicInfo& info, CreateTopicsResponse::Topic* answer) {
  answer->topic_id = info.id;
  answer->partition_count = info.partition_count;
  answer->replication_factor = 1;
  answer->configs.emplace();
  for (ConfigEntry& entry : TopicConfigEntries(info.config)) {
    CreateTopicsResponse::Config& config = answer->configs->emplace_back();
    config.name = std::move(entry.name);
    config.value = std::move(entry.value);
    config.source = static_cast<int8_t>(entry.source);
  }
}

Task<> CreateOne(const RequestContext& context, const CreateTopicsRequest::Topic& topic,
                 bool validate_only, CreateTopicsResponse::Topic* answer) {
  int32_t partition_count = 0;
  Refusal refusal = CheckTopic(context, topic, &partition_count);
  storage::TopicConfig config;
  for (const CreateTopicsRequest::Config& entry : topic.configs) {
    if (entry.value) {
      config[entry.name] = *entry.value;
    } else if (refusal.code == 0) {
      refusal = Refuse(KafkaError::kInvalidConfig,
                       fmt::format("null is no value for topic configuration {}", entry.name));
    }
  }
  if (refusal.code == 0) {
    Result<storage::TopicInfo> created = co_await context.services.log->CreateTopic(
        topic.name, partition_count, std::move(config), validate_only);
    if (Is(created.status(), ErrorCode::kCancelled)) co_return created.status();
    if (created.ok()) {
      DescribeCreated(*created, answer);
      co_return Status::OK();
    }
    refusal.code = KafkaCode(created.status());
    refusal.message = ErrorMessage(created.status());
  }
  answer->error_code = refusal.code;
  answer->error_message = std::move(refusal.message);
  co_return Status::OK();
}

Task<> DeleteOne(const RequestContext& context, const FoundTopic& found,
                 DeleteTopicsResponse::Topic* answer) {
  if (!found.info) {
    answer->error_code = Code(found.error);
    co_return Status::OK();
  }
  answer->name = found.info->name;
  answer->topic_id = found.info->id;
  Status status = storage::CheckClientUse(found.info->name, storage::ClientUse::kChange);
  if (status.ok()) status = co_await context.services.log->DeleteTopic(found.info->id);
  CO_ASSIGN_OR_RETURN(answer->error_code, AnswerCode(status));
  answer->error_message = ErrorMessage(status);
  co_return Status::OK();
}

}  // namespace

Task<CreateTopicsResponse> HandleCreateTopics(const RequestContext& context,
                                              const CreateTopicsRequest& request) {
  CreateTopicsResponse response;
  CO_RETURN_IF_ERROR(
      co_await context.answer_memory->LeaseWhole(std::ssize(request.topics) * kCreatedBytes));
  std::multiset<std::string> names;
  for (const CreateTopicsRequest::Topic& topic : request.topics) names.insert(topic.name);
  std::set<std::string> refused;
  for (const CreateTopicsRequest::Topic& topic : request.topics) {
    bool is_repeated = names.count(topic.name) > 1;
    if (is_repeated && !refused.insert(topic.name).second) continue;
    CreateTopicsResponse::Topic answer;
    answer.name = topic.name;
    if (is_repeated) {
      answer.error_code = Code(KafkaError::kInvalidRequest);
      answer.error_message = "the request names this topic more than once";
    } else {
      CO_RETURN_IF_ERROR(co_await CreateOne(context, topic, request.validate_only, &answer));
    }
    response.topics.push_back(std::move(answer));
  }
  co_return response;
}

Task<DeleteTopicsResponse> HandleDeleteTopics(const RequestContext& context,
                                              const DeleteTopicsRequest& request) {
  DeleteTopicsResponse response;
  for (const std::string& name : request.topic_names) {
    FoundTopic found = FindTopicByName(*context.services.log, name);
    DeleteTopicsResponse::Topic answer;
    answer.name = name;
    CO_RETURN_IF_ERROR(co_await DeleteOne(context, found, &answer));
    response.topics.push_back(std::move(answer));
  }
  for (const DeleteTopicsRequest::Topic& topic : request.topics) {
    if (topic.name && topic.topic_id != Uuid{}) {
      DeleteTopicsResponse::Topic& refused = response.topics.emplace_back();
      refused.name = topic.name;
      refused.topic_id = topic.topic_id;
      refused.error_code = Code(KafkaError::kInvalidRequest);
      refused.error_message = "say which topic by its name or by its id, not by both";
      continue;
    }
    FoundTopic found = topic.name ? FindTopicByName(*context.services.log, *topic.name)
                                  : FindTopicById(*context.services.log, topic.topic_id);
    DeleteTopicsResponse::Topic answer;
    answer.name = topic.name;
    answer.topic_id = topic.topic_id;
    CO_RETURN_IF_ERROR(co_await DeleteOne(context, found, &answer));
    response.topics.push_back(std::move(answer));
  }
  co_return response;
}

Task<CreatePartitionsResponse> HandleCreatePartitions(const RequestContext& context,
                                                      const CreatePartitionsRequest& request) {
  CreatePartitionsResponse response;
  for (const CreatePartitionsRequest::Topic& topic : request.topics) {
    FoundTopic found = FindTopicByName(*context.services.log, topic.name);
    CreatePartitionsResponse::Topic answer;
    answer.name = topic.name;
    if (!found.info) {
      answer.error_code = Code(found.error);
      answer.error_message = "this topic does not exist";
      response.topics.push_back(std::move(answer));
      continue;
    }
    Refusal refusal =
        CheckGrowth(topic, found.info->partition_count, context.services.settings->node_id);
    answer.error_code = refusal.code;
    answer.error_message = std::move(refusal.message);
    if (refusal.code == 0 && !request.validate_only) {
      Result<storage::TopicInfo> grown =
          co_await context.services.log->AddPartitions(found.info->id, topic.count);
      CO_ASSIGN_OR_RETURN(answer.error_code, AnswerCode(grown.status()));
      answer.error_message = ErrorMessage(grown.status());
    }
    response.topics.push_back(std::move(answer));
  }
  co_return response;
}

}  // namespace mainstem::gateway::kafka
