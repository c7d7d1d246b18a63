// Reads one partition of the log and decodes its records, batch by batch, without copying them.
// Private to kafka. Runs on the task's shard.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "connector/table.h"
#include "source/kafka/kafka_topics.h"
#include "storage/log.h"
#include "storage/record_batch.h"

namespace mainstem::source {

struct PartitionReadOptions {
  storage::TopicPartition partition;
  bool read_committed = false;
};

class PartitionReader final : public connector::SplitReader {
 public:
  // `log` outlives the reader.
  PartitionReader(storage::Log* log, PartitionReadOptions options, PartitionPosition position,
                  std::unique_ptr<RecordDecoder> decoder);

  Task<connector::SourceBatch> Read(size_t max_rows, TimePoint deadline) override;

 private:
  // The records of one call, and what their views point to.
  struct Gathered : GatheredRecords {
    std::vector<std::unique_ptr<storage::RecordReader>> readers;
    std::vector<storage::SharedBytes> batches;
  };

  Task<bool> FetchMore(TimePoint deadline);
  Status Gather(size_t max_rows, Gathered* out);
  Status OpenNextBatch(Gathered* out);
  void CloseBatch(Gathered* out);
  bool AtEnd() const { return position_.end && position_.next >= *position_.end; }

  storage::Log* log_;
  PartitionReadOptions options_;
  PartitionPosition position_;
  std::unique_ptr<RecordDecoder> decoder_;

  std::vector<storage::SharedBytes> fetched_;  // not opened yet, in order, from fetched_next_ on
  size_t fetched_next_ = 0;
  storage::SharedBytes open_bytes_;
  std::unique_ptr<storage::RecordReader> open_reader_;
  Offset high_watermark_;
  size_t bytes_read_ = 0;
};

}  // namespace mainstem::source
