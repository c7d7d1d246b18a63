// Turns records of a shard into rows: what the KPL has packed apart, values by their format,
// metadata, and what cannot be decoded. Private to kinesis.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connector/kinesis/kinesis_stream.h"
#include "connector/table.h"
#include "format/format.h"
#include "source/scan_layout.h"

namespace mainstem::source {

class ShardDecoder {
 public:
  struct Options {
    Env* env = nullptr;
    std::string stream;
    std::string shard;
  };
  ShardDecoder(Options options, ScanLayout layout, std::unique_ptr<format::Decoder> decoder);

  // Rows, kinds and rejected records of the batch; all else is the caller's.
  Task<connector::SourceBatch> Decode(std::vector<connector::KinesisRecord> records);
  const std::shared_ptr<arrow::Schema>& schema() const { return layout_.output_schema(); }

 private:
  struct Messages;
  Result<connector::SourceBatch> DecodeMessages(const Messages& messages);
  Result<std::shared_ptr<arrow::Array>> MetadataColumn(const std::string& key,
                                                       const Messages& messages,
                                                       const std::vector<uint32_t>& message_of_row);

  Options options_;
  ScanLayout layout_;
  std::unique_ptr<format::Decoder> decoder_;
};

}  // namespace mainstem::source
