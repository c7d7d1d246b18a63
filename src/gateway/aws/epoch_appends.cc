#include "gateway/aws/epoch_appends.h"

#include <algorithm>

namespace mainstem::gateway::aws {
namespace {

// A batch ends when it is as large; a larger record is one alone.
constexpr size_t kEpochBatchBytes = 512u << 10;

}  // namespace

Status EpochAppends::Add(storage::TopicPartition partition, const Record& record) {
  storage::BatchBuilder& builder = open_[partition];
  size_t needed = storage::RecordBytesBound(record.key, record.value, record.headers);
  if (builder.record_count() > 0 && builder.bytes() + needed > kEpochBatchBytes) {
    RETURN_IF_ERROR(Close(partition, &builder));
  }
  builder.Add(record.timestamp_ms, record.key, record.value, record.headers);
  return Status::OK();
}

void EpochAppends::Hold(std::shared_ptr<const void> held) {
  bool known = std::find(held_.begin(), held_.end(), held) != held_.end();
  if (held != nullptr && !known) held_.push_back(std::move(held));
}

Status EpochAppends::Close(storage::TopicPartition partition, storage::BatchBuilder* builder) {
  ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder->Build());
  closed_.push_back({.partition = partition, .batch = std::move(batch)});
  return Status::OK();
}

Result<std::vector<storage::EpochCommit::Append>> EpochAppends::Take() {
  for (auto& [partition, builder] : open_) {
    if (builder.record_count() > 0) RETURN_IF_ERROR(Close(partition, &builder));
  }
  open_.clear();
  return std::move(closed_);
}

}  // namespace mainstem::gateway::aws
