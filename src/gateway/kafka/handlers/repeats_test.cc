// A request that names one thing many times has one answer for it: small requests must not make
// large answers.
#include <gtest/gtest.h>

#include "gateway/kafka/handlers/handlers.h"
#include "gateway/kafka/testing/tiny_log.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr int kTimes = 50;

// Leaked with the process.
struct RepeatsNode {
  std::unique_ptr<storage::EmbeddedLog> log;
  std::unique_ptr<GroupCoordinator> groups;
  KafkaSettings settings;
  AnswerMemory memory;
  RequestContext context{};
  storage::TopicInfo topic;
};

Task<> StartRepeatsNode(SimEnv* env, RepeatsNode* node) {
  CO_ASSIGN_OR_RETURN(node->log, co_await storage::EmbeddedLog::Open(env, TinyLog()));
  node->groups =
      std::make_unique<GroupCoordinator>(env, node->log.get(), node->log.get(), nullptr,
                                         Logger::Silent(), env->shard(0), GroupSettings());
  CO_RETURN_IF_ERROR(co_await node->groups->Start());
  CO_ASSIGN_OR_RETURN(node->topic, co_await node->log->CreateTopic("t", 3, {}, false));
  node->context.services.env = env;
  node->context.services.log = node->log.get();
  node->context.services.transaction_log = node->log.get();
  node->context.services.groups = node->groups.get();
  node->context.services.settings = &node->settings;
  node->context.answer_memory = &node->memory;
  co_return Status::OK();
}

using RepeatsBody = Task<> (*)(RepeatsNode* node);

void RunRepeats(RepeatsBody body) { UseTinyNode(StartRepeatsNode, body); }

Task<> AskForTopics(RepeatsNode* node) {
  MetadataRequest request;
  request.topics.emplace();
  for (int i = 0; i < kTimes; ++i) {
    request.topics->push_back({.topic_id = {}, .name = "t"});
    request.topics->push_back({.topic_id = node->topic.id, .name = std::nullopt});
    request.topics->push_back({.topic_id = {}, .name = "none"});
  }
  node->context.version = 12;
  CO_ASSIGN_OR_RETURN(MetadataResponse response, co_await HandleMetadata(node->context, request));
  EXPECT_EQ(response.topics.size(), 3u);
  EXPECT_EQ(response.topics.at(0).partitions.size(), 3u);
  EXPECT_EQ(response.topics.at(1).topic_id, node->topic.id);
  co_return Status::OK();
}

TEST(RepeatsTest, ATopicIsDescribedOnce) { RunRepeats(AskForTopics); }

Task<> AskForOffsets(RepeatsNode* node) {
  OffsetFetchRequest request;
  for (int i = 0; i < kTimes; ++i) {
    OffsetFetchRequest::Group& group = request.groups.emplace_back();
    group.group_id = "g";
    group.topics.emplace();
    group.topics->push_back({.name = "t", .topic_id = {}, .partition_indexes = {0, 1, 0, 0, 1}});
    group.topics->push_back({.name = "t", .topic_id = {}, .partition_indexes = {2, 0}});
  }
  node->context.version = 8;
  CO_ASSIGN_OR_RETURN(OffsetFetchResponse response,
                      co_await HandleOffsetFetch(node->context, request));
  EXPECT_EQ(response.groups.size(), 1u);
  EXPECT_EQ(response.groups.at(0).topics.at(0).partitions.size(), 2u);
  EXPECT_EQ(response.groups.at(0).topics.at(1).partitions.size(), 1u);
  co_return Status::OK();
}

TEST(RepeatsTest, AGroupAndAPartitionAreAnsweredOnce) { RunRepeats(AskForOffsets); }

Task<> AskForTheRest(RepeatsNode* node) {
  DescribeConfigsRequest configs;
  DescribeGroupsRequest groups;
  DescribeProducersRequest producers;
  for (int i = 0; i < kTimes; ++i) {
    configs.resources.push_back({.resource_type = 2, .resource_name = "t"});
    groups.groups.push_back("g");
    producers.topics.push_back({.name = "t", .partition_indexes = {0, 0, 1}});
  }
  CO_ASSIGN_OR_RETURN(auto config_answer, co_await HandleDescribeConfigs(node->context, configs));
  EXPECT_EQ(config_answer.resources.size(), 1u);
  CO_ASSIGN_OR_RETURN(auto group_answer, co_await HandleDescribeGroups(node->context, groups));
  EXPECT_EQ(group_answer.groups.size(), 1u);
  CO_ASSIGN_OR_RETURN(auto producer_answer,
                      co_await HandleDescribeProducers(node->context, producers));
  size_t partitions = 0;
  for (const auto& topic : producer_answer.topics) partitions += topic.partitions.size();
  EXPECT_EQ(partitions, 2u);
  co_return Status::OK();
}

TEST(RepeatsTest, ConfigsGroupsAndProducersAreDescribedOnce) { RunRepeats(AskForTheRest); }

// Of a topic with no policy at all, too: it keeps its records for ever.
Task<> DeleteWithoutPolicy(RepeatsNode* node) {
  storage::TopicConfig no_policy;
  no_policy["cleanup.policy"] = "";
  CO_RETURN_IF_ERROR((co_await node->log->CreateTopic("kept", 1, no_policy, false)));
  DeleteRecordsRequest request;
  DeleteRecordsRequest::Topic& topic = request.topics.emplace_back();
  topic.name = "kept";
  topic.partitions.push_back({.index = 0, .offset = 0});
  CO_ASSIGN_OR_RETURN(auto response, co_await HandleDeleteRecords(node->context, request));
  EXPECT_EQ(response.topics.at(0).partitions.at(0).error_code, Code(KafkaError::kPolicyViolation));
  co_return Status::OK();
}

TEST(DeleteRecordsTest, ATopicWithoutThePolicyDeleteKeepsItsRecords) {
  RunRepeats(DeleteWithoutPolicy);
}

IncrementalAlterConfigsRequest::Config AppendToPolicy(std::string value) {
  return {.name = "cleanup.policy", .operation = 2, .value = std::move(value)};
}

Task<> ChangeLists(RepeatsNode* node) {
  IncrementalAlterConfigsRequest request;
  for (int i = 0; i < 3; ++i) {
    request.resources.push_back({.resource_type = 2, .resource_name = "t"});
  }
  request.resources[0].configs = {AppendToPolicy("compact"), AppendToPolicy("compact")};
  request.resources[1].configs = {AppendToPolicy("compact,delete,compact")};
  request.resources[2].configs = {AppendToPolicy(std::string(30'000, 'x'))};
  CO_ASSIGN_OR_RETURN(auto response,
                      co_await HandleIncrementalAlterConfigs(node->context, request));
  EXPECT_EQ(response.resources.at(0).error_code, Code(KafkaError::kInvalidRequest));
  EXPECT_EQ(response.resources.at(1).error_code, 0);
  EXPECT_EQ(node->log->FindTopic("t")->config.at("cleanup.policy"), "delete,compact");
  EXPECT_EQ(response.resources.at(2).error_code, Code(KafkaError::kInvalidConfig));
  EXPECT_LT(response.resources.at(2).error_message->size(), 250u);
  co_return Status::OK();
}

TEST(ConfigListsTest, AListIsChangedOnceAndItsValuesAreNotRepeatedAtLength) {
  RunRepeats(ChangeLists);
}

// Counts the turns that others get.
Task<> TakeTurns(const bool* is_over, int* count) {
  while (!*is_over) {
    ++*count;
    CO_RETURN_IF_ERROR(co_await Yield());
  }
  co_return Status::OK();
}

Task<> DescribeLogDirsOfMany(RepeatsNode* node) {
  storage::TopicConfig no_config;
  CO_RETURN_IF_ERROR((co_await node->log->CreateTopic("many", 3000, no_config, false)));
  DescribeLogDirsRequest request;
  request.topics.emplace();
  request.topics->push_back({.name = "t", .partitions = {0, 0, 0}});
  request.topics->push_back({.name = "many", .partitions = std::vector<int32_t>(100'000, 7)});
  request.topics->push_back({.name = "t", .partitions = {2, 5}});
  bool is_over = false;
  int turns = 0;
  TaskScope others(node->context.services.env->shard(0), "others",
                   [](const std::string&, const Status&) {});
  others.Spawn("turns", TakeTurns(&is_over, &turns));
  CO_RETURN_IF_ERROR(co_await Yield());
  turns = 0;
  CO_ASSIGN_OR_RETURN(auto response, co_await HandleDescribeLogDirs(node->context, request));
  EXPECT_GE(turns, 2);
  is_over = true;
  CO_RETURN_IF_ERROR(co_await others.Close());
  std::map<std::string, size_t> counts;
  for (const auto& topic : response.log_dirs.at(0).topics) {
    counts[topic.name] = topic.partitions.size();
  }
  EXPECT_EQ(counts, (std::map<std::string, size_t>{{"many", 1}, {"t", 2}}));
  co_return Status::OK();
}

TEST(RepeatsTest, LogDirectoriesOfManyPartitionsLeaveOthersTheirTurn) {
  RunRepeats(DescribeLogDirsOfMany);
}

}  // namespace
}  // namespace mainstem::gateway::kafka
