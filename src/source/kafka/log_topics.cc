#include "source/kafka/log_topics.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include "core/suggest.h"
#include "source/kafka/partition_reader.h"

namespace mainstem::source {
namespace {

bool IsReadToItsEnd(const PartitionPosition& position) {
  return position.end && position.next >= *position.end;
}

class LogTopics final : public KafkaTopics {
 public:
  LogTopics(storage::Log* log, bool read_committed) : log_(log), read_committed_(read_committed) {}

  Task<std::map<std::string, int32_t>> PartitionCounts(std::vector<std::string> names,
                                                       std::string pattern) override {
    std::map<std::string, int32_t> counts;
    if (names.empty()) {
      for (const storage::TopicInfo& topic : log_->ListTopics()) {
        if (topic.internal || !re2::RE2::FullMatch(topic.name, pattern)) continue;
        counts.emplace(topic.name, topic.partition_count);
      }
    }
    for (const std::string& name : names) {
      std::optional<storage::TopicInfo> topic = log_->FindTopic(name);
      if (!topic) co_return UnknownTopic(name);
      counts.emplace(name, topic->partition_count);
    }
    co_return counts;
  }

  Task<PartitionBounds> Bounds(PartitionName partition) override {
    CO_ASSIGN_OR_RETURN(storage::TopicPartition where, Find(partition));
    CO_ASSIGN_OR_RETURN(storage::PartitionOffsets known, co_await log_->Offsets(where));
    co_return PartitionBounds{.begin = known.log_start, .end = known.high_watermark};
  }

  std::optional<storage::TopicPartition> InOwnLog(const PartitionName& partition) const override {
    Result<storage::TopicPartition> where = Find(partition);
    if (!where.ok()) return std::nullopt;
    return *where;
  }

  Task<> CheckPosition(PartitionName partition, PartitionPosition position) override {
    if (IsReadToItsEnd(position)) co_return Status::OK();
    CO_RETURN_IF_ERROR(CheckTopic(partition, position));
    CO_ASSIGN_OR_RETURN(PartitionBounds known, co_await Bounds(partition));
    if (position.next < known.begin) {
      co_return MakeError(
          ErrorCode::kOffsetOutOfRange,
          fmt::format("offsets {} to {} of partition '{}' were dropped before they were read",
                      position.next.value(), known.begin.value() - 1, partition.ToString()));
    }
    if (position.next > known.end) {
      co_return MakeError(
          ErrorCode::kOffsetOutOfRange,
          fmt::format("partition '{}' ends at offset {}, and {} was to be read",
                      partition.ToString(), known.end.value(), position.next.value()));
    }
    co_return Status::OK();
  }

  Task<std::optional<Offset>> OffsetAtTime(PartitionName partition, int64_t timestamp_ms) override {
    CO_ASSIGN_OR_RETURN(storage::TopicPartition where, Find(partition));
    CO_ASSIGN_OR_RETURN(storage::OffsetForTime found,
                        co_await log_->FindByTime(where, timestamp_ms));
    std::optional<Offset> offset;
    if (found.offset.value() >= 0) offset = found.offset;
    co_return offset;
  }

  Task<GroupOffsets> CommittedOffsets(std::string group,
                                      std::vector<PartitionName> partitions) override {
    GroupOffsets offsets;
    CO_ASSIGN_OR_RETURN(auto all, co_await log_->LoadOffsets());
    std::set<PartitionName> wanted(partitions.begin(), partitions.end());
    for (const auto& [key, committed] : all) {
      PartitionName name{.topic = key.topic, .partition = key.partition.value()};
      if (key.group == group && wanted.count(name) > 0) offsets[name] = committed.offset;
    }
    co_return offsets;
  }

  Task<> CommitOffsets(std::string group, GroupOffsets offsets) override {
    std::vector<std::pair<storage::Log::OffsetKey, std::optional<storage::CommittedOffset>>>
        commits;
    for (const auto& [partition, offset] : offsets) {
      Result<storage::TopicPartition> where = Find(partition);
      if (!where.ok()) continue;  // deleted meanwhile
      storage::Log::OffsetKey key{
          .group = group, .topic = partition.topic, .partition = where->partition};
      storage::CommittedOffset committed;
      committed.offset = offset;
      commits.emplace_back(std::move(key), std::move(committed));
    }
    co_return co_await log_->CommitOffsets(std::move(commits));
  }

  Task<std::unique_ptr<connector::SplitReader>> OpenPartition(
      PartitionName partition, PartitionPosition position,
      std::unique_ptr<RecordDecoder> decoder) override {
    PartitionReadOptions options;
    // Looked for before the check, which then fails when it is another topic's.
    Result<storage::TopicPartition> where = Find(partition);
    if (!IsReadToItsEnd(position)) CO_RETURN_IF_ERROR(CheckTopic(partition, position));
    CO_ASSIGN_OR_RETURN(options.partition, std::move(where));
    position.topic = options.partition.topic_id;
    options.read_committed = read_committed_;
    co_return std::make_unique<PartitionReader>(log_, options, position, std::move(decoder));
  }

 private:
  Status CheckTopic(const PartitionName& partition, const PartitionPosition& position) const {
    std::optional<storage::TopicInfo> topic = log_->FindTopic(partition.topic);
    if (!topic || !position.topic || *position.topic == topic->id) return Status::OK();
    return MakeError(ErrorCode::kOffsetOutOfRange,
                     {.message = "topic '" + partition.topic +
                                 "' was deleted and made again since it was read last",
                      .hint = "submit the script as a new job"});
  }

  Status UnknownTopic(const std::string& name) const {
    std::vector<std::string> names;
    for (const storage::TopicInfo& info : log_->ListTopics()) {
      if (!info.internal) names.push_back(info.name);
    }
    return MakeError(ErrorCode::kUnknownTopic, {.message = "there is no topic '" + name + "'",
                                                .hint = SuggestionFor(name, names)});
  }

  Result<storage::TopicPartition> Find(const PartitionName& name) const {
    std::optional<storage::TopicInfo> topic = log_->FindTopic(name.topic);
    if (!topic || name.partition < 0 || name.partition >= topic->partition_count) {
      return MakeError(ErrorCode::kUnknownTopic,
                       {.message = "partition '" + name.ToString() + "' is gone"});
    }
    return storage::TopicPartition{.topic_id = topic->id, .partition = PartitionId(name.partition)};
  }

  storage::Log* log_;
  bool read_committed_;
};

}  // namespace

std::shared_ptr<KafkaTopics> MakeLogTopics(storage::Log* log, bool read_committed) {
  return std::make_shared<LogTopics>(log, read_committed);
}

}  // namespace mainstem::source
