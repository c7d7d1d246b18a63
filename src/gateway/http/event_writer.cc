#include "gateway/http/event_writer.h"

#include <fmt/format.h>

#include "core/murmur2.h"
#include "storage/batch_builder.h"

namespace mainstem::gateway::http {
namespace {

// What one partition gets of a request.
struct PartitionWrite {
  storage::BatchBuilder builder;
  std::vector<std::byte> batches;
  int64_t count = 0;
  Result<storage::AppendResult> outcome = MakeError(ErrorCode::kInternal, "was not appended");
};

}  // namespace

PartitionId EventWriter::Choose(const EventWrite& write, const Event& event,
                                PartitionId turn) const {
  if (write.partition) return *write.partition;
  const std::optional<std::string>& key = event.key ? event.key : write.key;
  if (!key) return turn;
  uint32_t positive = Murmur2(*key) & 0x7FFFFFFF;
  return PartitionId(static_cast<int32_t>(positive % write.topic.partition_count));
}

Task<std::vector<WrittenRange>> EventWriter::Write(EventWrite write) {
  CHECK(write.topic.partition_count > 0);
  PartitionId turn(static_cast<int32_t>(next_turn_++ % write.topic.partition_count));
  std::vector<storage::RecordHeader> headers;
  for (const auto& [key, value] : write.headers) headers.push_back({.key = key, .value = value});
  std::map<PartitionId, PartitionWrite> partitions;
  for (const Event& event : write.events) {
    PartitionWrite& target = partitions[Choose(write, event, turn)];
    if (target.builder.record_count() > 0 &&
        target.builder.bytes() + event.value.size() > write.batch_bytes) {
      CO_RETURN_IF_ERROR(target.builder.BuildOnto(&target.batches));
    }
    const std::optional<std::string>& key = event.key ? event.key : write.key;
    std::optional<std::string_view> key_view;
    if (key) key_view = *key;
    target.builder.Add(write.timestamp_ms, key_view, event.value, headers);
    ++target.count;
  }
  for (auto& [partition, target] : partitions)
    CO_RETURN_IF_ERROR(target.builder.BuildOnto(&target.batches));

  std::vector<storage::PartitionAppend> appends;
  for (auto& [partition, target] : partitions) {
    storage::TopicPartition id{.topic_id = write.topic.id, .partition = partition};
    appends.push_back({id, target.batches, &target.outcome});
  }
  CO_RETURN_IF_ERROR(co_await log_->AppendEach(std::move(appends), {}));

  std::vector<WrittenRange> written;
  Status failure;
  for (auto& [partition, target] : partitions) {
    if (target.outcome.ok()) {
      written.push_back({partition, target.outcome->base_offset, target.count});
    } else if (failure.ok()) {
      failure = target.outcome.status();
    }
  }
  if (failure.ok()) co_return written;
  if (written.empty()) co_return failure;
  ErrorText text = TextOf(failure);
  text.detail = fmt::format("{}{}{} of {} partitions were written before", text.detail,
                            text.detail.empty() ? "" : "; ", written.size(), partitions.size());
  co_return MakeError(CodeOf(failure), std::move(text));
}

}  // namespace mainstem::gateway::http
