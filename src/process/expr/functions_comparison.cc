// = <> < <= > >=, IS [NOT] DISTINCT FROM, IN, GREATEST, LEAST.
#include <algorithm>
#include <unordered_map>

#include <absl/container/flat_hash_set.h>
#include <arrow/api.h>
#include <fmt/format.h>

#include "process/expr/cast.h"
#include "process/expr/decimal_math.h"
#include "process/expr/functions.h"
#include "process/expr/value_codec.h"
#include "process/types/type_coercion.h"

namespace mainstem::process {
namespace {

enum class Comparison : uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

// a > b is b < a: compiled once for both.
std::optional<Comparison> OfSwappedSides(Comparison comparison) {
  if (comparison == Comparison::kGreater) return Comparison::kLess;
  if (comparison == Comparison::kGreaterEqual) return Comparison::kLessEqual;
  return std::nullopt;
}

// Compares as the dialect's engine does: NaN is equal to nothing. Not those of swapped sides.
template <typename T, typename Make>
Kernel ForComparison(Comparison comparison, Make make) {
  switch (comparison) {
    case Comparison::kEqual: return make([](T a, T b) { return a == b; });
    case Comparison::kNotEqual: return make([](T a, T b) { return a != b; });
    case Comparison::kLess: return make([](T a, T b) { return a < b; });
    default: return make([](T a, T b) { return a <= b; });
  }
}

template <typename T>
Kernel CompareKernel(Comparison comparison) {
  if (auto other = OfSwappedSides(comparison)) return Swapped(CompareKernel<T>(*other));
  return ForComparison<T>(comparison, [](auto f) -> Kernel {
    if constexpr (std::is_same_v<T, Text>) {
      return StrictKernel<bool, T, T>(f);
    } else {
      return DenseKernel<bool, T, T>(f);
    }
  });
}

// The values of an array, by a hash of their bytes.
class HashedPlaces {
 public:
  HashedPlaces(const arrow::Array& values, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) places_.emplace(Encoded(values, i), i);
  }
  // The places of values that have the same bytes as the one at `at` of another array.
  auto EqualTo(const arrow::Array& values, int64_t at) const {
    return places_.equal_range(Encoded(values, at));
  }

 private:
  static std::string Encoded(const arrow::Array& values, int64_t at) {
    std::string bytes;
    EncodeValue(*values.data(), at, &bytes);
    return bytes;
  }
  std::unordered_multimap<std::string, int64_t> places_;
};

// Entries of a map have no order.
bool EqualLargeMaps(const arrow::MapArray& left, int64_t a, const arrow::MapArray& right,
                    int64_t b) {
  const int64_t begin = right.value_offset(b);
  const HashedPlaces places(*right.keys(), begin, begin + right.value_length(b));
  for (int64_t i = left.value_offset(a); i < left.value_offset(a) + left.value_length(a); ++i) {
    const auto [first, last] = places.EqualTo(*left.keys(), i);
    const bool found = std::any_of(first, last, [&](const auto& place) {
      return left.items()->RangeEquals(*right.items(), i, i + 1, place.second);
    });
    if (!found) return false;
  }
  return true;
}

bool EqualMaps(const arrow::MapArray& left, int64_t a, const arrow::MapArray& right, int64_t b) {
  const int64_t count = left.value_length(a);
  if (right.value_length(b) != count) return false;
  // Equal keys of these types have equal bytes.
  constexpr int64_t kLargeFrom = 16;
  const arrow::DataType& key = *left.keys()->type();
  if (count >= kLargeFrom && !arrow::is_floating(key.id()) && !arrow::is_nested(key.id())) {
    return EqualLargeMaps(left, a, right, b);
  }
  for (int64_t i = left.value_offset(a); i < left.value_offset(a) + count; ++i) {
    bool found = false;
    for (int64_t j = right.value_offset(b); !found && j < right.value_offset(b) + count; ++j) {
      found = left.keys()->RangeEquals(*right.keys(), i, i + 1, j) &&
              left.items()->RangeEquals(*right.items(), i, i + 1, j);
    }
    if (!found) return false;
  }
  return true;
}

// A NULL in an array is equal to nothing, other than one in a row.
bool EqualArrays(const arrow::ListArray& left, int64_t a, const arrow::ListArray& right,
                 int64_t b) {
  const int64_t begin = left.value_offset(a), count = left.value_length(a);
  const int64_t other = right.value_offset(b);
  if (right.value_length(b) != count) return false;
  for (int64_t i = 0; i < count; ++i) {
    if (left.values()->IsNull(begin + i) || right.values()->IsNull(other + i)) return false;
  }
  return left.values()->RangeEquals(*right.values(), begin, begin + count, other);
}

bool EqualNested(const arrow::Array& left, int64_t a, const arrow::Array& right, int64_t b,
                 bool nulls_are_equal) {
  if (left.type_id() == arrow::Type::MAP) {
    return EqualMaps(static_cast<const arrow::MapArray&>(left), a,
                     static_cast<const arrow::MapArray&>(right), b);
  }
  if (left.type_id() == arrow::Type::LIST && !nulls_are_equal) {
    return EqualArrays(static_cast<const arrow::ListArray&>(left), a,
                       static_cast<const arrow::ListArray&>(right), b);
  }
  return left.RangeEquals(right, a, a + 1, b);
}

// Arrays, maps and rows: equality of whole values; of an array with itself NULLs are equal, too.
Kernel NestedEqualKernel(bool want_equal, bool is_itself) {
  return
      [want_equal, is_itself](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
        if (AnyConstantNull(args)) return ConstantNull(scope.type());
        const bool constant = AllConstant(args);
        const int64_t count = constant ? 1 : scope.row_count();
        const auto left = ToArray(args[0]), right = ToArray(args[1]);
        ASSIGN_OR_RETURN(auto validity, CombineValidity(args, count, scope.pool()));
        ASSIGN_OR_RETURN(auto bits, AllocateBits(count, false, scope.pool()));
        for (int64_t row = 0; row < count; ++row) {
          const int64_t a = args[0].constant ? 0 : row, b = args[1].constant ? 0 : row;
          const bool both = left->IsValid(a) && right->IsValid(b);
          if (both && EqualNested(*left, a, *right, b, is_itself) == want_equal) {
            arrow::bit_util::SetBit(bits->mutable_data(), row);
          }
        }
        return MakeVector(scope.type(), count, constant, {validity, bits});
      };
}

Result<Kernel> KernelFor(const LogicalType& type, Comparison comparison, bool is_itself) {
  switch (type.root()) {
    case TypeRoot::kBoolean: return CompareKernel<bool>(comparison);
    case TypeRoot::kTinyInt: return CompareKernel<int8_t>(comparison);
    case TypeRoot::kSmallInt: return CompareKernel<int16_t>(comparison);
    case TypeRoot::kInteger:
    case TypeRoot::kDate:
    case TypeRoot::kTime:
    case TypeRoot::kIntervalYearMonth: return CompareKernel<int32_t>(comparison);
    case TypeRoot::kBigInt:
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
    case TypeRoot::kIntervalDayTime: return CompareKernel<int64_t>(comparison);
    case TypeRoot::kFloat: return CompareKernel<float>(comparison);
    case TypeRoot::kDouble: return CompareKernel<double>(comparison);
    case TypeRoot::kDecimal: return CompareKernel<Int128>(comparison);
    case TypeRoot::kChar:
    case TypeRoot::kVarChar:
    case TypeRoot::kSymbol:
    case TypeRoot::kBinary:
    case TypeRoot::kVarBinary: return CompareKernel<Text>(comparison);
    default: return NestedEqualKernel(comparison == Comparison::kEqual, is_itself);
  }
}

// Decimals of different shapes whose common type would lose digits compare by value.
Kernel DecimalCompareKernel(Comparison comparison, int a_scale, int b_scale) {
  if (auto other = OfSwappedSides(comparison)) {
    return Swapped(DecimalCompareKernel(*other, b_scale, a_scale));
  }
  return ForComparison<int>(comparison, [=](auto f) -> Kernel {
    return DenseKernel<bool, Int128, Int128>(
        [=](Int128 a, Int128 b) { return f(DecimalCompare(a, a_scale, b, b_scale), 0); });
  });
}

Status NoImplicitConversion(const LogicalType& a, const LogicalType& b) {
  const auto root_text = [](const LogicalType& type) {
    std::string text = type.ToErrorString();
    return text.substr(0, text.find('('));
  };
  return MakeError(
      ErrorCode::kSemanticError,
      {.message = fmt::format("implicit type conversion between {} and {} is not supported now",
                              root_text(a), root_text(b)),
       .hint = "CAST one side to the type of the other"});
}

Result<LogicalType> ComparisonType(const CallSite& site, const LogicalType& a,
                                   const LogicalType& b) {
  const std::string forms = fmt::format("'<COMPARABLE_TYPE> {} <COMPARABLE_TYPE>'", site.name());
  const bool date_and_timestamp = (a.IsTimestamp() && b.root() == TypeRoot::kDate) ||
                                  (b.IsTimestamp() && a.root() == TypeRoot::kDate);
  if (date_and_timestamp) return site.CannotApply(forms);
  auto common = LeastCommonType(a, b);
  if (!common) {
    if ((a.IsCharacter() && b.IsNumeric()) || (b.IsCharacter() && a.IsNumeric())) {
      return NoImplicitConversion(a, b);
    }
    return site.CannotApply(forms);
  }
  if (common->root() == TypeRoot::kNull) return LogicalType::Boolean();
  return *common;
}

// A ROW whose fields may be NULL counts as one that may be NULL itself.
bool MayHaveNull(const LogicalType& type) {
  if (type.nullable()) return true;
  return type.root() == TypeRoot::kRow &&
         std::ranges::any_of(type.fields(),
                             [](const RowField& field) { return MayHaveNull(field.type()); });
}

Infer InferComparison(Comparison comparison) {
  return [comparison](const CallSite& site) -> Result<Signature> {
    const LogicalType &a = site.type(0), &b = site.type(1);
    ASSIGN_OR_RETURN(const LogicalType common, ComparisonType(site, a, b));
    const bool nullable = MayHaveNull(a) || MayHaveNull(b);
    Signature signature{.result = LogicalType::Boolean().WithNullable(nullable)};
    const bool ordered = comparison != Comparison::kEqual && comparison != Comparison::kNotEqual;
    if (ordered && common.IsNested()) {
      return site.CannotApply(fmt::format("'<COMPARABLE_TYPE> {} <COMPARABLE_TYPE>'", site.name()));
    }
    if (common.root() == TypeRoot::kDecimal && a.IsExactNumeric() && b.IsExactNumeric()) {
      const LogicalType x = AsDecimal(a), y = AsDecimal(b);
      signature.args = {x, y};
      signature.kernel = x.scale() == y.scale()
                             ? CompareKernel<Int128>(comparison)
                             : DecimalCompareKernel(comparison, x.scale(), y.scale());
      return signature;
    }
    if (common.IsCharacter() || common.IsBinary()) {  // compared as they are, lengths do not matter
      const LogicalType wide = common.IsCharacter() ? LogicalType::String() : LogicalType::Bytes();
      signature.args = {wide, wide};
    } else {
      signature.args = {common, common};
    }
    const bool is_itself = site.args()[0]->Equals(*site.args()[1]);
    ASSIGN_OR_RETURN(signature.kernel, KernelFor(common, comparison, is_itself));
    return signature;
  };
}

// NULL is a value equal to NULL: combines the null tests with `=`.
Result<ExprPtr> RewriteDistinct(const FunctionRegistry& registry, const CallSite& site,
                                SourceSpan span) {
  const ExprPtr a = site.args()[0], b = site.args()[1];
  const bool want_distinct = site.name() == "IS DISTINCT FROM";
  ASSIGN_OR_RETURN(const ExprPtr equal, registry.Bind("=", {a, b}, span));
  ASSIGN_OR_RETURN(const ExprPtr a_null, registry.Bind("IS NULL", {a}, span));
  ASSIGN_OR_RETURN(const ExprPtr b_null, registry.Bind("IS NULL", {b}, span));
  ASSIGN_OR_RETURN(const ExprPtr both, registry.Bind("AND", {a_null, b_null}, span));
  ASSIGN_OR_RETURN(const ExprPtr is_equal, registry.Bind("IS TRUE", {equal}, span));
  ASSIGN_OR_RETURN(const ExprPtr same, registry.Bind("OR", {is_equal, both}, span));
  return want_distinct ? registry.Bind("NOT", {same}, span) : Result<ExprPtr>(same);
}

// ---- IN
// ------------------------------------------------------------------------------------------

constexpr size_t kHashedInMin = 6;  // shorter lists are compared one by one

template <typename T>
struct InSet {
  bool filled = false;
  bool has_null = false;
  absl::flat_hash_set<std::conditional_t<std::is_same_v<T, Text>, std::string, T>> values = {};
};

// x IN (constants ...): one probe a row; unknown if absent and the list has a NULL. The program
// gives the constants as one column, whatever the rows.
template <typename T>
Kernel HashedIn() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& set = scope.State<InSet<T>>();
    if (!set.filled) {
      const Column<T> values(args[1]);
      const Validity valid(args[1]);
      for (int64_t i = 0; i < args[1].data->length; ++i) {
        if (valid[i]) set.values.emplace(values[i]);
        set.has_null |= !valid[i];
      }
      set.filled = true;
    }
    return RunStrict<bool, T>(scope, args.first(1), [&](T value) -> std::optional<bool> {
      if constexpr (std::is_same_v<T, Text>) {
        if (set.values.contains(absl::string_view(value.data(), value.size()))) return true;
      } else {
        if (set.values.contains(value)) return true;
      }
      if (set.has_null) return std::nullopt;
      return false;
    });
  };
}

Kernel HashedInFor(const LogicalType& type) {
  switch (type.root()) {
    case TypeRoot::kTinyInt: return HashedIn<int8_t>();
    case TypeRoot::kSmallInt: return HashedIn<int16_t>();
    case TypeRoot::kInteger:
    case TypeRoot::kDate: return HashedIn<int32_t>();
    case TypeRoot::kBigInt:
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz: return HashedIn<int64_t>();
    case TypeRoot::kChar:
    case TypeRoot::kVarChar: return HashedIn<Text>();
    default: return {};
  }
}

Result<Signature> InferHashedIn(const CallSite& site) {
  const std::vector<LogicalType> types = site.types();
  auto common = LeastCommonType(types);
  if (!common) return site.CannotApply("'<ANY> IN (<ANY>, ...)'");
  const LogicalType wanted = common->IsCharacter() ? LogicalType::String() : *common;
  return Signature{.result = LogicalType::Boolean().WithNullable(site.AnyNullable()),
                   .args = std::vector<LogicalType>(site.size(), wanted),
                   .kernel = HashedInFor(*common)};
}

Result<ExprPtr> RewriteIn(const FunctionRegistry& registry, const CallSite& site, SourceSpan span) {
  std::vector<ExprPtr> args(site.args().begin(), site.args().end());
  ExprPtr in;
  // A NULL of the list equals nothing: what no other value decides is unknown.
  ExprPtr unknown;
  for (size_t i = args.size() - 1; i > 0; --i) {
    if (args[i]->type().root() != TypeRoot::kNull) continue;
    ASSIGN_OR_RETURN(unknown, BindCast(args[i], LogicalType::Boolean(), span));
    args.erase(args.begin() + static_cast<std::ptrdiff_t>(i));
  }
  bool all_constant = args.size() > kHashedInMin;
  std::vector<LogicalType> types;
  for (const ExprPtr& arg : args) {
    all_constant &= types.empty() || IsConstant(*arg);
    types.push_back(arg->type());
  }
  const auto common = LeastCommonType(types);
  if (all_constant && common && HashedInFor(*common)) {
    ASSIGN_OR_RETURN(in, registry.Bind("IN SET", args, span));
    if (unknown != nullptr) {
      ASSIGN_OR_RETURN(in, registry.Bind("OR", {in, unknown}, span));
    }
  } else {
    std::vector<ExprPtr> alternatives;
    for (size_t i = 1; i < args.size(); ++i) {
      ASSIGN_OR_RETURN(ExprPtr equal, registry.Bind("=", {args[0], args[i]}, span));
      alternatives.push_back(std::move(equal));
    }
    if (unknown != nullptr) alternatives.push_back(unknown);
    if (alternatives.size() == 1) {
      in = alternatives[0];
    } else {
      ASSIGN_OR_RETURN(in, registry.Bind("OR", std::move(alternatives), span));
    }
  }
  return site.name() == "NOT IN" ? registry.Bind("NOT", {in}, span) : Result<ExprPtr>(in);
}

// ---- GREATEST, LEAST
// -----------------------------------------------------------------------------

// NULL if any argument is.
template <typename T>
Kernel ExtremeKernel(bool greatest) {
  return [greatest](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    Vector best = args[0];
    for (const Vector& next : args.subspan(1)) {
      const Vector pair[2] = {best, next};
      if constexpr (std::is_same_v<T, Text>) {
        ASSIGN_OR_RETURN(best, (RunStrict<Text, Text, Text>(
                                   scope, pair, [greatest](TextSink& sink, Text a, Text b) {
                                     sink.Append((b > a) == greatest ? b : a);
                                   })));
      } else {
        ASSIGN_OR_RETURN(best, (RunDense<T, T, T>(scope, pair, [greatest](T a, T b) {
                           return (b > a) == greatest ? b : a;
                         })));
      }
    }
    return best;
  };
}

Result<Kernel> ExtremeFor(const CallSite& site, const LogicalType& type, bool greatest) {
  switch (type.root()) {
    case TypeRoot::kTinyInt: return ExtremeKernel<int8_t>(greatest);
    case TypeRoot::kSmallInt: return ExtremeKernel<int16_t>(greatest);
    case TypeRoot::kInteger:
    case TypeRoot::kDate:
    case TypeRoot::kTime: return ExtremeKernel<int32_t>(greatest);
    case TypeRoot::kBigInt:
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
    case TypeRoot::kIntervalDayTime: return ExtremeKernel<int64_t>(greatest);
    case TypeRoot::kFloat: return ExtremeKernel<float>(greatest);
    case TypeRoot::kDouble: return ExtremeKernel<double>(greatest);
    case TypeRoot::kDecimal: return ExtremeKernel<Int128>(greatest);
    case TypeRoot::kBoolean: return ExtremeKernel<bool>(greatest);
    case TypeRoot::kChar:
    case TypeRoot::kVarChar: return ExtremeKernel<Text>(greatest);
    default: return site.CannotApply("'<COMPARABLE_TYPE>, ...'");
  }
}

Result<Signature> InferExtreme(const CallSite& site) {
  const std::vector<LogicalType> types = site.types();
  auto common = LeastCommonType(types);
  if (!common) return site.CannotApply("'<COMPARABLE_TYPE>, ...'");
  if (common->root() == TypeRoot::kNull) common = LogicalType::String();
  Signature signature{.result = *common, .args = std::vector<LogicalType>(site.size(), *common)};
  ASSIGN_OR_RETURN(signature.kernel, ExtremeFor(site, *common, site.name() == "GREATEST"));
  return signature;
}

}  // namespace

void AddComparisonFunctions(FunctionRegistry* registry) {
  DefineInfer(registry, "=", 2, 2, InferComparison(Comparison::kEqual));
  DefineInfer(registry, "<>", 2, 2, InferComparison(Comparison::kNotEqual));
  DefineInfer(registry, "<", 2, 2, InferComparison(Comparison::kLess));
  DefineInfer(registry, "<=", 2, 2, InferComparison(Comparison::kLessEqual));
  DefineInfer(registry, ">", 2, 2, InferComparison(Comparison::kGreater));
  DefineInfer(registry, ">=", 2, 2, InferComparison(Comparison::kGreaterEqual));
  DefineRewrite(registry, "IS DISTINCT FROM", 2, 2, RewriteDistinct);
  DefineRewrite(registry, "IS NOT DISTINCT FROM", 2, 2, RewriteDistinct);
  DefineRewrite(registry, "IN", 2, -1, RewriteIn);
  DefineRewrite(registry, "NOT IN", 2, -1, RewriteIn);
  DefineInfer(registry, "IN SET", 2, -1, InferHashedIn);
  DefineInfer(registry, "GREATEST", 1, -1, InferExtreme);
  DefineInfer(registry, "LEAST", 1, -1, InferExtreme);
}

}  // namespace mainstem::process
