#include "process/types/type_coercion.h"

#include <algorithm>

#include "core/status.h"

namespace mainstem::process {
namespace {

using Root = TypeRoot;

LogicalType CappedDecimal(int32_t precision, int32_t scale) {
  if (precision <= LogicalType::kMaxDecimalPrecision) return LogicalType::Decimal(precision, scale);
  const int32_t integer_digits = precision - scale;
  const int32_t scale_min = std::min(scale, 6);
  const int32_t adjusted = std::max(LogicalType::kMaxDecimalPrecision - integer_digits, scale_min);
  return LogicalType::Decimal(LogicalType::kMaxDecimalPrecision, adjusted);
}

LogicalType CommonNumeric(const LogicalType& a, const LogicalType& b) {
  if (a.IsInteger() && b.IsInteger()) return a.root() >= b.root() ? a : b;
  if (a.IsExactNumeric() && b.IsExactNumeric()) {
    const LogicalType x = AsDecimal(a), y = AsDecimal(b);
    const int32_t scale = std::max(x.scale(), y.scale());
    const int32_t digits = std::max(x.precision() - x.scale(), y.precision() - y.scale());
    // All digits before the point stay: it is the scale that gives way.
    constexpr int32_t kMost = LogicalType::kMaxDecimalPrecision;
    return LogicalType::Decimal(std::min(digits + scale, kMost), std::min(scale, kMost - digits));
  }
  if (a.IsApproximateNumeric() && b.IsApproximateNumeric()) return a.root() >= b.root() ? a : b;
  const LogicalType& approximate = a.IsApproximateNumeric() ? a : b;
  const LogicalType& exact = a.IsApproximateNumeric() ? b : a;
  return exact.root() == Root::kDecimal ? LogicalType::Double() : approximate;
}

std::optional<LogicalType> CommonNested(const LogicalType& a, const LogicalType& b) {
  if (a.root() != b.root()) return std::nullopt;
  if (a.root() == Root::kRow) {
    if (a.fields().size() != b.fields().size()) return std::nullopt;
    std::vector<RowField> fields;
    for (size_t i = 0; i < a.fields().size(); ++i) {
      auto common = LeastCommonType(a.fields()[i].type(), b.fields()[i].type());
      if (!common) return std::nullopt;
      fields.emplace_back(a.fields()[i].name(), *common);
    }
    return LogicalType::Row(std::move(fields));
  }
  auto element = LeastCommonType(a.element(), b.element());
  if (!element) return std::nullopt;
  if (a.root() == Root::kArray) return LogicalType::Array(*element);
  if (a.root() == Root::kMultiset) return LogicalType::Multiset(*element);
  auto key = LeastCommonType(a.key(), b.key());
  if (!key) return std::nullopt;
  return LogicalType::Map(*key, *element);
}

std::optional<LogicalType> CommonNotNull(const LogicalType& a, const LogicalType& b) {
  if (a.EqualsIgnoreNullability(b)) return a;
  if (a.root() == Root::kNull) return b;
  if (b.root() == Root::kNull) return a;
  if (a.IsNumeric() && b.IsNumeric()) return CommonNumeric(a, b);
  if (a.IsCharacter() && b.IsCharacter()) {
    return LogicalType::VarChar(std::max(a.length(), b.length()));
  }
  if (a.IsBinary() && b.IsBinary()) {
    return LogicalType::VarBinary(std::max(a.length(), b.length()));
  }
  if (a.root() == b.root() && a.IsDatetime()) return a.precision() >= b.precision() ? a : b;
  if (a.IsTimestamp() && b.IsTimestamp()) {
    return LogicalType::TimestampLtz(std::max(a.precision(), b.precision()));
  }
  if (a.IsNested() && b.IsNested()) return CommonNested(a, b);
  return std::nullopt;
}

}  // namespace

std::optional<LogicalType> LeastCommonType(const LogicalType& a, const LogicalType& b) {
  auto common = CommonNotNull(a, b);
  if (!common) return std::nullopt;
  return common->WithNullable(a.nullable() || b.nullable());
}

std::optional<LogicalType> LeastCommonType(std::span<const LogicalType> types) {
  if (types.empty()) return std::nullopt;
  LogicalType common = types.front();
  for (const LogicalType& type : types.subspan(1)) {
    auto next = LeastCommonType(common, type);
    if (!next) return std::nullopt;
    common = *next;
  }
  return common;
}

bool IsImplicitlyCastable(const LogicalType& from, const LogicalType& to) {
  if (from.root() == Root::kNull) return true;
  if (from.EqualsIgnoreNullability(to)) return true;
  if (from.IsNumeric() && to.IsNumeric()) {
    if (to.root() == Root::kDecimal) return true;
    if (from.root() == Root::kDecimal) return to.IsApproximateNumeric();
    return to.root() >= from.root();
  }
  // A fixed length is filled up only where that is asked for.
  if (from.IsCharacter() && to.IsCharacter()) {
    return to.root() == Root::kVarChar || from.root() == Root::kChar;
  }
  if (from.IsBinary() && to.IsBinary()) {
    return to.root() == Root::kVarBinary || from.root() == Root::kBinary;
  }
  if (from.IsTimestamp() && to.IsTimestamp()) return true;
  if (from.root() == Root::kDate && to.IsTimestamp()) return true;
  if (from.root() == to.root() && (from.IsDatetime() || from.IsInterval())) return true;
  if (!from.IsNested() || from.root() != to.root()) return false;
  if (from.root() == Root::kRow) {
    if (from.fields().size() != to.fields().size()) return false;
    for (size_t i = 0; i < from.fields().size(); ++i) {
      if (!IsImplicitlyCastable(from.fields()[i].type(), to.fields()[i].type())) return false;
    }
    return true;
  }
  if (from.root() == Root::kMap && !IsImplicitlyCastable(from.key(), to.key())) return false;
  return IsImplicitlyCastable(from.element(), to.element());
}

namespace {

bool HoldsAllNumbers(const LogicalType& from, const LogicalType& to) {
  if (to.root() == Root::kDecimal) {
    if (!from.IsExactNumeric()) return false;
    LogicalType exact = AsDecimal(from);
    return to.scale() >= exact.scale() &&
           to.precision() - to.scale() >= exact.precision() - exact.scale();
  }
  if (from.root() == Root::kDecimal) return false;
  if (to.root() == Root::kFloat) return from.root() <= Root::kSmallInt;
  if (to.root() == Root::kDouble) {
    return from.root() <= Root::kInteger || from.root() == Root::kFloat;
  }
  return from.IsInteger() && to.root() >= from.root();
}

}  // namespace

bool KeepsDifferences(const LogicalType& from, const LogicalType& to) {
  if (from.EqualsIgnoreNullability(to)) return true;
  if (from.IsNumeric() && to.IsNumeric()) return HoldsAllNumbers(from, to);
  // What is filled up to a fixed length may become what another value is already.
  bool is_text = from.IsCharacter() && to.root() == Root::kVarChar;
  bool is_binary = from.IsBinary() && to.root() == Root::kVarBinary;
  if (is_text || is_binary) return to.length() >= from.length();
  bool is_time = from.root() == Root::kTime || from.IsTimestamp();
  return is_time && from.root() == to.root() && to.precision() >= from.precision();
}

bool IsExplicitlyCastable(const LogicalType& from, const LogicalType& to) {
  if (IsImplicitlyCastable(from, to)) return true;
  if (to.root() == Root::kNull || to.root() == Root::kSymbol) return false;
  if (to.IsCharacter()) return from.root() != Root::kSymbol && from.root() != Root::kDescriptor;
  if (from.IsCharacter()) {
    return to.IsNumeric() || to.root() == Root::kBoolean || to.IsBinary() || to.IsDatetime();
  }
  if (from.IsNumeric() && to.IsNumeric()) return true;
  if (from.IsBinary() && to.IsBinary()) return true;
  if (from.IsNumeric() && to.root() == Root::kBoolean) return true;
  if (from.root() == Root::kBoolean && to.IsNumeric()) return true;
  if (from.IsTimestamp() && (to.root() == Root::kDate || to.root() == Root::kTime)) return true;
  if (from.root() == Root::kTime && to.IsTimestamp()) return true;
  if (from.IsInteger() && to.IsInterval()) return true;
  if (!from.IsNested() || from.root() != to.root()) return false;
  if (from.root() == Root::kRow) {
    if (from.fields().size() != to.fields().size()) return false;
    for (size_t i = 0; i < from.fields().size(); ++i) {
      if (!IsExplicitlyCastable(from.fields()[i].type(), to.fields()[i].type())) return false;
    }
    return true;
  }
  if (from.root() == Root::kMap && !IsExplicitlyCastable(from.key(), to.key())) return false;
  return IsExplicitlyCastable(from.element(), to.element());
}

LogicalType AsDecimal(const LogicalType& type) {
  switch (type.root()) {
    case Root::kTinyInt: return LogicalType::Decimal(3, 0).WithNullable(type.nullable());
    case Root::kSmallInt: return LogicalType::Decimal(5, 0).WithNullable(type.nullable());
    case Root::kInteger: return LogicalType::Decimal(10, 0).WithNullable(type.nullable());
    case Root::kBigInt: return LogicalType::Decimal(19, 0).WithNullable(type.nullable());
    default: CHECK(type.root() == Root::kDecimal); return type;
  }
}

LogicalType DecimalPlusType(const LogicalType& a, const LogicalType& b) {
  const int32_t scale = std::max(a.scale(), b.scale());
  const int32_t digits = std::max(a.precision() - a.scale(), b.precision() - b.scale());
  return CappedDecimal(digits + scale + 1, scale);
}
LogicalType DecimalTimesType(const LogicalType& a, const LogicalType& b) {
  return CappedDecimal(a.precision() + b.precision() + 1, a.scale() + b.scale());
}
LogicalType DecimalDivideType(const LogicalType& a, const LogicalType& b) {
  const int32_t scale = std::max(6, a.scale() + b.precision() + 1);
  return CappedDecimal(a.precision() - a.scale() + b.scale() + scale, scale);
}
LogicalType DecimalModType(const LogicalType& a, const LogicalType& b) {
  const int32_t scale = std::max(a.scale(), b.scale());
  const int32_t digits = std::min(a.precision() - a.scale(), b.precision() - b.scale());
  return CappedDecimal(digits + scale, scale);
}
LogicalType DecimalRoundType(const LogicalType& a, int32_t digits) {
  if (digits >= a.scale()) return a;
  const int32_t integer_digits = a.precision() - a.scale() + 1;
  if (digits < 0) {
    return LogicalType::Decimal(std::min(LogicalType::kMaxDecimalPrecision, integer_digits), 0);
  }
  return LogicalType::Decimal(integer_digits + digits, digits);
}

}  // namespace mainstem::process
