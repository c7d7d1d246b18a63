#include "source/datagen/value_generator.h"

#include <limits>

#include <arrow/api.h>
#include <arrow/util/decimal.h>

#include "source/split_mix.h"

namespace mainstem::source {
namespace {

uint64_t SeedOf(uint64_t seed, const std::string& path) {
  for (char c : path) seed = SplitMix64(seed ^ static_cast<unsigned char>(c));
  return seed;
}

double ToUnit(uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1.0p-53; }

class Nullable : public ValueGenerator {
 public:
  Nullable(uint64_t seed, double null_rate) : seed_(seed), null_rate_(null_rate) {}
  Status Append(uint64_t row, int64_t now_ms, arrow::ArrayBuilder* builder) const final {
    uint64_t bits = SplitMix64(seed_ + SplitMix64(row));
    if (null_rate_ > 0 && ToUnit(SplitMix64(bits ^ 1)) < null_rate_) return builder->AppendNull();
    return AppendValue(bits, now_ms, builder);
  }

 protected:
  virtual Status AppendValue(uint64_t bits, int64_t now_ms, arrow::ArrayBuilder* builder) const = 0;

 private:
  uint64_t seed_;
  double null_rate_;
};

template <typename Builder>
class RandomInteger final : public Nullable {
 public:
  using Value = typename Builder::value_type;
  RandomInteger(uint64_t seed, double null_rate, int64_t min, int64_t max)
      : Nullable(seed, null_rate), min_(min), span_(static_cast<uint64_t>(max) - min + 1) {}

 private:
  Status AppendValue(uint64_t bits, int64_t, arrow::ArrayBuilder* builder) const override {
    // A span of 2^64 comes out as 0.
    uint64_t offset = span_ == 0 ? bits : bits % span_;
    Value value = static_cast<Value>(static_cast<uint64_t>(min_) + offset);
    return static_cast<Builder*>(builder)->Append(value);
  }
  int64_t min_;
  uint64_t span_;
};

template <typename Builder>
class RandomFloating final : public Nullable {
 public:
  RandomFloating(uint64_t seed, double null_rate, double min, double max)
      : Nullable(seed, null_rate), min_(min), max_(max) {}

 private:
  Status AppendValue(uint64_t bits, int64_t, arrow::ArrayBuilder* builder) const override {
    double u = ToUnit(bits);
    return static_cast<Builder*>(builder)->Append(
        static_cast<typename Builder::value_type>(min_ * (1 - u) + max_ * u));
  }
  double min_;
  double max_;
};

class RandomDecimal final : public Nullable {
 public:
  RandomDecimal(uint64_t seed, double null_rate, int precision)
      : Nullable(seed, null_rate), precision_(precision) {}

 private:
  Status AppendValue(uint64_t bits, int64_t, arrow::ArrayBuilder* builder) const override {
    arrow::Decimal128 value(0);
    for (int i = 0; i < precision_; ++i) {
      bits = SplitMix64(bits);
      value = value * arrow::Decimal128(10) + arrow::Decimal128(static_cast<int64_t>(bits % 10));
    }
    return static_cast<arrow::Decimal128Builder*>(builder)->Append(value);
  }
  int precision_;
};

class RandomBoolean final : public Nullable {
 public:
  using Nullable::Nullable;

 private:
  Status AppendValue(uint64_t bits, int64_t, arrow::ArrayBuilder* builder) const override {
    return static_cast<arrow::BooleanBuilder*>(builder)->Append((bits & 1) != 0);
  }
};

// Hexadecimal text, also for BYTES.
class RandomText final : public Nullable {
 public:
  RandomText(uint64_t seed, double null_rate, int64_t length, bool varies)
      : Nullable(seed, null_rate), length_(length), varies_(varies) {}

 private:
  Status AppendValue(uint64_t bits, int64_t, arrow::ArrayBuilder* builder) const override {
    static constexpr char kHex[] = "0123456789abcdef";
    int64_t length = length_;
    if (varies_ && length > 0)
      length = 1 + static_cast<int64_t>(bits % static_cast<uint64_t>(length));
    std::string text(static_cast<size_t>(length), '0');
    for (size_t i = 0; i < text.size(); ++i) {
      if (i % 16 == 0) bits = SplitMix64(bits);
      text[i] = kHex[(bits >> (i % 16 * 4)) & 15];
    }
    return static_cast<arrow::BinaryBuilder*>(builder)->Append(text);
  }
  int64_t length_;
  bool varies_;
};

// Now, less up to max-past. DATE and TIME are those of now.
class RandomTime final : public Nullable {
 public:
  RandomTime(uint64_t seed, double null_rate, arrow::Type::type id, int64_t ticks_per_ms,
             int64_t max_past_ms)
      : Nullable(seed, null_rate),
        id_(id),
        ticks_per_ms_(ticks_per_ms),
        max_past_ms_(max_past_ms) {}

 private:
  Status AppendValue(uint64_t bits, int64_t now_ms, arrow::ArrayBuilder* builder) const override {
    constexpr int64_t kDayMs = 86400000;
    if (max_past_ms_ > 0)
      now_ms -= static_cast<int64_t>(bits % static_cast<uint64_t>(max_past_ms_));
    switch (id_) {
      case arrow::Type::DATE32:
        return static_cast<arrow::Date32Builder*>(builder)->Append(
            static_cast<int32_t>(now_ms / kDayMs));
      case arrow::Type::TIME32:
        return static_cast<arrow::Time32Builder*>(builder)->Append(
            static_cast<int32_t>(now_ms % kDayMs));
      default:
        return static_cast<arrow::TimestampBuilder*>(builder)->Append(now_ms * ticks_per_ms_);
    }
  }
  arrow::Type::type id_;
  int64_t ticks_per_ms_;
  int64_t max_past_ms_;
};

class RandomRow final : public ValueGenerator {
 public:
  explicit RandomRow(std::vector<std::unique_ptr<ValueGenerator>> fields)
      : fields_(std::move(fields)) {}
  Status Append(uint64_t row, int64_t now_ms, arrow::ArrayBuilder* builder) const override {
    auto* rows = static_cast<arrow::StructBuilder*>(builder);
    RETURN_IF_ERROR(rows->Append());
    for (size_t i = 0; i < fields_.size(); ++i) {
      RETURN_IF_ERROR(fields_[i]->Append(row, now_ms, rows->field_builder(static_cast<int>(i))));
    }
    return Status::OK();
  }

 private:
  std::vector<std::unique_ptr<ValueGenerator>> fields_;
};

class RandomList final : public ValueGenerator {
 public:
  RandomList(std::unique_ptr<ValueGenerator> element, int64_t length)
      : element_(std::move(element)), length_(static_cast<uint64_t>(length)) {}
  Status Append(uint64_t row, int64_t now_ms, arrow::ArrayBuilder* builder) const override {
    auto* list = static_cast<arrow::ListBuilder*>(builder);
    RETURN_IF_ERROR(list->Append());
    for (uint64_t i = 0; i < length_; ++i) {
      RETURN_IF_ERROR(element_->Append(row * length_ + i, now_ms, list->value_builder()));
    }
    return Status::OK();
  }

 private:
  std::unique_ptr<ValueGenerator> element_;
  uint64_t length_;
};

class Sequence final : public ValueGenerator {
 public:
  Sequence(int64_t start, int64_t end) : start_(start), end_(end) {}
  int64_t row_limit() const override { return end_ - start_ + 1; }
  Status Append(uint64_t row, int64_t, arrow::ArrayBuilder* builder) const override {
    int64_t value = start_ + static_cast<int64_t>(row);
    switch (builder->type()->id()) {
      case arrow::Type::INT8: return As<arrow::Int8Builder>(builder, value);
      case arrow::Type::INT16: return As<arrow::Int16Builder>(builder, value);
      case arrow::Type::INT32: return As<arrow::Int32Builder>(builder, value);
      case arrow::Type::INT64: return As<arrow::Int64Builder>(builder, value);
      case arrow::Type::FLOAT: return As<arrow::FloatBuilder>(builder, value);
      case arrow::Type::DOUBLE: return As<arrow::DoubleBuilder>(builder, value);
      case arrow::Type::STRING:
        return static_cast<arrow::StringBuilder*>(builder)->Append(std::to_string(value));
      default: return builder->AppendNull();
    }
  }
  static bool Supports(arrow::Type::type id) {
    return id == arrow::Type::STRING || (id >= arrow::Type::INT8 && id <= arrow::Type::INT64) ||
           id == arrow::Type::FLOAT || id == arrow::Type::DOUBLE;
  }

 private:
  template <typename Builder>
  static Status As(arrow::ArrayBuilder* builder, int64_t value) {
    return static_cast<Builder*>(builder)->Append(static_cast<typename Builder::value_type>(value));
  }
  int64_t start_;
  int64_t end_;
};

Result<std::unique_ptr<ValueGenerator>> MakeSequence(const std::string& path,
                                                     const arrow::DataType& type,
                                                     connector::TableOptions* options) {
  if (!Sequence::Supports(type.id())) {
    options->Fail(path + ".kind", "cannot be used for type " + type.ToString());
  }
  for (const char* end : {".start", ".end"}) {
    if (!options->Has(path + end)) options->Fail(path + end, "is needed for a sequence");
  }
  int64_t start = options->Integer(path + ".start", 0);
  int64_t end = options->Integer(path + ".end", 0);
  if (start > end) options->Fail(path + ".start", "is greater than '" + path + ".end'");
  RETURN_IF_ERROR(options->status());
  return std::make_unique<Sequence>(start, end);
}

template <typename Builder>
Result<std::unique_ptr<ValueGenerator>> MakeInteger(const std::string& path, uint64_t seed,
                                                    double null_rate,
                                                    connector::TableOptions* options) {
  using Limits = std::numeric_limits<typename Builder::value_type>;
  int64_t min = options->Integer(path + ".min", Limits::min());
  int64_t max = options->Integer(path + ".max", Limits::max());
  if (min > max || min < Limits::min() || max > Limits::max()) {
    options->Fail(path + ".min", "and '" + path + ".max' are no range of the column's type");
  }
  RETURN_IF_ERROR(options->status());
  return std::make_unique<RandomInteger<Builder>>(seed, null_rate, min, max);
}

template <typename Builder>
Result<std::unique_ptr<ValueGenerator>> MakeFloating(const std::string& path, uint64_t seed,
                                                     double null_rate,
                                                     connector::TableOptions* options) {
  using Limits = std::numeric_limits<typename Builder::value_type>;
  double min = options->Number(path + ".min", Limits::lowest());
  double max = options->Number(path + ".max", Limits::max());
  if (min > max) options->Fail(path + ".min", "is greater than '" + path + ".max'");
  RETURN_IF_ERROR(options->status());
  return std::make_unique<RandomFloating<Builder>>(seed, null_rate, min, max);
}

int64_t TicksPerMs(const arrow::DataType& type) {
  if (type.id() != arrow::Type::TIMESTAMP) return 1;
  switch (static_cast<const arrow::TimestampType&>(type).unit()) {
    case arrow::TimeUnit::MICRO: return 1000;
    case arrow::TimeUnit::NANO: return 1000000;
    default: return 1;
  }
}

}  // namespace

Result<std::unique_ptr<ValueGenerator>> MakeValueGenerator(const std::string& path,
                                                           const arrow::DataType& type,
                                                           uint64_t seed,
                                                           connector::TableOptions* options) {
  size_t kind = options->Choice(path + ".kind", {"random", "sequence"}, 0);
  if (kind == 1) return MakeSequence(path, type, options);
  double null_rate = options->Number(path + ".null-rate", 0);
  if (null_rate < 0 || null_rate > 1) options->Fail(path + ".null-rate", "must be from 0 to 1");
  uint64_t own_seed = SeedOf(seed, path);
  switch (type.id()) {
    case arrow::Type::BOOL: return std::make_unique<RandomBoolean>(own_seed, null_rate);
    case arrow::Type::INT8:
      return MakeInteger<arrow::Int8Builder>(path, own_seed, null_rate, options);
    case arrow::Type::INT16:
      return MakeInteger<arrow::Int16Builder>(path, own_seed, null_rate, options);
    case arrow::Type::INT32:
      return MakeInteger<arrow::Int32Builder>(path, own_seed, null_rate, options);
    case arrow::Type::INT64:
      return MakeInteger<arrow::Int64Builder>(path, own_seed, null_rate, options);
    case arrow::Type::FLOAT:
      return MakeFloating<arrow::FloatBuilder>(path, own_seed, null_rate, options);
    case arrow::Type::DOUBLE:
      return MakeFloating<arrow::DoubleBuilder>(path, own_seed, null_rate, options);
    case arrow::Type::DECIMAL128:
      return std::make_unique<RandomDecimal>(
          own_seed, null_rate, static_cast<const arrow::Decimal128Type&>(type).precision());
    case arrow::Type::STRING:
    case arrow::Type::BINARY: {
      int64_t length = options->Integer(path + ".length", 100);
      constexpr int64_t kMaxLength = 1 << 20;
      if (length < 0 || length > kMaxLength) {
        options->Fail(path + ".length", "must be from 0 to 1048576");
      }
      bool varies = options->Bool(path + ".var-len", false);
      RETURN_IF_ERROR(options->status());
      return std::make_unique<RandomText>(own_seed, null_rate, length, varies);
    }
    case arrow::Type::DATE32:
    case arrow::Type::TIME32:
    case arrow::Type::TIMESTAMP: {
      auto max_past = std::chrono::duration_cast<std::chrono::milliseconds>(
          options->Time(path + ".max-past", Duration::zero()));
      return std::make_unique<RandomTime>(own_seed, null_rate, type.id(), TicksPerMs(type),
                                          max_past.count());
    }
    case arrow::Type::STRUCT: {
      std::vector<std::unique_ptr<ValueGenerator>> fields;
      for (const auto& field : type.fields()) {
        ASSIGN_OR_RETURN(auto generator, MakeValueGenerator(path + "." + field->name(),
                                                            *field->type(), seed, options));
        fields.push_back(std::move(generator));
      }
      return std::make_unique<RandomRow>(std::move(fields));
    }
    case arrow::Type::LIST: {
      const auto& list = static_cast<const arrow::ListType&>(type);
      ASSIGN_OR_RETURN(auto element,
                       MakeValueGenerator(path + ".element", *list.value_type(), seed, options));
      int64_t length = options->Integer(path + ".length", 3);
      if (length < 0 || length > 10000) options->Fail(path + ".length", "must be from 0 to 10000");
      RETURN_IF_ERROR(options->status());
      return std::make_unique<RandomList>(std::move(element), length);
    }
    default: break;
  }
  return MakeError(ErrorCode::kUnsupported,
                   "datagen cannot make up values for '" + path + "' of type " + type.ToString());
}

}  // namespace mainstem::source
