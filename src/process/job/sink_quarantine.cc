#include "process/job/sink_quarantine.h"

#include <algorithm>

#include <absl/hash/hash.h>
#include <fmt/format.h>

#include "process/job/job_topics.h"
#include "storage/batch_builder.h"
#include "storage/record_batch.h"

namespace mainstem::process {
namespace {

// A batch stays well below a topic's greatest message.
constexpr size_t kBatchBytes = 256 * 1024;

uint64_t HashOf(std::string_view origin, std::string_view text) {
  return absl::HashOf(origin, text);
}

// Of the rows that this delivery has put there.
Status AddHashesOf(const std::string& delivery_id, std::span<const std::byte> batch,
                   absl::flat_hash_set<uint64_t>* rows) {
  ASSIGN_OR_RETURN(auto reader, storage::RecordReader::Open(batch));
  storage::RecordView record;
  while (true) {
    ASSIGN_OR_RETURN(bool more, reader.Next(&record));
    if (!more) return Status::OK();
    ASSIGN_OR_RETURN(std::vector<storage::RecordHeader> headers, storage::ReadHeaders(record));
    for (const storage::RecordHeader& header : headers) {
      std::string_view origin = header.value.value_or("");
      if (header.key != "origin" || !origin.starts_with(delivery_id + "/")) continue;
      rows->insert(HashOf(origin, record.value.value_or("")));
    }
  }
}

}  // namespace

Task<> SinkQuarantine::CountKept() {
  if (!HasLimit()) co_return Status::OK();
  auto topic = log_->FindTopic(options_.topic);
  if (!topic || options_.rule.policy != RejectPolicy::kQuarantine) co_return Status::OK();
  storage::TopicPartition where{topic->id, PartitionId(0)};
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log_->Offsets(where));
  absl::flat_hash_set<uint64_t> rows;  // one that came twice counts once
  for (Offset next = offsets.log_start; next < offsets.high_watermark;) {
    CO_ASSIGN_OR_RETURN(storage::ReadResult read, co_await log_->Read(where, next, {}));
    if (read.batches.empty()) break;
    for (const storage::SharedBytes& batch : read.batches) {
      CO_RETURN_IF_ERROR(AddHashesOf(options_.delivery_id, batch.bytes, &rows));
      CO_ASSIGN_OR_RETURN(storage::BatchHeader header, storage::ParseBatchHeader(batch.bytes));
      next = header.next_offset();
    }
  }
  std::lock_guard lock(mutex_);
  row_count_ = static_cast<int64_t>(rows.size());
  known_ = std::move(rows);
  co_return Status::OK();
}

Status SinkQuarantine::CountNew(std::vector<connector::RejectedRecord>* records,
                                std::vector<uint64_t>* hashes) {
  std::lock_guard lock(mutex_);
  if (!HasLimit()) {
    row_count_ += static_cast<int64_t>(records->size());
    return Status::OK();
  }
  // Rows of this call that are equal to each other are several.
  std::erase_if(*records, [&](const connector::RejectedRecord& record) {
    uint64_t hash = HashOf(record.origin, record.raw_bytes);
    if (known_.contains(hash)) return true;
    hashes->push_back(hash);
    return false;
  });
  int64_t total = row_count_ + static_cast<int64_t>(hashes->size());
  if (!records->empty() && total > options_.rule.max) {
    ErrorText text = TextOf(records->front().cause);
    text.detail = fmt::format(
        "{} rows of table '{}' were refused, 'sink.bad-records.max' is {}{}{}", total,
        options_.table, options_.rule.max, text.detail.empty() ? "" : "; ", text.detail);
    return MakeError(ErrorCode::kInvalidRecord, std::move(text));
  }
  row_count_ = total;
  known_.insert(hashes->begin(), hashes->end());
  return Status::OK();
}

void SinkQuarantine::Uncount(const std::vector<uint64_t>& hashes) {
  std::lock_guard lock(mutex_);
  row_count_ -= static_cast<int64_t>(hashes.size());
  for (uint64_t hash : hashes) known_.erase(hash);
}

Task<> SinkQuarantine::OnRejected(std::vector<connector::RejectedRecord> records) {
  std::vector<uint64_t> hashes;
  CO_RETURN_IF_ERROR(CountNew(&records, &hashes));
  if (records.empty() || options_.rule.policy == RejectPolicy::kSkip) co_return Status::OK();
  Status kept = co_await Keep(std::move(records));
  if (!kept.ok()) Uncount(hashes);  // they come again; without a limit they count again
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
