#include "process/expr/aggregate.h"

#include <algorithm>

#include <fmt/format.h>

#include "process/expr/aggregate_state.h"
#include "process/expr/function_registry.h"

namespace mainstem::process {
namespace {

enum class Kind : uint8_t {
  kCount,
  kSum,
  kAverage,
  kVariance,
  kMin,
  kMax,
  kFirst,
  kLast,
  kListAgg,
  kCollect,
  kArrayAgg,
  kSingle,
  kJson,
  kPercentile
};

struct Known {
  std::string_view name;
  Kind kind;
  int args_min;
  int args_max;
};
constexpr Known kAggregates[] = {{"COUNT", Kind::kCount, 0, 16},
                                 {"SUM", Kind::kSum, 1, 1},
                                 {"AVG", Kind::kAverage, 1, 1},
                                 {"MIN", Kind::kMin, 1, 1},
                                 {"MAX", Kind::kMax, 1, 1},
                                 {"FIRST_VALUE", Kind::kFirst, 1, 1},
                                 {"LAST_VALUE", Kind::kLast, 1, 1},
                                 {"LISTAGG", Kind::kListAgg, 1, 1},
                                 {"COLLECT", Kind::kCollect, 1, 1},
                                 {"ARRAY_AGG", Kind::kArrayAgg, 1, 1},
                                 {"SINGLE_VALUE", Kind::kSingle, 1, 1},
                                 {"JSON_ARRAYAGG", Kind::kJson, 1, 1},
                                 {"JSON_OBJECTAGG", Kind::kJson, 1, 1},
                                 {"PERCENTILE", Kind::kPercentile, 1, 2},
                                 {"STDDEV_POP", Kind::kVariance, 1, 1},
                                 {"STDDEV_SAMP", Kind::kVariance, 1, 1},
                                 {"STDDEV", Kind::kVariance, 1, 1},
                                 {"VAR_POP", Kind::kVariance, 1, 1},
                                 {"VAR_SAMP", Kind::kVariance, 1, 1},
                                 {"VARIANCE", Kind::kVariance, 1, 1}};

const Known* Find(std::string_view name) {
  const std::string upper = UpperAscii(name);
  for (const Known& known : kAggregates) {
    if (known.name == upper) return &known;
  }
  return nullptr;
}

Result<const Known*> Resolve(const AggregateCall& call) {
  const Known* known = Find(call.name);
  std::vector<std::string> types;
  for (const LogicalType& type : call.args) types.push_back("<" + type.ToErrorString() + ">");
  if (known == nullptr) {
    return MakeError(ErrorCode::kSemanticError,
                     fmt::format("No match found for function signature {}({})", call.name,
                                 fmt::join(types, ", ")));
  }
  const int count = static_cast<int>(call.args.size());
  if (count < known->args_min || count > known->args_max) {
    return MakeError(ErrorCode::kSemanticError,
                     fmt::format("Invalid number of arguments to function '{}'. Was expecting {}",
                                 known->name, known->args_min));
  }
  return known;
}

Status CannotApply(const Known& known, const AggregateCall& call, std::string_view wanted) {
  return MakeError(ErrorCode::kSemanticError,
                   {.message = fmt::format("Cannot apply '{0}' to arguments of type '{0}(<{1}>)'",
                                           known.name, call.args[0].ToErrorString()),
                    .detail = fmt::format("Supported form(s): '{}({})'", known.name, wanted)});
}

Result<LogicalType> ResultOf(const Known& known, const AggregateCall& call) {
  if (known.kind == Kind::kCount) return LogicalType::BigInt().NotNull();
  const LogicalType arg = call.args[0].WithTimeAttribute(TimeAttribute::kNone);
  const bool nullable = arg.nullable() || !call.is_grouped;
  const LogicalType value = arg.WithNullable(nullable);
  switch (known.kind) {
    case Kind::kSum:
      if (arg.root() == TypeRoot::kDecimal) {
        return LogicalType::Decimal(38, arg.scale()).WithNullable(nullable);
      }
      if (!arg.IsNumeric()) return CannotApply(known, call, "<NUMERIC>");
      return value;
    case Kind::kAverage:
    case Kind::kVariance:
      if (arg.root() == TypeRoot::kDecimal) {
        return LogicalType::Decimal(38, std::max(6, arg.scale())).WithNullable(nullable);
      }
      if (!arg.IsNumeric()) return CannotApply(known, call, "<NUMERIC>");
      return known.kind == Kind::kVariance ? arg.WithNullable(true) : value;
    case Kind::kMin:
    case Kind::kMax:
      if (arg.IsNested()) return CannotApply(known, call, "<COMPARABLE_TYPE>");
      return value;
    case Kind::kFirst:
    case Kind::kLast: return value;
    case Kind::kSingle: return arg.WithNullable(true);
    case Kind::kJson: return LogicalType::VarChar(2000).NotNull();  // not kept to
    case Kind::kPercentile:
      return call.percentages_are_array ? LogicalType::Array(LogicalType::Double())
                                        : LogicalType::Double();
    case Kind::kListAgg:
      if (!arg.IsCharacter()) return CannotApply(known, call, "<CHARACTER>");
      return LogicalType::String();
    case Kind::kCollect: return LogicalType::Multiset(arg).NotNull();
    default: return LogicalType::Array(arg.WithNullable(true));
  }
}

// Repeated values change neither MIN nor MAX.
bool RepeatsMatter(const Known& known) {
  return known.kind != Kind::kMin && known.kind != Kind::kMax;
}

Result<AggregatePtr> MakeKind(Kind kind, const AggregateCall& call, const LogicalType& result) {
  switch (kind) {
    case Kind::kCount: return MakeCountAggregate(call, result);
    case Kind::kSum: return MakeSumAggregate(call, result);
    case Kind::kAverage: return MakeAverageAggregate(call, result);
    case Kind::kVariance: return MakeVarianceAggregate(call, result);
    case Kind::kMin:
    case Kind::kMax: return MakeExtremeAggregate(call, result);
    case Kind::kFirst:
    case Kind::kLast: return MakePositionAggregate(call, result);
    case Kind::kPercentile: return MakePercentileAggregate(call, result);
    default: return MakeListAggregate(call, result);
  }
}

}  // namespace

bool Aggregate::IsAggregate(std::string_view name) { return Find(name) != nullptr; }

std::vector<std::string> Aggregate::Names() {
  std::vector<std::string> names;
  for (const Known& known : kAggregates) names.emplace_back(known.name);
  return names;
}

Result<LogicalType> Aggregate::ResultType(const AggregateCall& call) {
  ASSIGN_OR_RETURN(const Known* known, Resolve(call));
  return ResultOf(*known, call);
}

bool Aggregate::CanShareDistinct(const AggregateCall& call) {
  const Known* known = Find(call.name);
  return call.distinct && !call.needs_retract && call.args.size() == 1 && known != nullptr &&
         RepeatsMatter(*known);
}

bool Aggregate::CountsNulls(std::string_view name) {
  const Known* known = Find(name);
  return known != nullptr && known->kind == Kind::kArrayAgg;
}

Result<std::unique_ptr<Aggregate>> Aggregate::Make(const AggregateCall& call) {
  ASSIGN_OR_RETURN(const Known* known, Resolve(call));
  ASSIGN_OR_RETURN(const LogicalType result, ResultOf(*known, call));
  AggregateCall named = call;
  named.name = std::string(known->name);
  ASSIGN_OR_RETURN(AggregatePtr aggregate, MakeKind(known->kind, named, result));
  if (!call.distinct || !RepeatsMatter(*known) || call.args.empty()) return aggregate;
  if (call.args.size() > 1) {
    return MakeError(ErrorCode::kUnsupported, call.name + "(DISTINCT ...) of several arguments");
  }
  return MakeDistinctAggregate(std::move(aggregate), call.args[0], CountsNulls(known->name));
}

}  // namespace mainstem::process
