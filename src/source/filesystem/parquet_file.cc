#include "source/filesystem/parquet_file.h"

#include <algorithm>
#include <cstring>

#include <arrow/api.h>
#include <arrow/io/interfaces.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include "source/filesystem/column_conversion.h"

namespace mainstem::source {
namespace {

// A footer names each column of each row group: one above this is a fault.
constexpr int64_t kMaxFooterBytes = int64_t{256} << 20;
constexpr int64_t kMaxRowGroupBytes = int64_t{2} << 30;
constexpr int64_t kBatchBytes = int64_t{8} << 20;
constexpr int64_t kMaxBatchRows = 4096;
// Old writers left out some bytes of a chunk's length; the reader looks for them behind it.
constexpr int64_t kChunkPadding = 100;

Status Broken(const std::string& problem) {
  return MakeError(ErrorCode::kDecodeError, "not a sound Parquet file: " + problem);
}

// `function` may throw, as the library does: what it says becomes a kDecodeError.
template <typename F>
auto Guarded(F function) -> decltype(function()) {
  try {
    return function();
  } catch (const std::exception& error) {
    return Broken(error.what());
  }
}

// The pieces of a file that were brought; looking elsewhere is an error.
class PiecesFile final : public arrow::io::RandomAccessFile {
 public:
  explicit PiecesFile(int64_t size) : size_(size) {}
  void Set(const std::vector<ParquetFile::Range>& ranges, std::vector<std::string> bytes) {
    pieces_.clear();
    for (size_t i = 0; i < ranges.size(); ++i) {
      pieces_.push_back({ranges[i].offset, arrow::Buffer::FromString(std::move(bytes[i]))});
    }
  }
  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Seek(int64_t position) override {
    position_ = position;
    return arrow::Status::OK();
  }
  arrow::Result<int64_t> GetSize() override { return size_; }
  arrow::Result<int64_t> Read(int64_t count, void* out) override {
    ARROW_ASSIGN_OR_RAISE(int64_t read, ReadAt(position_, count, out));
    position_ += read;
    return read;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t count) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position_, count));
    position_ += buffer->size();
    return buffer;
  }
  arrow::Result<int64_t> ReadAt(int64_t position, int64_t count, void* out) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position, count));
    std::memcpy(out, buffer->data(), static_cast<size_t>(buffer->size()));
    return buffer->size();
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t count) override {
    for (const Piece& piece : pieces_) {
      int64_t begin = position - piece.offset;
      if (begin < 0 || count < 0 || begin > piece.bytes->size()) continue;
      if (count > piece.bytes->size() - begin) continue;
      return arrow::SliceBuffer(piece.bytes, begin, count);
    }
    return arrow::Status::IOError("bytes outside of the columns are asked for");
  }

 private:
  struct Piece {
    int64_t offset;
    std::shared_ptr<arrow::Buffer> bytes;
  };
  int64_t size_;
  int64_t position_ = 0;
  std::vector<Piece> pieces_;
};

// Leaves below `field` that the wanted type needs. A ROW none of whose fields is there still needs
// one leaf, which tells where the ROW itself is NULL.
void CollectLeaves(const parquet::arrow::SchemaField& field, const arrow::DataType* wanted,
                   std::vector<int>* leaves) {
  if (field.is_leaf()) {
    leaves->push_back(field.column_index);
    return;
  }
  bool by_name = wanted != nullptr && wanted->id() == arrow::Type::STRUCT &&
                 field.field->type()->id() == arrow::Type::STRUCT;
  size_t before = leaves->size();
  for (size_t i = 0; i < field.children.size(); ++i) {
    const parquet::arrow::SchemaField& child = field.children[i];
    const arrow::DataType* type = nullptr;
    if (by_name) {
      auto found =
          static_cast<const arrow::StructType*>(wanted)->GetFieldByName(child.field->name());
      if (found == nullptr) continue;
      type = found->type().get();
    } else if (wanted != nullptr && static_cast<int>(i) < wanted->num_fields()) {
      type = wanted->field(static_cast<int>(i))->type().get();
    }
    CollectLeaves(child, type, leaves);
  }
  if (leaves->size() == before && !field.children.empty()) {
    CollectLeaves(field.children[0], nullptr, leaves);
  }
}

bool HoldsNanoseconds(const arrow::DataType& type) {
  if (type.id() == arrow::Type::TIMESTAMP) {
    return static_cast<const arrow::TimestampType&>(type).unit() == arrow::TimeUnit::NANO;
  }
  return std::any_of(type.fields().begin(), type.fields().end(),
                     [](const auto& field) { return HoldsNanoseconds(*field->type()); });
}

Result<std::unique_ptr<parquet::arrow::FileReader>> MakeReader(
    const std::shared_ptr<PiecesFile>& file, const std::shared_ptr<parquet::FileMetaData>& metadata,
    arrow::TimeUnit::type int96_unit) {
  parquet::ArrowReaderProperties properties(/*use_threads=*/false);
  properties.set_pre_buffer(false);
  properties.set_batch_size(kMaxBatchRows);
  properties.set_coerce_int96_timestamp_unit(int96_unit);
  auto reader =
      parquet::ParquetFileReader::Open(file, parquet::default_reader_properties(), metadata);
  return parquet::arrow::FileReader::Make(arrow::default_memory_pool(), std::move(reader),
                                          properties);
}

// `micros` with those timestamps of `nanos` that are to be nanoseconds: the same values, both in
// the table's type.
std::shared_ptr<arrow::ArrayData> WithNanoseconds(const std::shared_ptr<arrow::ArrayData>& micros,
                                                  const arrow::ArrayData& nanos) {
  if (micros->type->id() == arrow::Type::TIMESTAMP) {
    return HoldsNanoseconds(*micros->type) ? nanos.Copy() : micros;
  }
  auto merged = micros->Copy();
  for (size_t i = 0; i < merged->child_data.size(); ++i) {
    merged->child_data[i] = WithNanoseconds(micros->child_data[i], *nanos.child_data[i]);
  }
  return merged;
}

}  // namespace

struct ParquetFile::Parts {
  std::shared_ptr<parquet::FileMetaData> metadata;
  std::shared_ptr<PiecesFile> file;
  std::unique_ptr<parquet::arrow::FileReader> reader;
  std::unique_ptr<arrow::RecordBatchReader> batches;
  std::shared_ptr<arrow::Schema> wanted;
  std::vector<int> leaves;
  // INT96 holds more time than nanoseconds of 64 bits, and the library wraps what they cannot hold.
  // So all of it is read as microseconds, whose conversion is checked, and columns that want
  // nanoseconds are read once more. Absent where no column needs it.
  std::unique_ptr<parquet::arrow::FileReader> nano_reader;
  std::unique_ptr<arrow::RecordBatchReader> nano_batches;
  std::vector<int> nano_leaves;
  int64_t file_bytes = 0;
  std::vector<int64_t> first_rows;  // of each row group, and the count of all at the end
  int row_group = -1;
  int64_t rows_left = 0;  // of the row group
};

ParquetFile::ParquetFile() : parts_(std::make_unique<Parts>()) {}
ParquetFile::~ParquetFile() = default;

Result<int64_t> ParquetFooterBytes(std::string_view tail, int64_t file_bytes) {
  std::string_view magic = tail.size() < 4 ? tail : tail.substr(tail.size() - 4);
  if (magic == "PARE") {
    return MakeError(ErrorCode::kDecodeError, "the Parquet file is encrypted, it cannot be read");
  }
  if (tail.size() != kParquetTailBytes || magic != "PAR1") {
    return MakeError(ErrorCode::kDecodeError,
                     {.message = "not a Parquet file: it does not end with 'PAR1'",
                      .hint = "it may be another format, or still be written"});
  }
  uint32_t bytes;
  std::memcpy(&bytes, tail.data(), sizeof(bytes));
  if (bytes > kMaxFooterBytes || int64_t{bytes} > file_bytes - kParquetTailBytes - 4) {
    return Broken(fmt::format("a footer of {} bytes in a file of {}", bytes, file_bytes));
  }
  return bytes;
}

Result<std::unique_ptr<ParquetFile>> ParquetFile::Open(const std::string& footer,
                                                       int64_t file_bytes,
                                                       std::shared_ptr<arrow::Schema> wanted) {
  auto opened = std::unique_ptr<ParquetFile>(new ParquetFile());
  Parts& parts = *opened->parts_;
  parts.file_bytes = file_bytes;
  parts.wanted = std::move(wanted);
  RETURN_IF_ERROR(Guarded([&]() -> Status {
    parts.metadata =
        parquet::FileMetaData::Make(footer.data(), static_cast<int64_t>(footer.size()));
    parts.first_rows = {0};
    for (int i = 0; i < parts.metadata->num_row_groups(); ++i) {
      int64_t rows = parts.metadata->RowGroup(i)->num_rows();
      if (rows < 0 || rows > parts.metadata->num_rows() - parts.first_rows.back()) {
        return Broken("its row groups hold other rows than the file");
      }
      parts.first_rows.push_back(parts.first_rows.back() + rows);
    }
    parts.file = std::make_shared<PiecesFile>(file_bytes);
    ASSIGN_OR_RETURN(parts.reader, MakeReader(parts.file, parts.metadata, arrow::TimeUnit::MICRO));
    return Status::OK();
  }));
  const auto& fields = parts.reader->manifest().schema_fields;
  for (const auto& column : parts.wanted->fields()) {
    for (const parquet::arrow::SchemaField& field : fields) {
      if (field.field->name() != column->name()) continue;
      RETURN_IF_ERROR(CheckConvertible(*field.field->type(), *column->type(), column->name()));
      std::vector<int> leaves;
      CollectLeaves(field, column->type().get(), &leaves);
      parts.leaves.insert(parts.leaves.end(), leaves.begin(), leaves.end());
      auto is_int96 = [&](int leaf) {
        return parts.metadata->schema()->Column(leaf)->physical_type() == parquet::Type::INT96;
      };
      if (HoldsNanoseconds(*column->type()) &&
          std::any_of(leaves.begin(), leaves.end(), is_int96)) {
        parts.nano_leaves.insert(parts.nano_leaves.end(), leaves.begin(), leaves.end());
      }
      break;
    }
  }
  std::sort(parts.leaves.begin(), parts.leaves.end());
  std::sort(parts.nano_leaves.begin(), parts.nano_leaves.end());
  if (parts.nano_leaves.empty()) return opened;
  RETURN_IF_ERROR(Guarded([&]() -> Status {
    ASSIGN_OR_RETURN(parts.nano_reader,
                     MakeReader(parts.file, parts.metadata, arrow::TimeUnit::NANO));
    return Status::OK();
  }));
  return opened;
}

int64_t ParquetFile::row_count() const { return parts_->first_rows.back(); }

int64_t ParquetFile::RowsOf(int row_group) const {
  return parts_->first_rows[row_group + 1] - parts_->first_rows[row_group];
}

ParquetFile::Place ParquetFile::Find(int64_t row) const {
  CHECK(row >= 0 && row < row_count());
  const std::vector<int64_t>& first = parts_->first_rows;
  auto after = std::upper_bound(first.begin(), first.end(), row);
  return {.row_group = static_cast<int>(after - first.begin()) - 1, .first_row = *(after - 1)};
}

Result<std::vector<ParquetFile::Range>> ParquetFile::RangesOf(int row_group) const {
  return Guarded([&]() -> Result<std::vector<Range>> {
    auto group = parts_->metadata->RowGroup(row_group);
    std::vector<Range> ranges;
    int64_t total = 0;
    for (int leaf : parts_->leaves) {
      auto chunk = group->ColumnChunk(leaf);
      int64_t begin = chunk->data_page_offset();
      if (chunk->has_dictionary_page() && chunk->dictionary_page_offset() > 0) {
        begin = std::min(begin, chunk->dictionary_page_offset());
      }
      int64_t size = chunk->total_compressed_size();
      if (begin < 0 || size < 0 || begin > parts_->file_bytes ||
          size > parts_->file_bytes - begin) {
        return Broken("a column chunk lies outside of the file");
      }
      size = std::min(size + kChunkPadding, parts_->file_bytes - begin);
      ranges.push_back({.offset = begin, .size = size});
      total += size;
    }
    if (total > kMaxRowGroupBytes) {
      return MakeError(ErrorCode::kDecodeError,
                       {.message = fmt::format(
                            "row group {} has {} bytes in the wanted columns, {} are the most",
                            row_group, total, kMaxRowGroupBytes),
                        .hint = "write it with smaller row groups, or read fewer columns"});
    }
    return ranges;
  });
}

Status ParquetFile::Begin(int row_group, std::vector<std::string> bytes) {
  Parts& parts = *parts_;
  parts.batches.reset();
  parts.nano_batches.reset();
  parts.row_group = row_group;
  parts.rows_left = RowsOf(row_group);
  ASSIGN_OR_RETURN(std::vector<Range> ranges, RangesOf(row_group));
  CHECK(bytes.size() == ranges.size());
  parts.file->Set(ranges, std::move(bytes));
  if (parts.leaves.empty() || parts.rows_left == 0) return Status::OK();
  return Guarded([&]() -> Status {
    auto group = parts.metadata->RowGroup(row_group);
    int64_t plain_bytes = 0;
    for (int leaf : parts.leaves) {
      plain_bytes += std::max<int64_t>(group->ColumnChunk(leaf)->total_uncompressed_size(), 0);
    }
    int64_t row_bytes = plain_bytes / parts.rows_left + 1;
    int64_t batch_rows = std::clamp<int64_t>(kBatchBytes / row_bytes, 1, kMaxBatchRows);
    auto begin = [&](parquet::arrow::FileReader* reader, const std::vector<int>& leaves,
                     std::unique_ptr<arrow::RecordBatchReader>* batches) -> Status {
      reader->set_batch_size(batch_rows);
      auto begun = reader->GetRecordBatchReader({row_group}, leaves);
      if (!begun.ok()) return Broken(begun.status().message());
      *batches = std::move(*begun);
      return Status::OK();
    };
    RETURN_IF_ERROR(begin(parts.reader.get(), parts.leaves, &parts.batches));
    if (parts.nano_reader == nullptr) return Status::OK();
    return begin(parts.nano_reader.get(), parts.nano_leaves, &parts.nano_batches);
  });
}

Result<std::shared_ptr<arrow::RecordBatch>> ParquetFile::Next() {
  Parts& parts = *parts_;
  if (parts.rows_left == 0) return nullptr;
  std::shared_ptr<arrow::RecordBatch> read;
  std::shared_ptr<arrow::RecordBatch> read_nanos;
  int64_t rows = std::min(parts.rows_left, kMaxBatchRows);
  if (!parts.leaves.empty()) {
    RETURN_IF_ERROR(Guarded([&]() -> Status {
      arrow::Status status = parts.batches->ReadNext(&read);
      if (status.ok() && parts.nano_batches != nullptr) {
        status = parts.nano_batches->ReadNext(&read_nanos);
      }
      return status.ok() ? Status::OK() : Broken(status.message());
    }));
    if (read == nullptr || read->num_rows() > parts.rows_left) {
      return Broken("a row group holds other rows than it says");
    }
    rows = read->num_rows();
    if (parts.nano_batches != nullptr && (!read_nanos || read_nanos->num_rows() != rows)) {
      return Broken("its columns hold different numbers of rows");
    }
  }
  arrow::ArrayVector columns;
  for (const auto& column : parts.wanted->fields()) {
    auto present = read == nullptr ? nullptr : read->GetColumnByName(column->name());
    if (present == nullptr) {
      ASSIGN_OR_RETURN(present, arrow::MakeArrayOfNull(column->type(), rows));
    } else {
      ASSIGN_OR_RETURN(present, ConvertColumn(present, column->type()));
    }
    auto nanos = read_nanos == nullptr ? nullptr : read_nanos->GetColumnByName(column->name());
    if (nanos != nullptr) {
      ASSIGN_OR_RETURN(nanos, ConvertColumn(nanos, column->type()));
      present = arrow::MakeArray(WithNanoseconds(present->data(), *nanos->data()));
    }
    columns.push_back(std::move(present));
  }
  parts.rows_left -= rows;
  return arrow::RecordBatch::Make(parts.wanted, rows, std::move(columns));
}

}  // namespace mainstem::source
