// What a transactional producer sends besides InitProducerId and Produce. AddPartitionsToTxn has
// one transaction up to version 3, as clients send it, and many from 4, as brokers among themselves
// do.
#pragma once

#include "gateway/kafka/api.h"
#include "gateway/kafka/codec/schema.h"

namespace mainstem::gateway::kafka {

struct AddPartitionsToTxnRequest {
  static constexpr ApiKey kApi = ApiKey::kAddPartitionsToTxn;
  static const Schema kSchema;

  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<int32_t> partitions;
  };
  struct Transaction {
    static const Schema kSchema;
    std::string transactional_id;
    int64_t producer_id = 0;
    int16_t producer_epoch = 0;
    bool verify_only = false;
    std::vector<Topic> topics;
  };
  std::vector<Transaction> transactions;
  // Up to version 3.
  std::string transactional_id;
  int64_t producer_id = 0;
  int16_t producer_epoch = 0;
  std::vector<Topic> topics;
};

struct AddPartitionsToTxnResponse {
  static constexpr ApiKey kApi = ApiKey::kAddPartitionsToTxn;
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
  struct Transaction {
    static const Schema kSchema;
    std::string transactional_id;
    std::vector<Topic> topics;
  };
  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::vector<Transaction> transactions;
  std::vector<Topic> topics;  // up to version 3
};

struct AddOffsetsToTxnRequest {
  static constexpr ApiKey kApi = ApiKey::kAddOffsetsToTxn;
  static const Schema kSchema;

  std::string transactional_id;
  int64_t producer_id = 0;
  int16_t producer_epoch = 0;
  std::string group_id;
};

struct AddOffsetsToTxnResponse {
  static constexpr ApiKey kApi = ApiKey::kAddOffsetsToTxn;
  static const Schema kSchema;

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
};

struct EndTxnRequest {
  static constexpr ApiKey kApi = ApiKey::kEndTxn;
  static const Schema kSchema;

  std::string transactional_id;
  int64_t producer_id = 0;
  int16_t producer_epoch = 0;
  bool committed = false;
};

struct EndTxnResponse {
  static constexpr ApiKey kApi = ApiKey::kEndTxn;
  static const Schema kSchema;

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
};

struct TxnOffsetCommitRequest {
  static constexpr ApiKey kApi = ApiKey::kTxnOffsetCommit;
  static const Schema kSchema;

  struct Partition {
    static const Schema kSchema;
    int32_t index = 0;
    int64_t committed_offset = 0;
    int32_t committed_leader_epoch = -1;
    std::optional<std::string> committed_metadata;
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<Partition> partitions;
  };
  std::string transactional_id;
  std::string group_id;
  int64_t producer_id = 0;
  int16_t producer_epoch = 0;
  int32_t generation_id = -1;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::vector<Topic> topics;
};

struct TxnOffsetCommitResponse {
  static constexpr ApiKey kApi = ApiKey::kTxnOffsetCommit;
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
  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
};

}  // namespace mainstem::gateway::kafka
