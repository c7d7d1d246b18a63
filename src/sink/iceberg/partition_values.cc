#include "sink/iceberg/partition_values.h"

#include <bit>
#include <cstring>

#include <absl/container/flat_hash_map.h>
#include <absl/strings/escaping.h>
#include <absl/time/civil_time.h>
#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <fmt/format.h>

#include "core/net/percent_encoding.h"

namespace mainstem::sink {

namespace iceberg = connector::iceberg;
using iceberg::PartitionTuple;
using iceberg::TransformKind;
using iceberg::Type;
using iceberg::TypeKind;

namespace {

constexpr int64_t kMicrosPerHour = int64_t{3600} * 1000 * 1000;
constexpr int64_t kMicrosPerDay = 24 * kMicrosPerHour;
constexpr size_t kFolderNameBytesMax = 100;

template <typename T>
std::string LittleEndianBytes(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
T ValueFrom(std::string_view bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), std::min(sizeof(value), bytes.size()));
  return value;
}

// Of int, date and all that is kept in 8 bytes.
int64_t IntegerFrom(std::string_view bytes) {
  return bytes.size() == 4 ? ValueFrom<int32_t>(bytes) : ValueFrom<int64_t>(bytes);
}

int64_t FloorDivide(int64_t value, int64_t by) {
  int64_t quotient = value / by;
  return value % by < 0 ? quotient - 1 : quotient;
}

int64_t DaysOf(const Type& type, std::string_view value) {
  int64_t number = IntegerFrom(value);
  return type.kind == TypeKind::kDate ? number : FloorDivide(number, kMicrosPerDay);
}

__int128 DecimalFrom(std::string_view bytes) {
  __int128 value = !bytes.empty() && (bytes.front() & 0x80) != 0 ? -1 : 0;
  for (char byte : bytes) {
    value = static_cast<__int128>((static_cast<unsigned __int128>(value) << 8) |
                                  static_cast<unsigned char>(byte));
  }
  return value;
}

// The first so many characters of UTF-8.
std::string_view FirstCharacters(std::string_view text, int64_t count) {
  size_t at = 0;
  for (int64_t i = 0; i < count && at < text.size(); ++i) {
    ++at;
    while (at < text.size() && (text[at] & 0xc0) == 0x80) ++at;
  }
  return text.substr(0, at);
}

std::string Truncated(const Type& source, int32_t width, std::string value) {
  if (source.kind == TypeKind::kString) return std::string(FirstCharacters(value, width));
  if (source.kind == TypeKind::kBinary) {
    return value.substr(0, static_cast<size_t>(width));
  }
  if (source.kind == TypeKind::kDecimal) {
    __int128 number = DecimalFrom(value);
    __int128 rest = ((number % width) + width) % width;
    auto bits = static_cast<unsigned __int128>(number - rest);
    return DecimalValueBytes(static_cast<int64_t>(bits >> 64), static_cast<uint64_t>(bits));
  }
  int64_t number = IntegerFrom(value);
  int64_t rest = ((number % width) + width) % width;
  // Wraps around below the least number, as everywhere.
  auto result = static_cast<int64_t>(static_cast<uint64_t>(number) - static_cast<uint64_t>(rest));
  if (source.kind == TypeKind::kLong) return LittleEndianBytes(result);
  return LittleEndianBytes(static_cast<int32_t>(result));
}

int32_t BucketOf(const Type& source, int32_t width, std::string_view value) {
  std::string hashed(value);
  // All integers hash as 64 bits.
  if (source.kind == TypeKind::kInt || source.kind == TypeKind::kDate) {
    hashed = LittleEndianBytes(IntegerFrom(value));
  }
  return static_cast<int32_t>((Murmur3(hashed) & 0x7fffffff) % static_cast<uint32_t>(width));
}

absl::CivilDay CivilDayOf(int64_t days) { return absl::CivilDay(1970, 1, 1) + days; }

std::string HumanTime(int64_t micros) {
  int64_t days = FloorDivide(micros, kMicrosPerDay);
  absl::CivilDay day = CivilDayOf(days);
  int64_t rest = micros - days * kMicrosPerDay;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}", day.year(), day.month(),
                     day.day(), rest / kMicrosPerHour, rest / 60000000 % 60, rest / 1000000 % 60,
                     rest % 1000000);
}

std::string HumanDay(int64_t days) {
  absl::CivilDay day = CivilDayOf(days);
  return fmt::format("{:04}-{:02}-{:02}", day.year(), day.month(), day.day());
}

std::string HumanDecimal(const Type& type, std::string_view value) {
  auto bits = static_cast<unsigned __int128>(DecimalFrom(value));
  arrow::Decimal128 decimal(static_cast<int64_t>(bits >> 64), static_cast<uint64_t>(bits));
  return decimal.ToString(type.scale);
}

std::string HumanIdentity(const Type& type, const std::string& value) {
  switch (type.kind) {
    case TypeKind::kBoolean: return value == std::string(1, '\0') ? "false" : "true";
    case TypeKind::kInt:
    case TypeKind::kLong:
    case TypeKind::kTime: return std::to_string(IntegerFrom(value));
    case TypeKind::kFloat: return fmt::format("{}", ValueFrom<float>(value));
    case TypeKind::kDouble: return fmt::format("{}", ValueFrom<double>(value));
    case TypeKind::kDate: return HumanDay(IntegerFrom(value));
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampTz: return HumanTime(IntegerFrom(value));
    case TypeKind::kDecimal: return HumanDecimal(type, value);
    case TypeKind::kString: return value;
    default: return absl::Base64Escape(value);
  }
}

std::string HumanValue(const iceberg::Transform& transform, const Type& source,
                       const std::string& value) {
  int64_t number = 0;
  switch (transform.kind) {
    case TransformKind::kYear: return fmt::format("{:04}", 1970 + IntegerFrom(value));
    case TransformKind::kMonth:
      number = IntegerFrom(value);
      return fmt::format("{:04}-{:02}", 1970 + FloorDivide(number, 12),
                         number - 12 * FloorDivide(number, 12) + 1);
    case TransformKind::kDay: return HumanDay(IntegerFrom(value));
    case TransformKind::kHour:
      number = IntegerFrom(value);
      return HumanDay(FloorDivide(number, 24)) +
             fmt::format("-{:02}", number - 24 * FloorDivide(number, 24));
    case TransformKind::kBucket: return std::to_string(IntegerFrom(value));
    default: return HumanIdentity(source, value);
  }
}

// Lengths in front: no two tuples meet.
std::string KeyOf(const PartitionTuple& tuple) {
  std::string key;
  for (const auto& value : tuple) {
    key += value ? fmt::format("{}:", value->size()) + *value : std::string("-");
  }
  return key;
}

Result<std::shared_ptr<arrow::RecordBatch>> TakeRows(
    const std::shared_ptr<arrow::RecordBatch>& batch, const std::vector<int64_t>& rows) {
  if (rows.size() == static_cast<size_t>(batch->num_rows())) return batch;
  arrow::Int64Builder indices;
  RETURN_IF_ERROR(indices.AppendValues(rows));
  ASSIGN_OR_RETURN(auto index_array, indices.Finish());
  ASSIGN_OR_RETURN(arrow::Datum taken,
                   arrow::compute::Take(arrow::Datum(batch), arrow::Datum(index_array)));
  return taken.record_batch();
}

}  // namespace

uint32_t Murmur3(std::string_view bytes) {
  constexpr uint32_t kFirst = 0xcc9e2d51, kSecond = 0x1b873593;
  auto scramble = [](uint32_t word) { return std::rotl(word * kFirst, 15) * kSecond; };
  uint32_t hash = 0;
  size_t whole = bytes.size() / 4 * 4;
  for (size_t i = 0; i < whole; i += 4) {
    hash = std::rotl(hash ^ scramble(ValueFrom<uint32_t>(bytes.substr(i, 4))), 13) * 5 + 0xe6546b64;
  }
  if (whole < bytes.size()) hash ^= scramble(ValueFrom<uint32_t>(bytes.substr(whole)));
  hash ^= static_cast<uint32_t>(bytes.size());
  hash = (hash ^ (hash >> 16)) * 0x85ebca6b;
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35;
  return hash ^ (hash >> 16);
}

std::string DecimalValueBytes(int64_t high, uint64_t low) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(static_cast<uint64_t>(high) >> shift));
  }
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(low >> shift));
  char fill = high < 0 ? '\xff' : '\0';
  size_t skip = 0;
  // The first byte that stays must have the sign.
  while (skip < 15 && bytes[skip] == fill && ((bytes[skip + 1] ^ fill) & 0x80) == 0) ++skip;
  return bytes.substr(skip);
}

std::string ValueBytes(const Type& type, const arrow::Array& values, int64_t row) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      return std::string(1, static_cast<const arrow::BooleanArray&>(values).Value(row) ? 1 : 0);
    case TypeKind::kInt:
      return LittleEndianBytes(static_cast<const arrow::Int32Array&>(values).Value(row));
    case TypeKind::kDate:
      return LittleEndianBytes(static_cast<const arrow::Date32Array&>(values).Value(row));
    case TypeKind::kLong:
      return LittleEndianBytes(static_cast<const arrow::Int64Array&>(values).Value(row));
    case TypeKind::kTime:
      return LittleEndianBytes(static_cast<const arrow::Time64Array&>(values).Value(row));
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampTz:
      return LittleEndianBytes(static_cast<const arrow::TimestampArray&>(values).Value(row));
    case TypeKind::kFloat:
      return LittleEndianBytes(static_cast<const arrow::FloatArray&>(values).Value(row));
    case TypeKind::kDouble:
      return LittleEndianBytes(static_cast<const arrow::DoubleArray&>(values).Value(row));
    case TypeKind::kDecimal: {
      arrow::Decimal128 value(static_cast<const arrow::Decimal128Array&>(values).GetValue(row));
      return DecimalValueBytes(value.high_bits(), value.low_bits());
    }
    default: return std::string(static_cast<const arrow::BinaryArray&>(values).GetView(row));
  }
}

std::string TransformValue(const iceberg::Transform& transform, const Type& source,
                           std::string value) {
  switch (transform.kind) {
    case TransformKind::kTruncate: return Truncated(source, transform.width, std::move(value));
    case TransformKind::kBucket: return LittleEndianBytes(BucketOf(source, transform.width, value));
    case TransformKind::kDay: return LittleEndianBytes(static_cast<int32_t>(DaysOf(source, value)));
    case TransformKind::kHour:
      return LittleEndianBytes(
          static_cast<int32_t>(FloorDivide(IntegerFrom(value), kMicrosPerHour)));
    case TransformKind::kYear:
    case TransformKind::kMonth: {
      absl::CivilDay day = CivilDayOf(DaysOf(source, value));
      int64_t years = day.year() - 1970;
      int64_t number =
          transform.kind == TransformKind::kYear ? years : years * 12 + day.month() - 1;
      return LittleEndianBytes(static_cast<int32_t>(number));
    }
    default: return value;
  }
}

Result<PartitionSplitter> PartitionSplitter::Make(const iceberg::Schema& schema,
                                                  const iceberg::PartitionSpec& spec,
                                                  const arrow::Schema& file_schema) {
  PartitionSplitter splitter;
  for (const iceberg::PartitionField& field : spec.fields) {
    const iceberg::Field* source = schema.FindId(field.source_id);
    if (field.transform.kind == TransformKind::kVoid) {
      splitter.sources_.push_back(
          {.name = field.name, .column = -1, .type = {}, .transform = field.transform});
      continue;
    }
    if (source == nullptr || field.transform.kind == TransformKind::kOther) {
      return MakeError(ErrorCode::kUnsupported,
                       {.message = "the table's partition '" + field.name + "' is by '" +
                                   iceberg::TransformText(field.transform) +
                                   "' of a column, which is not known here",
                        .hint = "replace that partition field in the table"});
    }
    RETURN_IF_ERROR(iceberg::TransformResult(field.transform, source->type));
    int column = file_schema.GetFieldIndex(source->name);
    bool is_top = schema.Find(source->name) == source;
    if (!is_top) {
      return MakeError(ErrorCode::kUnsupported,
                       "the table is partitioned by '" + source->name + "', inside a column");
    }
    splitter.sources_.push_back(
        {.name = field.name, .column = column, .type = source->type, .transform = field.transform});
  }
  return splitter;
}

Result<std::vector<PartitionSplitter::Part>> PartitionSplitter::Split(
    const std::shared_ptr<arrow::RecordBatch>& batch) const {
  std::vector<Part> parts;
  if (sources_.empty()) {
    parts.push_back({.tuple = {}, .key = "", .rows = batch});
    return parts;
  }
  std::vector<std::vector<int64_t>> rows_of;
  absl::flat_hash_map<std::string, size_t> index_of;
  for (int64_t row = 0; row < batch->num_rows(); ++row) {
    PartitionTuple tuple;
    for (const Source& source : sources_) {
      // A column that is not written is NULL in all rows.
      const arrow::Array* values = source.column < 0 ? nullptr : batch->column(source.column).get();
      if (values == nullptr || values->IsNull(row)) {
        tuple.emplace_back(std::nullopt);
      } else {
        tuple.emplace_back(
            TransformValue(source.transform, source.type, ValueBytes(source.type, *values, row)));
      }
    }
    auto [found, is_new] = index_of.try_emplace(KeyOf(tuple), parts.size());
    if (is_new) {
      parts.push_back({.tuple = std::move(tuple), .key = found->first, .rows = nullptr});
      rows_of.emplace_back();
    }
    rows_of[found->second].push_back(row);
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    ASSIGN_OR_RETURN(parts[i].rows, TakeRows(batch, rows_of[i]));
  }
  return parts;
}

std::string PartitionSplitter::Folder(const PartitionTuple& tuple) const {
  std::string folder;
  for (size_t i = 0; i < sources_.size(); ++i) {
    const Source& source = sources_[i];
    std::string value =
        tuple[i] ? HumanValue(source.transform, source.type, *tuple[i]) : std::string("null");
    std::string name = net::PercentEncode(source.name) + "=" + net::PercentEncode(value);
    // Readers don't read it: what is long is told apart by a hash.
    if (name.size() > kFolderNameBytesMax) {
      name = fmt::format("{}-{:08x}", name.substr(0, kFolderNameBytesMax), Murmur3(value));
    }
    folder += name + "/";
  }
  return folder;
}

}  // namespace mainstem::sink
