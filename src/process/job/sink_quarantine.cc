#include "process/job/sink_quarantine.h"

#include <fmt/format.h>

#include "process/job/job_topics.h"
#include "storage/batch_builder.h"

namespace mainstem::process {
namespace {

// A batch stays well below a topic's greatest message.
constexpr size_t kBatchBytes = 256 * 1024;

}  // namespace

Task<> SinkQuarantine::OnRejected(std::vector<connector::RejectedRecord> records) {
  auto count = static_cast<int64_t>(records.size());
  int64_t total = row_count_.fetch_add(count) + count;
  if (total > options_.rows_max) {
    row_count_ -= count;
    ErrorText text = TextOf(records.front().cause);
    text.detail = fmt::format(
        "{} rows of table '{}' were refused, 'sink.bad-records.max' is {}{}{}", total,
        options_.table, options_.rows_max, text.detail.empty() ? "" : "; ", text.detail);
    co_return MakeError(ErrorCode::kInvalidRecord, std::move(text));
  }
  if (options_.policy == RejectPolicy::kSkip) co_return Status::OK();
  Status kept = co_await Keep(std::move(records));
  if (!kept.ok()) row_count_ -= count;  // they come again
  co_return kept;
}

Task<> SinkQuarantine::Keep(std::vector<connector::RejectedRecord> records) {
  CO_ASSIGN_OR_RETURN(storage::TopicInfo topic,
                      co_await FindOrMakeJobTopic(log_, options_.topic, 1));
  storage::TopicPartition where{topic.id, PartitionId(0)};
  int64_t now_ms = env_->WallTime().value();
  storage::BatchBuilder builder;
  for (size_t i = 0; i < records.size(); ++i) {
    const connector::RejectedRecord& rejected = records[i];
    std::string cause = Describe(rejected.cause);
    std::vector<storage::RecordHeader> headers;
    headers.push_back({"origin", rejected.origin});
    headers.push_back({"stage", "deliver"});
    headers.push_back({"cause", cause});
    builder.Add(now_ms, std::nullopt, rejected.raw_bytes, headers);
    if (builder.bytes() < kBatchBytes && i + 1 < records.size()) continue;
    CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
    storage::AppendOptions append;
    append.trusted = true;
    CO_RETURN_IF_ERROR(co_await log_->Append(where, batch, append));
  }
  co_return Status::OK();
}

}  // namespace mainstem::process
