// Turns the records of one partition into rows: value and key by their formats, metadata, and what
// cannot be decoded. Where the records come from is for others. Private to kafka.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connector/table.h"
#include "format/format.h"
#include "source/scan_layout.h"
#include "storage/record_batch.h"

namespace mainstem::source {

struct RecordDecodeOptions {
  Env* env = nullptr;
  std::string topic;
  int32_t partition = 0;
  // Values are the state of their key: no value means deleted.
  bool upsert = false;
};

// Some records, in order. Views live as long as whoever gathered them says.
struct GatheredRecords {
  // What a record shares with its neighbours.
  struct Origin {
    int32_t leader_epoch = -1;  // -1: not known
    bool is_log_append_time = false;
  };
  std::vector<storage::RecordView> records;
  std::vector<Origin> origins;
  std::vector<uint32_t> origin_of_record;
  std::vector<connector::RejectedRecord> rejected;
  // What the decoders get, one for each record: by RecordDecoder.
  std::vector<std::string_view> keys;
  std::vector<std::string_view> values;
};

class RecordDecoder {
 public:
  RecordDecoder(RecordDecodeOptions options, ScanLayout layout,
                std::unique_ptr<format::Decoder> value_decoder);
  // Gives the columns of the layout that are outside of the value, in the order of `key_columns`.
  void SetKeyDecoder(std::vector<std::string> key_columns,
                     std::unique_ptr<format::Decoder> decoder);

  // Rows, kinds and rejected records of the batch; all else is the caller's. `gathered` and what
  // its views point to must live until the task has ended.
  Task<connector::SourceBatch> Decode(GatheredRecords* gathered);
  // "clicks/3@1042"
  std::string OriginOf(Offset offset) const;

 private:
  void CollectMessages(GatheredRecords* gathered) const;
  Result<connector::SourceBatch> DecodeCollected(GatheredRecords* gathered);
  Result<std::shared_ptr<arrow::Array>> MetadataColumn(const std::string& key,
                                                       const GatheredRecords& gathered,
                                                       const std::vector<uint32_t>& record_of_row);
  // `no_row`: by record, those of whose key nothing can be told; `bad`: those whose key can't be
  // decoded.
  Status DecodeKeys(const GatheredRecords& gathered, std::vector<bool>* no_row,
                    std::vector<format::RejectedMessage>* bad);
  bool IsDeletion(const storage::RecordView& record) const {
    return options_.upsert && !record.value;
  }
  Status FitToRecords(const GatheredRecords& gathered, const std::vector<bool>& no_row,
                      format::DecodedMessages* decoded) const;
  Result<std::shared_ptr<arrow::Array>> KeyColumn(const std::string& column,
                                                  const std::vector<uint32_t>& record_of_row);
  void Reject(const GatheredRecords& gathered, size_t record, Status cause,
              connector::SourceBatch* batch);

  RecordDecodeOptions options_;
  ScanLayout layout_;
  std::unique_ptr<format::Decoder> value_decoder_;
  std::unique_ptr<format::Decoder> key_decoder_;
  std::vector<std::string> key_columns_;
  std::shared_ptr<arrow::RecordBatch> keys_;  // of the current call
  std::vector<int64_t> key_row_of_record_;    // -1: none
};

}  // namespace mainstem::source
