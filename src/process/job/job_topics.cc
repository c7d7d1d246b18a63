#include "process/job/job_topics.h"

#include <cctype>

#include "storage/topic_config.h"

namespace mainstem::process {

std::string JobTopicName(std::string_view prefix, const std::string& job, const std::string& rest) {
  constexpr size_t kNameBytesMax = 249;
  std::string out = std::string(prefix) + job + (rest.empty() ? "" : "." + rest);
  for (char& c : out) {
    bool fine = std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
    if (!fine) c = '-';
  }
  return out.substr(0, kNameBytesMax);
}

std::string QuarantineTopicName(const std::string& job) {
  return JobTopicName(storage::kQuarantineTopicPrefix, job, "");
}

namespace {

constexpr int64_t kLateRowsBytes = 256 << 20;

Task<storage::TopicInfo> FindOrMake(storage::Log* log, std::string name, int partition_count,
                                    storage::TopicConfig config) {
  std::optional<storage::TopicInfo> found = log->FindTopic(name);
  if (found) co_return *found;
  auto created = co_await log->CreateTopic(name, partition_count, std::move(config), false);
  if (created.ok()) co_return created;
  if (!Is(created.status(), ErrorCode::kAlreadyExists)) co_return created.status();
  found = log->FindTopic(name);  // somebody else was quicker
  if (!found) co_return MakeError(ErrorCode::kUnknownTopic, "topic " + name + " is gone");
  co_return *found;
}

}  // namespace

Task<storage::TopicInfo> FindOrMakeJobTopic(storage::Log* log, std::string name,
                                            int partition_count) {
  storage::TopicConfig config;
  config["retention.ms"] = "-1";
  config["retention.bytes"] = "-1";
  co_return co_await FindOrMake(log, std::move(name), partition_count, std::move(config));
}

Task<storage::TopicInfo> FindOrMakeLateRowsTopic(storage::Log* log, std::string name) {
  storage::TopicConfig config;
  config["retention.bytes"] = std::to_string(kLateRowsBytes);
  config["segment.bytes"] = std::to_string(kLateRowsBytes / 8);
  CO_ASSIGN_OR_RETURN(storage::TopicInfo topic,
                      co_await FindOrMake(log, std::move(name), 1, std::move(config)));
  CO_ASSIGN_OR_RETURN(storage::EffectiveConfig effective, storage::ParseTopicConfig(topic.config));
  if (effective.compact_policy) {
    co_return MakeError(ErrorCode::kInvalidConfig,
                        {.message = "topic '" + topic.name +
                                    "' of 'mainstem.late-rows.topic' is "
                                    "compacted, and late rows have no key",
                         .hint = "name another topic; it is made when it does not exist"});
  }
  co_return topic;
}

}  // namespace mainstem::process
