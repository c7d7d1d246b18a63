// Rows of a table as records of a topic: key, value, headers, time. What partition they go to and
// what the topic takes is for others. Private to kafka.
#pragma once

#include <memory>
#include <vector>

#include "connector/table.h"
#include "format/format.h"
#include "sink/kafka/record_layout.h"

namespace mainstem::sink {

// One a writer; not thread-safe.
class RowEncoder {
 public:
  // kSemanticError: the formats cannot write these columns. Schema registries are asked.
  static Task<std::unique_ptr<RowEncoder>> Make(Env* env,
                                                std::shared_ptr<const RecordLayout> layout);

  // One record for each row, in their order, without a partition. kSemanticError for a change that
  // the layout cannot say.
  Result<std::vector<connector::LogRecord>> Encode(const ChangelogBatch& batch);

 private:
  explicit RowEncoder(std::shared_ptr<const RecordLayout> layout) : layout_(std::move(layout)) {}
  Status CheckKinds(const ChangelogBatch& batch) const;
  Status EncodeKeys(const ChangelogBatch& batch, std::vector<connector::LogRecord>* records);
  Status EncodeValues(const ChangelogBatch& batch, std::vector<connector::LogRecord>* records);
  void FillMetadata(const ChangelogBatch& batch, int64_t row, connector::LogRecord* record) const;

  std::shared_ptr<const RecordLayout> layout_;
  std::unique_ptr<format::Encoder> key_encoder_;
  std::unique_ptr<format::Encoder> value_encoder_;
};

// Of a batch with this record alone, uncompressed.
size_t BatchBytesBound(const connector::LogRecord& record);

// Why a topic does not take a record.
ErrorText KeylessText(const std::string& topic);
// What is wrong with a topic of the newest value of each key that deletes old records.
std::string DeletingTopicText(const std::string& topic);
ErrorText TooLongText(const std::string& topic, size_t bytes, size_t max_bytes);

}  // namespace mainstem::sink
