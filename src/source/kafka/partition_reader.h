// Reads one partition of the log and decodes its records, batch by batch, without copying them.
// Private to kafka. Runs on the task's shard.
//
// Position: "<next offset>" or, for a scan with an end, "<next offset>-<end offset>".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connector/table.h"
#include "format/format.h"
#include "source/scan_layout.h"
#include "storage/log.h"
#include "storage/record_batch.h"

namespace mainstem::source {

struct PartitionPosition {
  Offset next;
  std::optional<Offset> end;

  std::string ToString() const;
  static Result<PartitionPosition> Parse(const std::string& text);
};

struct PartitionReadOptions {
  Env* env = nullptr;
  std::string topic;
  storage::TopicPartition partition;
  bool read_committed = false;
  // Values are the state of their key: no value means deleted.
  bool upsert = false;
  // What the value's format decodes to NULL in every column; null view: a null message does.
  std::string_view deletion_message;
};

class PartitionReader final : public connector::SplitReader {
 public:
  // `key_decoder` may be null; it gives the columns of the layout that are outside of the value,
  // in the order of `key_columns`. `log` outlives the reader.
  PartitionReader(storage::Log* log, PartitionReadOptions options, PartitionPosition position,
                  ScanLayout layout, std::unique_ptr<format::Decoder> value_decoder);
  void SetKeyDecoder(std::vector<std::string> key_columns,
                     std::unique_ptr<format::Decoder> decoder);

  Task<connector::SourceBatch> Read(size_t max_rows, TimePoint deadline) override;

 private:
  // The records of one call. Views live as long as `readers` and `batches`.
  struct Gathered {
    std::vector<storage::RecordView> records;
    std::vector<storage::BatchHeader> headers;  // one for each record's batch
    std::vector<uint32_t> header_of_record;
    std::vector<std::unique_ptr<storage::RecordReader>> readers;
    std::vector<storage::SharedBytes> batches;
    std::vector<connector::RejectedRecord> rejected;
    // What the decoders get, one for each record.
    std::vector<std::string_view> keys;
    std::vector<std::string_view> values;
  };

  Task<bool> FetchMore(TimePoint deadline);
  Status Gather(size_t max_rows, Gathered* out);
  Status OpenNextBatch(Gathered* out);
  void CloseBatch(Gathered* out);
  void CollectMessages(Gathered* gathered) const;
  Result<connector::SourceBatch> Decode(Gathered gathered);
  Result<std::shared_ptr<arrow::Array>> MetadataColumn(const std::string& key,
                                                       const Gathered& gathered,
                                                       const std::vector<uint32_t>& record_of_row);
  Status DecodeKeys(const Gathered& gathered, std::vector<bool>* bad,
                    connector::SourceBatch* batch);
  Result<std::shared_ptr<arrow::Array>> KeyColumn(const std::string& column,
                                                  const std::vector<uint32_t>& record_of_row);
  void Reject(const Gathered& gathered, size_t record, Status cause, connector::SourceBatch* batch);
  bool AtEnd() const { return position_.end && position_.next >= *position_.end; }

  storage::Log* log_;
  PartitionReadOptions options_;
  PartitionPosition position_;
  ScanLayout layout_;
  std::unique_ptr<format::Decoder> value_decoder_;
  std::unique_ptr<format::Decoder> key_decoder_;
  std::vector<std::string> key_columns_;
  std::shared_ptr<arrow::RecordBatch> keys_;  // of the current call
  std::vector<int64_t> key_row_of_record_;    // -1: none

  std::vector<storage::SharedBytes> fetched_;  // not opened yet, in order, from fetched_next_ on
  size_t fetched_next_ = 0;
  storage::SharedBytes open_bytes_;
  std::unique_ptr<storage::RecordReader> open_reader_;
  Offset high_watermark_;
  size_t bytes_read_ = 0;
};

}  // namespace mainstem::source
