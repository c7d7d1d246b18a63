#include "process/expr/take.h"

#include <cstring>
#include <vector>

#include <arrow/api.h>
#include <arrow/util/bit_util.h>
#include <fmt/format.h>

namespace mainstem::process {
namespace {

using arrow::bit_util::ClearBit;
using arrow::bit_util::GetBit;
using arrow::bit_util::SetBit;

constexpr int64_t kColumnBytesMax = 2147483647;

Status TooLarge(int64_t count) {
  return MakeError(ErrorCode::kResourceExhausted,
                   {.message = fmt::format("a column of more than {} bytes or items is too large",
                                           kColumnBytesMax),
                    .detail = fmt::format("{} rows were picked", count),
                    .hint = "use smaller batches or shorter values"});
}

// One column's rows picked by one list of indexes. kNulls: see TakeNulls.
template <bool kNulls>
class Taker {
 public:
  Taker(const arrow::ArrayData& column, const int32_t* rows, int64_t count, arrow::MemoryPool* pool)
      : column_(column), rows_(rows), count_(count), pool_(pool) {}

  Result<std::shared_ptr<arrow::ArrayData>> Run() {
    const arrow::Type::type id = column_.type->id();
    if (id == arrow::Type::NA) {
      return arrow::ArrayData::Make(column_.type, count_, {nullptr}, count_);
    }
    RETURN_IF_ERROR(TakeValidity());
    switch (id) {
      case arrow::Type::BOOL: return TakeBits();
      case arrow::Type::STRING:
      case arrow::Type::BINARY: return TakeText();
      case arrow::Type::STRUCT: return TakeStruct();
      case arrow::Type::LIST:
      case arrow::Type::MAP: return TakeLists();
      default: return TakeFixed();
    }
  }

 private:
  bool IsNullIndex(int32_t row) const { return kNulls && row < 0; }

  Status TakeValidity() {
    const uint8_t* bits = nullptr;
    if (column_.buffers[0] != nullptr && column_.null_count != 0) bits = column_.buffers[0]->data();
    if (bits == nullptr && !kNulls) {
      null_count_ = 0;
      return Status::OK();
    }
    ASSIGN_OR_RETURN(validity_,
                     arrow::AllocateBuffer(arrow::bit_util::BytesForBits(count_), pool_));
    std::memset(validity_->mutable_data(), 0, static_cast<size_t>(validity_->size()));
    uint8_t* out = validity_->mutable_data();
    int64_t valid = 0;
    for (int64_t i = 0; i < count_; ++i) {
      const int32_t row = rows_[i];
      if (IsNullIndex(row) || (bits != nullptr && !GetBit(bits, column_.offset + row))) continue;
      SetBit(out, i);
      ++valid;
    }
    null_count_ = count_ - valid;
    if (null_count_ == 0) validity_ = nullptr;
    return Status::OK();
  }

  Result<std::shared_ptr<arrow::ArrayData>> Finish(arrow::BufferVector buffers) const {
    buffers.insert(buffers.begin(), validity_);
    return arrow::ArrayData::Make(column_.type, count_, std::move(buffers), null_count_);
  }

  template <typename T>
  void CopyValues(uint8_t* out) const {
    const uint8_t* values = column_.buffers[1]->data() + column_.offset * int64_t{sizeof(T)};
    for (int64_t i = 0; i < count_; ++i) {
      T value{};
      if (!IsNullIndex(rows_[i])) {
        std::memcpy(&value, values + rows_[i] * int64_t{sizeof(T)}, sizeof(T));
      }
      std::memcpy(out + i * int64_t{sizeof(T)}, &value, sizeof(T));
    }
  }

  Result<std::shared_ptr<arrow::ArrayData>> TakeFixed() const {
    const int64_t width = column_.type->byte_width();
    if (width <= 0) {
      return MakeError(ErrorCode::kInternal,
                       "rows of type " + column_.type->ToString() + " cannot be picked");
    }
    ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> out,
                     arrow::AllocateBuffer(count_ * width, pool_));
    switch (width) {
      case 1: CopyValues<uint8_t>(out->mutable_data()); break;
      case 2: CopyValues<uint16_t>(out->mutable_data()); break;
      case 4: CopyValues<uint32_t>(out->mutable_data()); break;
      case 8: CopyValues<uint64_t>(out->mutable_data()); break;
      case 16: CopyValues<unsigned __int128>(out->mutable_data()); break;
      default: {
        const uint8_t* values = column_.buffers[1]->data() + column_.offset * width;
        std::memset(out->mutable_data(), 0, static_cast<size_t>(out->size()));
        for (int64_t i = 0; i < count_; ++i) {
          if (IsNullIndex(rows_[i])) continue;
          std::memcpy(out->mutable_data() + i * width, values + rows_[i] * width,
                      static_cast<size_t>(width));
        }
      }
    }
    return Finish({std::move(out)});
  }

  Result<std::shared_ptr<arrow::ArrayData>> TakeBits() const {
    ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> out,
                     arrow::AllocateBuffer(arrow::bit_util::BytesForBits(count_), pool_));
    std::memset(out->mutable_data(), 0, static_cast<size_t>(out->size()));
    const uint8_t* bits = column_.buffers[1]->data();
    for (int64_t i = 0; i < count_; ++i) {
      if (IsNullIndex(rows_[i])) continue;
      if (GetBit(bits, column_.offset + rows_[i])) SetBit(out->mutable_data(), i);
    }
    return Finish({std::move(out)});
  }

  // Offsets of the picked rows into what they are made of: bytes, or items of a list.
  Result<std::shared_ptr<arrow::Buffer>> TakeOffsets() const {
    const int32_t* offsets = column_.GetValues<int32_t>(1);
    ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> buffer,
                     arrow::AllocateBuffer((count_ + 1) * int64_t{sizeof(int32_t)}, pool_));
    auto* out = reinterpret_cast<int32_t*>(buffer->mutable_data());
    int64_t total = 0;
    out[0] = 0;
    for (int64_t i = 0; i < count_; ++i) {
      const int32_t row = rows_[i];
      if (!IsNullIndex(row)) total += offsets[row + 1] - offsets[row];
      if (total > kColumnBytesMax) return TooLarge(count_);
      out[i + 1] = static_cast<int32_t>(total);
    }
    return buffer;
  }

  Result<std::shared_ptr<arrow::ArrayData>> TakeText() const {
    ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> ends, TakeOffsets());
    const int32_t* offsets = column_.GetValues<int32_t>(1);
    const auto* out = reinterpret_cast<const int32_t*>(ends->data());
    ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> bytes,
                     arrow::AllocateBuffer(out[count_], pool_));
    const uint8_t* from = column_.buffers[2] == nullptr ? nullptr : column_.buffers[2]->data();
    uint8_t* to = bytes->mutable_data();
    // Neighbours that stay neighbours are copied together.
    for (int64_t i = 0; i < count_;) {
      const int32_t row = rows_[i];
      int64_t end = i + 1;
      while (end < count_ && rows_[end] == row + (end - i) && !IsNullIndex(row)) ++end;
      const int64_t length = out[end] - out[i];
      if (length > 0) std::memcpy(to + out[i], from + offsets[row], static_cast<size_t>(length));
      i = end;
    }
    return Finish({std::move(ends), std::move(bytes)});
  }

  Result<std::shared_ptr<arrow::ArrayData>> TakeStruct() const {
    std::vector<std::shared_ptr<arrow::ArrayData>> children;
    for (const auto& child : column_.child_data) {
      // Indexes count from the struct's own offset.
      const auto view = column_.offset == 0 ? child : child->Slice(column_.offset, column_.length);
      ASSIGN_OR_RETURN(auto taken, Taker<kNulls>(*view, rows_, count_, pool_).Run());
      children.push_back(std::move(taken));
    }
    return arrow::ArrayData::Make(column_.type, count_, {validity_}, std::move(children),
                                  null_count_);
  }

  Result<std::shared_ptr<arrow::ArrayData>> TakeLists() const {
    ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> ends, TakeOffsets());
    const int32_t* offsets = column_.GetValues<int32_t>(1);
    std::vector<int32_t> items;
    items.reserve(static_cast<size_t>(reinterpret_cast<const int32_t*>(ends->data())[count_]));
    for (int64_t i = 0; i < count_; ++i) {
      if (IsNullIndex(rows_[i])) continue;
      for (int32_t at = offsets[rows_[i]]; at < offsets[rows_[i] + 1]; ++at) items.push_back(at);
    }
    ASSIGN_OR_RETURN(auto child, Taker<false>(*column_.child_data[0], items.data(),
                                              static_cast<int64_t>(items.size()), pool_)
                                     .Run());
    return arrow::ArrayData::Make(column_.type, count_, {validity_, std::move(ends)},
                                  {std::move(child)}, null_count_);
  }

  const arrow::ArrayData& column_;
  const int32_t* const rows_;
  const int64_t count_;
  arrow::MemoryPool* const pool_;
  std::shared_ptr<arrow::Buffer> validity_;
  int64_t null_count_ = 0;
};

}  // namespace

Result<std::shared_ptr<arrow::ArrayData>> TakeColumn(const arrow::ArrayData& column,
                                                     const int32_t* rows, int64_t count,
                                                     TakeNulls nulls, arrow::MemoryPool* pool) {
  if (nulls == TakeNulls::kNone) return Taker<false>(column, rows, count, pool).Run();
  return Taker<true>(column, rows, count, pool).Run();
}

}  // namespace mainstem::process
