#include "sink/iceberg/file_rewriter.h"

#include <set>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/io/memory.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>

#include "connector/iceberg/column_types.h"
#include "core/path.h"
#include "sink/iceberg/data_file.h"

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

class ParquetRewriter final : public iceberg::FileRewriter {
 public:
  ParquetRewriter(Env* env, std::shared_ptr<iceberg::LakeFiles> files, std::string compression)
      : env_(env), files_(std::move(files)), compression_(std::move(compression)) {}

  Task<std::vector<iceberg::DataFile>> Rewrite(iceberg::MetadataPtr layout,
                                               std::vector<iceberg::DataFile> inputs) override {
    DataFileOptions options;
    CO_ASSIGN_OR_RETURN(options, OptionsFor(*layout));
    CO_ASSIGN_OR_RETURN(std::unique_ptr<DataFileEncoder> encoder, DataFileEncoder::Make(options));
    iceberg::DataFile output;
    uint64_t high = env_->Random();
    // Beside the first of them: in the folder of their partition.
    output.path = fmt::format("{}/merged-{}.parquet", ParentFolder(inputs[0].path),
                              iceberg::UuidText(high, env_->Random()));
    output.partition = inputs[0].partition;
    CO_ASSIGN_OR_RETURN(std::unique_ptr<iceberg::LakeFile> file,
                        co_await files_->Start(output.path));
    int64_t row_count = 0;
    for (const iceberg::DataFile& input : inputs) {
      row_count += input.record_count;
      CO_RETURN_IF_ERROR(co_await Copy(input.path, layout, &options, encoder.get(), file.get()));
    }
    std::string bytes;
    CO_ASSIGN_OR_RETURN(bytes, co_await env_->blocking_pool().Run([&]() -> Result<std::string> {
      RETURN_IF_ERROR(encoder->Finish(&output));
      return encoder->TakeBytes();
    }));
    if (output.record_count != row_count) {
      co_return MakeError(ErrorCode::kCorruptStorage,
                          fmt::format("files are said to have {} rows, and have {}", row_count,
                                      output.record_count));
    }
    if (!bytes.empty()) CO_RETURN_IF_ERROR(co_await file->Append(std::move(bytes)));
    CO_RETURN_IF_ERROR(co_await file->Finish());
    std::vector<iceberg::DataFile> outputs;
    outputs.push_back(std::move(output));
    co_return outputs;
  }

 private:
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
    options.compression = compression_;
    if (compression_.empty()) {
      options.compression = layout.Property("write.parquet.compression-codec", "zstd");
    }
    return options;
  }

  Task<> Copy(std::string path, iceberg::MetadataPtr layout, const DataFileOptions* options,
              DataFileEncoder* encoder, iceberg::LakeFile* file) {
    CO_ASSIGN_OR_RETURN(std::string stored, co_await files_->Read(std::move(path)));
    auto input = std::make_shared<arrow::io::BufferReader>(
        std::make_shared<arrow::Buffer>(std::string_view(stored)));
    std::unique_ptr<parquet::arrow::FileReader> reader;
    int group_count = 0;
    CO_RETURN_IF_ERROR(co_await env_->blocking_pool().Run([&]() -> Status {
      ASSIGN_OR_RETURN(reader, parquet::arrow::OpenFile(input, arrow::default_memory_pool()));
      std::shared_ptr<arrow::Schema> schema;
      RETURN_IF_ERROR(reader->GetSchema(&schema));
      group_count = reader->num_row_groups();
      return CheckIds(*schema, *layout);
    }));
    for (int group = 0; group < group_count; ++group) {
      std::string bytes;
      CO_ASSIGN_OR_RETURN(bytes, co_await env_->blocking_pool().Run([&]() -> Result<std::string> {
        RETURN_IF_ERROR(CopyGroup(reader.get(), group, *options->schema, encoder));
        return encoder->TakeBytes();
      }));
      if (!bytes.empty()) CO_RETURN_IF_ERROR(co_await file->Append(std::move(bytes)));
    }
    co_return Status::OK();
  }

  static Status CopyGroup(parquet::arrow::FileReader* reader, int group,
                          const arrow::Schema& schema, DataFileEncoder* encoder) {
    ASSIGN_OR_RETURN(std::shared_ptr<arrow::Table> table, reader->ReadRowGroup(group));
    ASSIGN_OR_RETURN(auto batch, table->CombineChunksToBatch());
    ASSIGN_OR_RETURN(auto rows, batch->ToStructArray());
    arrow::Field from("row", rows->type()), to("row", arrow::struct_(schema.fields()));
    ASSIGN_OR_RETURN(ArrayPtr adapted, AdaptColumn(rows, from, to));
    ASSIGN_OR_RETURN(auto adapted_batch, arrow::RecordBatch::FromStructArray(adapted));
    auto written = arrow::RecordBatch::Make(arrow::schema(schema.fields()),
                                            adapted_batch->num_rows(), adapted_batch->columns());
    return encoder->Write(*written);
  }

  Env* env_;
  std::shared_ptr<iceberg::LakeFiles> files_;
  std::string compression_;
};

}  // namespace

std::unique_ptr<iceberg::FileRewriter> MakeParquetRewriter(
    Env* env, std::shared_ptr<iceberg::LakeFiles> files, std::string compression) {
  return std::make_unique<ParquetRewriter>(env, std::move(files), std::move(compression));
}

}  // namespace mainstem::sink
