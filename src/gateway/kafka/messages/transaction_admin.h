// What Kafka's tools ask about transactions, and how they end one by force. DescribeProducers is in
// messages/producers.h.
#pragma once

#include "gateway/kafka/api.h"
#include "gateway/kafka/codec/schema.h"

namespace mainstem::gateway::kafka {

struct WriteTxnMarkersRequest {
  static constexpr ApiKey kApi = ApiKey::kWriteTxnMarkers;
  static const Schema kSchema;

  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<int32_t> partition_indexes;
  };
  struct Marker {
    static const Schema kSchema;
    int64_t producer_id = 0;
    int16_t producer_epoch = 0;
    bool committed = false;
    std::vector<Topic> topics;
    int32_t coordinator_epoch = 0;
    int8_t transaction_version = 0;
  };
  std::vector<Marker> markers;
};

struct WriteTxnMarkersResponse {
  static constexpr ApiKey kApi = ApiKey::kWriteTxnMarkers;
  static const Schema kSchema;

  struct Partition {
    static const Schema kSchema;
    int32_t index = 0;
    int16_t error_code = 0;
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<Partition> partitions;
  };
  struct Marker {
    static const Schema kSchema;
    int64_t producer_id = 0;
    std::vector<Topic> topics;
  };
  std::vector<Marker> markers;
};

struct DescribeTransactionsRequest {
  static constexpr ApiKey kApi = ApiKey::kDescribeTransactions;
  static const Schema kSchema;

  std::vector<std::string> transactional_ids;
};

struct DescribeTransactionsResponse {
  static constexpr ApiKey kApi = ApiKey::kDescribeTransactions;
  static const Schema kSchema;

  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<int32_t> partitions;
  };
  struct State {
    static const Schema kSchema;
    int16_t error_code = 0;
    std::string transactional_id;
    std::string state;
    int32_t timeout_ms = 0;
    int64_t start_time_ms = 0;
    int64_t producer_id = 0;
    int16_t producer_epoch = 0;
    std::vector<Topic> topics;
  };
  int32_t throttle_time_ms = 0;
  std::vector<State> states;
};

struct ListTransactionsRequest {
  static constexpr ApiKey kApi = ApiKey::kListTransactions;
  static const Schema kSchema;

  std::vector<std::string> state_filters;
  std::vector<int64_t> producer_id_filters;
  int64_t duration_filter = -1;
  std::optional<std::string> transactional_id_pattern;
};

struct ListTransactionsResponse {
  static constexpr ApiKey kApi = ApiKey::kListTransactions;
  static const Schema kSchema;

  struct State {
    static const Schema kSchema;
    std::string transactional_id;
    int64_t producer_id = 0;
    std::string state;
  };
  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::vector<std::string> unknown_state_filters;
  std::vector<State> states;
};

}  // namespace mainstem::gateway::kafka
