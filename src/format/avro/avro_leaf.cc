#include "format/avro/avro_leaf.h"

#include <limits>

#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include "format/type_text.h"
#include "format/utf8.h"

namespace mainstem::format {
namespace {

using arrow::Type;
using NodePtr = std::unique_ptr<AvroNode>;

class BooleanNode final : public AvroLeafNode<arrow::BooleanBuilder> {
 public:
  using AvroLeafNode::AvroLeafNode;
  bool Read(AvroInput* input, int depth) override {
    bool value;
    if (!input->Boolean(&value)) return Fail();
    CHECK_OK(builder_->Append(value));
    return true;
  }
};

// int and long into whole numbers, dates and times.
template <typename Builder>
class IntegerNode final : public AvroLeafNode<Builder> {
 public:
  using Value = typename Builder::value_type;
  IntegerNode(arrow::ArrayBuilder* builder, int64_t divisor)
      : AvroLeafNode<Builder>(builder), divisor_(divisor) {}
  bool Read(AvroInput* input, int depth) override {
    int64_t value;
    if (!input->Long(&value)) return this->Fail();
    if (divisor_ != 1) value /= divisor_;
    if (value < std::numeric_limits<Value>::min() || value > std::numeric_limits<Value>::max()) {
      return this->Fail(input, fmt::format("{} does not fit the column", value));
    }
    CHECK_OK(this->builder_->Append(static_cast<Value>(value)));
    return true;
  }

 private:
  int64_t divisor_;
};

// A time of `from` ticks a second into one of `to`, cut towards the past.
class TimestampNode final : public AvroLeafNode<arrow::TimestampBuilder> {
 public:
  TimestampNode(arrow::ArrayBuilder* builder, int64_t from, int64_t to)
      : AvroLeafNode(builder),
        divisor_(from > to ? from / to : 1),
        factor_(to > from ? to / from : 1) {}
  bool Read(AvroInput* input, int depth) override {
    int64_t value;
    if (!input->Long(&value)) return Fail();
    if (divisor_ > 1) value = value / divisor_ - (value % divisor_ < 0 ? 1 : 0);
    if (__builtin_mul_overflow(value, factor_, &value)) {
      return Fail(input, "a time is beyond what the column can hold");
    }
    CHECK_OK(builder_->Append(value));
    return true;
  }

 private:
  int64_t divisor_;
  int64_t factor_;
};

template <typename Builder>
class FloatingNode final : public AvroLeafNode<Builder> {
 public:
  FloatingNode(arrow::ArrayBuilder* builder, AvroKind from)
      : AvroLeafNode<Builder>(builder), from_(from) {}
  bool Read(AvroInput* input, int depth) override {
    using Value = typename Builder::value_type;
    Value value{};
    bool is_read = false;
    if (from_ == AvroKind::kFloat) {
      float number;
      is_read = input->Float(&number);
      if (is_read) value = static_cast<Value>(number);
    } else if (from_ == AvroKind::kDouble) {
      double number;
      is_read = input->Double(&number);
      if (is_read) value = static_cast<Value>(number);
    } else {
      int64_t number;
      is_read = input->Long(&number);
      if (is_read) value = static_cast<Value>(number);
    }
    if (!is_read) return this->Fail();
    CHECK_OK(this->builder_->Append(value));
    return true;
  }

 private:
  AvroKind from_;
};

class TextNode final : public AvroLeafNode<arrow::StringBuilder> {
 public:
  using AvroLeafNode::AvroLeafNode;
  bool Read(AvroInput* input, int depth) override {
    std::string_view text;
    if (!input->Bytes(&text)) return Fail();
    CHECK_OK(builder_->Append(ReplaceInvalidUtf8(text, &scratch_)));
    return true;
  }

 private:
  std::string scratch_;
};

class EnumNode final : public AvroLeafNode<arrow::StringBuilder> {
 public:
  EnumNode(arrow::ArrayBuilder* builder, const AvroType& type)
      : AvroLeafNode(builder), type_(type) {}
  bool Read(AvroInput* input, int depth) override {
    size_t index;
    if (!input->Choice(type_.symbols.size(), &index)) return Fail();
    CHECK_OK(builder_->Append(type_.symbols[index]));
    return true;
  }

 private:
  const AvroType& type_;
};

class BytesNode final : public AvroLeafNode<arrow::BinaryBuilder> {
 public:
  BytesNode(arrow::ArrayBuilder* builder, const AvroType& type)
      : AvroLeafNode(builder), type_(type) {}
  bool Read(AvroInput* input, int depth) override {
    std::string_view bytes;
    bool is_fixed = type_.kind == AvroKind::kFixed;
    if (is_fixed ? !input->Fixed(type_.fixed_bytes, &bytes) : !input->Bytes(&bytes)) return Fail();
    CHECK_OK(builder_->Append(bytes));
    return true;
  }

 private:
  const AvroType& type_;
};

class DecimalNode final : public AvroLeafNode<arrow::Decimal128Builder> {
 public:
  DecimalNode(arrow::ArrayBuilder* builder, const AvroType& from)
      : AvroLeafNode(builder),
        from_(from),
        to_(static_cast<const arrow::Decimal128Type&>(*builder->type())),
        from_scale_(from.logical == AvroLogical::kDecimal ? from.scale : to_.scale()) {}
  bool Read(AvroInput* input, int depth) override {
    std::string_view bytes;
    bool is_fixed = from_.kind == AvroKind::kFixed;
    if (is_fixed ? !input->Fixed(from_.fixed_bytes, &bytes) : !input->Bytes(&bytes)) return Fail();
    // Bytes in front that only repeat the sign are of no weight.
    while (bytes.size() > 16 && bytes[0] == (bytes[1] < 0 ? '\xff' : '\0')) bytes.remove_prefix(1);
    if (bytes.size() > 16) return Fail(input, "a decimal is too great");
    arrow::Decimal128 value(0);
    if (!bytes.empty()) {
      auto parsed = arrow::Decimal128::FromBigEndian(reinterpret_cast<const uint8_t*>(bytes.data()),
                                                     static_cast<int32_t>(bytes.size()));
      if (!parsed.ok()) return Fail(input, "a decimal is too great");
      value = *parsed;
    }
    if (from_scale_ != to_.scale()) {
      auto scaled = value.Rescale(from_scale_, to_.scale());
      if (!scaled.ok()) return Fail(input, "a decimal loses digits in the column's scale");
      value = *scaled;
    }
    if (!value.FitsInPrecision(to_.precision())) {
      return Fail(input, "a decimal has more digits than " + SqlTypeText(to_));
    }
    CHECK_OK(builder_->Append(value));
    return true;
  }

 private:
  const AvroType& from_;
  const arrow::Decimal128Type& to_;
  int from_scale_;
};

NodePtr MakeTimestamp(const AvroType& from, const arrow::DataType& to, arrow::ArrayBuilder* builder,
                      const AvroReadRules& rules) {
  constexpr int64_t kTicks[] = {1, 1000, 1000000, 1000000000};
  int unit = static_cast<int>(static_cast<const arrow::TimestampType&>(to).unit());
  int from_unit = rules.legacy_timestamps ? 1 : std::max(unit, 1);
  switch (from.logical) {
    case AvroLogical::kTimestampMillis:
    case AvroLogical::kLocalTimestampMillis: from_unit = 1; break;
    case AvroLogical::kTimestampMicros:
    case AvroLogical::kLocalTimestampMicros: from_unit = 2; break;
    case AvroLogical::kTimestampNanos:
    case AvroLogical::kLocalTimestampNanos: from_unit = 3; break;
    default: break;
  }
  return std::make_unique<TimestampNode>(builder, kTicks[from_unit], kTicks[unit]);
}

}  // namespace

Status AvroMismatch(const std::string& path, const AvroType& from, const arrow::DataType& to) {
  return MakeError(ErrorCode::kDecodeError,
                   {.message = fmt::format("column '{}': Avro's {}{}{} cannot be read as {}", path,
                                           ToString(from.kind), from.name.empty() ? "" : " ",
                                           from.name, SqlTypeText(to))});
}

Result<std::unique_ptr<AvroNode>> MakeAvroLeaf(const AvroType& from, arrow::ArrayBuilder* builder,
                                               const std::string& path,
                                               const AvroReadRules& rules) {
  const std::shared_ptr<arrow::DataType> type = builder->type();
  const arrow::DataType& to = *type;
  bool is_int = from.kind == AvroKind::kInt;
  bool is_whole = is_int || from.kind == AvroKind::kLong;
  bool is_number = is_whole || from.kind == AvroKind::kFloat;
  bool is_text = from.kind == AvroKind::kString || from.kind == AvroKind::kBytes;
  bool is_bytes = from.kind == AvroKind::kBytes || from.kind == AvroKind::kFixed;
  switch (to.id()) {
    case Type::BOOL:
      if (from.kind != AvroKind::kBoolean) break;
      return std::make_unique<BooleanNode>(builder);
    case Type::INT8:
      if (!is_int) break;
      return std::make_unique<IntegerNode<arrow::Int8Builder>>(builder, 1);
    case Type::INT16:
      if (!is_int) break;
      return std::make_unique<IntegerNode<arrow::Int16Builder>>(builder, 1);
    case Type::INT32:
      if (!is_int) break;
      return std::make_unique<IntegerNode<arrow::Int32Builder>>(builder, 1);
    case Type::INT64:
      if (!is_whole) break;
      return std::make_unique<IntegerNode<arrow::Int64Builder>>(builder, 1);
    case Type::DATE32:
      if (!is_int) break;
      return std::make_unique<IntegerNode<arrow::Date32Builder>>(builder, 1);
    case Type::TIME32: {
      bool is_micros = from.logical == AvroLogical::kTimeMicros;
      if (!is_int && !is_micros) break;
      return std::make_unique<IntegerNode<arrow::Time32Builder>>(builder, is_micros ? 1000 : 1);
    }
    case Type::TIMESTAMP:
      if (from.kind != AvroKind::kLong) break;
      return MakeTimestamp(from, to, builder, rules);
    case Type::FLOAT:
      if (!is_number) break;
      return std::make_unique<FloatingNode<arrow::FloatBuilder>>(builder, from.kind);
    case Type::DOUBLE:
      if (!is_number && from.kind != AvroKind::kDouble) break;
      return std::make_unique<FloatingNode<arrow::DoubleBuilder>>(builder, from.kind);
    case Type::STRING:
      if (from.kind == AvroKind::kEnum) return std::make_unique<EnumNode>(builder, from);
      if (!is_text || from.logical == AvroLogical::kDecimal) break;
      return std::make_unique<TextNode>(builder);
    case Type::BINARY:
      if (!is_text && from.kind != AvroKind::kFixed) break;
      return std::make_unique<BytesNode>(builder, from);
    case Type::DECIMAL128:
      if (!is_bytes) break;
      return std::make_unique<DecimalNode>(builder, from);
    default: break;
  }
  return AvroMismatch(path, from, to);
}

}  // namespace mainstem::format
