// The log groups of the node: finds them, makes, changes and deletes them. Definitions lie in
// "__mainstem_log_groups" (gateway/aws/record_table.h), events in one topic of one partition for
// each group (docs/decisions/0015-log-groups-are-topics.md). Home shard only; changes come one
// after the other, are ended once begun, and are durable when they return.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/logging.h"
#include "gateway/aws/record_table.h"
#include "gateway/logs/log_group.h"
#include "gateway/logs/subscription_delivery.h"
#include "storage/changes_in_turn.h"

namespace mainstem::gateway::logs {

class LogCatalog {
 public:
  // Borrows env, log and delivery, which it tells of filters.
  static Task<std::unique_ptr<LogCatalog>> Open(Env* env, storage::Log* log, MemoryBudget* budget,
                                                SubscriptionDelivery* delivery, Logger logger);

  using Groups = std::map<std::string, LogGroupPtr, std::less<>>;
  const Groups& groups() const { return groups_; }
  // Null when there is none, or its topic was deleted.
  LogGroupPtr Find(std::string_view name) const;
  // Of a group that Find gave; nothing when it was deleted meanwhile.
  std::optional<storage::TopicInfo> TopicOf(const LogGroup& group) const;

  // `definition`: without id and topic. kAlreadyExists.
  Task<> Create(std::string name, GroupDefinition definition);
  Task<> Delete(LogGroupPtr group);
  // Applies `change` to the newest definition; kNotFound when the group is gone.
  using Change = std::function<Status(GroupDefinition* definition)>;
  Task<> Update(LogGroupPtr group, Change change);
  Task<> CreateStream(LogGroupPtr group, std::string name);  // kAlreadyExists
  Task<> DeleteStream(LogGroupPtr group, std::string name);  // kNotFound
  // Makes or changes it; `filter` without id and begin. What is delivered goes on where it was.
  Task<> PutFilter(LogGroupPtr group, std::string name, SubscriptionFilter filter);
  Task<> DeleteFilter(LogGroupPtr group, std::string name);  // kNotFound

 private:
  LogCatalog(Env* env, storage::Log* log, SubscriptionDelivery* delivery, Logger logger);
  Task<> Load(MemoryBudget* budget);
  std::string ChooseTopic(std::string_view group) const;
  bool IsTopicTaken(const std::string& topic) const;
  Task<> CreateHere(std::string name, GroupDefinition definition);
  Task<> DeleteHere(LogGroupPtr group);
  Task<> UpdateHere(LogGroupPtr group, Change change);
  Task<> CreateStreamHere(LogGroupPtr group, std::string name);
  Task<> DeleteStreamHere(LogGroupPtr group, std::string name);
  Task<> PutFilterHere(LogGroupPtr group, std::string name, SubscriptionFilter filter);
  Task<> DeleteFilterHere(LogGroupPtr group, std::string name);
  using GroupsById = std::map<std::string, LogGroupPtr, std::less<>>;
  void LoadGroups(GroupsById* by_id, std::vector<std::string>* stale);
  bool HasTopic(GroupDefinition* definition) const;
  Task<> MendGroups();
  Task<> WriteGroup(std::string name, GroupDefinition definition);
  Task<> SetRetention(storage::TopicInfo topic, std::string retention_ms);
  // Records of streams or filters, by their prefix.
  using TakeRecord =
      std::function<Status(LogGroup* group, std::string name, std::string_view text)>;
  void LoadOfGroups(std::string_view prefix, const GroupsById& by_id, const TakeRecord& take,
                    std::vector<std::string>* stale);
  Task<> Erase(std::vector<std::string> keys);
  Task<> EraseRecords(std::string name, std::string id);

  Env* const env_;
  storage::Log* const log_;
  SubscriptionDelivery* const delivery_;
  const Logger logger_;
  std::unique_ptr<aws::RecordTable> table_;
  Groups groups_;
  storage::ChangesInTurn changes_;
};

}  // namespace mainstem::gateway::logs
