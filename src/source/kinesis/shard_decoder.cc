#include "source/kinesis/shard_decoder.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include "connector/kinesis/aggregated_record.h"

namespace mainstem::source {

using connector::KinesisRecord;
using connector::SourceBatch;

// Views into the records.
struct ShardDecoder::Messages {
  std::vector<KinesisRecord> records;
  std::vector<std::string_view> values;
  std::vector<uint32_t> record_of_value;
  std::vector<int32_t> place_in_record;  // -1: it is the record
};

ShardDecoder::ShardDecoder(Options options, ScanLayout layout,
                           std::unique_ptr<format::Decoder> decoder)
    : options_(std::move(options)), layout_(std::move(layout)), decoder_(std::move(decoder)) {}

Task<SourceBatch> ShardDecoder::Decode(std::vector<KinesisRecord> records) {
  Messages messages;
  messages.records = std::move(records);
  for (uint32_t i = 0; i < messages.records.size(); ++i) {
    const std::string& data = messages.records[i].data;
    int32_t place = 0;
    for (const connector::UserRecord& packed : connector::UnpackAggregatedRecord(data)) {
      messages.values.push_back(packed.data);
      messages.record_of_value.push_back(i);
      messages.place_in_record.push_back(place++);
    }
    if (place > 0) continue;
    messages.values.push_back(data);
    messages.record_of_value.push_back(i);
    messages.place_in_record.push_back(-1);
  }
  CO_RETURN_IF_ERROR(co_await decoder_->Prepare(options_.env, messages.values));
  co_return DecodeMessages(messages);
}

Result<SourceBatch> ShardDecoder::DecodeMessages(const Messages& messages) {
  ASSIGN_OR_RETURN(format::DecodedMessages decoded, decoder_->Decode(messages.values));
  SourceBatch batch;
  for (format::RejectedMessage& rejected : decoded.rejected) {
    const uint32_t record = messages.record_of_value[rejected.index];
    const int32_t place = messages.place_in_record[rejected.index];
    std::string origin = fmt::format("{}/{}@{}", options_.stream, options_.shard,
                                     messages.records[record].sequence_number);
    if (place >= 0) origin += fmt::format("/{}", place);
    batch.rejected.push_back({.origin = std::move(origin),
                              .raw_bytes = CutRawBytes(messages.values[rejected.index]),
                              .cause = std::move(rejected.cause)});
  }
  auto fill = [&](const ScanLayout::Other& other) -> Result<std::shared_ptr<arrow::Array>> {
    if (other.format_metadata >= 0) {
      return decoded.metadata[static_cast<size_t>(other.format_metadata)];
    }
    return MetadataColumn(other.metadata_key, messages, decoded.message_of_row);
  };
  ASSIGN_OR_RETURN(batch.batch.rows, layout_.Assemble(*decoded.batch.rows, fill));
  batch.batch.kinds = std::move(decoded.batch.kinds);
  return batch;
}

Result<std::shared_ptr<arrow::Array>> ShardDecoder::MetadataColumn(
    const std::string& key, const Messages& messages, const std::vector<uint32_t>& message_of_row) {
  const auto rows = static_cast<int64_t>(message_of_row.size());
  if (key == "shard-id") {
    return arrow::MakeArrayFromScalar(*arrow::MakeScalar(options_.shard), rows);
  }
  auto record_of = [&](uint32_t message) -> const KinesisRecord& {
    return messages.records[messages.record_of_value[message]];
  };
  if (key == "sequence-number") {
    arrow::StringBuilder builder;
    for (uint32_t message : message_of_row) {
      RETURN_IF_ERROR(builder.Append(record_of(message).sequence_number));
    }
    return builder.Finish();
  }
  CHECK(key == "timestamp");  // the registry knows no others
  arrow::TimestampBuilder builder(arrow::timestamp(arrow::TimeUnit::MILLI, "UTC"),
                                  arrow::default_memory_pool());
  for (uint32_t message : message_of_row) {
    RETURN_IF_ERROR(builder.Append(record_of(message).arrival_ms));
  }
  return builder.Finish();
}

}  // namespace mainstem::source
