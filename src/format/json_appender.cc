#include "format/json_appender.h"

#include <cmath>
#include <limits>

#include <absl/strings/escaping.h>
#include <arrow/util/decimal.h>

#include "format/json_token.h"
#include "format/text_number.h"

namespace mainstem::format {
namespace {

// Appends without looking for room where there is some.
template <typename Builder, typename Value>
void AppendTo(Builder* builder, Value value) {
  if (builder->length() < builder->capacity()) {
    builder->UnsafeAppend(value);
  } else {
    CHECK_OK(builder->Append(value));
  }
}

// Scalars: reads the token, lets `Put` take it, appends NULL where it does not. HOT PATH: once for
// each value; a Derived with `bool PutPlain(std::string_view raw, const JsonContext&)` sees the
// token first, as it stands in the message up to the next one, and takes it if it is of the usual
// form.
template <typename Derived, typename Builder>
class ScalarAppender : public JsonAppender {
 public:
  ScalarAppender(std::string path, arrow::ArrayBuilder* builder, std::string expected)
      : JsonAppender(std::move(path), builder), expected_(std::move(expected)) {}

  JsonOutcome Append(ondemand::value value, int depth, JsonContext* context) final {
    if constexpr (requires(Derived & derived) { derived.PutPlain("", *context); }) {
      if (static_cast<Derived*>(this)->PutPlain(value.raw_json_token(), *context)) {
        return JsonOutcome::kOk;
      }
    }
    JsonToken token;
    JsonOutcome outcome = ReadJsonToken(value, context, &token);
    if (outcome == JsonOutcome::kOk && token.kind != JsonKind::kNull) {
      // Appends one slot and returns true, or appends nothing.
      if (static_cast<Derived*>(this)->Put(token, value, *context)) return outcome;
      outcome = context->BadValue(path_, token.text, expected_);
    }
    AppendNull();
    return outcome;
  }

 protected:
  Builder* builder() { return static_cast<Builder*>(builder_); }

 private:
  std::string expected_;
};

bool IsScalar(const JsonToken& token) {
  return token.kind != JsonKind::kObject && token.kind != JsonKind::kArray;
}

bool Done(const Status& status) {
  CHECK_OK(status);
  return true;
}

class BooleanAppender final : public ScalarAppender<BooleanAppender, arrow::BooleanBuilder> {
 public:
  using ScalarAppender::ScalarAppender;

 private:
  friend class ScalarAppender<BooleanAppender, arrow::BooleanBuilder>;
  bool Put(const JsonToken& token, ondemand::value&, const JsonContext&) {
    if (!IsScalar(token)) return false;
    std::string_view text = token.kind == JsonKind::kString ? TrimText(token.text) : token.text;
    // As Java's parseBoolean: everything but "true" is false.
    return Done(builder()->Append(EqualsIgnoringCase(text, "true")));
  }
};

template <typename Builder>
class IntegerAppender final : public ScalarAppender<IntegerAppender<Builder>, Builder> {
 public:
  using ScalarAppender<IntegerAppender<Builder>, Builder>::ScalarAppender;
  using Value = typename Builder::value_type;

  // Up to 18 digits and nothing behind them.
  bool PutPlain(std::string_view raw, const JsonContext&) {
    const char* at = raw.data();
    const char* end = at + raw.size();
    const bool negative = at < end && *at == '-';
    if (negative) ++at;
    const char* digits = at;
    int64_t number = 0;
    while (at < end && static_cast<unsigned char>(*at - '0') < 10 && at - digits < 18) {
      number = number * 10 + (*at++ - '0');
    }
    if (at == digits || (*digits == '0' && at - digits > 1)) return false;
    if (!TrimJsonSpace({at, static_cast<size_t>(end - at)}).empty()) return false;
    if (negative) number = -number;
    if (static_cast<int64_t>(static_cast<Value>(number)) != number) return false;
    AppendTo(this->builder(), static_cast<Value>(number));
    return true;
  }

 private:
  friend class ScalarAppender<IntegerAppender<Builder>, Builder>;
  bool Put(const JsonToken& token, ondemand::value&, const JsonContext&) {
    Value value;
    if (token.kind == JsonKind::kString) {
      if (!ParseInteger(TrimText(token.text), &value)) return false;
    } else if (token.kind != JsonKind::kNumber) {
      return false;
    } else if (!ParseInteger(token.text, &value) && !Truncate(token.text, &value)) {
      return false;
    }
    return Done(this->builder()->Append(value));
  }
  // INT and BIGINT take a number with a fraction or exponent and drop the fraction.
  static bool Truncate(std::string_view text, Value* value) {
    if constexpr (sizeof(Value) < 4) return false;
    if (text.find_first_of(".eE") == std::string_view::npos) return false;
    double number;
    if (!ParseDouble(text, &number)) return false;
    number = std::trunc(number);
    // 2^31 or 2^63: the least value that does not fit.
    double limit = -static_cast<double>(std::numeric_limits<Value>::min());
    if (!(number >= -limit && number < limit)) return false;
    *value = static_cast<Value>(number);
    return true;
  }
};

template <typename Builder>
class FloatingAppender final : public ScalarAppender<FloatingAppender<Builder>, Builder> {
 public:
  using ScalarAppender<FloatingAppender<Builder>, Builder>::ScalarAppender;

 private:
  friend class ScalarAppender<FloatingAppender<Builder>, Builder>;
  bool Put(const JsonToken& token, ondemand::value&, const JsonContext&) {
    if (token.kind != JsonKind::kNumber && token.kind != JsonKind::kString) return false;
    std::string_view text = TrimText(token.text);
    typename Builder::value_type value;
    if constexpr (sizeof(value) == 4) {
      if (!ParseFloat(text, &value)) return false;
    } else {
      if (!ParseDouble(text, &value)) return false;
    }
    return Done(this->builder()->Append(value));
  }
};

class DecimalAppender final : public ScalarAppender<DecimalAppender, arrow::Decimal128Builder> {
 public:
  DecimalAppender(std::string path, arrow::ArrayBuilder* builder, std::string expected)
      : ScalarAppender(std::move(path), builder, std::move(expected)) {
    std::shared_ptr<arrow::DataType> owned = builder->type();
    const auto& type = static_cast<const arrow::Decimal128Type&>(*owned);
    precision_ = type.precision();
    scale_ = type.scale();
  }

 private:
  friend class ScalarAppender<DecimalAppender, arrow::Decimal128Builder>;
  bool Put(const JsonToken& token, ondemand::value&, const JsonContext&) {
    if (token.kind != JsonKind::kNumber && token.kind != JsonKind::kString) return false;
    arrow::Decimal128 value;
    switch (ParseDecimal(TrimText(token.text), precision_, scale_, &value)) {
      case DecimalOutcome::kOk: return Done(builder()->Append(value));
      case DecimalOutcome::kOverflow: return Done(builder()->AppendNull());  // as the dialect says
      case DecimalOutcome::kMalformed: break;
    }
    return false;
  }
  int precision_;
  int scale_;
};

class StringAppender final : public ScalarAppender<StringAppender, arrow::StringBuilder> {
 public:
  using ScalarAppender::ScalarAppender;

  // A string without escapes.
  bool PutPlain(std::string_view raw, const JsonContext&) {
    std::string_view text;
    if (!PlainJsonString(raw, &text)) return false;
    CHECK_OK(builder()->Append(text));
    return true;
  }

 private:
  friend class ScalarAppender<StringAppender, arrow::StringBuilder>;
  bool Put(const JsonToken& token, ondemand::value& value, const JsonContext&) {
    if (IsScalar(token)) return Done(builder()->Append(token.text));
    // A container becomes its text without spaces.
    std::string_view raw;
    if (token.kind == JsonKind::kObject) {
      ondemand::object object;
      if (value.get_object().get(object) || object.raw_json().get(raw)) return false;
    } else {
      ondemand::array array;
      if (value.get_array().get(array) || array.raw_json().get(raw)) return false;
    }
    text_.resize(raw.size() + simdjson::SIMDJSON_PADDING);
    size_t size = 0;
    if (simdjson::minify(raw.data(), raw.size(), text_.data(), size)) return false;
    return Done(builder()->Append(std::string_view(text_.data(), size)));
  }
  std::string text_;
};

class BinaryAppender final : public ScalarAppender<BinaryAppender, arrow::BinaryBuilder> {
 public:
  using ScalarAppender::ScalarAppender;

 private:
  friend class ScalarAppender<BinaryAppender, arrow::BinaryBuilder>;
  bool Put(const JsonToken& token, ondemand::value&, const JsonContext&) {
    if (token.kind != JsonKind::kString ||
        !absl::Base64Unescape({token.text.data(), token.text.size()}, &bytes_)) {
      return false;
    }
    return Done(builder()->Append(bytes_));
  }
  std::string bytes_;
};

class DateAppender final : public ScalarAppender<DateAppender, arrow::Date32Builder> {
 public:
  using ScalarAppender::ScalarAppender;

 private:
  friend class ScalarAppender<DateAppender, arrow::Date32Builder>;
  bool Put(const JsonToken& token, ondemand::value&, const JsonContext&) {
    int32_t days;
    return token.kind == JsonKind::kString && ParseDate(token.text, DateStyle::kIso, &days) &&
           Done(builder()->Append(days));
  }
};

class TimeAppender final : public ScalarAppender<TimeAppender, arrow::Time32Builder> {
 public:
  using ScalarAppender::ScalarAppender;

 private:
  friend class ScalarAppender<TimeAppender, arrow::Time32Builder>;
  bool Put(const JsonToken& token, ondemand::value&, const JsonContext&) {
    int64_t nanos;
    return token.kind == JsonKind::kString && ParseTime(token.text, TimeStyle::kSql, &nanos) &&
           Done(builder()->Append(static_cast<int32_t>(nanos / 1000000)));
  }
};

class TimestampAppender final : public ScalarAppender<TimestampAppender, arrow::TimestampBuilder> {
 public:
  TimestampAppender(std::string path, arrow::ArrayBuilder* builder, std::string expected)
      : ScalarAppender(std::move(path), builder, std::move(expected)) {
    std::shared_ptr<arrow::DataType> owned = builder->type();
    const auto& type = static_cast<const arrow::TimestampType&>(*owned);
    units_per_second_ = UnitsPerSecond(type.unit());
    has_zone_ = !type.timezone().empty();
  }

  bool PutPlain(std::string_view raw, const JsonContext& context) {
    std::string_view text;
    if (!PlainJsonString(raw, &text)) return false;
    TimestampStyle style = has_zone_ ? context.rules.timestamp_ltz : context.rules.timestamp;
    Instant instant;
    int64_t ticks;
    if (!reader_.Read(text, style, &instant) || !ToTicks(instant, units_per_second_, &ticks)) {
      return false;
    }
    AppendTo(builder(), ticks);
    return true;
  }

 private:
  friend class ScalarAppender<TimestampAppender, arrow::TimestampBuilder>;
  bool Put(const JsonToken& token, ondemand::value&, const JsonContext& context) {
    if (token.kind != JsonKind::kString) return false;
    TimestampStyle style = has_zone_ ? context.rules.timestamp_ltz : context.rules.timestamp;
    Instant instant;
    int64_t ticks;
    return ParseTimestamp(token.text, style, &instant) &&
           ToTicks(instant, units_per_second_, &ticks) && Done(builder()->Append(ticks));
  }
  int64_t units_per_second_;
  bool has_zone_;
  TimestampReader reader_;
};

class NullAppender final : public JsonAppender {
 public:
  using JsonAppender::JsonAppender;
  JsonOutcome Append(ondemand::value value, int depth, JsonContext* context) override {
    AppendNull();
    return SkipJsonValue(value, depth, context);
  }
};

class ListAppender final : public JsonAppender {
 public:
  ListAppender(std::string path, arrow::ListBuilder* builder, std::unique_ptr<JsonAppender> element)
      : JsonAppender(std::move(path), builder), element_(std::move(element)) {}

  JsonOutcome Append(ondemand::value value, int depth, JsonContext* context) override {
    JsonToken token;
    JsonOutcome outcome = ReadJsonToken(value, context, &token);
    if (outcome == JsonOutcome::kOk && token.kind != JsonKind::kNull &&
        token.kind != JsonKind::kArray) {
      outcome = context->BadValue(path_, token.text, "an array");
    }
    if (depth >= kMaxJsonDepth) outcome = context->Broken("nested too deeply");
    if (outcome != JsonOutcome::kOk || token.kind != JsonKind::kArray) {
      AppendNull();
      return outcome;
    }
    CHECK_OK(static_cast<arrow::ListBuilder*>(builder_)->Append());
    ondemand::array array;
    if (auto error = value.get_array().get(array)) return context->Broken(error);
    for (auto next : array) {
      ondemand::value element;
      if (auto error = std::move(next).get(element)) return context->Broken(error);
      outcome = element_->Append(element, depth + 1, context);
      if (outcome != JsonOutcome::kOk) return outcome;
    }
    return outcome;
  }

 private:
  std::unique_ptr<JsonAppender> element_;
};

class MapAppender final : public JsonAppender {
 public:
  MapAppender(std::string path, arrow::MapBuilder* builder, std::unique_ptr<JsonAppender> item)
      : JsonAppender(std::move(path), builder), item_(std::move(item)) {}

  JsonOutcome Append(ondemand::value value, int depth, JsonContext* context) override {
    JsonToken token;
    JsonOutcome outcome = ReadJsonToken(value, context, &token);
    if (outcome == JsonOutcome::kOk && token.kind != JsonKind::kNull &&
        token.kind != JsonKind::kObject) {
      outcome = context->BadValue(path_, token.text, "an object");
    }
    if (depth >= kMaxJsonDepth) outcome = context->Broken("nested too deeply");
    if (outcome != JsonOutcome::kOk || token.kind != JsonKind::kObject) {
      AppendNull();
      return outcome;
    }
    CHECK_OK(static_cast<arrow::MapBuilder*>(builder_)->Append());
    ondemand::object object;
    if (auto error = value.get_object().get(object)) return context->Broken(error);
    return AppendEntries(object, depth, context);
  }

 private:
  JsonOutcome AppendEntries(ondemand::object object, int depth, JsonContext* context) {
    // Key -> ordinal of its last entry. Of this call: maps may hold maps.
    absl::flat_hash_map<std::string, size_t> last;
    if (context->last_wins) {
      size_t ordinal = 0;
      for (auto next : object) {
        ondemand::field field;
        std::string_view key;
        if (auto error = std::move(next).get(field)) return context->Broken(error);
        if (auto error = field.unescaped_key().get(key)) return context->Broken(error);
        last[std::string(key)] = ordinal++;
      }
      bool is_empty;
      if (auto error = object.reset().get(is_empty)) return context->Broken(error);
    }
    auto* keys = static_cast<arrow::StringBuilder*>(
        static_cast<arrow::MapBuilder*>(builder_)->key_builder());
    size_t ordinal = 0;
    for (auto next : object) {
      ondemand::field field;
      std::string_view key;
      if (auto error = std::move(next).get(field)) return context->Broken(error);
      if (auto error = field.unescaped_key().get(key)) return context->Broken(error);
      JsonOutcome outcome = JsonOutcome::kOk;
      auto [entry, is_new] = last.try_emplace(std::string(key), ordinal);
      if (context->last_wins && entry->second != ordinal++) {
        outcome = SkipJsonValue(field.value(), depth + 1, context);
      } else if (!context->last_wins && !is_new) {
        return JsonOutcome::kDuplicate;
      } else {
        CHECK_OK(keys->Append(key));
        outcome = item_->Append(field.value(), depth + 1, context);
      }
      if (outcome != JsonOutcome::kOk) return outcome;
    }
    return JsonOutcome::kOk;
  }

  std::unique_ptr<JsonAppender> item_;
};

class StructAppender final : public JsonAppender {
 public:
  StructAppender(std::string path, arrow::StructBuilder* builder,
                 std::unique_ptr<JsonObjectReader> reader)
      : JsonAppender(std::move(path), builder), reader_(std::move(reader)) {}

  JsonOutcome Append(ondemand::value value, int depth, JsonContext* context) override {
    JsonToken token;
    JsonOutcome outcome = ReadJsonToken(value, context, &token);
    if (outcome == JsonOutcome::kOk && token.kind != JsonKind::kNull &&
        token.kind != JsonKind::kObject) {
      outcome = context->BadValue(path_, token.text, "an object");
    }
    ondemand::object object;
    if (outcome == JsonOutcome::kOk && token.kind == JsonKind::kObject) {
      if (auto error = value.get_object().get(object)) outcome = context->Broken(error);
    }
    if (outcome != JsonOutcome::kOk || token.kind != JsonKind::kObject) {
      AppendNull();
      return outcome;
    }
    CHECK_OK(static_cast<arrow::StructBuilder*>(builder_)->Append());
    return reader_->Read(object, depth + 1, context);
  }

 private:
  std::unique_ptr<JsonObjectReader> reader_;
};

template <typename Appender>
std::unique_ptr<JsonAppender> Make(const std::string& path, arrow::ArrayBuilder* builder,
                                   std::string expected) {
  return std::make_unique<Appender>(path, builder, std::move(expected));
}

Result<std::unique_ptr<JsonAppender>> MakeStruct(const std::string& path,
                                                 arrow::StructBuilder* builder) {
  std::shared_ptr<arrow::DataType> type = builder->type();
  std::vector<std::string> names;
  std::vector<std::unique_ptr<JsonAppender>> fields;
  for (int i = 0; i < type->num_fields(); ++i) {
    const std::string& name = type->field(i)->name();
    ASSIGN_OR_RETURN(auto field, MakeJsonAppender(path + "." + name, builder->field_builder(i)));
    names.push_back(name);
    fields.push_back(std::move(field));
  }
  auto reader = std::make_unique<JsonObjectReader>(std::move(names), std::move(fields));
  return std::make_unique<StructAppender>(path, builder, std::move(reader));
}

}  // namespace

Result<std::unique_ptr<JsonAppender>> MakeJsonAppender(const std::string& path,
                                                       arrow::ArrayBuilder* builder) {
  std::shared_ptr<arrow::DataType> type = builder->type();
  switch (type->id()) {
    case arrow::Type::NA: return std::make_unique<NullAppender>(path, builder);
    case arrow::Type::BOOL: return Make<BooleanAppender>(path, builder, "a BOOLEAN");
    case arrow::Type::INT8:
      return Make<IntegerAppender<arrow::Int8Builder>>(path, builder, "a TINYINT");
    case arrow::Type::INT16:
      return Make<IntegerAppender<arrow::Int16Builder>>(path, builder, "a SMALLINT");
    case arrow::Type::INT32:
      return Make<IntegerAppender<arrow::Int32Builder>>(path, builder, "an INT");
    case arrow::Type::INT64:
      return Make<IntegerAppender<arrow::Int64Builder>>(path, builder, "a BIGINT");
    case arrow::Type::DURATION:
      return Make<IntegerAppender<arrow::DurationBuilder>>(path, builder, "an interval");
    case arrow::Type::FLOAT:
      return Make<FloatingAppender<arrow::FloatBuilder>>(path, builder, "a FLOAT");
    case arrow::Type::DOUBLE:
      return Make<FloatingAppender<arrow::DoubleBuilder>>(path, builder, "a DOUBLE");
    case arrow::Type::DECIMAL128: return Make<DecimalAppender>(path, builder, "a DECIMAL");
    case arrow::Type::STRING: return Make<StringAppender>(path, builder, "a STRING");
    case arrow::Type::BINARY: return Make<BinaryAppender>(path, builder, "base64 text");
    case arrow::Type::DATE32: return Make<DateAppender>(path, builder, "a DATE (yyyy-MM-dd)");
    case arrow::Type::TIME32: return Make<TimeAppender>(path, builder, "a TIME (HH:mm:ss[.f])");
    case arrow::Type::TIMESTAMP:
      return Make<TimestampAppender>(
          path, builder, "a timestamp in the format that 'timestamp-format.standard' names");
    case arrow::Type::STRUCT: return MakeStruct(path, static_cast<arrow::StructBuilder*>(builder));
    case arrow::Type::LIST: {
      auto* list = static_cast<arrow::ListBuilder*>(builder);
      ASSIGN_OR_RETURN(auto element, MakeJsonAppender(path + "[]", list->value_builder()));
      return std::make_unique<ListAppender>(path, list, std::move(element));
    }
    case arrow::Type::MAP: {
      auto* map = static_cast<arrow::MapBuilder*>(builder);
      if (map->key_builder()->type()->id() != arrow::Type::STRING) break;
      ASSIGN_OR_RETURN(auto item, MakeJsonAppender(path + "{}", map->item_builder()));
      return std::make_unique<MapAppender>(path, map, std::move(item));
    }
    default: break;
  }
  return MakeError(
      ErrorCode::kUnsupported,
      {.message = "json has no form for column '" + path + "' of type " + type->ToString(),
       .hint = type->id() == arrow::Type::MAP ? "the key of a MAP must be a STRING" : ""});
}

}  // namespace mainstem::format
