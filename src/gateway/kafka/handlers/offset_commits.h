// What OffsetCommit and TxnOffsetCommit have in common: which offsets of a request may be
// committed.
#pragma once

#include <string>
#include <utility>

#include "gateway/kafka/group/coordinator.h"
#include "gateway/kafka/handlers/handlers.h"
#include "gateway/kafka/handlers/partitions.h"

namespace mainstem::gateway::kafka {

// Who commits, without the offsets.
template <typename Request>
CommitCall CallerOf(const Request& request) {
  CommitCall call;
  call.group = request.group_id;
  call.member_id = request.member_id;
  call.instance_id = request.group_instance_id;
  call.generation = request.generation_id;
  return call;
}

// Answers for each partition; those without an error go into `call`. `find` gives the FoundTopic of
// a request's topic.
template <typename Request, typename Find, typename Response>
void TakeOffsets(const RequestContext& context, const Request& request, const Find& find,
                 CommitCall* call, Response* response) {
  const int32_t metadata_bytes_max = context.services.settings->offset_metadata_bytes_max;
  for (const auto& topic : request.topics) {
    FoundTopic found = find(topic);
    auto& topic_answer = response->topics.emplace_back();
    topic_answer.name = topic.name;
    if constexpr (requires { topic_answer.topic_id; }) topic_answer.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions) {
      std::string metadata = partition.committed_metadata.value_or("");
      KafkaError error = found.CheckPartition(partition.index);
      if (error == KafkaError::kNone && std::ssize(metadata) > metadata_bytes_max) {
        error = KafkaError::kOffsetMetadataTooLarge;
      }
      auto& answer = topic_answer.partitions.emplace_back();
      answer.index = partition.index;
      answer.error_code = Code(error);
      if (error != KafkaError::kNone) continue;
      OffsetCommit& commit = call->offsets.emplace_back();
      commit.topic = found.info->name;
      commit.topic_id = found.info->id;
      commit.partition = PartitionId(partition.index);
      commit.offset.offset = Offset(partition.committed_offset);
      commit.offset.leader_epoch = LeaderEpoch(partition.committed_leader_epoch);
      commit.offset.metadata = std::move(metadata);
    }
  }
}

// The commit as a whole failed: the partitions that had no error of their own have its.
template <typename Response>
void FailOffsets(int16_t error_code, Response* response) {
  for (auto& topic : response->topics) {
    for (auto& partition : topic.partitions) {
      if (partition.error_code == 0) partition.error_code = error_code;
    }
  }
}

}  // namespace mainstem::gateway::kafka
