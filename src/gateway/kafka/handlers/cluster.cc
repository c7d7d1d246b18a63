#include <algorithm>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include "gateway/kafka/error_codes.h"
#include "gateway/kafka/handlers/handlers.h"
#include "gateway/kafka/handlers/turns.h"
#include "gateway/kafka/routes.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr int8_t kGroupCoordinator = 0;
constexpr int8_t kTransactionCoordinator = 1;
constexpr int8_t kShareCoordinator = 2;
constexpr int8_t kBrokerEndpoints = 1;
// What DescribeLogDirs says of a partition takes in memory, with its encoding.
constexpr int64_t kLogDirPartitionBytes = 80;
// KIP-890: an epoch for each transaction, partitions join by being written to.
constexpr const char* kTransactionFeature = "transaction.version";
constexpr int16_t kTransactionVersion = 2;

bool IsLetterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Letters, digits, '-' and '.', but the latter two neither first nor last.
bool IsLegalSoftwareName(const std::string& name) {
  if (name.empty() || !IsLetterOrDigit(name.front()) || !IsLetterOrDigit(name.back())) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return IsLetterOrDigit(c) || c == '-' || c == '.'; });
}

FindCoordinatorResponse::Coordinator FindOne(const RequestContext& context, int8_t key_type,
                                             const std::string& key) {
  FindCoordinatorResponse::Coordinator found;
  found.key = key;
  if (key_type == kGroupCoordinator || key_type == kTransactionCoordinator) {
    found.node_id = context.services.settings->node_id;
    found.host = context.advertised_host;
    found.port = context.advertised_port;
    found.error_message = "";
    return found;
  }
  found.node_id = -1;
  found.port = -1;
  switch (key_type) {
    case kShareCoordinator:
      found.error_code = Code(KafkaError::kUnsupportedVersion);
      found.error_message = "share groups are not supported by this version of Mainstem";
      break;
    default:
      found.error_code = Code(KafkaError::kInvalidRequest);
      found.error_message = "unknown kind of coordinator";
  }
  return found;
}

}  // namespace

Task<ApiVersionsResponse> HandleApiVersions(const RequestContext& context,
                                            const ApiVersionsRequest& request) {
  ApiVersionsResponse response;
  if (context.version >= 3 && (!IsLegalSoftwareName(request.client_software_name) ||
                               !IsLegalSoftwareName(request.client_software_version))) {
    response.error_code = Code(KafkaError::kInvalidRequest);
    co_return response;
  }
  for (const ApiInfo& api : AllApis()) {
    if (FindRoute(api.key) == nullptr) continue;
    response.api_keys.push_back(
        {static_cast<int16_t>(api.key), api.advertised_min_version, api.max_version});
  }
  response.supported_features.push_back({kTransactionFeature, 0, kTransactionVersion});
  response.finalized_features_epoch = 1;
  response.finalized_features.push_back(
      {kTransactionFeature, kTransactionVersion, kTransactionVersion});
  co_return response;
}

Task<SaslHandshakeResponse> HandleSaslHandshake(const RequestContext& context,
                                                const SaslHandshakeRequest& request) {
  SaslHandshakeResponse response;
  response.error_code = Code(KafkaError::kIllegalSaslState);  // a listener without authentication
  co_return response;
}

Task<FindCoordinatorResponse> HandleFindCoordinator(const RequestContext& context,
                                                    const FindCoordinatorRequest& request) {
  FindCoordinatorResponse response;
  for (const std::string& key : request.coordinator_keys) {
    response.coordinators.push_back(FindOne(context, request.key_type, key));
  }
  if (context.version < 4) {
    FindCoordinatorResponse::Coordinator found = FindOne(context, request.key_type, request.key);
    response.error_code = found.error_code;
    response.error_message = found.error_message;
    response.node_id = found.node_id;
    response.host = found.host;
    response.port = found.port;
  }
  co_return response;
}

Task<DescribeClusterResponse> HandleDescribeCluster(const RequestContext& context,
                                                    const DescribeClusterRequest& request) {
  const KafkaSettings& settings = *context.services.settings;
  DescribeClusterResponse response;
  response.cluster_id = settings.cluster_id;
  response.endpoint_type = request.endpoint_type;
  if (request.endpoint_type != kBrokerEndpoints) {
    response.error_code = Code(KafkaError::kInvalidRequest);
    response.error_message = "this is a broker: it knows no controller endpoints";
    co_return response;
  }
  response.controller_id = settings.node_id;
  response.brokers.push_back(
      {settings.node_id, context.advertised_host, context.advertised_port, std::nullopt, false});
  if (request.include_cluster_authorized_operations) {
    response.cluster_authorized_operations = kClusterOperations;
  }
  co_return response;
}

Task<DescribeLogDirsResponse> HandleDescribeLogDirs(const RequestContext& context,
                                                    const DescribeLogDirsRequest& request) {
  storage::Log& log = *context.services.log;
  DescribeLogDirsResponse response;
  DescribeLogDirsResponse::LogDir directory;
  directory.log_dir = context.services.settings->data_directory;
  absl::flat_hash_map<std::string_view, absl::flat_hash_set<int32_t>> wanted;
  if (request.topics) {
    for (const DescribeLogDirsRequest::Topic& topic : *request.topics) {
      wanted[topic.name].insert(topic.partitions.begin(), topic.partitions.end());
    }
  }
  const std::vector<storage::TopicInfo> topics = log.ListTopics();
  int64_t partition_count = 0;
  for (const storage::TopicInfo& info : topics) partition_count += info.partition_count;
  CO_RETURN_IF_ERROR(
      co_await context.answer_memory->LeaseFor(partition_count * kLogDirPartitionBytes));
  Turns turns;
  for (const storage::TopicInfo& info : topics) {
    const absl::flat_hash_set<int32_t>* of_topic = nullptr;
    if (request.topics) {
      auto found = wanted.find(info.name);
      if (found == wanted.end()) continue;
      of_topic = &found->second;
    }
    DescribeLogDirsResponse::Topic& topic = directory.topics.emplace_back();
    topic.name = info.name;
    for (int32_t index = 0; index < info.partition_count; ++index) {
      CO_RETURN_IF_ERROR(co_await turns.After(1));
      if (of_topic != nullptr && !of_topic->contains(index)) continue;
      storage::TopicPartition partition{info.id, PartitionId(index)};
      Result<storage::PartitionOffsets> offsets = co_await log.Offsets(partition);
      if (Is(offsets.status(), ErrorCode::kCancelled)) co_return offsets.status();
      if (!offsets.ok()) continue;
      topic.partitions.push_back({index, offsets->size_bytes, 0, false});
    }
  }
  response.log_dirs.push_back(std::move(directory));
  co_return response;
}

}  // namespace mainstem::gateway::kafka
