#include "sink/iceberg/file_rewriter.h"

#include <set>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/io/memory.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include "connector/iceberg/column_types.h"
#include "core/path.h"
#include "sink/iceberg/data_file.h"
#include "sink/iceberg/row_keys.h"

namespace mainstem::sink {

namespace iceberg = connector::iceberg;

namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;

Status CannotCarry(const std::string& what) {
  return MakeError(ErrorCode::kUnsupported, what + " is not carried over into another file");
}

Result<ArrayPtr> AdaptColumn(const ArrayPtr& array, const arrow::Field& from,
                             const arrow::Field& to);

Result<ArrayPtr> AdaptStruct(const ArrayPtr& array, const arrow::Field& from,
                             const arrow::Field& to) {
  const auto& rows = static_cast<const arrow::StructArray&>(*array);
  arrow::ArrayVector columns;
  for (const auto& wanted : to.type()->fields()) {
    int found = -1;
    for (int i = 0; i < from.type()->num_fields(); ++i) {
      if (iceberg::FieldIdOf(*from.type()->field(i)) == iceberg::FieldIdOf(*wanted)) found = i;
    }
    ArrayPtr column;
    if (found >= 0) {
      ASSIGN_OR_RETURN(column, AdaptColumn(rows.field(found), *from.type()->field(found), *wanted));
    } else if (wanted->nullable()) {
      ASSIGN_OR_RETURN(column, arrow::MakeArrayOfNull(wanted->type(), rows.length()));
    } else {
      return CannotCarry("a file without the column '" + wanted->name() + "'");
    }
    columns.push_back(std::move(column));
  }
  return std::make_shared<arrow::StructArray>(to.type(), rows.length(), std::move(columns),
                                              rows.null_bitmap(), rows.null_count());
}

// What widening has made of a type since, or another writer's form of the same.
bool IsWidened(const arrow::DataType& from, const arrow::DataType& to) {
  if (from.id() == arrow::Type::INT32) return to.id() == arrow::Type::INT64;
  if (from.id() == arrow::Type::FLOAT) return to.id() == arrow::Type::DOUBLE;
  if (from.id() == arrow::Type::LARGE_STRING) return to.id() == arrow::Type::STRING;
  if (from.id() == arrow::Type::LARGE_BINARY) return to.id() == arrow::Type::BINARY;
  if (from.id() == arrow::Type::TIMESTAMP) return to.id() == arrow::Type::TIMESTAMP;
  return from.id() == arrow::Type::DECIMAL128 && to.id() == arrow::Type::DECIMAL128;
}

Result<ArrayPtr> AdaptColumn(const ArrayPtr& array, const arrow::Field& from,
                             const arrow::Field& to) {
  const arrow::DataType& type = *from.type();
  if (type.Equals(*to.type(), true)) return array;
  if (array->offset() != 0) {
    ASSIGN_OR_RETURN(ArrayPtr whole, arrow::Concatenate({array}));
    return AdaptColumn(whole, from, to);
  }
  if (type.id() != to.type()->id() && !IsWidened(type, *to.type())) {
    return CannotCarry(fmt::format("column '{}' of {}", to.name(), type.ToString()));
  }
  switch (type.id()) {
    case arrow::Type::STRUCT: return AdaptStruct(array, from, to);
    case arrow::Type::LIST: {
      const auto& list = static_cast<const arrow::ListArray&>(*array);
      ASSIGN_OR_RETURN(ArrayPtr values,
                       AdaptColumn(list.values(), *type.field(0), *to.type()->field(0)));
      return std::make_shared<arrow::ListArray>(to.type(), list.length(), list.value_offsets(),
                                                std::move(values), list.null_bitmap(),
                                                list.null_count());
    }
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapArray&>(*array);
      const auto& from_map = static_cast<const arrow::MapType&>(type);
      const auto& to_map = static_cast<const arrow::MapType&>(*to.type());
      ASSIGN_OR_RETURN(ArrayPtr keys,
                       AdaptColumn(map.keys(), *from_map.key_field(), *to_map.key_field()));
      ASSIGN_OR_RETURN(ArrayPtr items,
                       AdaptColumn(map.items(), *from_map.item_field(), *to_map.item_field()));
      return std::make_shared<arrow::MapArray>(to.type(), map.length(), map.value_offsets(),
                                               std::move(keys), std::move(items), map.null_bitmap(),
                                               map.null_count());
    }
    default:
      if (type.Equals(*to.type(), false)) return array;
      return arrow::compute::Cast(*array, to.type());
  }
}

// Columns that all files lack may stand in their partition alone (tables that were taken over).
Status CheckIds(const arrow::Schema& file, const iceberg::TableMetadata& layout) {
  std::set<int32_t> ids;
  for (const auto& field : file.fields()) ids.insert(iceberg::FieldIdOf(*field));
  if (ids.count(-1) > 0) return CannotCarry("a file without ids of its columns");
  for (const iceberg::PartitionField& field : layout.spec.fields) {
    if (ids.count(field.source_id) == 0) return CannotCarry("a file without partition columns");
  }
  return Status::OK();
}

// A file, read whole, and its row groups brought into a schema of now.
class ParquetInput {
 public:
  static Result<std::unique_ptr<ParquetInput>> Open(std::string bytes,
                                                    const iceberg::TableMetadata& layout) {
    auto input = std::make_unique<ParquetInput>();
    input->bytes_ = std::move(bytes);
    auto source = std::make_shared<arrow::io::BufferReader>(
        std::make_shared<arrow::Buffer>(std::string_view(input->bytes_)));
    ASSIGN_OR_RETURN(input->reader_,
                     parquet::arrow::OpenFile(source, arrow::default_memory_pool()));
    RETURN_IF_ERROR(input->reader_->GetSchema(&input->schema_));
    RETURN_IF_ERROR(CheckIds(*input->schema_, layout));
    return input;
  }

  int group_count() const { return reader_->num_row_groups(); }

  // Only the columns of `schema`.
  Result<std::shared_ptr<arrow::RecordBatch>> Read(int group, const arrow::Schema& schema) const {
    std::set<int32_t> wanted;
    for (const auto& field : schema.fields()) wanted.insert(iceberg::FieldIdOf(*field));
    std::vector<int> leaves;
    const parquet::SchemaDescriptor& stored = *reader_->parquet_reader()->metadata()->schema();
    for (int i = 0; i < stored.num_columns(); ++i) {
      if (wanted.count(stored.GetColumnRoot(i)->field_id()) > 0) leaves.push_back(i);
    }
    ASSIGN_OR_RETURN(std::shared_ptr<arrow::Table> table, reader_->ReadRowGroup(group, leaves));
    ASSIGN_OR_RETURN(auto batch, table->CombineChunksToBatch());
    ASSIGN_OR_RETURN(auto rows, batch->ToStructArray());
    arrow::Field from("row", rows->type()), to("row", arrow::struct_(schema.fields()));
    ASSIGN_OR_RETURN(ArrayPtr adapted, AdaptColumn(rows, from, to));
    ASSIGN_OR_RETURN(auto adapted_batch, arrow::RecordBatch::FromStructArray(adapted));
    return arrow::RecordBatch::Make(arrow::schema(schema.fields()), adapted_batch->num_rows(),
                                    adapted_batch->columns());
  }

 private:
  std::string bytes_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::shared_ptr<arrow::Schema> schema_;
};

Task<std::unique_ptr<ParquetInput>> OpenInput(Env* env, std::shared_ptr<iceberg::LakeFiles> files,
                                              std::string path, iceberg::MetadataPtr layout) {
  CO_ASSIGN_OR_RETURN(std::string bytes, co_await files->Read(std::move(path)));
  std::unique_ptr<ParquetInput> input;
  CO_ASSIGN_OR_RETURN(input, co_await env->blocking_pool().Run(
                                 [&] { return ParquetInput::Open(std::move(bytes), *layout); }));
  co_return input;
}

// The rows at these places of the batch that begins with row `first`.
struct KeptRows {
  std::shared_ptr<arrow::RecordBatch> rows;
  std::vector<int64_t> positions;  // in the file; empty: all of them
};
Result<KeptRows> WithoutDeleted(std::shared_ptr<arrow::RecordBatch> batch, int64_t first,
                                const iceberg::Positions& deleted) {
  if (deleted.isEmpty()) return KeptRows{.rows = std::move(batch), .positions = {}};
  KeptRows kept;
  arrow::Int64Builder indexes;
  for (int64_t i = 0; i < batch->num_rows(); ++i) {
    if (deleted.contains(static_cast<uint64_t>(first + i))) continue;
    RETURN_IF_ERROR(indexes.Append(i));
    kept.positions.push_back(first + i);
  }
  ASSIGN_OR_RETURN(auto taken, indexes.Finish());
  ASSIGN_OR_RETURN(arrow::Datum rows, arrow::compute::Take(batch, taken));
  kept.rows = rows.record_batch();
  return kept;
}

class ParquetRewriter final : public iceberg::FileRewriter {
 public:
  ParquetRewriter(Env* env, std::shared_ptr<iceberg::LakeFiles> files, RewriterOptions options)
      : env_(env), files_(std::move(files)), options_(std::move(options)) {}

  Task<Rewritten> Rewrite(iceberg::MetadataPtr layout, std::vector<Input> inputs) override {
    Rewritten rewritten;
    int64_t row_count = 0;
    for (const Input& input : inputs) {
      row_count += input.file.record_count - static_cast<int64_t>(input.deleted.cardinality());
    }
    if (row_count == 0) co_return rewritten;
    Output output;
    CO_ASSIGN_OR_RETURN(output.options, OptionsFor(*layout));
    CO_ASSIGN_OR_RETURN(output.encoder, DataFileEncoder::Make(output.options));
    uint64_t high = env_->Random();
    // Beside the first of them: in the folder of their partition.
    output.described.path = fmt::format("{}/merged-{}.parquet", ParentFolder(inputs[0].file.path),
                                        iceberg::UuidText(high, env_->Random()));
    output.described.partition = inputs[0].file.partition;
    CO_ASSIGN_OR_RETURN(output.file, co_await files_->Start(output.described.path));
    Status written = co_await WriteRows(layout, &inputs, row_count, &output, &rewritten.moved);
    if (!written.ok()) {
      IgnoreError(co_await output.file->GiveUp(), "orphans are looked for later");
      co_return written;
    }
    rewritten.files.push_back(std::move(output.described));
    co_return rewritten;
  }

 private:
  struct Output {
    DataFileOptions options;
    std::unique_ptr<DataFileEncoder> encoder;
    std::unique_ptr<iceberg::LakeFile> file;
    iceberg::DataFile described;
    int64_t row_count = 0;
  };

  Result<DataFileOptions> OptionsFor(const iceberg::TableMetadata& layout) const {
    DataFileOptions options;
    Result<std::shared_ptr<arrow::Schema>> schema = iceberg::WholeFileSchema(layout.schema);
    if (!schema.ok()) return CannotCarry(TextOf(schema.status()).message);
    for (const iceberg::Field& field : layout.schema.fields) {
      for (const auto& [key, value] : field.more) {
        if (key == "initial-default") return CannotCarry("a column's default");
      }
    }
    options.schema = std::move(*schema);
    options.table = layout.schema;
    options.compression = options_.compression;
    if (options.compression.empty()) {
      options.compression = layout.Property("write.parquet.compression-codec", "zstd");
    }
    return options;
  }

  // What the pointers are to lives until it returns.
  Task<> WriteRows(iceberg::MetadataPtr layout, const std::vector<Input>* inputs, int64_t row_count,
                   Output* output, std::vector<iceberg::MovedRow>* moved) {
    for (size_t i = 0; i < inputs->size(); ++i) {
      CO_RETURN_IF_ERROR(
          co_await Copy(layout, &(*inputs)[i], static_cast<int32_t>(i), output, moved));
    }
    std::string bytes;
    CO_ASSIGN_OR_RETURN(bytes, co_await env_->blocking_pool().Run([&]() -> Result<std::string> {
      RETURN_IF_ERROR(output->encoder->Finish(&output->described));
      return output->encoder->TakeBytes();
    }));
    if (output->described.record_count != row_count) {
      co_return MakeError(ErrorCode::kCorruptStorage,
                          fmt::format("files are said to have {} rows, and have {}", row_count,
                                      output->described.record_count));
    }
    if (!bytes.empty()) CO_RETURN_IF_ERROR(co_await output->file->Append(std::move(bytes)));
    co_return co_await output->file->Finish();
  }

  // Likewise.
  Task<> Copy(iceberg::MetadataPtr layout, const Input* input, int32_t number, Output* output,
              std::vector<iceberg::MovedRow>* moved) {
    CO_ASSIGN_OR_RETURN(std::unique_ptr<ParquetInput> opened,
                        co_await OpenInput(env_, files_, input->file.path, layout));
    int64_t first = 0;
    for (int group = 0; group < opened->group_count(); ++group) {
      std::string bytes;
      CO_ASSIGN_OR_RETURN(bytes, co_await env_->blocking_pool().Run([&]() -> Result<std::string> {
        ASSIGN_OR_RETURN(auto rows, opened->Read(group, *output->options.schema));
        int64_t next = first + rows->num_rows();
        ASSIGN_OR_RETURN(KeptRows kept, WithoutDeleted(std::move(rows), first, input->deleted));
        RETURN_IF_ERROR(NoteMoved(*layout, kept, first, number, *output, moved));
        first = next;
        output->row_count += kept.rows->num_rows();
        RETURN_IF_ERROR(output->encoder->Write(*kept.rows));
        return output->encoder->TakeBytes();
      }));
      if (!bytes.empty()) CO_RETURN_IF_ERROR(co_await output->file->Append(std::move(bytes)));
    }
    co_return Status::OK();
  }

  Status NoteMoved(const iceberg::TableMetadata& layout, const KeptRows& kept, int64_t first,
                   int32_t number, const Output& output,
                   std::vector<iceberg::MovedRow>* moved) const {
    if (options_.key_columns.empty()) return Status::OK();
    ASSIGN_OR_RETURN(auto keys, KeysOfRows(*kept.rows, layout.schema, options_.key_columns));
    for (size_t i = 0; i < keys.size(); ++i) {
      auto row = static_cast<int64_t>(i);
      moved->push_back({.key = keys[i],
                        .input = number,
                        .old_position = kept.positions.empty() ? first + row : kept.positions[i],
                        .output = 0,
                        .position = output.row_count + row});
    }
    return Status::OK();
  }

  Env* env_;
  std::shared_ptr<iceberg::LakeFiles> files_;
  RewriterOptions options_;
};

class ParquetKeyReader final : public iceberg::KeyReader {
 public:
  ParquetKeyReader(Env* env, std::shared_ptr<iceberg::LakeFiles> files,
                   std::vector<std::string> key_columns)
      : env_(env), files_(std::move(files)), key_columns_(std::move(key_columns)) {}

  Task<std::vector<iceberg::RowKey>> ReadKeys(iceberg::MetadataPtr layout,
                                              iceberg::DataFile file) override {
    iceberg::Schema schema;
    for (const std::string& name : key_columns_) {
      if (const iceberg::Field* field = layout->schema.Find(name)) schema.fields.push_back(*field);
    }
    std::shared_ptr<arrow::Schema> columns;
    CO_ASSIGN_OR_RETURN(columns, iceberg::WholeFileSchema(schema));
    CO_ASSIGN_OR_RETURN(std::unique_ptr<ParquetInput> opened,
                        co_await OpenInput(env_, files_, file.path, layout));
    std::vector<iceberg::RowKey> keys;
    for (int group = 0; group < opened->group_count(); ++group) {
      CO_RETURN_IF_ERROR(co_await env_->blocking_pool().Run([&]() -> Status {
        ASSIGN_OR_RETURN(auto rows, opened->Read(group, *columns));
        ASSIGN_OR_RETURN(auto some, KeysOfRows(*rows, layout->schema, key_columns_));
        keys.insert(keys.end(), some.begin(), some.end());
        return Status::OK();
      }));
    }
    co_return keys;
  }

 private:
  Env* env_;
  std::shared_ptr<iceberg::LakeFiles> files_;
  std::vector<std::string> key_columns_;
};

}  // namespace

std::unique_ptr<iceberg::FileRewriter> MakeParquetRewriter(
    Env* env, std::shared_ptr<iceberg::LakeFiles> files, RewriterOptions options) {
  return std::make_unique<ParquetRewriter>(env, std::move(files), std::move(options));
}

std::shared_ptr<iceberg::KeyReader> MakeParquetKeyReader(Env* env,
                                                         std::shared_ptr<iceberg::LakeFiles> files,
                                                         std::vector<std::string> key_columns) {
  return std::make_shared<ParquetKeyReader>(env, std::move(files), std::move(key_columns));
}

}  // namespace mainstem::sink
