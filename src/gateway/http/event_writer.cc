#include "gateway/http/event_writer.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/murmur2.h"
#include "storage/batch_builder.h"
#include "storage/topic_config.h"

namespace mainstem::gateway::http {
namespace {

// Of all events of a request.
struct Common {
  int64_t timestamp_ms = 0;
  std::vector<storage::RecordHeader> headers;
  size_t topic_max = 0;  // bytes of a batch that the topic takes
  size_t batch_max = 0;  // a batch of several events has no more
};

// Builds the batches of one partition.
class PartitionBuilder {
 public:
  Status Add(const Common& common, std::optional<std::string_view> key, std::string_view value) {
    RETURN_IF_ERROR(builder_.AddOnto(&write_.batches, common.batch_max, common.timestamp_ms, key,
                                     value, common.headers));
    ++write_.count;
    if (builder_.bytes() <= common.topic_max) return Status::OK();
    return MakeError(ErrorCode::kMessageTooLarge,
                     {.message = fmt::format("an event takes {} bytes, its topic at most {}",
                                             builder_.bytes(), common.topic_max),
                      .detail = "nothing of this request was written",
                      .hint = "the topic's max.message.bytes says how much it takes"});
  }
  Result<PartitionWrite> Take() {
    RETURN_IF_ERROR(builder_.BuildOnto(&write_.batches));
    return std::move(write_);
  }

 private:
  storage::BatchBuilder builder_;
  PartitionWrite write_;
};

PartitionId ChoosePartition(const EventWrite& write, std::optional<std::string_view> key,
                            int32_t partition_count, PartitionId turn) {
  if (write.partition) return *write.partition;
  if (!key) return turn;
  uint32_t positive = Murmur2(*key) & 0x7FFFFFFF;
  return PartitionId(static_cast<int32_t>(positive % static_cast<uint32_t>(partition_count)));
}

}  // namespace

Result<PreparedWrite> EventWriter::Prepare(const EventWrite& write,
                                           const storage::TopicInfo& topic) {
  CHECK(topic.partition_count > 0);
  ASSIGN_OR_RETURN(storage::EffectiveConfig config, storage::ParseTopicConfig(topic.config));
  PartitionId turn(static_cast<int32_t>(next_turn_++ % topic.partition_count));
  Common common{.timestamp_ms = write.timestamp_ms,
                .headers = {},
                .topic_max = config.max_message_bytes,
                .batch_max = std::min(write.batch_bytes, config.max_message_bytes)};
  for (const auto& [key, value] : write.headers) {
    common.headers.push_back({.key = key, .value = value});
  }
  std::map<PartitionId, PartitionBuilder> builders;
  for (const Event& event : write.events) {
    const std::optional<std::string>& key = event.key ? event.key : write.key;
    std::optional<std::string_view> key_view;
    if (key) key_view = *key;
    PartitionId partition = ChoosePartition(write, key_view, topic.partition_count, turn);
    RETURN_IF_ERROR(builders[partition].Add(common, key_view, event.value));
  }
  PreparedWrite prepared;
  for (auto& [partition, builder] : builders) {
    ASSIGN_OR_RETURN(prepared[partition], builder.Take());
  }
  return prepared;
}

Task<std::vector<WrittenRange>> EventWriter::Write(storage::TopicId topic, PreparedWrite write) {
  std::vector<Result<storage::AppendResult>> outcomes(
      write.size(), MakeError(ErrorCode::kInternal, "was not appended"));
  std::vector<storage::PartitionAppend> appends;
  for (auto& [partition, target] : write) {
    storage::TopicPartition id{.topic_id = topic, .partition = partition};
    appends.push_back({id, target.batches, &outcomes[appends.size()]});
  }
  CO_RETURN_IF_ERROR(co_await log_->AppendEach(std::move(appends), {}));

  std::vector<WrittenRange> written;
  Status failure;
  size_t place = 0;
  for (auto& [partition, target] : write) {
    const Result<storage::AppendResult>& outcome = outcomes[place++];
    if (outcome.ok()) {
      written.push_back({partition, outcome->base_offset, target.count});
    } else if (failure.ok()) {
      failure = outcome.status();
    }
  }
  if (failure.ok()) co_return written;
  if (written.empty()) co_return failure;
  ErrorText text = TextOf(failure);
  text.detail = fmt::format("{}{}{} of {} partitions were written before", text.detail,
                            text.detail.empty() ? "" : "; ", written.size(), write.size());
  co_return MakeError(CodeOf(failure), std::move(text));
}

}  // namespace mainstem::gateway::http
