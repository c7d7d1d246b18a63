#include "format/avro/avro_writer.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include "format/avro/avro_binary.h"
#include "format/type_text.h"

namespace mainstem::format {
namespace {

using arrow::Type;
using WriterPtr = std::unique_ptr<AvroColumnWriter>;

Status Mismatch(const std::string& path, const arrow::DataType& from, const AvroType& to) {
  return MakeError(
      ErrorCode::kInvalidArgument,
      fmt::format("column '{}' {} cannot be written as Avro's {}{}{}", path, SqlTypeText(from),
                  ToString(to.kind), to.name.empty() ? "" : " ", to.name));
}

template <typename Array>
class AvroLeafWriter : public AvroColumnWriter {
 public:
  void Bind(const arrow::Array& array) override { array_ = static_cast<const Array*>(&array); }

 protected:
  const Array* array_ = nullptr;
};

class AvroNullWriter final : public AvroLeafWriter<arrow::Array> {
 public:
  explicit AvroNullWriter(std::string path) : path_(std::move(path)) {}
  Status Write(int64_t row, std::string* out) const override {
    if (array_->IsNull(row)) return Status::OK();
    return MakeError(ErrorCode::kEvaluationError,
                     "column '" + path_ + "' has a value where the schema knows null only");
  }

 private:
  std::string path_;
};

class AvroBooleanWriter final : public AvroLeafWriter<arrow::BooleanArray> {
 public:
  Status Write(int64_t row, std::string* out) const override {
    out->push_back(array_->Value(row) ? 1 : 0);
    return Status::OK();
  }
};

template <typename Array>
class AvroIntegerWriter final : public AvroLeafWriter<Array> {
 public:
  explicit AvroIntegerWriter(int64_t factor) : factor_(factor) {}
  Status Write(int64_t row, std::string* out) const override {
    AppendAvroLong(int64_t{this->array_->Value(row)} * factor_, out);
    return Status::OK();
  }

 private:
  int64_t factor_;
};

class AvroTimestampWriter final : public AvroLeafWriter<arrow::TimestampArray> {
 public:
  AvroTimestampWriter(int64_t from, int64_t to)
      : divisor_(from > to ? from / to : 1), factor_(to > from ? to / from : 1) {}
  Status Write(int64_t row, std::string* out) const override {
    int64_t value = array_->Value(row);
    if (divisor_ > 1) value = value / divisor_ - (value % divisor_ < 0 ? 1 : 0);
    if (__builtin_mul_overflow(value, factor_, &value)) {
      return MakeError(ErrorCode::kEvaluationError, "a time is beyond what the schema can hold");
    }
    AppendAvroLong(value, out);
    return Status::OK();
  }

 private:
  int64_t divisor_;
  int64_t factor_;
};

template <typename Array, typename As>
class AvroFloatingWriter final : public AvroLeafWriter<Array> {
 public:
  Status Write(int64_t row, std::string* out) const override {
    AppendAvroRaw(static_cast<As>(this->array_->Value(row)), out);
    return Status::OK();
  }
};

class AvroBytesWriter final : public AvroLeafWriter<arrow::BinaryArray> {
 public:
  explicit AvroBytesWriter(const AvroType& type) : type_(type) {}
  Status Write(int64_t row, std::string* out) const override {
    std::string_view bytes = array_->GetView(row);
    if (type_.kind != AvroKind::kFixed) {
      AppendAvroBytes(bytes, out);
      return Status::OK();
    }
    if (bytes.size() != type_.fixed_bytes) {
      return MakeError(ErrorCode::kEvaluationError,
                       fmt::format("{} bytes for the fixed '{}' of {}", bytes.size(), type_.name,
                                   type_.fixed_bytes));
    }
    out->append(bytes);
    return Status::OK();
  }

 private:
  const AvroType& type_;
};

class AvroEnumWriter final : public AvroLeafWriter<arrow::StringArray> {
 public:
  explicit AvroEnumWriter(const AvroType& type) : type_(type) {}
  Status Write(int64_t row, std::string* out) const override {
    std::string_view text = array_->GetView(row);
    auto found = std::find(type_.symbols.begin(), type_.symbols.end(), text);
    if (found == type_.symbols.end()) {
      return MakeError(ErrorCode::kEvaluationError, "'" + std::string(text.substr(0, 50)) +
                                                        "' is no symbol of the enum '" +
                                                        type_.name + "'");
    }
    AppendAvroLong(found - type_.symbols.begin(), out);
    return Status::OK();
  }

 private:
  const AvroType& type_;
};

class AvroDecimalWriter final : public AvroLeafWriter<arrow::Decimal128Array> {
 public:
  AvroDecimalWriter(const AvroType& type, int from_scale) : type_(type), from_scale_(from_scale) {}
  Status Write(int64_t row, std::string* out) const override {
    arrow::Decimal128 value(array_->GetValue(row));
    auto scaled = value.Rescale(from_scale_, type_.scale);
    if (!scaled.ok() || !scaled->FitsInPrecision(std::min(type_.precision, 38))) {
      return MakeError(ErrorCode::kEvaluationError,
                       fmt::format("a decimal does not fit the schema's ({}, {})", type_.precision,
                                   type_.scale));
    }
    // The shortest two's complement, big-endian.
    std::array<uint8_t, 16> little = scaled->ToBytes();
    std::string bytes(little.rbegin(), little.rend());
    size_t size = type_.kind == AvroKind::kFixed ? type_.fixed_bytes : 1;
    while (bytes.size() > size && bytes[0] == ((bytes[1] & 0x80) != 0 ? '\xff' : '\0')) {
      bytes.erase(0, 1);
    }
    if (type_.kind != AvroKind::kFixed) {
      AppendAvroBytes(bytes, out);
      return Status::OK();
    }
    if (bytes.size() > size) {
      return MakeError(ErrorCode::kEvaluationError, "a decimal does not fit the schema's fixed");
    }
    out->append(size - bytes.size(), (bytes[0] & 0x80) != 0 ? '\xff' : '\0');
    out->append(bytes);
    return Status::OK();
  }

 private:
  const AvroType& type_;
  int from_scale_;
};

// A value that may be null, as a union; or one that must not be.
class AvroNullableWriter final : public AvroLeafWriter<arrow::Array> {
 public:
  struct Choice {
    int null_branch = -1;   // -1: null cannot be written
    int value_branch = -1;  // -1: the schema is no union
  };
  AvroNullableWriter(Choice choice, WriterPtr value, std::string path)
      : choice_(choice), value_(std::move(value)), path_(std::move(path)) {}
  void Bind(const arrow::Array& array) override {
    AvroLeafWriter::Bind(array);
    value_->Bind(array);
  }
  Status Write(int64_t row, std::string* out) const override {
    if (array_->IsNull(row)) {
      if (choice_.null_branch < 0) {
        return MakeError(ErrorCode::kEvaluationError,
                         "column '" + path_ + "' is NULL, which the Avro schema does not allow");
      }
      AppendAvroLong(choice_.null_branch, out);
      return Status::OK();
    }
    if (choice_.value_branch >= 0) AppendAvroLong(choice_.value_branch, out);
    return value_->Write(row, out);
  }

 private:
  Choice choice_;
  WriterPtr value_;
  std::string path_;
};

class AvroListWriter final : public AvroLeafWriter<arrow::ListArray> {
 public:
  explicit AvroListWriter(WriterPtr item) : item_(std::move(item)) {}
  void Bind(const arrow::Array& array) override {
    AvroLeafWriter::Bind(array);
    item_->Bind(*array_->values());
  }
  Status Write(int64_t row, std::string* out) const override {
    int64_t count = array_->value_length(row);
    if (count > 0) AppendAvroLong(count, out);
    for (int64_t i = 0; i < count; ++i) {
      RETURN_IF_ERROR(item_->Write(array_->value_offset(row) + i, out));
    }
    AppendAvroLong(0, out);
    return Status::OK();
  }

 private:
  WriterPtr item_;
};

class AvroMapWriter final : public AvroLeafWriter<arrow::MapArray> {
 public:
  AvroMapWriter(WriterPtr item, std::string path)
      : item_(std::move(item)), path_(std::move(path)) {}
  void Bind(const arrow::Array& array) override {
    AvroLeafWriter::Bind(array);
    keys_ = static_cast<const arrow::StringArray*>(array_->keys().get());
    item_->Bind(*array_->items());
  }
  Status Write(int64_t row, std::string* out) const override {
    int64_t count = array_->value_length(row);
    if (count > 0) AppendAvroLong(count, out);
    for (int64_t i = 0; i < count; ++i) {
      int64_t entry = array_->value_offset(row) + i;
      if (keys_->IsNull(entry)) {
        return MakeError(ErrorCode::kEvaluationError,
                         "column '" + path_ + "' has a map with a NULL key");
      }
      AppendAvroBytes(keys_->GetView(entry), out);
      RETURN_IF_ERROR(item_->Write(entry, out));
    }
    AppendAvroLong(0, out);
    return Status::OK();
  }

 private:
  const arrow::StringArray* keys_ = nullptr;
  WriterPtr item_;
  std::string path_;
};

Result<WriterPtr> MakeWriter(const AvroType& to, const arrow::Field& from, const std::string& path);

class AvroRowWriter final : public AvroLeafWriter<arrow::StructArray> {
 public:
  struct Step {
    int column = -1;
    WriterPtr writer;
  };
  explicit AvroRowWriter(std::vector<Step> steps) : steps_(std::move(steps)) {}
  void Bind(const arrow::Array& array) override {
    AvroLeafWriter::Bind(array);
    columns_.clear();
    for (Step& step : steps_) {
      columns_.push_back(array_->field(step.column));
      step.writer->Bind(*columns_.back());
    }
  }
  Status Write(int64_t row, std::string* out) const override {
    for (const Step& step : steps_) RETURN_IF_ERROR(step.writer->Write(row, out));
    return Status::OK();
  }

 private:
  std::vector<Step> steps_;
  arrow::ArrayVector columns_;
};

int ColumnOf(const arrow::FieldVector& columns, const std::string& name) {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i]->name() == name) return static_cast<int>(i);
  }
  return -1;
}

Status CheckAllWritten(const AvroType& record, const arrow::FieldVector& columns) {
  for (const auto& column : columns) {
    auto is_it = [&](const AvroField& field) { return field.name == column->name(); };
    if (std::any_of(record.fields.begin(), record.fields.end(), is_it)) continue;
    return MakeError(ErrorCode::kInvalidArgument,
                     "the Avro schema has no field for column '" + column->name() + "'");
  }
  return Status::OK();
}

Result<WriterPtr> MakeRow(const AvroType& to, const arrow::DataType& from,
                          const std::string& path) {
  std::vector<AvroRowWriter::Step> steps;
  for (const AvroField& field : to.fields) {
    int column = ColumnOf(from.fields(), field.name);
    std::string field_path = path + "." + field.name;
    if (column < 0) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "field '" + field_path + "' of the Avro schema is no field of the ROW");
    }
    ASSIGN_OR_RETURN(WriterPtr writer, MakeWriter(*field.type, *from.field(column), field_path));
    steps.push_back({.column = column, .writer = std::move(writer)});
  }
  RETURN_IF_ERROR(CheckAllWritten(to, from.fields()));
  return std::make_unique<AvroRowWriter>(std::move(steps));
}

Result<WriterPtr> MakeTimestamp(const AvroType& to, const arrow::DataType& from,
                                const std::string& path) {
  constexpr int64_t kTicks[] = {1, 1000, 1000000, 1000000000};
  int unit = static_cast<int>(static_cast<const arrow::TimestampType&>(from).unit());
  int to_unit = 0;
  switch (to.logical) {
    case AvroLogical::kTimestampMillis:
    case AvroLogical::kLocalTimestampMillis: to_unit = 1; break;
    case AvroLogical::kTimestampMicros:
    case AvroLogical::kLocalTimestampMicros: to_unit = 2; break;
    case AvroLogical::kTimestampNanos:
    case AvroLogical::kLocalTimestampNanos: to_unit = 3; break;
    default: return Mismatch(path, from, to);
  }
  return std::make_unique<AvroTimestampWriter>(kTicks[unit], kTicks[to_unit]);
}

Result<WriterPtr> MakeFloating(const AvroType& to, const arrow::DataType& from,
                               const std::string& path) {
  bool is_single = from.id() == Type::FLOAT;
  if (to.kind == AvroKind::kFloat && is_single) {
    return std::make_unique<AvroFloatingWriter<arrow::FloatArray, float>>();
  }
  if (to.kind != AvroKind::kDouble) return Mismatch(path, from, to);
  if (is_single) return std::make_unique<AvroFloatingWriter<arrow::FloatArray, double>>();
  return std::make_unique<AvroFloatingWriter<arrow::DoubleArray, double>>();
}

Result<WriterPtr> MakeValue(const AvroType& to, const arrow::DataType& from,
                            const std::string& path) {
  bool is_int = to.kind == AvroKind::kInt;
  bool is_whole = is_int || to.kind == AvroKind::kLong;
  bool is_bytes = to.kind == AvroKind::kBytes || to.kind == AvroKind::kFixed;
  switch (from.id()) {
    case Type::BOOL:
      if (to.kind != AvroKind::kBoolean) break;
      return std::make_unique<AvroBooleanWriter>();
    case Type::INT8:
      if (!is_whole) break;
      return std::make_unique<AvroIntegerWriter<arrow::Int8Array>>(1);
    case Type::INT16:
      if (!is_whole) break;
      return std::make_unique<AvroIntegerWriter<arrow::Int16Array>>(1);
    case Type::INT32:
      if (!is_whole) break;
      return std::make_unique<AvroIntegerWriter<arrow::Int32Array>>(1);
    case Type::INT64:
      if (to.kind != AvroKind::kLong) break;
      return std::make_unique<AvroIntegerWriter<arrow::Int64Array>>(1);
    case Type::DATE32:
      if (!is_int) break;
      return std::make_unique<AvroIntegerWriter<arrow::Date32Array>>(1);
    case Type::TIME32: {
      bool is_micros = to.logical == AvroLogical::kTimeMicros;
      if (!is_int && !is_micros) break;
      return std::make_unique<AvroIntegerWriter<arrow::Time32Array>>(is_micros ? 1000 : 1);
    }
    case Type::TIMESTAMP: return MakeTimestamp(to, from, path);
    case Type::FLOAT:
    case Type::DOUBLE: return MakeFloating(to, from, path);
    case Type::STRING:
      if (to.kind == AvroKind::kEnum) return std::make_unique<AvroEnumWriter>(to);
      if (to.kind != AvroKind::kString && to.kind != AvroKind::kBytes) break;
      return std::make_unique<AvroBytesWriter>(to);
    case Type::BINARY:
      if (!is_bytes) break;
      return std::make_unique<AvroBytesWriter>(to);
    case Type::DECIMAL128:
      if (!is_bytes || to.logical != AvroLogical::kDecimal) break;
      return std::make_unique<AvroDecimalWriter>(
          to, static_cast<const arrow::DecimalType&>(from).scale());
    case Type::LIST: {
      if (to.kind != AvroKind::kArray) break;
      ASSIGN_OR_RETURN(WriterPtr item, MakeWriter(to.item(), *from.field(0), path + ".element"));
      return std::make_unique<AvroListWriter>(std::move(item));
    }
    case Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(from);
      if (to.kind != AvroKind::kMap || map.key_type()->id() != Type::STRING) break;
      ASSIGN_OR_RETURN(WriterPtr item, MakeWriter(to.item(), *map.item_field(), path + ".value"));
      return std::make_unique<AvroMapWriter>(std::move(item), path);
    }
    case Type::STRUCT:
      if (to.kind != AvroKind::kRecord) break;
      return MakeRow(to, from, path);
    default: break;
  }
  return Mismatch(path, from, to);
}

Result<WriterPtr> MakeWriter(const AvroType& to, const arrow::Field& from,
                             const std::string& path) {
  if (to.kind == AvroKind::kNull) return std::make_unique<AvroNullWriter>(path);
  AvroNullableWriter::Choice choice;
  if (to.kind != AvroKind::kUnion) {
    ASSIGN_OR_RETURN(WriterPtr value, MakeValue(to, *from.type(), path));
    return std::make_unique<AvroNullableWriter>(choice, std::move(value), path);
  }
  WriterPtr value;
  Status problem;
  for (size_t i = 0; i < to.branches.size(); ++i) {
    if (to.branches[i]->kind == AvroKind::kNull) {
      choice.null_branch = static_cast<int>(i);
    } else if (value == nullptr) {
      Result<WriterPtr> made = MakeValue(*to.branches[i], *from.type(), path);
      if (!made.ok()) {
        problem = made.status();
        continue;
      }
      value = std::move(*made);
      choice.value_branch = static_cast<int>(i);
    }
  }
  if (value == nullptr) return problem.ok() ? Mismatch(path, *from.type(), to) : problem;
  return std::make_unique<AvroNullableWriter>(choice, std::move(value), path);
}

}  // namespace

AvroRecordWriter::~AvroRecordWriter() = default;

Result<std::unique_ptr<AvroRecordWriter>> AvroRecordWriter::Make(
    std::shared_ptr<const AvroSchema> schema, const arrow::Schema& columns) {
  auto writer = std::make_unique<AvroRecordWriter>();
  writer->schema_ = std::move(schema);
  const AvroType& root = writer->schema_->root();
  if (root.kind != AvroKind::kRecord) {
    return MakeError(
        ErrorCode::kInvalidArgument,
        fmt::format("the Avro schema is of a {}, not of a record", ToString(root.kind)));
  }
  for (const AvroField& field : root.fields) {
    int column = ColumnOf(columns.fields(), field.name);
    Step step{.column = column, .writer = nullptr, .default_binary = nullptr};
    if (column >= 0) {
      ASSIGN_OR_RETURN(step.writer, MakeWriter(*field.type, *columns.field(column), field.name));
    } else if (field.has_default) {
      step.default_binary = &field.default_binary;
    } else {
      return MakeError(ErrorCode::kInvalidArgument,
                       "field '" + field.name +
                           "' of the Avro schema is no column, and it has "
                           "no default");
    }
    writer->steps_.push_back(std::move(step));
  }
  RETURN_IF_ERROR(CheckAllWritten(root, columns.fields()));
  return writer;
}

void AvroRecordWriter::Bind(const arrow::RecordBatch& rows) {
  for (Step& step : steps_) {
    if (step.column >= 0) step.writer->Bind(*rows.column(step.column));
  }
}

Status AvroRecordWriter::Write(int64_t row, std::string* out) const {
  for (const Step& step : steps_) {
    if (step.column < 0) {
      out->append(*step.default_binary);
    } else {
      RETURN_IF_ERROR(step.writer->Write(row, out));
    }
  }
  return Status::OK();
}

}  // namespace mainstem::format
