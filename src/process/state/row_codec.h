// Rows as bytes: what keys are compared, hashed and stored by, and how operators keep rows in
// state.
//
//   row   := column*                      in the order of the codec's types
//   column:= 0x00                         NULL
//          | 0x01 value                   fixed width: little endian, as in the Arrow buffer;
//                                         BOOLEAN one byte; string and bytes: u32 length, bytes;
//                                         ARRAY, MAP, ROW: u32 length, bytes of value_codec.h
//
// Two rows are equal iff their bytes are. Golden-bytes test: row_codec_test.cc.
// HOT PATH: keys of every batch that meets keyed state; column by column, no call per value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "core/status.h"

namespace mainstem::process {

using ColumnVector = std::vector<std::shared_ptr<arrow::Array>>;

// Encoded rows of one batch, side by side. Reused from batch to batch.
class EncodedRows {
 public:
  size_t size() const { return offsets_.empty() ? 0 : offsets_.size() - 1; }
  std::string_view row(size_t index) const {
    return {bytes_.data() + offsets_[index], offsets_[index + 1] - offsets_[index]};
  }
  // Only after ComputeHashes.
  uint64_t hash(size_t index) const { return hashes_[index]; }
  void ComputeHashes();
  // One more row, encoded already.
  void Append(std::string_view row);

 private:
  friend class RowCodec;
  std::vector<char> bytes_;
  std::vector<size_t> offsets_;
  std::vector<uint64_t> hashes_;
};

// Immutable after Make; thread-safe.
class RowCodec {
 public:
  // Unsupported for types without an encoding.
  static Result<RowCodec> Make(std::vector<std::shared_ptr<arrow::DataType>> types);

  // `columns` have `row_count` rows each and the codec's types.
  Status Encode(const ColumnVector& columns, int64_t row_count, EncodedRows* out) const;
  // CorruptStorage when a row is not one of this codec.
  Result<ColumnVector> Decode(std::span<const std::string_view> rows) const;

  const std::vector<std::shared_ptr<arrow::DataType>>& types() const { return types_; }

 private:
  explicit RowCodec(std::vector<std::shared_ptr<arrow::DataType>> types);
  std::vector<std::shared_ptr<arrow::DataType>> types_;
  std::vector<int> widths_;  // bytes of a value; kVariable for strings
};

}  // namespace mainstem::process
