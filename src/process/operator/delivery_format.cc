#include "process/operator/delivery_format.h"

#include <cstring>

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/api.h>

namespace mainstem::process {
namespace {

constexpr size_t kHeaderBytes = 6;

Status Damaged(const std::string& what) {
  return MakeError(ErrorCode::kCorruptStorage,
                   {.message = "a record of the delivery topic is damaged", .detail = what});
}

}  // namespace

Result<std::string> EncodeDelivery(const ChangelogBatch& batch) {
  std::string out;
  out.push_back(kDeliveryVersion);
  out.push_back(batch.kinds.empty() ? 0 : 1);
  auto count = static_cast<uint32_t>(batch.rows->num_rows());
  out.append(reinterpret_cast<const char*>(&count), sizeof(count));
  out.append(reinterpret_cast<const char*>(batch.kinds.data()), batch.kinds.size());
  ASSIGN_OR_RETURN(auto stream, arrow::io::BufferOutputStream::Create());
  ASSIGN_OR_RETURN(auto writer, arrow::ipc::MakeStreamWriter(stream, batch.rows->schema()));
  RETURN_IF_ERROR(writer->WriteRecordBatch(*batch.rows));
  RETURN_IF_ERROR(writer->Close());
  ASSIGN_OR_RETURN(auto buffer, stream->Finish());
  out.append(reinterpret_cast<const char*>(buffer->data()), static_cast<size_t>(buffer->size()));
  return out;
}

Result<ChangelogBatch> DecodeDelivery(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes) return Damaged("too short");
  if (bytes[0] != kDeliveryVersion) return Damaged("unknown version");
  bool has_kinds = bytes[1] == 1;
  uint32_t count = 0;
  std::memcpy(&count, bytes.data() + 2, sizeof(count));
  bytes.remove_prefix(kHeaderBytes);
  ChangelogBatch out;
  if (has_kinds) {
    if (bytes.size() < count) return Damaged("kinds cut off");
    out.kinds.resize(count);
    for (uint32_t row = 0; row < count; ++row) {
      if (static_cast<uint8_t>(bytes[row]) > 3) return Damaged("unknown row kind");
      out.kinds[row] = static_cast<RowKind>(bytes[row]);
    }
    bytes.remove_prefix(count);
  }
  // Copied: the batch outlives the record it came in.
  std::shared_ptr<arrow::Buffer> buffer = arrow::Buffer::FromString(std::string(bytes));
  auto reader =
      arrow::ipc::RecordBatchStreamReader::Open(std::make_shared<arrow::io::BufferReader>(buffer));
  if (!reader.ok()) return Damaged(reader.status().ToString());
  Status status = (*reader)->ReadNext(&out.rows);
  if (!status.ok()) return Damaged(status.ToString());
  if (!out.rows || out.rows->num_rows() != count) return Damaged("row count differs");
  RETURN_IF_ERROR(out.rows->Validate());
  return out;
}

}  // namespace mainstem::process
