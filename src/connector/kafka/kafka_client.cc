#include "connector/kafka/kafka_client.h"

#include <algorithm>
#include <array>

#include <absl/strings/numbers.h>

#include "connector/kafka/kafka_error.h"

namespace mainstem::connector {
namespace {

using Partitions =
    std::unique_ptr<rd_kafka_topic_partition_list_t, void (*)(rd_kafka_topic_partition_list_t*)>;
using Queue = std::unique_ptr<rd_kafka_queue_t, void (*)(rd_kafka_queue_t*)>;

Partitions NewPartitions() {
  return {rd_kafka_topic_partition_list_new(1), rd_kafka_topic_partition_list_destroy};
}

Queue NewQueue(rd_kafka_t* handle) { return {rd_kafka_queue_new(handle), rd_kafka_queue_destroy}; }

// Whether `code` only says that no answer came.
bool IsSilence(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
         code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__WAIT_COORD ||
         code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT ||
         code == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE;
}

void Silent(const rd_kafka_t*, int, const char*, const char*) {}

}  // namespace

Result<std::unique_ptr<KafkaClient>> KafkaClient::Make(rd_kafka_type_t type, KafkaConfig config,
                                                       std::string servers) {
  std::unique_ptr<KafkaClient> client(new KafkaClient());
  client->servers_ = std::move(servers);
  rd_kafka_conf_set_opaque(config.get(), client.get());
  rd_kafka_conf_set_error_cb(config.get(), &KafkaClient::OnError);
  rd_kafka_conf_set_log_cb(config.get(), &Silent);  // what matters comes as an error, too
  std::array<char, 512> problem{};
  client->handle_ = rd_kafka_new(type, config.get(), problem.data(), problem.size());
  if (client->handle_ == nullptr) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "the properties of a Kafka client do not go together",
                      .detail = problem.data()});
  }
  config.release();  // the handle's now
  return client;
}

KafkaClient::~KafkaClient() {
  if (handle_ == nullptr) return;
  rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

void KafkaClient::OnError(rd_kafka_t*, int code, const char* reason, void* self) {
  auto* client = static_cast<KafkaClient*>(self);
  std::lock_guard lock(client->mutex_);
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    client->has_lost_brokers_ = true;
    return;  // why, others have said
  }
  client->connection_code_ = static_cast<rd_kafka_resp_err_t>(code);
  client->connection_reason_ = reason;
}

Status KafkaClient::StatusOf(rd_kafka_resp_err_t code, const std::string& doing,
                             const std::string& reason) {
  rd_kafka_poll(handle_, 0);  // calls OnError
  std::string where = "Kafka at " + servers_ + ": " + doing;
  std::lock_guard lock(mutex_);
  if (IsSilence(code) && connection_code_ != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return KafkaStatus(connection_code_, where, connection_reason_);
  }
  return KafkaStatus(code, where, reason);
}

Status KafkaClient::Take(rd_kafka_error_t* error, const std::string& doing) {
  if (error == nullptr) return Status::OK();
  Status status = StatusOf(rd_kafka_error_code(error), doing, rd_kafka_error_string(error));
  rd_kafka_error_destroy(error);
  return status;
}

Result<KafkaClient::MetadataAnswer> KafkaClient::Metadata(const std::string* topic) {
  std::unique_ptr<rd_kafka_topic_t, void (*)(rd_kafka_topic_t*)> only(nullptr,
                                                                      rd_kafka_topic_destroy);
  if (topic != nullptr) only.reset(rd_kafka_topic_new(handle_, topic->c_str(), nullptr));
  const struct rd_kafka_metadata* found = nullptr;
  rd_kafka_resp_err_t code =
      rd_kafka_metadata(handle_, topic == nullptr ? 1 : 0, only.get(), &found, kKafkaCallMs);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return StatusOf(code, "cannot ask for its topics");
  std::lock_guard lock(mutex_);
  has_lost_brokers_ = false;
  return MetadataAnswer(found, rd_kafka_metadata_destroy);
}

Result<std::map<std::string, int32_t>> KafkaClient::PartitionCounts(
    const std::vector<std::string>& topics) {
  std::map<std::string, int32_t> counts;
  for (const std::string& topic : topics) {
    ASSIGN_OR_RETURN(auto metadata, Metadata(&topic));
    std::string doing = "cannot use topic '" + topic + "'";
    if (metadata->topic_cnt != 1) {
      return StatusOf(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, doing);
    }
    const rd_kafka_metadata_topic& found = metadata->topics[0];
    if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return StatusOf(found.err, doing);
    if (found.partition_cnt == 0) {
      return StatusOf(RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, doing, "it has no partitions yet");
    }
    counts.emplace(topic, found.partition_cnt);
  }
  return counts;
}

Result<std::vector<std::string>> KafkaClient::TopicNames() {
  ASSIGN_OR_RETURN(auto metadata, Metadata(nullptr));
  std::vector<std::string> names;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    std::string name = metadata->topics[i].topic;
    if (!name.starts_with("__")) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool KafkaClient::has_lost_brokers() {
  rd_kafka_poll(handle_, 0);  // calls OnError
  std::lock_guard lock(mutex_);
  return has_lost_brokers_;
}

Result<std::pair<Offset, Offset>> KafkaClient::Bounds(const std::string& topic, int32_t partition) {
  int64_t begin = 0;
  int64_t end = 0;
  rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(handle_, topic.c_str(), partition,
                                                              &begin, &end, kKafkaCallMs);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return std::make_pair(Offset(begin), Offset(end));
  return StatusOf(code, "cannot ask for the offsets of topic '" + topic + "'");
}

Result<std::optional<Offset>> KafkaClient::OffsetAtTime(const std::string& topic, int32_t partition,
                                                        int64_t timestamp_ms) {
  Partitions list = NewPartitions();
  rd_kafka_topic_partition_t* asked =
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition);
  asked->offset = timestamp_ms;
  rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(handle_, list.get(), kKafkaCallMs);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = asked->err;
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return StatusOf(code, "cannot ask for the offsets of topic '" + topic + "'");
  }
  if (asked->offset < 0) return std::nullopt;
  return Offset(asked->offset);
}

KafkaClient::AdminOptions KafkaClient::MakeAdminOptions(rd_kafka_admin_op_t operation) {
  AdminOptions options(rd_kafka_AdminOptions_new(handle_, operation),
                       rd_kafka_AdminOptions_destroy);
  std::array<char, 256> problem{};
  rd_kafka_resp_err_t code = rd_kafka_AdminOptions_set_request_timeout(
      options.get(), kKafkaCallMs, problem.data(), problem.size());
  CHECK(code == RD_KAFKA_RESP_ERR_NO_ERROR);
  return options;
}

Result<KafkaClient::Event> KafkaClient::Answer(rd_kafka_queue_t* queue, const std::string& doing) {
  Event event(rd_kafka_queue_poll(queue, kKafkaCallMs + 1000), rd_kafka_event_destroy);
  if (event == nullptr) return StatusOf(RD_KAFKA_RESP_ERR__TIMED_OUT, doing);
  rd_kafka_resp_err_t code = rd_kafka_event_error(event.get());
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return event;
  return StatusOf(code, doing, rd_kafka_event_error_string(event.get()));
}

Result<KafkaTopicLimits> KafkaClient::LimitsOf(const std::string& topic) {
  Queue queue = NewQueue(handle_);
  AdminOptions options = MakeAdminOptions(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
  rd_kafka_ConfigResource_t* asked =
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str());
  rd_kafka_DescribeConfigs(handle_, &asked, 1, options.get(), queue.get());
  rd_kafka_ConfigResource_destroy(asked);
  std::string doing = "cannot ask for the configuration of topic '" + topic + "'";
  ASSIGN_OR_RETURN(Event event, Answer(queue.get(), doing));
  size_t count = 0;
  const auto* resources = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  KafkaTopicLimits limits;
  if (count != 1) return limits;
  rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(resources[0]);
  // It is only asked to be told earlier: who may not describe a topic may still write to it.
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return limits;
  size_t entry_count = 0;
  const rd_kafka_ConfigEntry_t** entries =
      rd_kafka_ConfigResource_configs(resources[0], &entry_count);
  for (size_t i = 0; i < entry_count; ++i) {
    std::string name = rd_kafka_ConfigEntry_name(entries[i]);
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    if (value == nullptr) continue;
    int64_t bytes = 0;
    if (name == "max.message.bytes" && absl::SimpleAtoi(value, &bytes)) {
      limits.max_message_bytes = bytes;
    }
    if (name == "cleanup.policy") {
      limits.is_compacted = std::string_view(value).find("compact") != std::string_view::npos;
      limits.deletes = std::string_view(value).find("delete") != std::string_view::npos;
    }
  }
  return limits;
}

namespace {

// Of the one group of an answer.
Result<KafkaOffsets> OffsetsOfGroup(KafkaClient* client, const rd_kafka_group_result_t** groups,
                                    size_t count, const std::string& doing) {
  KafkaOffsets offsets;
  if (count != 1) return client->StatusOf(RD_KAFKA_RESP_ERR__BAD_MSG, doing);
  if (const rd_kafka_error_t* error = rd_kafka_group_result_error(groups[0])) {
    return client->StatusOf(rd_kafka_error_code(error), doing, rd_kafka_error_string(error));
  }
  const rd_kafka_topic_partition_list_t* list = rd_kafka_group_result_partitions(groups[0]);
  for (int i = 0; list != nullptr && i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& found = list->elems[i];
    if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return client->StatusOf(found.err, doing);
    if (found.offset < 0) continue;
    offsets.emplace(std::make_pair(std::string(found.topic), found.partition),
                    Offset(found.offset));
  }
  return offsets;
}

}  // namespace

Result<KafkaOffsets> KafkaClient::CommittedOffsets(
    const std::string& group, const std::vector<std::pair<std::string, int32_t>>& partitions) {
  Partitions list = NewPartitions();
  for (const auto& [topic, partition] : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition);
  }
  Queue queue = NewQueue(handle_);
  AdminOptions options = MakeAdminOptions(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
  std::string doing = "cannot read the offsets of group '" + group + "'";
  RETURN_IF_ERROR(Take(rd_kafka_AdminOptions_set_require_stable_offsets(options.get(), 1), doing));
  auto* asked = rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), list.get());
  rd_kafka_ListConsumerGroupOffsets(handle_, &asked, 1, options.get(), queue.get());
  rd_kafka_ListConsumerGroupOffsets_destroy(asked);
  ASSIGN_OR_RETURN(Event event, Answer(queue.get(), doing));
  size_t count = 0;
  const rd_kafka_group_result_t** groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
      rd_kafka_event_ListConsumerGroupOffsets_result(event.get()), &count);
  return OffsetsOfGroup(this, groups, count, doing);
}

Status KafkaClient::CommitOffsets(const std::string& group, const KafkaOffsets& offsets) {
  Partitions list = NewPartitions();
  for (const auto& [where, offset] : offsets) {
    rd_kafka_topic_partition_list_add(list.get(), where.first.c_str(), where.second)->offset =
        offset.value();
  }
  Queue queue = NewQueue(handle_);
  AdminOptions options = MakeAdminOptions(RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS);
  std::string doing = "cannot commit offsets of group '" + group + "'";
  auto* asked = rd_kafka_AlterConsumerGroupOffsets_new(group.c_str(), list.get());
  rd_kafka_AlterConsumerGroupOffsets(handle_, &asked, 1, options.get(), queue.get());
  rd_kafka_AlterConsumerGroupOffsets_destroy(asked);
  ASSIGN_OR_RETURN(Event event, Answer(queue.get(), doing));
  size_t count = 0;
  const rd_kafka_group_result_t** groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
      rd_kafka_event_AlterConsumerGroupOffsets_result(event.get()), &count);
  return OffsetsOfGroup(this, groups, count, doing).status();
}

}  // namespace mainstem::connector
