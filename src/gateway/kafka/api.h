// The APIs of Kafka's protocol that this gateway speaks: one row each with its key, its versions
// and the first version in the flexible encoding. The session, the codec and the ApiVersions answer
// all read this table, so what is advertised cannot differ from what is understood.
// Constant data; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace mainstem::gateway::kafka {

enum class ApiKey : int16_t {
  kProduce = 0,
  kFetch = 1,
  kListOffsets = 2,
  kMetadata = 3,
  kOffsetCommit = 8,
  kOffsetFetch = 9,
  kFindCoordinator = 10,
  kJoinGroup = 11,
  kHeartbeat = 12,
  kLeaveGroup = 13,
  kSyncGroup = 14,
  kDescribeGroups = 15,
  kListGroups = 16,
  kSaslHandshake = 17,
  kApiVersions = 18,
  kCreateTopics = 19,
  kDeleteTopics = 20,
  kDeleteRecords = 21,
  kInitProducerId = 22,
  kOffsetForLeaderEpoch = 23,
  kAddPartitionsToTxn = 24,
  kAddOffsetsToTxn = 25,
  kEndTxn = 26,
  kWriteTxnMarkers = 27,
  kTxnOffsetCommit = 28,
  kDescribeAcls = 29,
  kCreateAcls = 30,
  kDeleteAcls = 31,
  kDescribeConfigs = 32,
  kAlterConfigs = 33,
  kDescribeLogDirs = 35,
  kCreatePartitions = 37,
  kDeleteGroups = 42,
  kElectLeaders = 43,
  kIncrementalAlterConfigs = 44,
  kAlterPartitionReassignments = 45,
  kListPartitionReassignments = 46,
  kOffsetDelete = 47,
  kDescribeClientQuotas = 48,
  kAlterClientQuotas = 49,
  kDescribeUserScramCredentials = 50,
  kDescribeCluster = 60,
  kDescribeProducers = 61,
  kDescribeTransactions = 65,
  kListTransactions = 66,
  kListConfigResources = 74,
  kDescribeTopicPartitions = 75,
};

inline constexpr int16_t kNeverFlexible = INT16_MAX;

struct ApiInfo {
  ApiKey key;
  std::string_view name;
  int16_t min_version;  // the lowest that is understood
  int16_t max_version;
  int16_t flexible_from;
  // What ApiVersions says. Lower than min_version only for Produce: older librdkafka looks for
  // Produce 0-2 before it turns compression codecs on, and never sends them.
  int16_t advertised_min_version;

  bool Understands(int16_t version) const {
    return version >= min_version && version <= max_version;
  }
  bool IsFlexible(int16_t version) const { return version >= flexible_from; }
  // 1, or 2 with tagged fields.
  int16_t RequestHeaderVersion(int16_t version) const { return IsFlexible(version) ? 2 : 1; }
  // 0, or 1 with tagged fields. ApiVersions stays at 0, so that a client that was refused can read
  // the refusal.
  int16_t ResponseHeaderVersion(int16_t version) const {
    return IsFlexible(version) && key != ApiKey::kApiVersions ? 1 : 0;
  }
};

// In ascending order of the key.
std::span<const ApiInfo> AllApis();
// Null when the key is unknown.
const ApiInfo* FindApi(int16_t key);
const ApiInfo& GetApi(ApiKey key);

}  // namespace mainstem::gateway::kafka
