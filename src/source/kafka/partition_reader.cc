#include "source/kafka/partition_reader.h"

#include <arrow/api.h>

namespace mainstem::source {
namespace {

using connector::SourceBatch;

constexpr size_t kFetchBytes = size_t{1} << 20;

GatheredRecords::Origin OriginOfBatch(const storage::BatchHeader& header) {
  return {.leader_epoch = header.leader_epoch.value(),
          .is_log_append_time = header.log_append_time()};
}

}  // namespace

PartitionReader::PartitionReader(storage::Log* log, PartitionReadOptions options,
                                 PartitionPosition position, std::unique_ptr<RecordDecoder> decoder)
    : log_(log),
      options_(options),
      position_(position),
      decoder_(std::move(decoder)),
      high_watermark_(position.next) {}

Task<SourceBatch> PartitionReader::Read(size_t max_rows, TimePoint deadline) {
  Gathered gathered;
  while (!AtEnd()) {
    CO_RETURN_IF_ERROR(Gather(max_rows, &gathered));
    if (!gathered.records.empty() || !gathered.rejected.empty()) break;
    CO_ASSIGN_OR_RETURN(bool has_more, co_await FetchMore(deadline));
    if (!has_more) break;
  }
  CO_ASSIGN_OR_RETURN(SourceBatch batch, co_await decoder_->Decode(&gathered));
  batch.position = position_.ToString();
  batch.bytes_read = std::exchange(bytes_read_, 0);
  batch.end_of_split = AtEnd();
  batch.lag_records = std::max<int64_t>(high_watermark_ - position_.next, 0);
  batch.caught_up = batch.lag_records == 0;
  co_return batch;
}

// False: nothing came before the deadline.
Task<bool> PartitionReader::FetchMore(TimePoint deadline) {
  storage::ReadOptions read_options;
  read_options.max_bytes = kFetchBytes;
  read_options.read_committed = options_.read_committed;
  while (true) {
    CO_ASSIGN_OR_RETURN(storage::ReadResult result,
                        co_await log_->Read(options_.partition, position_.next, read_options));
    high_watermark_ = options_.read_committed ? result.last_stable_offset : result.high_watermark;
    if (!result.batches.empty()) {
      fetched_ = std::move(result.batches);
      fetched_next_ = 0;
      co_return true;
    }
    std::vector<std::pair<storage::TopicPartition, Offset>> beyond;
    // What is open becomes readable with the marker that ends it, a batch like any other.
    beyond.emplace_back(options_.partition, std::max(position_.next, result.high_watermark));
    CO_ASSIGN_OR_RETURN(bool moved, co_await log_->WaitForData(std::move(beyond), deadline));
    if (!moved) co_return false;
  }
}

// HOT PATH: once a record. Collects views; nothing of a record is copied before its columns are
// built.
Status PartitionReader::Gather(size_t max_rows, Gathered* out) {
  while (out->records.size() < max_rows && !AtEnd()) {
    if (open_reader_ == nullptr) {
      if (fetched_next_ >= fetched_.size()) break;
      RETURN_IF_ERROR(OpenNextBatch(out));
      continue;
    }
    storage::RecordView record;
    Result<bool> has_record = open_reader_->Next(&record);
    if (!has_record.ok()) {
      // Broken records inside an intact batch: the rest of it cannot be told apart.
      out->rejected.push_back({.origin = decoder_->OriginOf(position_.next),
                               .raw_bytes = "",
                               .cause = has_record.status()});
    }
    if (!has_record.ok() || !*has_record) {
      position_.next = std::max(position_.next, open_reader_->header().next_offset());
      CloseBatch(out);
      continue;
    }
    if (record.offset < position_.next) continue;
    if (position_.end && record.offset >= *position_.end) {
      position_.next = *position_.end;
      break;
    }
    position_.next = record.offset + 1;
    out->origin_of_record.push_back(static_cast<uint32_t>(out->origins.size()));
    out->records.push_back(record);
  }
  if (open_reader_ != nullptr && !out->records.empty()) {
    // Views into the open batch outlive this call only if its bytes do: both stay open here.
    out->origins.push_back(OriginOfBatch(open_reader_->header()));
  }
  return Status::OK();
}

Status PartitionReader::OpenNextBatch(Gathered* out) {
  open_bytes_ = std::move(fetched_[fetched_next_++]);
  bytes_read_ += open_bytes_.bytes.size();
  ASSIGN_OR_RETURN(storage::BatchHeader header, storage::ParseBatchHeader(open_bytes_.bytes));
  if (header.control() || header.next_offset() <= position_.next) {
    position_.next = std::max(position_.next, header.next_offset());
    return Status::OK();
  }
  Result<storage::RecordReader> reader = storage::RecordReader::Open(open_bytes_.bytes);
  if (!reader.ok()) {
    std::string_view raw(reinterpret_cast<const char*>(open_bytes_.bytes.data()),
                         open_bytes_.bytes.size());
    out->rejected.push_back({.origin = decoder_->OriginOf(header.base_offset),
                             .raw_bytes = CutRawBytes(raw),
                             .cause = reader.status()});
    position_.next = header.next_offset();
    return Status::OK();
  }
  open_reader_ = std::make_unique<storage::RecordReader>(std::move(*reader));
  return Status::OK();
}

void PartitionReader::CloseBatch(Gathered* out) {
  out->origins.push_back(OriginOfBatch(open_reader_->header()));
  out->readers.push_back(std::move(open_reader_));
  out->batches.push_back(std::move(open_bytes_));
}

}  // namespace mainstem::source
