#include "gateway/kafka/handlers/handlers.h"
#include "gateway/kafka/handlers/partitions.h"
#include "storage/topic_config.h"

namespace mainstem::gateway::kafka {
namespace {

// Negative timestamps of ListOffsets, and the first version that knows each.
constexpr int64_t kLatest = -1;
constexpr int64_t kEarliest = -2;
constexpr int64_t kMaxTimestamp = -3;           // 7
constexpr int64_t kEarliestLocal = -4;          // 8
constexpr int64_t kLatestTiered = -5;           // 9
constexpr int64_t kEarliestPendingUpload = -6;  // 11

bool VersionKnows(int16_t version, int64_t timestamp) {
  switch (timestamp) {
    case kLatest:
    case kEarliest: return true;
    case kMaxTimestamp: return version >= 7;
    case kEarliestLocal: return version >= 8;
    case kLatestTiered: return version >= 9;
    case kEarliestPendingUpload: return version >= 11;
    default: return timestamp >= 0;
  }
}

Task<storage::OffsetForTime> Resolve(const RequestContext& context,
                                     storage::TopicPartition partition, int64_t timestamp,
                                     bool read_committed) {
  storage::Log& log = *context.services.log;
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log.Offsets(partition));
  storage::OffsetForTime answer{.offset = Offset(-1)};  // there is no second tier
  if (timestamp >= 0 || timestamp == kMaxTimestamp) {
    Task<storage::OffsetForTime> search =
        timestamp >= 0 ? log.FindByTime(partition, timestamp) : log.FindMaxTimestamp(partition);
    CO_ASSIGN_OR_RETURN(storage::OffsetForTime found, co_await std::move(search));
    if (!read_committed || found.offset < offsets.last_stable_offset) answer = found;
    co_return answer;
  }
  if (timestamp == kLatest) {
    answer.offset = read_committed ? offsets.last_stable_offset : offsets.high_watermark;
  } else if (timestamp == kEarliest || timestamp == kEarliestLocal) {
    answer.offset = offsets.log_start;
  }
  co_return answer;
}

Task<ListOffsetsResponse::Partition> ListPartition(const RequestContext& context,
                                                   const FoundTopic& topic,
                                                   const ListOffsetsRequest::Partition& partition,
                                                   bool read_committed) {
  ListOffsetsResponse::Partition answer;
  answer.index = partition.index;
  KafkaError error = topic.CheckPartition(partition.index);
  if (error == KafkaError::kNone) error = CheckLeaderEpoch(partition.current_leader_epoch);
  if (error == KafkaError::kNone && !VersionKnows(context.version, partition.timestamp)) {
    error = KafkaError::kUnsupportedVersion;
  }
  if (error != KafkaError::kNone) {
    answer.error_code = Code(error);
    co_return answer;
  }
  Result<storage::OffsetForTime> found = co_await Resolve(context, topic.Partition(partition.index),
                                                          partition.timestamp, read_committed);
  if (!found.ok()) {
    CO_ASSIGN_OR_RETURN(answer.error_code, AnswerCode(found.status()));
    co_return answer;
  }
  answer.offset = found->offset.value();
  answer.timestamp = found->timestamp_ms;
  if (answer.offset >= 0) answer.leader_epoch = kLeaderEpoch;
  co_return answer;
}

// Of a topic without the policy delete, clients delete nothing.
bool KeepsRecords(const storage::TopicInfo& info) {
  Result<storage::EffectiveConfig> config = storage::ParseTopicConfig(info.config);
  return config.ok() && !config->delete_policy;
}

}  // namespace

Task<ListOffsetsResponse> HandleListOffsets(const RequestContext& context,
                                            const ListOffsetsRequest& request) {
  ListOffsetsResponse response;
  for (const ListOffsetsRequest::Topic& topic : request.topics) {
    FoundTopic found = FindTopicByName(*context.services.log, topic.name);
    ListOffsetsResponse::Topic& topic_answer = response.topics.emplace_back();
    topic_answer.name = topic.name;
    for (const ListOffsetsRequest::Partition& partition : topic.partitions) {
      CO_ASSIGN_OR_RETURN(auto answer,
                          co_await ListPartition(context, found, partition,
                                                 request.isolation_level == kReadCommitted));
      topic_answer.partitions.push_back(answer);
    }
  }
  co_return response;
}

Task<OffsetForLeaderEpochResponse> HandleOffsetForLeaderEpoch(
    const RequestContext& context, const OffsetForLeaderEpochRequest& request) {
  OffsetForLeaderEpochResponse response;
  for (const OffsetForLeaderEpochRequest::Topic& topic : request.topics) {
    FoundTopic found = FindTopicByName(*context.services.log, topic.name);
    OffsetForLeaderEpochResponse::Topic& topic_answer = response.topics.emplace_back();
    topic_answer.name = topic.name;
    for (const OffsetForLeaderEpochRequest::Partition& partition : topic.partitions) {
      OffsetForLeaderEpochResponse::Partition answer;
      answer.index = partition.index;
      KafkaError error = found.CheckPartition(partition.index);
      if (error == KafkaError::kNone) error = CheckLeaderEpoch(partition.current_leader_epoch);
      answer.error_code = Code(error);
      if (error == KafkaError::kNone && partition.leader_epoch == kLeaderEpoch) {
        Result<storage::PartitionOffsets> offsets =
            co_await context.services.log->Offsets(found.Partition(partition.index));
        CO_ASSIGN_OR_RETURN(answer.error_code, AnswerCode(offsets.status()));
        if (offsets.ok()) {
          answer.leader_epoch = kLeaderEpoch;
          answer.end_offset = offsets->high_watermark.value();
        }
      }
      topic_answer.partitions.push_back(answer);
    }
  }
  co_return response;
}

Task<DeleteRecordsResponse> HandleDeleteRecords(const RequestContext& context,
                                                const DeleteRecordsRequest& request) {
  DeleteRecordsResponse response;
  for (const DeleteRecordsRequest::Topic& topic : request.topics) {
    FoundTopic found = FindTopicByName(*context.services.log, topic.name);
    DeleteRecordsResponse::Topic& topic_answer = response.topics.emplace_back();
    topic_answer.name = topic.name;
    for (const DeleteRecordsRequest::Partition& partition : topic.partitions) {
      DeleteRecordsResponse::Partition answer;
      answer.index = partition.index;
      answer.low_watermark = -1;
      answer.error_code = Code(found.CheckPartition(partition.index));
      if (answer.error_code == 0) {
        answer.error_code =
            KafkaCode(storage::CheckClientUse(topic.name, storage::ClientUse::kChange));
      }
      if (answer.error_code == 0 && partition.offset < -1) {
        answer.error_code = Code(KafkaError::kOffsetOutOfRange);
      }
      if (answer.error_code == 0 && KeepsRecords(*found.info)) {
        answer.error_code = Code(KafkaError::kPolicyViolation);
      }
      if (answer.error_code == 0) {
        Result<Offset> start = co_await context.services.log->DeleteRecords(
            found.Partition(partition.index), Offset(partition.offset));
        CO_ASSIGN_OR_RETURN(answer.error_code, AnswerCode(start.status()));
        if (start.ok()) answer.low_watermark = start->value();
      }
      topic_answer.partitions.push_back(answer);
    }
  }
  co_return response;
}

}  // namespace mainstem::gateway::kafka
