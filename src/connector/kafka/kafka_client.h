// One librdkafka handle behind Status: what producers and consumers of other clusters share. All
// calls block, for a few seconds at most: make them on a ClientThread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "connector/kafka/client_config.h"
#include "core/ids.h"
#include "core/status.h"

namespace mainstem::connector {

// The longest that a call waits for the cluster.
inline constexpr int kKafkaCallMs = 5000;

struct KafkaTopicLimits {
  // Of a batch with all its framing; nullopt: we may not ask, or cannot.
  std::optional<int64_t> max_message_bytes;
  bool is_compacted = false;
  bool deletes = false;  // old records, compacted or not
};

// (topic, partition) -> offset.
using KafkaOffsets = std::map<std::pair<std::string, int32_t>, Offset>;

class KafkaClient {
 public:
  // Connects in the background. `servers` is for messages.
  static Result<std::unique_ptr<KafkaClient>> Make(rd_kafka_type_t type, KafkaConfig config,
                                                   std::string servers);
  // Does not wait for what was not sent.
  ~KafkaClient();
  KafkaClient(const KafkaClient&) = delete;
  KafkaClient& operator=(const KafkaClient&) = delete;

  rd_kafka_t* handle() const { return handle_; }
  // What librdkafka's callbacks get is the client: so they find who made it.
  void set_owner(void* owner) { owner_ = owner; }
  void* owner() const { return owner_; }
  // Partitions of the topics; kUnknownTopic names the first one that is not there. A producer's
  // question makes a topic where the broker makes topics by itself.
  Result<std::map<std::string, int32_t>> PartitionCounts(const std::vector<std::string>& topics);
  // Names of all topics that this user may see, internal ones apart.
  Result<std::vector<std::string>> TopicNames();
  Result<KafkaTopicLimits> LimitsOf(const std::string& topic);
  // The offset of the first record, and the one that the next record will get.
  Result<std::pair<Offset, Offset>> Bounds(const std::string& topic, int32_t partition);
  // Of the first record with that time or a later one; nullopt: none.
  Result<std::optional<Offset>> OffsetAtTime(const std::string& topic, int32_t partition,
                                             int64_t timestamp_ms);
  // Since the last answer no broker could be reached. Does not block.
  bool has_lost_brokers();
  // What the group has committed for these partitions, open transactions ended; partitions without
  // an offset are absent. For a consumer with a group only, and so is CommitOffsets: librdkafka
  // 2.0.2 dereferences the client's own group when a coordinator moves.
  Result<KafkaOffsets> CommittedOffsets(
      const std::string& group, const std::vector<std::pair<std::string, int32_t>>& partitions);
  // Without being a member of the group.
  Status CommitOffsets(const std::string& group, const KafkaOffsets& offsets);

  // `code` with what the library has said of its connections meanwhile, when that says more.
  Status StatusOf(rd_kafka_resp_err_t code, const std::string& doing,
                  const std::string& reason = "");
  // The same; takes ownership, null is OK.
  Status Take(rd_kafka_error_t* error, const std::string& doing);

 private:
  KafkaClient() = default;
  using Event = std::unique_ptr<rd_kafka_event_t, void (*)(rd_kafka_event_t*)>;
  using AdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, void (*)(rd_kafka_AdminOptions_t*)>;
  AdminOptions MakeAdminOptions(rd_kafka_admin_op_t operation);
  Result<Event> Answer(rd_kafka_queue_t* queue, const std::string& doing);
  using MetadataAnswer =
      std::unique_ptr<const struct rd_kafka_metadata, void (*)(const struct rd_kafka_metadata*)>;
  // Of all topics when `topic` is null.
  Result<MetadataAnswer> Metadata(const std::string* topic);
  static void OnError(rd_kafka_t* handle, int code, const char* reason, void* self);

  rd_kafka_t* handle_ = nullptr;
  void* owner_ = nullptr;
  std::string servers_;
  std::mutex mutex_;  // guards what follows
  bool has_lost_brokers_ = false;
  rd_kafka_resp_err_t connection_code_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string connection_reason_;
};

}  // namespace mainstem::connector
