#include "format/json_writer.h"

#include <cmath>

#include <absl/strings/escaping.h>
#include <absl/strings/numbers.h>
#include <arrow/api.h>
#include <arrow/util/decimal.h>

#include "format/format_options.h"
#include "format/text_number.h"
#include "format/text_time.h"

namespace mainstem::format {
namespace {

template <typename Array>
class ArrayWriter : public JsonValueWriter {
 public:
  Status Bind(const arrow::Array& array) override {
    array_ = &static_cast<const Array&>(array);
    return Status::OK();
  }
  bool IsNull(int64_t row) const override { return array_->IsNull(row); }

 protected:
  const Array* array_ = nullptr;
};

class NullWriter final : public ArrayWriter<arrow::NullArray> {
 public:
  bool IsNull(int64_t) const override { return true; }
  Status Write(int64_t, std::string* out) const override {
    out->append("null");
    return Status::OK();
  }
};

class BooleanWriter final : public ArrayWriter<arrow::BooleanArray> {
 public:
  Status Write(int64_t row, std::string* out) const override {
    out->append(array_->Value(row) ? "true" : "false");
    return Status::OK();
  }
};

template <typename Array>
class IntegerWriter final : public ArrayWriter<Array> {
 public:
  Status Write(int64_t row, std::string* out) const override {
    char buffer[absl::numbers_internal::kFastToBufferSize];
    int64_t value = this->array_->Value(row);
    char* end = absl::numbers_internal::FastIntToBuffer(value, buffer);
    out->append(buffer, static_cast<size_t>(end - buffer));
    return Status::OK();
  }
};

template <typename Array>
class FloatingWriter final : public ArrayWriter<Array> {
 public:
  Status Write(int64_t row, std::string* out) const override {
    auto value = this->array_->Value(row);
    // JSON has no such numbers: they go as text.
    bool quoted = !std::isfinite(value);
    if (quoted) out->push_back('"');
    if constexpr (sizeof(value) == 4) {
      AppendFloatText(value, out);
    } else {
      AppendDoubleText(value, out);
    }
    if (quoted) out->push_back('"');
    return Status::OK();
  }
};

class DecimalWriter final : public ArrayWriter<arrow::Decimal128Array> {
 public:
  DecimalWriter(int scale, bool plain)
      : scale_(scale),
        style_(plain ? DecimalStyle::kStrippedPlain : DecimalStyle::kStrippedScientific) {}
  Status Write(int64_t row, std::string* out) const override {
    AppendDecimalText(arrow::Decimal128(array_->GetValue(row)), scale_, style_, out);
    return Status::OK();
  }

 private:
  int scale_;
  DecimalStyle style_;
};

class StringWriter final : public ArrayWriter<arrow::StringArray> {
 public:
  Status Write(int64_t row, std::string* out) const override {
    AppendJsonString(array_->GetView(row), out);
    return Status::OK();
  }
};

class BinaryWriter final : public ArrayWriter<arrow::BinaryArray> {
 public:
  Status Write(int64_t row, std::string* out) const override {
    out->push_back('"');
    std::string_view bytes = array_->GetView(row);
    out->append(absl::Base64Escape({bytes.data(), bytes.size()}));
    out->push_back('"');
    return Status::OK();
  }
};

class DateWriter final : public ArrayWriter<arrow::Date32Array> {
 public:
  Status Write(int64_t row, std::string* out) const override {
    out->push_back('"');
    AppendDate(array_->Value(row), out);
    out->push_back('"');
    return Status::OK();
  }
};

class TimeWriter final : public ArrayWriter<arrow::Time32Array> {
 public:
  Status Write(int64_t row, std::string* out) const override {
    out->push_back('"');
    AppendTime(int64_t{array_->Value(row)} * 1000000, out);
    out->push_back('"');
    return Status::OK();
  }
};

class TimestampWriter final : public ArrayWriter<arrow::TimestampArray> {
 public:
  TimestampWriter(const arrow::TimestampType& type, bool iso)
      : separator_(iso ? 'T' : ' '), zulu_(!type.timezone().empty()) {
    switch (type.unit()) {
      case arrow::TimeUnit::SECOND: units_per_second_ = 1; break;
      case arrow::TimeUnit::MILLI: units_per_second_ = 1000; break;
      case arrow::TimeUnit::MICRO: units_per_second_ = 1000000; break;
      case arrow::TimeUnit::NANO: units_per_second_ = 1000000000; break;
    }
  }
  Status Write(int64_t row, std::string* out) const override {
    out->push_back('"');
    AppendTimestamp(FromTicks(array_->Value(row), units_per_second_), separator_, out);
    if (zulu_) out->push_back('Z');
    out->push_back('"');
    return Status::OK();
  }

 private:
  int64_t units_per_second_ = 1;
  char separator_;
  bool zulu_;
};

Status WriteOrNull(const JsonValueWriter& writer, int64_t row, std::string* out) {
  if (!writer.IsNull(row)) return writer.Write(row, out);
  out->append("null");
  return Status::OK();
}

class ListWriter final : public ArrayWriter<arrow::ListArray> {
 public:
  explicit ListWriter(std::unique_ptr<JsonValueWriter> element) : element_(std::move(element)) {}
  Status Bind(const arrow::Array& array) override {
    RETURN_IF_ERROR(ArrayWriter::Bind(array));
    return element_->Bind(*array_->values());
  }
  Status Write(int64_t row, std::string* out) const override {
    out->push_back('[');
    for (int64_t i = array_->value_offset(row); i < array_->value_offset(row + 1); ++i) {
      if (i > array_->value_offset(row)) out->push_back(',');
      RETURN_IF_ERROR(WriteOrNull(*element_, i, out));
    }
    out->push_back(']');
    return Status::OK();
  }

 private:
  std::unique_ptr<JsonValueWriter> element_;
};

class MapWriter final : public ArrayWriter<arrow::MapArray> {
 public:
  MapWriter(std::string path, std::unique_ptr<JsonValueWriter> item, JsonWriteRules rules)
      : path_(std::move(path)), item_(std::move(item)), rules_(std::move(rules)) {}
  Status Bind(const arrow::Array& array) override {
    RETURN_IF_ERROR(ArrayWriter::Bind(array));
    return item_->Bind(*array_->items());
  }
  Status Write(int64_t row, std::string* out) const override {
    const auto& keys = static_cast<const arrow::StringArray&>(*array_->keys());
    out->push_back('{');
    bool first = true;
    for (int64_t i = array_->value_offset(row); i < array_->value_offset(row + 1); ++i) {
      bool null_key = keys.IsNull(i);
      if (null_key && rules_.null_key == JsonWriteRules::NullKey::kDrop) continue;
      if (null_key && rules_.null_key == JsonWriteRules::NullKey::kFail) {
        return MakeError(ErrorCode::kInvalidArgument,
                         {.message = "column '" + path_ + "' holds a MAP with a NULL key",
                          .hint = "set 'json.map-null-key.mode' to 'DROP' or 'LITERAL'"});
      }
      if (!first) out->push_back(',');
      first = false;
      AppendJsonString(null_key ? std::string_view(rules_.null_key_literal) : keys.GetView(i), out);
      out->push_back(':');
      RETURN_IF_ERROR(WriteOrNull(*item_, i, out));
    }
    out->push_back('}');
    return Status::OK();
  }

 private:
  std::string path_;
  std::unique_ptr<JsonValueWriter> item_;
  JsonWriteRules rules_;
};

class StructWriter final : public ArrayWriter<arrow::StructArray> {
 public:
  explicit StructWriter(JsonRowWriter row) : row_(std::move(row)) {}
  Status Bind(const arrow::Array& array) override {
    RETURN_IF_ERROR(ArrayWriter::Bind(array));
    children_.clear();
    for (int i = 0; i < array_->num_fields(); ++i) children_.push_back(array_->field(i));
    return row_.Bind(children_);
  }
  Status Write(int64_t row, std::string* out) const override { return row_.Write(row, out); }

 private:
  JsonRowWriter row_;
  arrow::ArrayVector children_;
};

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  out->push_back('"');
  size_t plain_begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned char c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out->append(text, plain_begin, i - plain_begin);
    plain_begin = i + 1;
    out->push_back('\\');
    switch (c) {
      case '"':
      case '\\': out->push_back(static_cast<char>(c)); break;
      case '\b': out->push_back('b'); break;
      case '\t': out->push_back('t'); break;
      case '\n': out->push_back('n'); break;
      case '\f': out->push_back('f'); break;
      case '\r': out->push_back('r'); break;
      default:
        out->append("u00");
        out->push_back(kHex[c >> 4]);
        out->push_back(kHex[c & 15]);
    }
  }
  out->append(text, plain_begin);
  out->push_back('"');
}

Result<std::unique_ptr<JsonValueWriter>> MakeJsonValueWriter(const std::string& path,
                                                             const arrow::DataType& type,
                                                             const JsonWriteRules& rules) {
  switch (type.id()) {
    case arrow::Type::NA: return std::make_unique<NullWriter>();
    case arrow::Type::BOOL: return std::make_unique<BooleanWriter>();
    case arrow::Type::INT8: return std::make_unique<IntegerWriter<arrow::Int8Array>>();
    case arrow::Type::INT16: return std::make_unique<IntegerWriter<arrow::Int16Array>>();
    case arrow::Type::INT32: return std::make_unique<IntegerWriter<arrow::Int32Array>>();
    case arrow::Type::INT64: return std::make_unique<IntegerWriter<arrow::Int64Array>>();
    case arrow::Type::DURATION: return std::make_unique<IntegerWriter<arrow::DurationArray>>();
    case arrow::Type::FLOAT: return std::make_unique<FloatingWriter<arrow::FloatArray>>();
    case arrow::Type::DOUBLE: return std::make_unique<FloatingWriter<arrow::DoubleArray>>();
    case arrow::Type::DECIMAL128:
      return std::make_unique<DecimalWriter>(
          static_cast<const arrow::Decimal128Type&>(type).scale(), rules.plain_decimals);
    case arrow::Type::STRING: return std::make_unique<StringWriter>();
    case arrow::Type::BINARY: return std::make_unique<BinaryWriter>();
    case arrow::Type::DATE32: return std::make_unique<DateWriter>();
    case arrow::Type::TIME32: return std::make_unique<TimeWriter>();
    case arrow::Type::TIMESTAMP:
      return std::make_unique<TimestampWriter>(static_cast<const arrow::TimestampType&>(type),
                                               rules.iso_timestamps);
    case arrow::Type::LIST: {
      const auto& list = static_cast<const arrow::ListType&>(type);
      ASSIGN_OR_RETURN(auto element, MakeJsonValueWriter(path + "[]", *list.value_type(), rules));
      return std::make_unique<ListWriter>(std::move(element));
    }
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      if (map.key_type()->id() != arrow::Type::STRING) break;
      ASSIGN_OR_RETURN(auto item, MakeJsonValueWriter(path + "{}", *map.item_type(), rules));
      return std::make_unique<MapWriter>(path, std::move(item), rules);
    }
    case arrow::Type::STRUCT: {
      ASSIGN_OR_RETURN(auto row, JsonRowWriter::Make(path, type.fields(), rules));
      return std::make_unique<StructWriter>(std::move(row));
    }
    default: break;
  }
  return MakeError(ErrorCode::kUnsupported,
                   "json has no form for column '" + path + "' of type " + type.ToString());
}

JsonRowWriter::JsonRowWriter() = default;
JsonRowWriter::JsonRowWriter(JsonRowWriter&&) noexcept = default;
JsonRowWriter::~JsonRowWriter() = default;

Result<JsonRowWriter> JsonRowWriter::Make(const std::string& format, const arrow::Schema& schema,
                                          const FormatOptions& options) {
  OptionReader reader(format, options);
  JsonWriteRules rules;
  rules.iso_timestamps = reader.Choice("timestamp-format.standard", {"SQL", "ISO-8601"}, 0) == 1;
  rules.plain_decimals = reader.Bool("encode.decimal-as-plain-number", false);
  rules.ignore_null_fields = reader.Bool("encode.ignore-null-fields", false);
  rules.null_key = static_cast<JsonWriteRules::NullKey>(
      reader.Choice("map-null-key.mode", {"FAIL", "DROP", "LITERAL"}, 0));
  rules.null_key_literal = reader.Text("map-null-key.literal", "null");
  RETURN_IF_ERROR(reader.status());
  return Make("", schema.fields(), rules);
}

Result<JsonRowWriter> JsonRowWriter::Make(const std::string& path, const arrow::FieldVector& fields,
                                          const JsonWriteRules& rules) {
  JsonRowWriter row;
  row.ignore_null_fields_ = rules.ignore_null_fields;
  for (const auto& field : fields) {
    std::string field_path = path.empty() ? field->name() : path + "." + field->name();
    ASSIGN_OR_RETURN(auto writer, MakeJsonValueWriter(field_path, *field->type(), rules));
    std::string key;
    AppendJsonString(field->name(), &key);
    key.push_back(':');
    row.fields_.push_back({std::move(key), std::move(writer)});
  }
  return row;
}

Status JsonRowWriter::Bind(const arrow::ArrayVector& columns) {
  if (columns.size() != fields_.size()) {
    return MakeError(ErrorCode::kInternal, "the batch has not the columns of the table");
  }
  for (size_t i = 0; i < fields_.size(); ++i) {
    RETURN_IF_ERROR(fields_[i].writer->Bind(*columns[i]));
  }
  return Status::OK();
}

Status JsonRowWriter::Write(int64_t row, std::string* out) const {
  out->push_back('{');
  bool first = true;
  for (const Field& field : fields_) {
    bool is_null = field.writer->IsNull(row);
    if (is_null && ignore_null_fields_) continue;
    if (!first) out->push_back(',');
    first = false;
    out->append(field.key);
    if (is_null) {
      out->append("null");
    } else {
      RETURN_IF_ERROR(field.writer->Write(row, out));
    }
  }
  out->push_back('}');
  return Status::OK();
}

}  // namespace mainstem::format
