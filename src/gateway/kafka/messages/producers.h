// InitProducerId hands out the identity of an idempotent producer; DescribeProducers lists those
// that wrote to a partition.
#pragma once

#include "gateway/kafka/api.h"
#include "gateway/kafka/codec/schema.h"

namespace mainstem::gateway::kafka {

struct InitProducerIdRequest {
  static constexpr ApiKey kApi = ApiKey::kInitProducerId;
  static const Schema kSchema;

  std::optional<std::string> transactional_id;
  int32_t transaction_timeout_ms = 0;
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
};

struct InitProducerIdResponse {
  static constexpr ApiKey kApi = ApiKey::kInitProducerId;
  static const Schema kSchema;

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  int64_t producer_id = -1;
  int16_t producer_epoch = 0;
};

struct DescribeProducersRequest {
  static constexpr ApiKey kApi = ApiKey::kDescribeProducers;
  static const Schema kSchema;

  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<int32_t> partition_indexes;
  };
  std::vector<Topic> topics;
};

struct DescribeProducersResponse {
  static constexpr ApiKey kApi = ApiKey::kDescribeProducers;
  static const Schema kSchema;

  struct Producer {
    static const Schema kSchema;
    int64_t producer_id = 0;
    int32_t producer_epoch = 0;
    int32_t last_sequence = -1;
    int64_t last_timestamp = -1;
    int32_t coordinator_epoch = 0;
    int64_t current_txn_start_offset = -1;
  };
  struct Partition {
    static const Schema kSchema;
    int32_t index = 0;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::vector<Producer> active_producers;
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
