#include "process/expr/functions.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include "process/expr/date_pattern.h"
#include "process/types/arrow_mapping.h"
#include "process/types/type_coercion.h"

namespace mainstem::process {

bool MatchesArg(const LogicalType& type, Arg arg) {
  if (type.root() == TypeRoot::kNull) return arg != Arg::kSymbol;
  switch (arg) {
    case Arg::kText: return type.IsCharacter();
    case Arg::kInteger: return type.IsInteger();
    case Arg::kDouble: return type.IsNumeric();
    case Arg::kDecimal: return type.root() == TypeRoot::kDecimal;
    case Arg::kBoolean: return type.root() == TypeRoot::kBoolean;
    case Arg::kBinary: return type.IsBinary();
    case Arg::kDate: return type.root() == TypeRoot::kDate;
    case Arg::kTime: return type.root() == TypeRoot::kTime;
    case Arg::kTimestamp: return type.root() == TypeRoot::kTimestamp;
    case Arg::kTimestampLtz: return type.root() == TypeRoot::kTimestampLtz;
    case Arg::kIntervalMonths: return type.root() == TypeRoot::kIntervalYearMonth;
    case Arg::kIntervalMillis: return type.root() == TypeRoot::kIntervalDayTime;
    case Arg::kArray: return type.root() == TypeRoot::kArray;
    case Arg::kMap: return type.root() == TypeRoot::kMap;
    case Arg::kRow: return type.root() == TypeRoot::kRow;
    case Arg::kSymbol: return type.root() == TypeRoot::kSymbol;
    case Arg::kAny: return true;
  }
  return false;
}

Kernel Swapped(Kernel kernel) {
  return [kernel = std::move(kernel)](KernelScope& scope, std::span<const Vector> args) {
    const Vector swapped[] = {args[1], args[0]};
    return kernel(scope, swapped);
  };
}

LogicalType WantedType(const LogicalType& type, Arg arg) {
  const bool is_null = type.root() == TypeRoot::kNull;
  switch (arg) {
    case Arg::kInteger: return LogicalType::BigInt();
    case Arg::kDouble: return LogicalType::Double();
    case Arg::kText: return is_null ? LogicalType::String() : type;
    case Arg::kBinary: return is_null ? LogicalType::Bytes() : type;
    case Arg::kDecimal: return is_null ? LogicalType::Decimal(38, 18) : type;
    case Arg::kBoolean: return LogicalType::Boolean();
    case Arg::kDate: return LogicalType::Date();
    case Arg::kTime: return is_null ? LogicalType::Time(3) : type;
    case Arg::kTimestamp: return is_null ? LogicalType::Timestamp(3) : type;
    case Arg::kTimestampLtz: return is_null ? LogicalType::TimestampLtz(3) : type;
    case Arg::kIntervalMonths: return LogicalType::IntervalYearMonth();
    case Arg::kIntervalMillis: return LogicalType::IntervalDayTime();
    default: return type;
  }
}

ResultType Returns(LogicalType type) {
  return [type](const CallSite& site) { return type.WithNullable(site.AnyNullable()); };
}
ResultType ReturnsNullable(LogicalType type) {
  return [type](const CallSite&) { return type.WithNullable(true); };
}
ResultType ReturnsNotNull(LogicalType type) {
  return [type](const CallSite&) { return type.WithNullable(false); };
}
ResultType ReturnsArgument(size_t index) {
  return [index](const CallSite& site) {
    const bool is_null = site.type(index).root() == TypeRoot::kNull;
    return (is_null ? LogicalType::String() : site.type(index)).WithNullable(site.AnyNullable());
  };
}
ResultType ReturnsVarChar(size_t index) {
  return [index](const CallSite& site) {
    const LogicalType& type = site.type(index);
    const int32_t length = type.IsCharacter() ? type.length() : LogicalType::kMaxLength;
    return LogicalType::VarChar(length).WithNullable(site.AnyNullable());
  };
}

namespace {

Arg ArgAt(const Overload& overload, size_t i) {
  return overload.args[std::min(i, overload.args.size() - 1)];
}

bool Fits(const Overload& overload, const CallSite& site) {
  const size_t fixed = overload.args.size() - (overload.variadic ? 1 : 0);
  if (site.size() < fixed || (!overload.variadic && site.size() > fixed)) return false;
  for (size_t i = 0; i < site.size(); ++i) {
    if (!MatchesArg(site.type(i), ArgAt(overload, i))) return false;
  }
  return true;
}

std::string_view ArgText(Arg arg) {
  switch (arg) {
    case Arg::kText: return "<CHARACTER>";
    case Arg::kInteger: return "<INTEGER>";
    case Arg::kDouble: return "<NUMERIC>";
    case Arg::kDecimal: return "<DECIMAL>";
    case Arg::kBoolean: return "<BOOLEAN>";
    case Arg::kBinary: return "<BINARY>";
    case Arg::kDate: return "<DATE>";
    case Arg::kTime: return "<TIME>";
    case Arg::kTimestamp: return "<TIMESTAMP>";
    case Arg::kTimestampLtz: return "<TIMESTAMP_LTZ>";
    case Arg::kIntervalMonths:
    case Arg::kIntervalMillis: return "<DATETIME_INTERVAL>";
    case Arg::kArray: return "<ARRAY>";
    case Arg::kMap: return "<MAP>";
    case Arg::kRow: return "<ROW>";
    case Arg::kSymbol: return "<SYMBOL>";
    case Arg::kAny: return "<ANY>";
  }
  return "";
}

std::string Forms(const std::string& name, const std::vector<Overload>& overloads) {
  std::string text;
  for (const Overload& overload : overloads) {
    if (!text.empty()) text += "\n";
    text += "'" + name + "(";
    for (size_t i = 0; i < overload.args.size(); ++i) {
      text += fmt::format("{}{}", i == 0 ? "" : ", ", ArgText(overload.args[i]));
    }
    text += overload.variadic ? ", ...)'" : ")'";
  }
  return text;
}

}  // namespace

void Define(FunctionRegistry* registry, FunctionSpec spec) {
  size_t args_min = SIZE_MAX, args_max = 0;
  bool variadic = false;
  for (const Overload& overload : spec.overloads) {
    args_min = std::min(args_min, overload.args.size() - (overload.variadic ? 1 : 0));
    args_max = std::max(args_max, overload.args.size());
    variadic |= overload.variadic;
  }
  FunctionEntry entry{.name = spec.name, .flags = spec.flags};
  entry.args_min = static_cast<int>(args_min);
  entry.args_max = variadic ? -1 : static_cast<int>(args_max);
  entry.infer = [spec = std::move(spec)](const CallSite& site) -> Result<Signature> {
    for (const Overload& overload : spec.overloads) {
      if (!Fits(overload, site)) continue;
      if (spec.check) RETURN_IF_ERROR(spec.check(site));
      Signature signature{.result = overload.result(site)};
      for (size_t i = 0; i < site.size(); ++i) {
        signature.args.push_back(WantedType(site.type(i), ArgAt(overload, i)));
      }
      signature.kernel = overload.kernel;
      if (spec.can_fail) signature.can_fail = spec.can_fail(site);
      return signature;
    }
    return site.CannotApply(Forms(spec.name, spec.overloads));
  };
  registry->Add(std::move(entry));
}

void DefineAs(FunctionRegistry* registry, std::initializer_list<std::string_view> names,
              FunctionSpec spec) {
  for (std::string_view name : names) {
    FunctionSpec copy = spec;
    copy.name = std::string(name);
    Define(registry, std::move(copy));
  }
}

void DefineRewrite(FunctionRegistry* registry, std::string name, int args_min, int args_max,
                   Rewrite rewrite) {
  FunctionEntry entry{.name = std::move(name), .flags = {}};
  entry.args_min = args_min;
  entry.args_max = args_max;
  entry.rewrite = std::move(rewrite);
  registry->Add(std::move(entry));
}

void DefineInfer(FunctionRegistry* registry, std::string name, int args_min, int args_max,
                 Infer infer, FunctionFlags flags, CallForm form) {
  FunctionEntry entry{.name = std::move(name), .flags = flags};
  entry.form = form;
  entry.args_min = args_min;
  entry.args_max = args_max;
  entry.infer = std::move(infer);
  registry->Add(std::move(entry));
}

Result<std::unique_ptr<arrow::ArrayBuilder>> MakeResultBuilder(const KernelScope& scope) {
  return arrow::MakeBuilder(ToArrowType(scope.type()), scope.pool());
}
Result<Vector> FinishBuilder(arrow::ArrayBuilder* builder, bool constant) {
  ASSIGN_OR_RETURN(auto array, builder->Finish());
  return Vector{array->data(), constant};
}
Status AppendNullTo(arrow::ArrayBuilder* builder) { return builder->AppendNull(); }

bool DatePatternCanFail(const CallSite& site, size_t index) {
  if (index >= site.size()) return false;
  const auto pattern = site.StringLiteral(index);
  return !pattern || !DatePattern::Make(*pattern).ok();
}

bool AnyErrorSymbol(const CallSite& site) {
  for (size_t i = 0; i < site.size(); ++i) {
    if (site.type(i).root() == TypeRoot::kSymbol && site.StringLiteral(i) == "ERROR") return true;
  }
  return false;
}

bool IsAscii(Text text) {
  for (char c : text) {
    if ((c & 0x80) != 0) return false;
  }
  return true;
}
int64_t CharacterCount(Text text) {
  int64_t count = 0;
  for (char c : text) count += (c & 0xC0) != 0x80;
  return count;
}
size_t CharacterOffset(Text text, int64_t index) {
  size_t offset = 0;
  while (offset < text.size()) {
    if ((text[offset] & 0xC0) != 0x80 && index-- == 0) return offset;
    ++offset;
  }
  return text.size();
}

FunctionRegistry MakeBuiltinRegistry() {
  FunctionRegistry registry;
  AddLogicFunctions(&registry);
  AddComparisonFunctions(&registry);
  AddArithmeticFunctions(&registry);
  AddMathFunctions(&registry);
  AddStringFunctions(&registry);
  AddPatternFunctions(&registry);
  AddEncodingFunctions(&registry);
  AddTimeFunctions(&registry);
  AddClockFunctions(&registry);
  AddJsonFunctions(&registry);
  AddCollectionFunctions(&registry);
  AddArrayFunctions(&registry);
  AddCheckFunctions(&registry);
  return registry;
}

}  // namespace mainstem::process
