#include "process/job/job_topics.h"

#include <cctype>

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
  return JobTopicName("__mainstem.quarantine.", job, "");
}

Task<storage::TopicInfo> FindOrMakeJobTopic(storage::Log* log, std::string name,
                                            int partition_count) {
  std::optional<storage::TopicInfo> found = log->FindTopic(name);
  if (found) co_return *found;
  storage::TopicConfig config;
  config["retention.ms"] = "-1";
  config["retention.bytes"] = "-1";
  auto created = co_await log->CreateTopic(name, partition_count, std::move(config), false);
  if (created.ok()) co_return created;
  if (!Is(created.status(), ErrorCode::kAlreadyExists)) co_return created.status();
  found = log->FindTopic(name);  // somebody else was quicker
  if (!found) co_return MakeError(ErrorCode::kUnknownTopic, "topic " + name + " is gone");
  co_return *found;
}

}  // namespace mainstem::process
