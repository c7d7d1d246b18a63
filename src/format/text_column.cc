#include "format/text_column.h"

#include <absl/strings/escaping.h>
#include <arrow/api.h>
#include <arrow/util/decimal.h>
#include <simdjson.h>

namespace mainstem::format {
namespace {

template <typename Builder>
class BuilderAppender : public TextAppender {
 public:
  BuilderAppender(arrow::ArrayBuilder* builder, std::string expected)
      : builder_(static_cast<Builder*>(builder)), expected_(std::move(expected)) {}
  std::string_view expected() const override { return expected_; }
  bool Append(std::string_view text) override {
    if (Put(text)) return true;
    AppendNull();
    return false;
  }
  void AppendNull() override { CHECK_OK(builder_->AppendNull()); }

 protected:
  // Appends one slot and returns true, or appends nothing.
  virtual bool Put(std::string_view text) = 0;
  bool Done(const Status& status) {
    CHECK_OK(status);
    return true;
  }
  Builder* builder_;

 private:
  std::string expected_;
};

class BooleanText final : public BuilderAppender<arrow::BooleanBuilder> {
 public:
  using BuilderAppender::BuilderAppender;
  bool Put(std::string_view text) override {
    return Done(builder_->Append(EqualsIgnoringCase(TrimText(text), "true")));
  }
};

template <typename Builder>
class NumberText final : public BuilderAppender<Builder> {
 public:
  using BuilderAppender<Builder>::BuilderAppender;
  bool Put(std::string_view text) override {
    typename Builder::value_type value;
    text = TrimText(text);
    if constexpr (std::is_same_v<decltype(value), double>) {
      if (!ParseDouble(text, &value)) return false;
    } else if constexpr (std::is_same_v<decltype(value), float>) {
      if (!ParseFloat(text, &value)) return false;
    } else {
      if (!ParseInteger(text, &value)) return false;
    }
    return this->Done(this->builder_->Append(value));
  }
};

class DecimalText final : public BuilderAppender<arrow::Decimal128Builder> {
 public:
  DecimalText(arrow::ArrayBuilder* builder, const arrow::Decimal128Type& type)
      : BuilderAppender(builder, "a DECIMAL"), precision_(type.precision()), scale_(type.scale()) {}
  bool Put(std::string_view text) override {
    arrow::Decimal128 value;
    switch (ParseDecimal(text, precision_, scale_, &value)) {
      case DecimalOutcome::kOk: return Done(builder_->Append(value));
      case DecimalOutcome::kOverflow: return Done(builder_->AppendNull());
      case DecimalOutcome::kMalformed: break;
    }
    return false;
  }

 private:
  int precision_;
  int scale_;
};

class StringText final : public BuilderAppender<arrow::StringBuilder> {
 public:
  using BuilderAppender::BuilderAppender;
  bool Put(std::string_view text) override { return Done(builder_->Append(text)); }
};

class BinaryText final : public BuilderAppender<arrow::BinaryBuilder> {
 public:
  BinaryText(arrow::ArrayBuilder* builder, bool base64)
      : BuilderAppender(builder, "base64 text"), base64_(base64) {}
  bool Put(std::string_view text) override {
    if (!base64_) return Done(builder_->Append(text));
    return absl::Base64Unescape({text.data(), text.size()}, &bytes_) &&
           Done(builder_->Append(bytes_));
  }

 private:
  bool base64_;
  std::string bytes_;
};

class DateText final : public BuilderAppender<arrow::Date32Builder> {
 public:
  using BuilderAppender::BuilderAppender;
  bool Put(std::string_view text) override {
    int32_t days;
    return ParseDate(text, DateStyle::kLoose, &days) && Done(builder_->Append(days));
  }
};

class TimeText final : public BuilderAppender<arrow::Time32Builder> {
 public:
  using BuilderAppender::BuilderAppender;
  bool Put(std::string_view text) override {
    int64_t nanos;
    return ParseTime(text, TimeStyle::kIso, &nanos) &&
           Done(builder_->Append(static_cast<int32_t>(nanos / 1000000)));
  }
};

class TimestampText final : public BuilderAppender<arrow::TimestampBuilder> {
 public:
  TimestampText(arrow::ArrayBuilder* builder, const arrow::TimestampType& type,
                const std::optional<TimestampPattern>& pattern)
      : BuilderAppender(builder, pattern ? "a timestamp of the pattern 'timestamp-format'"
                                         : "a timestamp (yyyy-MM-dd HH:mm:ss[.f])"),
        units_per_second_(UnitsPerSecond(type.unit())),
        style_(type.timezone().empty() ? TimestampStyle::kLoose : TimestampStyle::kLooseUtc),
        pattern_(pattern) {}
  bool Put(std::string_view text) override {
    Instant instant;
    int64_t ticks;
    bool parsed =
        pattern_ ? pattern_->Parse(text, &instant) : ParseTimestamp(text, style_, &instant);
    return parsed && ToTicks(instant, units_per_second_, &ticks) && Done(builder_->Append(ticks));
  }

 private:
  int64_t units_per_second_;
  TimestampStyle style_;
  std::optional<TimestampPattern> pattern_;
};

class ListText final : public BuilderAppender<arrow::ListBuilder> {
 public:
  ListText(arrow::ListBuilder* builder, std::unique_ptr<TextAppender> element, char delimiter)
      : BuilderAppender(builder, "a list of values"),
        element_(std::move(element)),
        delimiter_(delimiter) {}
  // An empty field is an empty list.
  bool Append(std::string_view text) override {
    CHECK_OK(builder_->Append());
    bool all_good = true;
    while (!text.empty()) {
      size_t end = text.find(delimiter_);
      all_good &= element_->Append(text.substr(0, end));
      if (end == std::string_view::npos) break;
      text.remove_prefix(end + 1);
    }
    return all_good;
  }

 private:
  bool Put(std::string_view) override { return false; }
  std::unique_ptr<TextAppender> element_;
  char delimiter_;
};

template <typename Array>
class ArrayTextWriter : public TextWriter {
 public:
  void Bind(const arrow::Array& array) override { array_ = &static_cast<const Array&>(array); }
  bool IsNull(int64_t row) const override { return array_->IsNull(row); }

 protected:
  const Array* array_ = nullptr;
};

// For types whose text one function appends.
template <typename Array, typename Function>
class FunctionWriter final : public ArrayTextWriter<Array> {
 public:
  FunctionWriter(Function append, bool is_number) : append_(append), is_number_(is_number) {}
  void Write(int64_t row, std::string* out) const override { append_(*this->array_, row, out); }
  bool is_number() const override { return is_number_; }

 private:
  Function append_;
  bool is_number_;
};

template <typename Array, typename Function>
std::unique_ptr<TextWriter> MakeFunctionWriter(Function append, bool is_number) {
  return std::make_unique<FunctionWriter<Array, Function>>(append, is_number);
}

template <typename Array>
std::unique_ptr<TextWriter> MakeIntegerWriter() {
  return MakeFunctionWriter<Array>(
      [](const Array& array, int64_t row, std::string* out) {
        out->append(std::to_string(array.Value(row)));
      },
      true);
}

class ListTextWriter final : public ArrayTextWriter<arrow::ListArray> {
 public:
  ListTextWriter(std::unique_ptr<TextWriter> element, char delimiter)
      : element_(std::move(element)), delimiter_(delimiter) {}
  void Bind(const arrow::Array& array) override {
    ArrayTextWriter::Bind(array);
    element_->Bind(*array_->values());
  }
  void Write(int64_t row, std::string* out) const override {
    for (int64_t i = array_->value_offset(row); i < array_->value_offset(row + 1); ++i) {
      if (i > array_->value_offset(row)) out->push_back(delimiter_);
      if (!element_->IsNull(i)) element_->Write(i, out);
    }
  }

 private:
  std::unique_ptr<TextWriter> element_;
  char delimiter_;
};

template <typename Appender>
std::unique_ptr<TextAppender> Make(arrow::ArrayBuilder* builder, std::string expected) {
  return std::make_unique<Appender>(builder, std::move(expected));
}

}  // namespace

Result<std::unique_ptr<TextAppender>> MakeTextAppender(const std::string& column,
                                                       arrow::ArrayBuilder* builder,
                                                       const TextRules& rules) {
  std::shared_ptr<arrow::DataType> type = builder->type();
  switch (type->id()) {
    case arrow::Type::BOOL: return Make<BooleanText>(builder, "a BOOLEAN");
    case arrow::Type::INT8: return Make<NumberText<arrow::Int8Builder>>(builder, "a TINYINT");
    case arrow::Type::INT16: return Make<NumberText<arrow::Int16Builder>>(builder, "a SMALLINT");
    case arrow::Type::INT32: return Make<NumberText<arrow::Int32Builder>>(builder, "an INT");
    case arrow::Type::INT64: return Make<NumberText<arrow::Int64Builder>>(builder, "a BIGINT");
    case arrow::Type::FLOAT: return Make<NumberText<arrow::FloatBuilder>>(builder, "a FLOAT");
    case arrow::Type::DOUBLE: return Make<NumberText<arrow::DoubleBuilder>>(builder, "a DOUBLE");
    case arrow::Type::DECIMAL128:
      return std::make_unique<DecimalText>(builder,
                                           static_cast<const arrow::Decimal128Type&>(*type));
    case arrow::Type::STRING: return Make<StringText>(builder, "a STRING");
    case arrow::Type::BINARY: return std::make_unique<BinaryText>(builder, rules.base64_bytes);
    case arrow::Type::DATE32: return Make<DateText>(builder, "a DATE (yyyy-MM-dd)");
    case arrow::Type::TIME32: return Make<TimeText>(builder, "a TIME (HH:mm:ss[.f])");
    case arrow::Type::TIMESTAMP:
      return std::make_unique<TimestampText>(
          builder, static_cast<const arrow::TimestampType&>(*type), rules.timestamp_pattern);
    case arrow::Type::LIST: {
      auto* list = static_cast<arrow::ListBuilder*>(builder);
      ASSIGN_OR_RETURN(auto element, MakeTextAppender(column, list->value_builder(), rules));
      return std::make_unique<ListText>(list, std::move(element), rules.array_delimiter);
    }
    default: break;
  }
  return MakeError(ErrorCode::kUnsupported,
                   "a text field cannot hold column '" + column + "' of type " + type->ToString());
}

Result<std::unique_ptr<TextWriter>> MakeTextWriter(const std::string& column,
                                                   const arrow::DataType& type,
                                                   const TextWriteRules& rules) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return MakeFunctionWriter<arrow::BooleanArray>(
          [](const arrow::BooleanArray& array, int64_t row, std::string* out) {
            out->append(array.Value(row) ? "true" : "false");
          },
          true);
    case arrow::Type::INT8: return MakeIntegerWriter<arrow::Int8Array>();
    case arrow::Type::INT16: return MakeIntegerWriter<arrow::Int16Array>();
    case arrow::Type::INT32: return MakeIntegerWriter<arrow::Int32Array>();
    case arrow::Type::INT64: return MakeIntegerWriter<arrow::Int64Array>();
    case arrow::Type::DURATION: return MakeIntegerWriter<arrow::DurationArray>();
    case arrow::Type::FLOAT:
      return MakeFunctionWriter<arrow::FloatArray>(
          [](const arrow::FloatArray& array, int64_t row, std::string* out) {
            AppendFloatText(array.Value(row), out);
          },
          true);
    case arrow::Type::DOUBLE:
      return MakeFunctionWriter<arrow::DoubleArray>(
          [](const arrow::DoubleArray& array, int64_t row, std::string* out) {
            AppendDoubleText(array.Value(row), out);
          },
          true);
    case arrow::Type::DECIMAL128: {
      int scale = static_cast<const arrow::Decimal128Type&>(type).scale();
      DecimalStyle style = rules.decimal_style;
      return MakeFunctionWriter<arrow::Decimal128Array>(
          [scale, style](const arrow::Decimal128Array& array, int64_t row, std::string* out) {
            AppendDecimalText(arrow::Decimal128(array.GetValue(row)), scale, style, out);
          },
          true);
    }
    case arrow::Type::STRING:
      return MakeFunctionWriter<arrow::StringArray>(
          [](const arrow::StringArray& array, int64_t row, std::string* out) {
            out->append(array.GetView(row));
          },
          false);
    case arrow::Type::BINARY:
      return MakeFunctionWriter<arrow::BinaryArray>(
          [](const arrow::BinaryArray& array, int64_t row, std::string* out) {
            std::string_view bytes = array.GetView(row);
            out->append(absl::Base64Escape({bytes.data(), bytes.size()}));
          },
          false);
    case arrow::Type::DATE32:
      return MakeFunctionWriter<arrow::Date32Array>(
          [](const arrow::Date32Array& array, int64_t row, std::string* out) {
            AppendDate(array.Value(row), out);
          },
          false);
    case arrow::Type::TIME32:
      return MakeFunctionWriter<arrow::Time32Array>(
          [](const arrow::Time32Array& array, int64_t row, std::string* out) {
            AppendTime(int64_t{array.Value(row)} * 1000000, out);
          },
          false);
    case arrow::Type::TIMESTAMP: {
      const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
      int64_t units = UnitsPerSecond(timestamp.unit());
      bool zulu = !timestamp.timezone().empty();
      return MakeFunctionWriter<arrow::TimestampArray>(
          [units, zulu](const arrow::TimestampArray& array, int64_t row, std::string* out) {
            AppendTimestamp(FromTicks(array.Value(row), units), ' ', out);
            if (zulu) out->push_back('Z');
          },
          false);
    }
    case arrow::Type::LIST: {
      const auto& list = static_cast<const arrow::ListType&>(type);
      ASSIGN_OR_RETURN(auto element, MakeTextWriter(column, *list.value_type(), rules));
      return std::make_unique<ListTextWriter>(std::move(element), rules.array_delimiter);
    }
    default: break;
  }
  return MakeError(ErrorCode::kUnsupported,
                   "a text field cannot hold column '" + column + "' of type " + type.ToString());
}

}  // namespace mainstem::format
