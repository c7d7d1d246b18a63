#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include "core/sync.h"
#include "gateway/kafka/handlers/handlers.h"
#include "gateway/kafka/handlers/offset_commits.h"
#include "gateway/kafka/handlers/partitions.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr int16_t kOffsetsByTopicId = 10;
constexpr int16_t kFirstVersionWithManyGroups = 8;
// What an answer takes in memory, with its encoding.
constexpr int64_t kOffsetBytes = 120;

FoundTopic Find(const RequestContext& context, const std::string& name, const Uuid& id) {
  return context.version >= kOffsetsByTopicId ? FindTopicById(*context.services.log, id)
                                              : FindTopicByName(*context.services.log, name);
}

OffsetFetchResponse::Partition DescribeOffset(int32_t index,
                                              const storage::CommittedOffset* offset) {
  OffsetFetchResponse::Partition partition;
  partition.index = index;
  partition.committed_offset = offset == nullptr ? -1 : offset->offset.value();
  partition.committed_leader_epoch = offset == nullptr ? -1 : offset->leader_epoch.value();
  partition.metadata = offset == nullptr ? std::string() : offset->metadata;
  return partition;
}

std::vector<OffsetFetchResponse::Topic> DescribeAll(const RequestContext& context,
                                                    const GroupOffsets& offsets) {
  std::vector<OffsetFetchResponse::Topic> topics;
  for (const auto& [key, offset] : offsets) {  // sorted by topic
    const auto& [name, partition] = key;
    if (topics.empty() || topics.back().name != name) {
      OffsetFetchResponse::Topic& topic = topics.emplace_back();
      topic.name = name;
      if (auto info = context.services.log->FindTopic(name)) topic.topic_id = info->id;
    }
    topics.back().partitions.push_back(DescribeOffset(partition.value(), &offset));
  }
  if (context.version >= kOffsetsByTopicId) {  // a topic without an id can't be named
    std::erase_if(topics, [](const auto& topic) { return topic.topic_id == Uuid{}; });
  }
  return topics;
}

// A client that wants stable offsets comes again when the open transactions have ended.
void RefuseUnstable(const std::string& topic,
                    const std::set<std::pair<std::string, PartitionId>>& unstable,
                    OffsetFetchResponse::Topic* answer) {
  for (OffsetFetchResponse::Partition& partition : answer->partitions) {
    if (!unstable.contains({topic, PartitionId(partition.index)})) continue;
    partition = DescribeOffset(partition.index, nullptr);
    partition.error_code = Code(KafkaError::kUnstableOffsetCommit);
  }
}

using WantedTopics = std::optional<std::vector<OffsetFetchRequest::Topic>>;

// Each partition once, however often it is named: a small request must not make a large answer.
WantedTopics WithoutRepeats(WantedTopics wanted) {
  if (!wanted) return wanted;
  absl::flat_hash_map<std::pair<std::string, Uuid>, absl::flat_hash_set<int32_t>> seen;
  for (OffsetFetchRequest::Topic& topic : *wanted) {
    auto& of_topic = seen[{topic.name, topic.topic_id}];
    std::erase_if(topic.partition_indexes,
                  [&of_topic](int32_t index) { return !of_topic.insert(index).second; });
  }
  return wanted;
}

int64_t AnswerBytes(const WantedTopics& wanted, const GroupOffsets& offsets) {
  int64_t bytes = 0;
  for (const auto& [key, offset] : offsets) {
    bytes += kOffsetBytes + 2 * std::ssize(offset.metadata);
  }
  if (!wanted) return bytes;
  for (const OffsetFetchRequest::Topic& topic : *wanted) {
    bytes += kOffsetBytes + std::ssize(topic.partition_indexes) * kOffsetBytes;
  }
  return bytes;
}

Task<std::vector<OffsetFetchResponse::Topic>> FetchGroup(const RequestContext& context,
                                                         const std::string& group,
                                                         const WantedTopics& wanted_topics,
                                                         bool require_stable, int64_t* bytes) {
  const WantedTopics wanted = WithoutRepeats(wanted_topics);
  std::set<std::pair<std::string, PartitionId>> unstable;
  if (require_stable) {
    CO_ASSIGN_OR_RETURN(unstable, co_await context.services.groups->UnstableOffsets(group));
  }
  CO_ASSIGN_OR_RETURN(GroupOffsets offsets, co_await context.services.groups->Offsets(group));
  *bytes += AnswerBytes(wanted, offsets);
  CO_RETURN_IF_ERROR(co_await context.answer_memory->LeaseFor(*bytes));
  if (!wanted) {
    for (const auto& key : unstable) offsets.try_emplace(key);  // named, so that it is refused
    std::vector<OffsetFetchResponse::Topic> all = DescribeAll(context, offsets);
    for (OffsetFetchResponse::Topic& topic : all) RefuseUnstable(topic.name, unstable, &topic);
    co_return all;
  }
  std::vector<OffsetFetchResponse::Topic> topics;
  for (const OffsetFetchRequest::Topic& topic : *wanted) {
    OffsetFetchResponse::Topic& answer = topics.emplace_back();
    answer.name = topic.name;
    answer.topic_id = topic.topic_id;
    std::string name = topic.name;
    bool is_unknown = false;
    if (context.version >= kOffsetsByTopicId) {
      auto info = context.services.log->FindTopic(topic.topic_id);
      is_unknown = !info.has_value();
      if (info) name = info->name;
    }
    for (int32_t index : topic.partition_indexes) {
      auto found = offsets.find({name, PartitionId(index)});
      const storage::CommittedOffset* offset = found == offsets.end() ? nullptr : &found->second;
      answer.partitions.push_back(DescribeOffset(index, is_unknown ? nullptr : offset));
      if (is_unknown) {
        answer.partitions.back().error_code = Code(KafkaError::kUnknownTopicId);
      }
    }
    if (!is_unknown) RefuseUnstable(name, unstable, &answer);
  }
  co_return topics;
}

}  // namespace

Task<OffsetCommitResponse> HandleOffsetCommit(const RequestContext& context,
                                              const OffsetCommitRequest& request) {
  OffsetCommitResponse response;
  CommitCall call = CallerOf(request);
  TakeOffsets(
      context, request,
      [&](const auto& topic) { return Find(context, topic.name, topic.topic_id); }, &call,
      &response);
  Result<KafkaError> outcome = KafkaError::kInvalidGroupId;
  if (!request.group_id.empty()) {
    outcome = co_await context.services.groups->Commit(std::move(call));
  }
  if (Is(outcome.status(), ErrorCode::kCancelled)) co_return outcome.status();
  int16_t code = outcome.ok() ? Code(*outcome) : CoordinatorCode(outcome.status());
  if (code == 0) co_return response;
  FailOffsets(code, &response);
  co_return response;
}

Task<OffsetFetchResponse> HandleOffsetFetch(const RequestContext& context,
                                            const OffsetFetchRequest& request) {
  OffsetFetchResponse response;
  int64_t bytes = 0;
  if (context.version < kFirstVersionWithManyGroups) {
    CO_ASSIGN_OR_RETURN(response.topics,
                        co_await FetchGroup(context, request.group_id, request.topics,
                                            request.require_stable, &bytes));
    co_return response;
  }
  absl::flat_hash_set<std::string> seen;
  for (const OffsetFetchRequest::Group& group : request.groups) {
    if (!seen.insert(group.group_id).second) continue;
    CO_RETURN_IF_ERROR(co_await Yield());
    OffsetFetchResponse::Group& answer = response.groups.emplace_back();
    answer.group_id = group.group_id;
    CO_ASSIGN_OR_RETURN(auto topics, co_await FetchGroup(context, group.group_id, group.topics,
                                                         request.require_stable, &bytes));
    answer.topics = std::move(topics);
  }
  co_return response;
}

Task<OffsetDeleteResponse> HandleOffsetDelete(const RequestContext& context,
                                              const OffsetDeleteRequest& request) {
  OffsetDeleteResponse response;
  std::vector<std::pair<std::string, PartitionId>> keys;
  for (const OffsetDeleteRequest::Topic& topic : request.topics) {
    FoundTopic found = FindTopicByName(*context.services.log, topic.name);
    OffsetDeleteResponse::Topic& topic_answer = response.topics.emplace_back();
    topic_answer.name = topic.name;
    for (const OffsetDeleteRequest::Partition& partition : topic.partitions) {
      KafkaError error = found.CheckPartition(partition.index);
      topic_answer.partitions.push_back({partition.index, Code(error)});
      if (error == KafkaError::kNone) keys.emplace_back(topic.name, PartitionId(partition.index));
    }
  }
  Result<GroupCoordinator::DeletedOffsets> deleted =
      co_await context.services.groups->DeleteOffsets(request.group_id, std::move(keys));
  if (Is(deleted.status(), ErrorCode::kCancelled)) co_return deleted.status();
  response.error_code = deleted.ok() ? Code(deleted->error) : CoordinatorCode(deleted.status());
  if (response.error_code != 0) {
    response.topics.clear();
    co_return response;
  }
  auto outcome = deleted->offsets.begin();
  for (OffsetDeleteResponse::Topic& topic : response.topics) {
    for (OffsetDeleteResponse::Partition& partition : topic.partitions) {
      if (partition.error_code == 0) partition.error_code = Code(*outcome++);
    }
  }
  co_return response;
}

}  // namespace mainstem::gateway::kafka
