#include "process/expr/vector.h"

#include <arrow/api.h>
#include <arrow/util/bitmap_ops.h>
#include <fmt/format.h>

#include "process/expr/take.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {
namespace {

// Width of a fixed-width Arrow type in bytes; 0 for bit, variable and nested ones.
int64_t FixedWidth(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::INT8: return 1;
    case arrow::Type::INT16: return 2;
    case arrow::Type::INT32:
    case arrow::Type::DATE32:
    case arrow::Type::TIME32:
    case arrow::Type::FLOAT: return 4;
    case arrow::Type::INT64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::DURATION:
    case arrow::Type::DOUBLE: return 8;
    case arrow::Type::DECIMAL128: return 16;
    default: return 0;
  }
}

bool IsText(const arrow::DataType& type) {
  return type.id() == arrow::Type::STRING || type.id() == arrow::Type::BINARY;
}

// `row_of(i)` says which row of which source becomes row i.
struct Picked {
  const Vector* source;
  int64_t row;
};

template <int64_t kWidth, typename RowOf>
void CopyFixed(uint8_t* out, int64_t count, RowOf& row_of) {
  for (int64_t i = 0; i < count; ++i) {
    const Picked picked = row_of(i);
    const arrow::ArrayData& data = *picked.source->data;
    std::memcpy(out + i * kWidth, data.buffers[1]->data() + (data.offset + picked.row) * kWidth,
                kWidth);
  }
}

template <typename RowOf>
Result<Vector> GatherNested(const LogicalType* type, const std::shared_ptr<arrow::DataType>& arrow,
                            int64_t count, RowOf& row_of, arrow::MemoryPool* pool) {
  ASSIGN_OR_RETURN(auto builder, arrow::MakeBuilder(arrow, pool));
  RETURN_IF_ERROR(builder->Reserve(count));
  for (int64_t i = 0; i < count; ++i) {
    const Picked picked = row_of(i);
    RETURN_IF_ERROR(
        builder->AppendArraySlice(arrow::ArraySpan(*picked.source->data), picked.row, 1));
  }
  ASSIGN_OR_RETURN(auto array, builder->Finish());
  return Vector{array->data(), false};
}

template <typename RowOf>
Result<Vector> Gather(const std::shared_ptr<arrow::DataType>& type, int64_t count,
                      bool may_have_nulls, RowOf row_of, arrow::MemoryPool* pool) {
  if (type->id() == arrow::Type::NA) {
    return Vector{arrow::ArrayData::Make(type, count, {nullptr}, count), false};
  }
  const int64_t width = FixedWidth(*type);
  const bool is_bool = type->id() == arrow::Type::BOOL;
  if (width == 0 && !is_bool && !IsText(*type)) {
    return GatherNested(nullptr, type, count, row_of, pool);
  }
  std::shared_ptr<arrow::Buffer> validity;
  if (may_have_nulls) {
    ASSIGN_OR_RETURN(validity, AllocateBits(count, true, pool));
    uint8_t* bits = validity->mutable_data();
    for (int64_t i = 0; i < count; ++i) {
      const Picked picked = row_of(i);
      if (picked.source->data->IsNull(picked.row)) arrow::bit_util::ClearBit(bits, i);
    }
  }
  arrow::BufferVector buffers{validity, nullptr};
  if (IsText(*type)) {
    // A value that is there may be longer than one that is made.
    TextLimits limits;
    limits.value_bytes = limits.column_bytes;
    TextSink sink;
    RETURN_IF_ERROR(sink.Init(count, pool, limits));
    for (int64_t i = 0; i < count; ++i) {
      const Picked picked = row_of(i);
      sink.Append(Column<std::string_view>(*picked.source->data)[picked.row]);
      sink.EndRow();
      if (sink.failed()) break;
    }
    RETURN_IF_ERROR(sink.Finish("an expression", &buffers));
  } else if (is_bool) {
    ASSIGN_OR_RETURN(buffers[1], AllocateBits(count, false, pool));
    uint8_t* out = buffers[1]->mutable_data();
    for (int64_t i = 0; i < count; ++i) {
      const Picked picked = row_of(i);
      const arrow::ArrayData& data = *picked.source->data;
      if (arrow::bit_util::GetBit(data.buffers[1]->data(), data.offset + picked.row)) {
        arrow::bit_util::SetBit(out, i);
      }
    }
  } else {
    ASSIGN_OR_RETURN(buffers[1], arrow::AllocateBuffer(count * width, pool));
    uint8_t* out = buffers[1]->mutable_data();
    switch (width) {
      case 1: CopyFixed<1>(out, count, row_of); break;
      case 2: CopyFixed<2>(out, count, row_of); break;
      case 4: CopyFixed<4>(out, count, row_of); break;
      case 8: CopyFixed<8>(out, count, row_of); break;
      default: CopyFixed<16>(out, count, row_of); break;
    }
  }
  return Vector{arrow::ArrayData::Make(type, count, std::move(buffers)), false};
}

bool MayHaveNulls(const Vector& vector) {
  return vector.data->buffers[0] != nullptr && vector.data->null_count != 0;
}

}  // namespace

std::string_view KernelScope::function_name() const {
  if (expr_.kind() != ExprKind::kCast) return expr_.name();
  return expr_.is_try() ? "TRY_CAST" : "CAST";
}

Status KernelScope::Fail(int64_t row, const TextSink& sink) {
  if (sink.memory_short()) {
    return MakeError(ErrorCode::kResourceExhausted, sink.FailureText(function_name()));
  }
  return Fail(row, sink.FailureText(function_name()));
}

Status KernelScope::Fail(int64_t row, std::string message) {
  const int64_t root_row = root_rows_ == nullptr ? row : root_rows_[row];
  if (failure_ != nullptr) {
    failure_->row = root_row;
    failure_->expression = expr_.ToString();
    failure_->message = message;
  }
  return MakeError(ErrorCode::kEvaluationError,
                   {.message = std::move(message), .detail = "in " + expr_.ToString()});
}

Result<std::shared_ptr<arrow::Buffer>> AllocateBits(int64_t length, bool value,
                                                    arrow::MemoryPool* pool) {
  ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> bits,
                   arrow::AllocateBuffer(arrow::bit_util::BytesForBits(length), pool));
  std::memset(bits->mutable_data(), value ? 0xFF : 0, static_cast<size_t>(bits->size()));
  return bits;
}

Result<std::shared_ptr<arrow::Buffer>> CombineValidity(std::span<const Vector> args,
                                                       int64_t row_count, arrow::MemoryPool* pool) {
  std::shared_ptr<arrow::Buffer> combined;
  for (const Vector& arg : args) {
    if (arg.constant || !MayHaveNulls(arg)) continue;
    const arrow::ArrayData& data = *arg.data;
    if (combined == nullptr) {
      if (data.offset == 0) {
        combined = data.buffers[0];
      } else {
        ASSIGN_OR_RETURN(combined, arrow::internal::CopyBitmap(pool, data.buffers[0]->data(),
                                                               data.offset, row_count));
      }
      continue;
    }
    ASSIGN_OR_RETURN(combined,
                     arrow::internal::BitmapAnd(pool, combined->data(), 0, data.buffers[0]->data(),
                                                data.offset, row_count, 0));
  }
  return combined;
}

Vector MakeVector(const LogicalType& type, int64_t length, bool constant,
                  arrow::BufferVector buffers) {
  return Vector{arrow::ArrayData::Make(ToArrowType(type), length, std::move(buffers)), constant};
}

Vector ConstantNull(const LogicalType& type) {
  auto array = arrow::MakeArrayOfNull(ToArrowType(type), 1);
  CHECK_OK(array);
  return Vector{(*array)->data(), true};
}

Result<Vector> Take(const Vector& vector, const int32_t* rows, int64_t count,
                    arrow::MemoryPool* pool) {
  if (vector.constant) return vector;
  ASSIGN_OR_RETURN(auto data, TakeColumn(*vector.data, rows, count, TakeNulls::kNone, pool));
  return Vector{std::move(data), false};
}

Result<Vector> Flatten(const Vector& vector, int64_t row_count, arrow::MemoryPool* pool) {
  if (!vector.constant) return vector;
  return Gather(
      vector.data->type, row_count, MayHaveNulls(vector),
      [&](int64_t) {
        return Picked{&vector, 0};
      },
      pool);
}

std::shared_ptr<arrow::Array> ToArray(const Vector& vector) {
  return arrow::MakeArray(vector.data);
}

Vector FromArray(const arrow::Array& array) { return Vector{array.data(), false}; }

Result<Vector> FromScalar(const arrow::Scalar& scalar, const LogicalType& type) {
  if (!scalar.is_valid) return ConstantNull(type);
  ASSIGN_OR_RETURN(auto array, arrow::MakeArrayFromScalar(scalar, 1));
  return Vector{array->data(), true};
}

Result<Vector> Merge(const LogicalType& type, std::span<const Vector> sources,
                     std::span<const uint8_t> compact, std::span<const uint32_t> choice,
                     arrow::MemoryPool* pool) {
  const int64_t count = static_cast<int64_t>(choice.size());
  // Where row i comes from is asked twice (validity, values): positions are computed once.
  std::vector<int32_t> position(choice.size());
  std::vector<int32_t> cursor(sources.size(), 0);
  bool may_have_nulls = false;
  for (const Vector& source : sources) may_have_nulls |= MayHaveNulls(source);
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t chosen = choice[static_cast<size_t>(i)];
    position[static_cast<size_t>(i)] = sources[chosen].constant ? 0
                                       : compact[chosen]        ? cursor[chosen]++
                                                                : static_cast<int32_t>(i);
  }
  return Gather(
      ToArrowType(type), count, may_have_nulls,
      [&](int64_t i) {
        return Picked{&sources[choice[static_cast<size_t>(i)]], position[static_cast<size_t>(i)]};
      },
      pool);
}

}  // namespace mainstem::process
