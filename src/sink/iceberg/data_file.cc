#include "sink/iceberg/data_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include <absl/strings/ascii.h>
#include <arrow/api.h>
#include <arrow/util/compression.h>
#include <parquet/arrow/writer.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/statistics.h>

#include "core/suggest.h"
#include "format/utf8.h"
#include "sink/iceberg/partition_values.h"
#include "sink/parquet_output.h"

namespace mainstem::sink {

namespace iceberg = connector::iceberg;
using iceberg::Type;
using iceberg::TypeKind;

namespace {

// Bounds of more columns would make manifests heavier than what they spare.
constexpr int kColumnsWithBoundsMax = 100;
constexpr size_t kBoundLength = 16;

Result<arrow::Compression::type> CompressionOf(const std::string& name) {
  static const std::map<std::string, arrow::Compression::type> kinds = {
      {"zstd", arrow::Compression::ZSTD},        {"snappy", arrow::Compression::SNAPPY},
      {"gzip", arrow::Compression::GZIP},        {"lz4", arrow::Compression::LZ4},
      {"brotli", arrow::Compression::BROTLI},    {"uncompressed", arrow::Compression::UNCOMPRESSED},
      {"none", arrow::Compression::UNCOMPRESSED}};
  auto found = kinds.find(absl::AsciiStrToLower(name));
  if (found != kinds.end() && arrow::util::Codec::IsAvailable(found->second)) {
    return found->second;
  }
  std::vector<std::string> names;
  for (const auto& [known, kind] : kinds) names.push_back(known);
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = "'write.parquet.compression-codec' = '" + name + "' is not known",
                    .hint = SuggestionFor(name, names)});
}

template <typename ArrayType>
int64_t CountNans(const arrow::Array& array) {
  const auto& values = static_cast<const ArrayType&>(array);
  int64_t count = 0;
  for (int64_t i = 0; i < values.length(); ++i) {
    count += values.IsValid(i) && std::isnan(values.Value(i));
  }
  return count;
}

// A whole number in Parquet's bytes, which stands for a DECIMAL, in the form of bounds.
std::string DecimalFromParquet(parquet::Type::type stored, const std::string& bytes) {
  if (stored == parquet::Type::INT32 || stored == parquet::Type::INT64) {
    int64_t number = 0;
    if (stored == parquet::Type::INT32) {
      int32_t narrow = 0;
      std::memcpy(&narrow, bytes.data(), std::min(sizeof(narrow), bytes.size()));
      number = narrow;
    } else {
      std::memcpy(&number, bytes.data(), std::min(sizeof(number), bytes.size()));
    }
    return DecimalValueBytes(number < 0 ? -1 : 0, static_cast<uint64_t>(number));
  }
  bool is_negative = !bytes.empty() && (bytes.front() & 0x80) != 0;
  unsigned __int128 value = is_negative ? ~static_cast<unsigned __int128>(0) : 0;
  for (char byte : bytes) value = (value << 8) | static_cast<unsigned char>(byte);
  return DecimalValueBytes(static_cast<int64_t>(value >> 64), static_cast<uint64_t>(value));
}

// What a column of all row groups together holds.
struct ColumnMetrics {
  int64_t bytes = 0;
  int64_t values = 0;
  int64_t nulls = 0;
  bool has_nulls = true;   // the count is known
  bool has_bounds = true;  // as far as there are values
  std::optional<std::string> lower;
  std::optional<std::string> upper;

  void AddBounds(const Type& type, const parquet::ColumnDescriptor& column,
                 const parquet::Statistics& statistics) {
    std::string low = statistics.EncodeMin(), high = statistics.EncodeMax();
    if (type.kind == TypeKind::kDecimal) {
      low = DecimalFromParquet(column.physical_type(), low);
      high = DecimalFromParquet(column.physical_type(), high);
    }
    if (!lower || iceberg::CompareValues(type, low, *lower) < 0) lower = std::move(low);
    if (!upper || iceberg::CompareValues(type, high, *upper) > 0) upper = std::move(high);
  }

  void Add(const parquet::ColumnChunkMetaData& chunk, const parquet::ColumnDescriptor& column,
           const Type* type) {
    bytes += chunk.total_compressed_size();
    values += chunk.num_values();
    std::shared_ptr<parquet::Statistics> statistics =
        chunk.is_stats_set() ? chunk.statistics() : nullptr;
    if (statistics == nullptr || !statistics->HasNullCount()) {
      has_nulls = has_bounds = false;
      return;
    }
    nulls += statistics->null_count();
    if (type == nullptr || column.max_repetition_level() > 0) has_bounds = false;
    if (!has_bounds || statistics->null_count() == chunk.num_values()) return;
    if (statistics->HasMinMax()) {
      AddBounds(*type, column, *statistics);
    } else {
      has_bounds = false;
    }
  }
};

class ParquetDataFile final : public DataFileEncoder {
 public:
  ParquetDataFile(DataFileOptions options, std::shared_ptr<TakenStream> sink,
                  std::unique_ptr<parquet::arrow::FileWriter> writer)
      : options_(std::move(options)),
        sink_(std::move(sink)),
        writer_(std::move(writer)),
        row_group_bytes_(RowGroupBytesOf(options_.target_bytes)) {
    for (int i = 0; i < options_.schema->num_fields(); ++i) {
      arrow::Type::type id = options_.schema->field(i)->type()->id();
      const iceberg::Field* field = options_.table.Find(options_.schema->field(i)->name());
      bool is_float = id == arrow::Type::FLOAT || id == arrow::Type::DOUBLE;
      if (is_float && field != nullptr) nan_counts_[i] = {field->id, 0};
    }
  }

  Status Write(const arrow::RecordBatch& rows) override {
    if (group_bytes_ >= row_group_bytes_) {
      RETURN_IF_ERROR(writer_->NewBufferedRowGroup());
      group_bytes_ = 0;
    }
    for (const auto& column : rows.columns()) group_bytes_ += BytesOf(*column->data());
    for (auto& [column, counted] : nan_counts_) {
      const arrow::Array& values = *rows.column(column);
      counted.second += values.type_id() == arrow::Type::FLOAT
                            ? CountNans<arrow::FloatArray>(values)
                            : CountNans<arrow::DoubleArray>(values);
    }
    row_count_ += rows.num_rows();
    return writer_->WriteRecordBatch(rows);
  }

  Status Finish(iceberg::DataFile* file) override {
    RETURN_IF_ERROR(writer_->Close());
    group_bytes_ = 0;
    file->record_count = row_count_;
    file->size_bytes = sink_->position();
    AddMetrics(*writer_->metadata(), file);
    for (const auto& [column, counted] : nan_counts_) {
      file->nan_counts[counted.first] = counted.second;
    }
    return Status::OK();
  }

  std::string TakeBytes() override { return sink_->Take(); }
  // Encoding and compression make a fifth of it, about.
  int64_t EstimateBytes() const override { return sink_->position() + group_bytes_ / 5; }

 private:
  static int64_t BytesOf(const arrow::ArrayData& column) {
    int64_t bytes = 0;
    for (const auto& buffer : column.buffers) bytes += buffer ? buffer->size() : 0;
    for (const auto& child : column.child_data) bytes += BytesOf(*child);
    return bytes;
  }

  void AddMetrics(const parquet::FileMetaData& metadata, iceberg::DataFile* file) const {
    const parquet::SchemaDescriptor& schema = *metadata.schema();
    for (int group = 0; group < metadata.num_row_groups(); ++group) {
      auto row_group = metadata.RowGroup(group);
      if (row_group->num_columns() == 0) continue;
      auto first = row_group->ColumnChunk(0);
      int64_t begin = first->has_dictionary_page() ? first->dictionary_page_offset()
                                                   : first->data_page_offset();
      file->split_offsets.push_back(begin);
    }
    for (int i = 0; i < std::min(schema.num_columns(), kColumnsWithBoundsMax); ++i) {
      const parquet::ColumnDescriptor& column = *schema.Column(i);
      int32_t id = column.schema_node()->field_id();
      const iceberg::Field* field = options_.table.FindId(id);
      if (field == nullptr) continue;
      ColumnMetrics metrics;
      for (int group = 0; group < metadata.num_row_groups(); ++group) {
        auto chunk = metadata.RowGroup(group)->ColumnChunk(i);
        metrics.Add(*chunk, column, &field->type);
      }
      file->column_sizes[id] = metrics.bytes;
      file->value_counts[id] = metrics.values;
      if (metrics.has_nulls) file->null_counts[id] = metrics.nulls;
      if (!metrics.has_bounds || !metrics.lower) continue;
      file->lower_bounds[id] = CutLowerBound(field->type, *metrics.lower);
      if (auto upper = CutUpperBound(field->type, *metrics.upper)) {
        file->upper_bounds[id] = std::move(*upper);
      }
    }
  }

  DataFileOptions options_;
  std::shared_ptr<TakenStream> sink_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  int64_t row_group_bytes_;
  int64_t group_bytes_ = 0;  // before encoding
  int64_t row_count_ = 0;
  std::map<int, std::pair<int32_t, int64_t>> nan_counts_;  // column -> id, count
};

// Bytes of the first 16 characters.
size_t BoundEnd(const Type& type, std::string_view value) {
  if (type.kind == TypeKind::kBinary) return std::min(value.size(), kBoundLength);
  size_t at = 0;
  for (size_t i = 0; i < kBoundLength && at < value.size(); ++i) {
    ++at;
    while (at < value.size() && (value[at] & 0xc0) == 0x80) ++at;
  }
  return at;
}

bool IsCut(const Type& type) {
  return type.kind == TypeKind::kString || type.kind == TypeKind::kBinary;
}

}  // namespace

std::string CutLowerBound(const Type& type, std::string value) {
  if (IsCut(type)) value.resize(BoundEnd(type, value));
  return value;
}

std::optional<std::string> CutUpperBound(const Type& type, std::string value) {
  if (!IsCut(type)) return value;
  size_t end = BoundEnd(type, value);
  if (end == value.size()) return value;
  value.resize(end);
  // The last character that has one above it goes up by one, what follows goes.
  while (!value.empty()) {
    size_t last = value.size() - 1;
    if (type.kind == TypeKind::kBinary) {
      auto byte = static_cast<uint8_t>(value[last]);
      value.resize(last);
      if (byte == 0xff) continue;
      value.push_back(static_cast<char>(byte + 1));
      return value;
    }
    while (last > 0 && (value[last] & 0xc0) == 0x80) --last;
    size_t at = last;
    uint32_t point = format::NextCodePoint(value, &at) + 1;
    value.resize(last);
    if (point >= 0xd800 && point < 0xe000) point = 0xe000;  // no characters there
    if (point > 0x10ffff) continue;
    value += format::Utf8Character(point).bytes();
    return value;
  }
  return std::nullopt;
}

Result<std::unique_ptr<DataFileEncoder>> DataFileEncoder::Make(const DataFileOptions& options) {
  ASSIGN_OR_RETURN(arrow::Compression::type compression, CompressionOf(options.compression));
  parquet::WriterProperties::Builder builder;
  builder.compression(compression)->created_by("mainstem")->enable_store_decimal_as_integer();
  auto sink = std::make_shared<TakenStream>();
  ASSIGN_OR_RETURN(auto writer,
                   parquet::arrow::FileWriter::Open(*options.schema, arrow::default_memory_pool(),
                                                    sink, builder.build()));
  return std::make_unique<ParquetDataFile>(options, std::move(sink), std::move(writer));
}

}  // namespace mainstem::sink
