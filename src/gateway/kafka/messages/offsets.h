// ListOffsets, OffsetForLeaderEpoch and DeleteRecords: questions about, and moves of, the ends of
// partitions.
#pragma once

#include "gateway/kafka/api.h"
#include "gateway/kafka/codec/schema.h"

namespace mainstem::gateway::kafka {

struct ListOffsetsRequest {
  static constexpr ApiKey kApi = ApiKey::kListOffsets;
  static const Schema kSchema;

  struct Partition {
    static const Schema kSchema;
    int32_t index = 0;
    int32_t current_leader_epoch = -1;
    int64_t timestamp = 0;  // ms, or a negative kind of offset
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t replica_id = 0;
  int8_t isolation_level = 0;  // 1: read committed
  std::vector<Topic> topics;
  int32_t timeout_ms = 0;
};

struct ListOffsetsResponse {
  static constexpr ApiKey kApi = ApiKey::kListOffsets;
  static const Schema kSchema;

  struct Partition {
    static const Schema kSchema;
    int32_t index = 0;
    int16_t error_code = 0;
    int64_t timestamp = -1;
    int64_t offset = -1;
    int32_t leader_epoch = -1;
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
};

struct OffsetForLeaderEpochRequest {
  static constexpr ApiKey kApi = ApiKey::kOffsetForLeaderEpoch;
  static const Schema kSchema;

  struct Partition {
    static const Schema kSchema;
    int32_t index = 0;
    int32_t current_leader_epoch = -1;
    int32_t leader_epoch = 0;
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t replica_id = -2;
  std::vector<Topic> topics;
};

struct OffsetForLeaderEpochResponse {
  static constexpr ApiKey kApi = ApiKey::kOffsetForLeaderEpoch;
  static const Schema kSchema;

  struct Partition {
    static const Schema kSchema;
    int16_t error_code = 0;
    int32_t index = 0;
    int32_t leader_epoch = -1;
    int64_t end_offset = -1;
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
};

struct DeleteRecordsRequest {
  static constexpr ApiKey kApi = ApiKey::kDeleteRecords;
  static const Schema kSchema;

  struct Partition {
    static const Schema kSchema;
    int32_t index = 0;
    int64_t offset = 0;  // -1: the high watermark
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<Partition> partitions;
  };
  std::vector<Topic> topics;
  int32_t timeout_ms = 0;
};

struct DeleteRecordsResponse {
  static constexpr ApiKey kApi = ApiKey::kDeleteRecords;
  static const Schema kSchema;

  struct Partition {
    static const Schema kSchema;
    int32_t index = 0;
    int64_t low_watermark = 0;
    int16_t error_code = 0;
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
};

}  // namespace mainstem::gateway::kafka
