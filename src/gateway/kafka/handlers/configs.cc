#include <set>

#include <absl/container/flat_hash_set.h>
#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/join.hpp>
#include <boost/algorithm/string/split.hpp>

#include "core/sync.h"
#include "gateway/kafka/handlers/config_entries.h"
#include "gateway/kafka/handlers/handlers.h"
#include "gateway/kafka/handlers/partitions.h"
#include "storage/topic_config.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr int8_t kTopicResource = 2;
constexpr int8_t kBrokerResource = 4;
constexpr int8_t kBrokerLoggerResource = 8;
constexpr int8_t kClientMetricsResource = 16;
constexpr int8_t kGroupResource = 32;

enum Operation : int8_t { kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3 };

// What the answer for one resource takes in memory, with its encoding; most of it are explanations.
constexpr int64_t kResourceBytes = 16 << 10;

bool IsThisNode(const RequestContext& context, const std::string& name) {
  return name.empty() || name == std::to_string(context.services.settings->node_id);
}

struct Listing {
  KafkaError error = KafkaError::kNone;
  std::string message;
  std::vector<ConfigEntry> entries;
};

Listing ListEntries(const RequestContext& context, int8_t resource_type, const std::string& name) {
  switch (resource_type) {
    case kTopicResource: {
      if (!IsLegalTopicName(name)) return {KafkaError::kInvalidTopic, "not a topic name", {}};
      auto info = context.services.log->FindTopic(name);
      if (!info) return {KafkaError::kUnknownTopicOrPartition, "this topic does not exist", {}};
      return {KafkaError::kNone, "", TopicConfigEntries(info->config)};
    }
    case kBrokerResource: {
      if (!IsThisNode(context, name)) {
        return {KafkaError::kInvalidRequest, fmt::format("node '{}' is not this one", name), {}};
      }
      std::string listener =
          fmt::format("PLAINTEXT://{}:{}", context.advertised_host, context.advertised_port);
      return {KafkaError::kNone, "", BrokerConfigEntries(*context.services.settings, listener)};
    }
    case kBrokerLoggerResource:
    case kClientMetricsResource:
    case kGroupResource: return {};  // nothing can be set there
    default:
      return {
          KafkaError::kInvalidRequest, fmt::format("unknown resource type {}", resource_type), {}};
  }
}

DescribeConfigsResponse::Config Show(const ConfigEntry& entry,
                                     const DescribeConfigsRequest& request) {
  DescribeConfigsResponse::Config config;
  config.name = entry.name;
  config.value = entry.value;
  config.read_only = entry.read_only;
  config.source = static_cast<int8_t>(entry.source);
  config.type = static_cast<int8_t>(entry.type);
  if (request.include_documentation) config.documentation = entry.documentation;
  if (!request.include_synonyms) return config;
  if (entry.source != ConfigSource::kDefault) {
    config.synonyms.push_back({entry.name, entry.value, config.source});
  }
  if (!entry.read_only) {
    config.synonyms.push_back(
        {entry.name, entry.default_value, static_cast<int8_t>(ConfigSource::kDefault)});
  }
  return config;
}

struct Outcome {
  int16_t code = 0;
  std::optional<std::string> message;
};

Outcome Fail(KafkaError error, std::string message) { return {Code(error), std::move(message)}; }

// kafka-reassign-partitions.sh takes away throttles when it is done. One node has none.
bool OnlyEndsThrottles(const IncrementalAlterConfigsRequest::Resource& resource) {
  static const std::set<std::string> kThrottles = {
      "leader.replication.throttled.rate", "follower.replication.throttled.rate",
      "replica.alter.log.dirs.io.max.bytes.per.second"};
  return resource.resource_type == kBrokerResource &&
         std::all_of(resource.configs.begin(), resource.configs.end(), [](const auto& change) {
           return change.operation == kDelete && kThrottles.contains(change.name);
         });
}

// Nothing when `type` and `name` are a topic that exists.
std::optional<Outcome> CheckAlterable(const RequestContext& context, int8_t type,
                                      const std::string& name) {
  if (type == kBrokerResource || type == kBrokerLoggerResource) {
    return Fail(KafkaError::kInvalidRequest,
                "settings of the node are changed in its configuration file");
  }
  if (type != kTopicResource) {
    return Fail(KafkaError::kInvalidRequest, fmt::format("resource type {} can't be set", type));
  }
  if (!IsLegalTopicName(name)) return Fail(KafkaError::kInvalidTopic, "not a topic name");
  if (!context.services.log->FindTopic(name)) {
    return Fail(KafkaError::kUnknownTopicOrPartition, "this topic does not exist");
  }
  Status allowed = storage::CheckClientUse(name, storage::ClientUse::kChange);
  if (!allowed.ok()) return Fail(KafkaError::kInvalidTopic, Describe(allowed));
  return std::nullopt;
}

Task<Outcome> ChangeTopicConfig(const RequestContext& context, const std::string& name,
                                storage::Log::ConfigChange change, bool validate_only) {
  auto info = context.services.log->FindTopic(name);
  if (!info) {
    Outcome gone = Fail(KafkaError::kUnknownTopicOrPartition, "this topic does not exist");
    co_return gone;
  }
  Status status =
      co_await context.services.log->ChangeTopicConfig(info->id, std::move(change), validate_only);
  if (Is(status, ErrorCode::kCancelled)) co_return status;
  Outcome outcome{KafkaCode(status), ErrorMessage(status)};
  co_return outcome;
}

const storage::ConfigKey* FindKey(const std::string& name) {
  for (const storage::ConfigKey& key : storage::TopicConfigKeys()) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

std::vector<std::string> SplitList(const std::string& list) {
  std::vector<std::string> values;
  boost::split(values, list, boost::is_any_of(", "), boost::token_compress_on);
  std::erase(values, "");
  return values;
}

// Adds to, or takes from, a comma-separated list. What is in it already keeps its place.
Status ChangeList(const IncrementalAlterConfigsRequest::Config& change,
                  storage::TopicConfig* config) {
  const storage::ConfigKey* key = FindKey(change.name);
  if (key == nullptr) {
    return MakeError(ErrorCode::kInvalidConfig,
                     fmt::format("unknown configuration {}", change.name));
  }
  if (key->kind != storage::ConfigKind::kList) {
    return MakeError(ErrorCode::kInvalidConfig,
                     fmt::format("configuration {} is not a list", change.name));
  }
  auto set = config->find(change.name);
  std::string current = set == config->end() ? key->default_value : set->second;
  std::vector<std::string> values = SplitList(current);
  std::vector<std::string> named = SplitList(*change.value);
  absl::flat_hash_set<std::string> known;
  if (change.operation == kAppend) {
    known.insert(values.begin(), values.end());
    for (std::string& value : named) {
      if (known.insert(value).second) values.push_back(std::move(value));
    }
  } else {
    known.insert(named.begin(), named.end());
    std::erase_if(values, [&known](const std::string& value) { return known.contains(value); });
  }
  (*config)[change.name] = boost::join(values, ",");
  return Status::OK();
}

Status ApplyChange(const IncrementalAlterConfigsRequest::Config& change,
                   storage::TopicConfig* config) {
  if (change.operation == kDelete) {
    if (FindKey(change.name) == nullptr) {
      return MakeError(ErrorCode::kInvalidConfig,
                       fmt::format("unknown configuration {}", change.name));
    }
    config->erase(change.name);
    return Status::OK();
  }
  if (!change.value) {
    return MakeError(ErrorCode::kInvalidArgument, fmt::format("no value for {}", change.name));
  }
  switch (change.operation) {
    case kSet: (*config)[change.name] = *change.value; return Status::OK();
    case kAppend:
    case kSubtract: return ChangeList(change, config);
    default:
      return MakeError(ErrorCode::kInvalidArgument,
                       fmt::format("unknown operation {} for {}", change.operation, change.name));
  }
}

// One that stands there twice has no meaning, and a long list of changes of one list takes long.
std::optional<Outcome> CheckNamedOnce(
    const std::vector<IncrementalAlterConfigsRequest::Config>& changes) {
  absl::flat_hash_set<std::string> names;
  for (const IncrementalAlterConfigsRequest::Config& change : changes) {
    if (names.insert(change.name).second) continue;
    return Fail(KafkaError::kInvalidRequest, "a configuration is named more than once");
  }
  return std::nullopt;
}

Result<storage::TopicConfig> ApplyAll(
    const std::vector<IncrementalAlterConfigsRequest::Config>& changes,
    storage::TopicConfig config) {
  for (const IncrementalAlterConfigsRequest::Config& change : changes) {
    RETURN_IF_ERROR(ApplyChange(change, &config));
  }
  return config;
}

}  // namespace

Task<DescribeConfigsResponse> HandleDescribeConfigs(const RequestContext& context,
                                                    const DescribeConfigsRequest& request) {
  DescribeConfigsResponse response;
  // Each once, however often it is named: a small request must not make a large answer.
  std::set<std::pair<int8_t, std::string>> named;
  for (const auto& resource : request.resources) {
    named.emplace(resource.resource_type, resource.resource_name);
  }
  CO_RETURN_IF_ERROR(co_await context.answer_memory->LeaseFor(std::ssize(named) * kResourceBytes));
  for (const DescribeConfigsRequest::Resource& resource : request.resources) {
    if (named.erase({resource.resource_type, resource.resource_name}) == 0) continue;
    CO_RETURN_IF_ERROR(co_await Yield());
    DescribeConfigsResponse::Resource& answer = response.resources.emplace_back();
    answer.resource_type = resource.resource_type;
    answer.resource_name = resource.resource_name;
    Listing listing = ListEntries(context, resource.resource_type, resource.resource_name);
    answer.error_code = Code(listing.error);
    if (listing.error != KafkaError::kNone) answer.error_message = std::move(listing.message);
    for (const ConfigEntry& entry : listing.entries) {
      if (resource.configuration_keys) {
        const auto& keys = *resource.configuration_keys;
        if (std::find(keys.begin(), keys.end(), entry.name) == keys.end()) continue;
      }
      answer.configs.push_back(Show(entry, request));
    }
  }
  co_return response;
}

// Replaces all settings of a topic by those given.
Task<AlterConfigsResponse> HandleAlterConfigs(const RequestContext& context,
                                              const AlterConfigsRequest& request) {
  AlterConfigsResponse response;
  for (const AlterConfigsRequest::Resource& resource : request.resources) {
    Outcome outcome;
    storage::TopicConfig config;
    if (auto refusal = CheckAlterable(context, resource.resource_type, resource.resource_name)) {
      outcome = std::move(*refusal);
    }
    for (const AlterConfigsRequest::Config& entry : resource.configs) {
      if (entry.value) {
        config[entry.name] = *entry.value;
      } else if (outcome.code == 0) {
        outcome = Fail(KafkaError::kInvalidRequest, fmt::format("no value for {}", entry.name));
      }
    }
    if (outcome.code == 0) {
      auto replace = [config = std::move(config)](const storage::TopicConfig&) { return config; };
      CO_ASSIGN_OR_RETURN(
          outcome, co_await ChangeTopicConfig(context, resource.resource_name, std::move(replace),
                                              request.validate_only));
    }
    response.resources.push_back(
        {outcome.code, std::move(outcome.message), resource.resource_type, resource.resource_name});
  }
  co_return response;
}

Task<IncrementalAlterConfigsResponse> HandleIncrementalAlterConfigs(
    const RequestContext& context, const IncrementalAlterConfigsRequest& request) {
  IncrementalAlterConfigsResponse response;
  for (const IncrementalAlterConfigsRequest::Resource& resource : request.resources) {
    if (OnlyEndsThrottles(resource)) {
      response.resources.push_back(
          {0, std::nullopt, resource.resource_type, resource.resource_name});
      continue;
    }
    Outcome outcome;
    if (auto refusal = CheckAlterable(context, resource.resource_type, resource.resource_name)) {
      outcome = std::move(*refusal);
    } else if (auto repeated = CheckNamedOnce(resource.configs)) {
      outcome = std::move(*repeated);
    } else {
      auto change = [changes = resource.configs](storage::TopicConfig config) {
        return ApplyAll(changes, std::move(config));
      };
      CO_ASSIGN_OR_RETURN(
          outcome, co_await ChangeTopicConfig(context, resource.resource_name, std::move(change),
                                              request.validate_only));
    }
    response.resources.push_back(
        {outcome.code, std::move(outcome.message), resource.resource_type, resource.resource_name});
  }
  co_return response;
}

// Version 0 could only ask for client metrics, of which there are none.
Task<ListConfigResourcesResponse> HandleListConfigResources(
    const RequestContext& context, const ListConfigResourcesRequest& request) {
  ListConfigResourcesResponse response;
  if (context.version == 0) co_return response;
  std::set<int8_t> types(request.resource_types.begin(), request.resource_types.end());
  static const std::set<int8_t> kKnown = {kTopicResource, kBrokerResource, kBrokerLoggerResource,
                                          kClientMetricsResource, kGroupResource};
  if (!std::includes(kKnown.begin(), kKnown.end(), types.begin(), types.end())) {
    response.error_code = Code(KafkaError::kUnsupportedVersion);
    co_return response;
  }
  if (types.empty()) types = kKnown;
  std::string node_id = std::to_string(context.services.settings->node_id);
  if (types.contains(kTopicResource)) {
    for (const storage::TopicInfo& info : context.services.log->ListTopics()) {
      response.resources.push_back({info.name, kTopicResource});
    }
  }
  if (types.contains(kBrokerResource)) response.resources.push_back({node_id, kBrokerResource});
  if (types.contains(kBrokerLoggerResource)) {
    response.resources.push_back({node_id, kBrokerLoggerResource});
  }
  co_return response;
}

}  // namespace mainstem::gateway::kafka
