#include "storage/batch_builder.h"

#include <algorithm>

#include "storage/bytes.h"
#include "storage/crc32c.h"
#include "storage/varint.h"

namespace mainstem::storage {
namespace {

std::byte* PutVarint(std::byte* at, int64_t value) {
  uint64_t raw = ZigZag(value);
  for (; raw >= 0x80; raw >>= 7) *at++ = static_cast<std::byte>(raw | 0x80);
  *at++ = static_cast<std::byte>(raw);
  return at;
}
size_t PieceSize(const std::optional<std::string_view>& piece) {
  if (!piece) return 1;
  return VarintSize(static_cast<int64_t>(piece->size())) + piece->size();
}
std::byte* PutPiece(std::byte* at, const std::optional<std::string_view>& piece) {
  if (!piece) return PutVarint(at, -1);
  at = PutVarint(at, static_cast<int64_t>(piece->size()));
  if (!piece->empty()) std::memcpy(at, piece->data(), piece->size());
  return at + piece->size();
}

// Length, attributes, time and offset deltas, number of headers.
constexpr size_t kRecordFrameBytes = 5 + 1 + 10 + 5 + 5;

}  // namespace

size_t RecordBytesBound(std::optional<std::string_view> key, std::optional<std::string_view> value,
                        std::span<const RecordHeader> headers) {
  size_t bytes = kRecordFrameBytes + PieceSize(key) + PieceSize(value);
  for (const RecordHeader& header : headers) {
    bytes += PieceSize(header.key) + PieceSize(header.value);
  }
  return bytes;
}

BatchBuilder::BatchBuilder(BatchBuilderOptions options) : options_(options) { Clear(); }

Status BatchBuilder::BuildOnto(std::vector<std::byte>* batches) {
  ASSIGN_OR_RETURN(std::vector<std::byte> batch, Build());
  if (batches->empty()) {
    *batches = std::move(batch);
  } else {
    batches->insert(batches->end(), batch.begin(), batch.end());
  }
  return Status::OK();
}

Status BatchBuilder::AddOnto(std::vector<std::byte>* batches, size_t bytes_max,
                             int64_t timestamp_ms, std::optional<std::string_view> key,
                             std::optional<std::string_view> value,
                             std::span<const RecordHeader> headers) {
  const size_t needed = RecordBytesBound(key, value, headers);
  if (record_count_ > 0 && bytes() + needed > bytes_max) RETURN_IF_ERROR(BuildOnto(batches));
  Add(timestamp_ms, key, value, headers);
  return Status::OK();
}

void BatchBuilder::Clear() {
  batch_.resize(kBatchHeaderBytes);
  record_count_ = 0;
}

void BatchBuilder::Add(int64_t timestamp_ms, std::optional<std::string_view> key,
                       std::optional<std::string_view> value,
                       std::span<const RecordHeader> headers) {
  if (record_count_ == 0) base_timestamp_ = max_timestamp_ = timestamp_ms;
  max_timestamp_ = std::max(max_timestamp_, timestamp_ms);
  int64_t time_delta = timestamp_ms - base_timestamp_;
  int64_t header_count = static_cast<int64_t>(headers.size());
  size_t body = 1 + VarintSize(time_delta) + VarintSize(record_count_) + PieceSize(key) +
                PieceSize(value) + VarintSize(header_count);
  for (const RecordHeader& header : headers)
    body += PieceSize(header.key) + PieceSize(header.value);

  size_t begin = batch_.size();
  size_t total = VarintSize(static_cast<int64_t>(body)) + body;
  if (batch_.capacity() < begin + total) batch_.reserve(std::max(begin + total, 2 * begin));
  batch_.resize(begin + total);
  std::byte* at = PutVarint(batch_.data() + begin, static_cast<int64_t>(body));
  *at++ = std::byte{0};
  at = PutVarint(at, time_delta);
  at = PutVarint(at, record_count_);
  at = PutPiece(at, key);
  at = PutPiece(at, value);
  at = PutVarint(at, header_count);
  for (const RecordHeader& header : headers) {
    at = PutPiece(at, header.key);
    at = PutPiece(at, header.value);
  }
  CHECK(at == batch_.data() + batch_.size());
  ++record_count_;
}

Result<std::vector<std::byte>> BatchBuilder::Build() {
  CHECK(record_count_ > 0);
  std::vector<std::byte> result;
  if (options_.codec == Codec::kNone) {
    result = batch_;
  } else {
    ASSIGN_OR_RETURN(std::vector<std::byte> packed,
                     Compress(options_.codec, std::span(batch_).subspan(kBatchHeaderBytes)));
    result.resize(kBatchHeaderBytes + packed.size());
    std::copy(packed.begin(), packed.end(), result.begin() + kBatchHeaderBytes);
  }
  std::byte* at = result.data();
  StoreBig<int64_t>(at, 0);
  StoreBig<int32_t>(at + 8, static_cast<int32_t>(result.size() - kBatchPrefixBytes));
  StoreBig<int32_t>(at + 12, 0);
  at[16] = static_cast<std::byte>(kBatchMagic);
  int attributes = static_cast<int>(options_.codec);
  if (options_.transactional || options_.is_marker) attributes |= kTransactionalBit;
  if (options_.is_marker) attributes |= kControlBit;
  StoreBig<int16_t>(at + 21, static_cast<int16_t>(attributes));
  StoreBig<int32_t>(at + 23, record_count_ - 1);
  StoreBig<int64_t>(at + 27, base_timestamp_);
  StoreBig<int64_t>(at + 35, max_timestamp_);
  StoreBig<int64_t>(at + 43, options_.producer_id.value());
  StoreBig<int16_t>(at + 51, options_.producer_epoch.value());
  StoreBig<int32_t>(at + 53, options_.base_sequence);
  StoreBig<int32_t>(at + 57, record_count_);
  StoreBig<uint32_t>(at + 17, Crc32c(std::span(result).subspan(kBatchCrcBegin)));
  if (options_.base_sequence >= 0) {
    uint32_t next =
        static_cast<uint32_t>(options_.base_sequence) + static_cast<uint32_t>(record_count_);
    options_.base_sequence = static_cast<int32_t>(next & 0x7fffffff);
  }
  Clear();
  return result;
}

}  // namespace mainstem::storage
