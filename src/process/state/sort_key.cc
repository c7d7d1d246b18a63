#include "process/state/sort_key.h"

#include <bit>
#include <cmath>
#include <cstring>

#include <arrow/api.h>

namespace mainstem::process {
namespace {

constexpr char kNullFirst = 0;
constexpr char kValue = 1;
constexpr char kNullLast = 2;

bool HasOrder(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::NA:
    case arrow::Type::BOOL:
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::INT64:
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
    case arrow::Type::DATE32:
    case arrow::Type::TIME32:
    case arrow::Type::TIME64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::DURATION:
    case arrow::Type::DECIMAL128:
    case arrow::Type::STRING:
    case arrow::Type::BINARY: return true;
    default: return false;
  }
}

template <typename U>
void AppendBigEndian(U bits, std::string* out) {
  char bytes[sizeof(U)];
  for (size_t i = 0; i < sizeof(U); ++i) {
    bytes[i] = static_cast<char>(bits >> (8 * (sizeof(U) - 1 - i)));
  }
  out->append(bytes, sizeof(U));
}

template <typename T>
void AppendInteger(T value, std::string* out) {
  using U = std::make_unsigned_t<T>;
  AppendBigEndian(static_cast<U>(static_cast<U>(value) ^ (U{1} << (8 * sizeof(T) - 1))), out);
}

template <typename T, typename U>
void AppendFloating(T value, std::string* out) {
  if (value == 0) value = 0;  // -0 is 0
  if (std::isnan(value)) value = std::numeric_limits<T>::quiet_NaN();
  const U bits = std::bit_cast<U>(value);
  constexpr U kSign = U{1} << (8 * sizeof(U) - 1);
  AppendBigEndian(static_cast<U>((bits & kSign) != 0 ? ~bits : bits ^ kSign), out);
}

void AppendText(std::string_view text, std::string* out) {
  for (const char c : text) {
    out->push_back(c);
    if (c == '\0') out->push_back('\xff');
  }
  out->append(2, '\0');
}

// Calls write(row, key) for each value that is not NULL, and writes the mark before it.
template <typename Write>
void EncodeColumn(const arrow::Array& column, const SortColumn& how, std::vector<std::string>* keys,
                  Write write) {
  for (size_t row = 0; row < keys->size(); ++row) {
    std::string& key = (*keys)[row];
    if (column.IsNull(static_cast<int64_t>(row))) {
      key.push_back(how.nulls_first ? kNullFirst : kNullLast);
      continue;
    }
    key.push_back(kValue);
    const size_t begin = key.size();
    write(static_cast<int64_t>(row), &key);
    if (!how.descending) continue;
    for (size_t i = begin; i < key.size(); ++i) key[i] = static_cast<char>(~key[i]);
  }
}

template <typename T>
void EncodeIntegers(const arrow::Array& column, const SortColumn& how,
                    std::vector<std::string>* keys) {
  const T* values = column.data()->GetValues<T>(1);
  EncodeColumn(column, how, keys,
               [values](int64_t row, std::string* key) { AppendInteger(values[row], key); });
}

void EncodeAny(const arrow::Array& column, const SortColumn& how, std::vector<std::string>* keys) {
  switch (column.type_id()) {
    case arrow::Type::BOOL: {
      const auto& values = static_cast<const arrow::BooleanArray&>(column);
      return EncodeColumn(column, how, keys, [&](int64_t row, std::string* key) {
        key->push_back(values.Value(row) ? 1 : 0);
      });
    }
    case arrow::Type::INT8: return EncodeIntegers<int8_t>(column, how, keys);
    case arrow::Type::INT16: return EncodeIntegers<int16_t>(column, how, keys);
    case arrow::Type::INT32:
    case arrow::Type::DATE32:
    case arrow::Type::TIME32: return EncodeIntegers<int32_t>(column, how, keys);
    case arrow::Type::FLOAT: {
      const auto* values = column.data()->GetValues<float>(1);
      return EncodeColumn(column, how, keys, [values](int64_t row, std::string* key) {
        AppendFloating<float, uint32_t>(values[row], key);
      });
    }
    case arrow::Type::DOUBLE: {
      const auto* values = column.data()->GetValues<double>(1);
      return EncodeColumn(column, how, keys, [values](int64_t row, std::string* key) {
        AppendFloating<double, uint64_t>(values[row], key);
      });
    }
    case arrow::Type::DECIMAL128: {
      const auto& values = static_cast<const arrow::Decimal128Array&>(column);
      return EncodeColumn(column, how, keys, [&](int64_t row, std::string* key) {
        const arrow::Decimal128 value(values.GetValue(row));
        AppendInteger(value.high_bits(), key);
        AppendBigEndian(value.low_bits(), key);
      });
    }
    case arrow::Type::STRING:
    case arrow::Type::BINARY: {
      const auto& values = static_cast<const arrow::BinaryArray&>(column);
      return EncodeColumn(column, how, keys, [&](int64_t row, std::string* key) {
        AppendText(values.GetView(row), key);
      });
    }
    case arrow::Type::NA: return EncodeColumn(column, how, keys, [](int64_t, std::string*) {});
    default: return EncodeIntegers<int64_t>(column, how, keys);
  }
}

}  // namespace

Result<SortKeyCodec> SortKeyCodec::Make(std::vector<SortColumn> columns) {
  for (const SortColumn& column : columns) {
    if (!HasOrder(*column.type)) {
      return MakeError(ErrorCode::kUnsupported,
                       {.message = "ORDER BY a column of type " + column.type->ToString(),
                        .hint = "order by one of its fields"});
    }
  }
  return SortKeyCodec(std::move(columns));
}

void SortKeyCodec::Encode(const ColumnVector& columns, int64_t row_count,
                          std::vector<std::string>* keys) const {
  CHECK(columns.size() == columns_.size());
  keys->resize(static_cast<size_t>(row_count));
  for (std::string& key : *keys) key.clear();
  for (size_t i = 0; i < columns.size(); ++i) EncodeAny(*columns[i], columns_[i], keys);
}

}  // namespace mainstem::process
