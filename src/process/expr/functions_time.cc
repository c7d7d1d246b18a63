// EXTRACT, DATE_FORMAT, TO_TIMESTAMP and other functions of dates and times given as arguments.
#include <fmt/format.h>

#include "process/expr/datetime.h"
#include "process/expr/functions.h"
#include "process/expr/text.h"

namespace mainstem::process {
namespace {

constexpr std::string_view kDefaultPattern = "yyyy-MM-dd HH:mm:ss";

// Patterns seen by one call; a constant pattern is compiled once.
class PatternCache {
 public:
  // Null if the pattern is not valid; `error` says why.
  const DatePattern* Get(Text pattern, std::string* error) {
    if (pattern_ && text_ == pattern) return &*pattern_;
    auto made = DatePattern::Make(pattern);
    if (!made.ok()) {
      *error = TextOf(made.status()).message;
      return nullptr;
    }
    text_ = pattern;
    pattern_ = *std::move(made);
    return &*pattern_;
  }

 private:
  std::string text_;
  std::optional<DatePattern> pattern_;
};

// ---- EXTRACT
// -------------------------------------------------------------------------------------

int64_t ExtractFromTicks(TimeUnit unit, int64_t ticks, int64_t units) {
  const int64_t seconds = FloorDivide(ticks, units);
  const int64_t days = FloorDivide(seconds, kSecondsPerDay);
  const int64_t nanos = (ticks - seconds * units) * (1'000'000'000 / units);
  return ExtractUnit(unit, days, (seconds - days * kSecondsPerDay) * 1'000'000'000 + nanos);
}

int64_t ExtractFromInterval(TimeUnit unit, bool months, int64_t value) {
  if (months) {
    switch (unit) {
      case TimeUnit::kYear: return value / 12;
      case TimeUnit::kQuarter: return value % 12 / 3 + 1;
      case TimeUnit::kMonth: return value % 12;
      default: return 0;
    }
  }
  switch (unit) {
    case TimeUnit::kDay: return value / kMillisPerDay;
    case TimeUnit::kHour: return value / 3'600'000 % 24;
    case TimeUnit::kMinute: return value / 60'000 % 60;
    case TimeUnit::kSecond: return value / 1000 % 60;
    case TimeUnit::kMillisecond: return value % 1000;
    case TimeUnit::kEpoch: return value / 1000;
    default: return 0;
  }
}

Kernel ExtractKernel(TimeUnit unit, const LogicalType& type) {
  switch (type.root()) {
    case TypeRoot::kDate:
      return StrictKernel<int64_t, int32_t>(
          [unit](int32_t days) { return ExtractUnit(unit, days, 0); });
    case TypeRoot::kTime:
      return StrictKernel<int64_t, int32_t>(
          [unit](int32_t millis) { return ExtractUnit(unit, 0, millis * 1'000'000LL); });
    case TypeRoot::kIntervalYearMonth:
      return StrictKernel<int64_t, int32_t>(
          [unit](int32_t months) { return ExtractFromInterval(unit, true, months); });
    case TypeRoot::kIntervalDayTime:
      return StrictKernel<int64_t, int64_t>(
          [unit](int64_t millis) { return ExtractFromInterval(unit, false, millis); });
    default: break;
  }
  const int64_t units = type.UnitsPerSecond();
  const bool local = type.root() == TypeRoot::kTimestampLtz;
  return [=](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const absl::TimeZone zone = scope.context().time_zone;
    const bool shift = local && unit != TimeUnit::kEpoch;
    return RunStrict<int64_t, int64_t>(scope, args, [&](int64_t ticks) {
      return ExtractFromTicks(unit, shift ? ToLocal(zone, ticks, units) : ticks, units);
    });
  };
}

// Runs a kernel on all arguments but the first, which is a SYMBOL.
Kernel WithoutSymbol(Kernel kernel) {
  return [kernel](KernelScope& scope, std::span<const Vector> args) {
    return kernel(scope, args.subspan(1));
  };
}

Result<Signature> InferExtract(const CallSite& site) {
  const auto unit = ParseTimeUnit(site.StringLiteral(0).value_or(""));
  const LogicalType& type = site.type(1);
  if (!unit || !(type.IsDatetime() || type.IsInterval())) {
    return site.CannotApply("'EXTRACT(<TIME_UNIT> FROM <DATETIME>)'");
  }
  return Signature{.result = LogicalType::BigInt().WithNullable(type.nullable()),
                   .kernel = WithoutSymbol(ExtractKernel(*unit, type))};
}

// YEAR(d), HOUR(t) ...
void DefinePart(FunctionRegistry* registry, std::string name, TimeUnit unit) {
  DefineInfer(registry, std::move(name), 1, 1, [unit](const CallSite& site) -> Result<Signature> {
    const LogicalType& type = site.type(0);
    if (!type.IsDatetime() && !type.IsInterval()) {
      return site.CannotApply(fmt::format("'{}(<DATETIME>)'", site.name()));
    }
    return Signature{.result = LogicalType::BigInt().WithNullable(type.nullable()),
                     .kernel = ExtractKernel(unit, type)};
  });
}

// ---- TIMESTAMPADD, TIMESTAMPDIFF, OVERLAPS
// --------------------------------------------------------

// TIMESTAMPADD(unit, n, t) is t + n * INTERVAL '1' unit.
Result<ExprPtr> RewriteTimestampAdd(const FunctionRegistry& registry, const CallSite& site,
                                    SourceSpan span) {
  const auto unit = ParseTimeUnit(site.StringLiteral(0).value_or(""));
  if (!unit) return site.CannotApply("'TIMESTAMPADD(<TIME_UNIT>, <INTEGER>, <DATETIME>)'");
  ExprPtr one;
  switch (*unit) {
    case TimeUnit::kYear: one = MakeIntervalMonthsLiteral(12, span); break;
    case TimeUnit::kQuarter: one = MakeIntervalMonthsLiteral(3, span); break;
    case TimeUnit::kMonth: one = MakeIntervalMonthsLiteral(1, span); break;
    case TimeUnit::kWeek: one = MakeIntervalMillisLiteral(7 * kMillisPerDay, span); break;
    case TimeUnit::kDay: one = MakeIntervalMillisLiteral(kMillisPerDay, span); break;
    case TimeUnit::kHour: one = MakeIntervalMillisLiteral(3'600'000, span); break;
    case TimeUnit::kMinute: one = MakeIntervalMillisLiteral(60'000, span); break;
    case TimeUnit::kSecond: one = MakeIntervalMillisLiteral(1000, span); break;
    case TimeUnit::kMillisecond: one = MakeIntervalMillisLiteral(1, span); break;
    default: return site.CannotApply("'TIMESTAMPADD(<TIME_UNIT>, <INTEGER>, <DATETIME>)'");
  }
  const bool keeps_days = site.type(2).root() == TypeRoot::kDate;
  ExprPtr datetime = site.args()[2];
  const bool below_day = *unit >= TimeUnit::kHour;
  if (keeps_days && below_day) {
    ASSIGN_OR_RETURN(datetime, registry.Bind("CAST TIMESTAMP", {datetime}, span));
  }
  ASSIGN_OR_RETURN(const ExprPtr interval, registry.Bind("*", {one, site.args()[1]}, span));
  ASSIGN_OR_RETURN(const ExprPtr sum, registry.Bind("+", {datetime, interval}, span));
  // Whole seconds do not widen the timestamp's precision.
  if (sum->type().IsTimestamp() && datetime->type().IsTimestamp() &&
      *unit != TimeUnit::kMillisecond && sum->type().precision() != datetime->type().precision()) {
    return MakeUncheckedCast(sum, datetime->type().WithNullable(sum->type().nullable()), false,
                             span);
  }
  return sum;
}

Result<Signature> InferTimestampDiff(const CallSite& site) {
  const auto unit = ParseTimeUnit(site.StringLiteral(0).value_or(""));
  const auto is_moment = [](const LogicalType& type) {
    return type.IsTimestamp() || type.root() == TypeRoot::kDate || type.root() == TypeRoot::kNull;
  };
  if (!unit || !is_moment(site.type(1)) || !is_moment(site.type(2))) {
    return site.CannotApply("'TIMESTAMPDIFF(<TIME_UNIT>, <DATETIME>, <DATETIME>)'");
  }
  const bool local = site.type(1).root() == TypeRoot::kTimestampLtz ||
                     site.type(2).root() == TypeRoot::kTimestampLtz;
  const LogicalType wanted = local ? LogicalType::TimestampLtz(3) : LogicalType::Timestamp(3);
  const TimeUnit by = *unit;
  Signature signature{.result = LogicalType::Int().WithNullable(site.AnyNullable())};
  signature.args = {LogicalType::Symbol(), wanted, wanted};
  signature.kernel =
      WithoutSymbol(StrictKernel<int32_t, int64_t, int64_t>([by](int64_t from, int64_t to) {
        return static_cast<int32_t>(DifferenceInUnits(by, from, to));
      }));
  return signature;
}

// OVERLAPS(start1, end1, start2, end2); an end may be an interval. Ends are exclusive.
Result<ExprPtr> RewriteOverlaps(const FunctionRegistry& registry, const CallSite& site,
                                SourceSpan span) {
  std::vector<ExprPtr> args(site.args().begin(), site.args().end());
  for (size_t i : {size_t{1}, size_t{3}}) {
    if (args[i]->type().IsInterval()) {
      ASSIGN_OR_RETURN(args[i], registry.Bind("+", {args[i - 1], args[i]}, span));
    }
  }
  // Either end may come first.
  std::vector<ExprPtr> low(2), high(2);
  for (size_t pair : {size_t{0}, size_t{1}}) {
    const ExprPtr a = args[pair * 2], b = args[pair * 2 + 1];
    ASSIGN_OR_RETURN(low[pair], registry.Bind("LEAST", {a, b}, span));
    ASSIGN_OR_RETURN(high[pair], registry.Bind("GREATEST", {a, b}, span));
  }
  ASSIGN_OR_RETURN(const ExprPtr first, registry.Bind(">=", {high[0], low[1]}, span));
  ASSIGN_OR_RETURN(const ExprPtr second, registry.Bind(">=", {high[1], low[0]}, span));
  return registry.Bind("AND", {first, second}, span);
}

// ---- Patterns
// ------------------------------------------------------------------------------------

Kernel DateFormatKernel(const LogicalType& type) {
  const bool from_text = type.IsCharacter();
  const int64_t units = from_text ? 1'000'000'000 : type.UnitsPerSecond();
  const bool local = type.root() == TypeRoot::kTimestampLtz;
  return [=](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& cache = scope.State<PatternCache>();
    const absl::TimeZone zone = scope.context().time_zone;
    std::string out, error;
    const auto format = [&](RowErrors& errors, TextSink& sink, int64_t ticks, Text pattern) {
      const DatePattern* compiled = cache.Get(pattern, &error);
      if (compiled == nullptr) return errors.Fail(error);
      if (local) ticks = ToLocal(zone, ticks, units);
      const int64_t seconds = FloorDivide(ticks, units);
      out.clear();
      compiled->Format(seconds, (ticks - seconds * units) * (1'000'000'000 / units), &out);
      sink.Append(out);
    };
    if (!from_text) return RunStrict<Text, int64_t, Text>(scope, args, format);
    return RunStrict<Text, Text, Text>(
        scope, args, [&](RowErrors& errors, TextSink& sink, Text text, Text pattern) {
          const auto parsed = ParseTimestamp(text, 1'000'000'000, 9);
          if (!parsed.value) return false;
          format(errors, sink, *parsed.value, pattern);
          return true;
        });
  };
}

Result<Signature> InferDateFormat(const CallSite& site) {
  const LogicalType& type = site.type(0);
  if (!(type.IsTimestamp() || type.IsCharacter() || type.root() == TypeRoot::kDate) ||
      !MatchesArg(site.type(1), Arg::kText)) {
    return site.CannotApply("'DATE_FORMAT(<TIMESTAMP>, <CHARACTER>)'");
  }
  const LogicalType moment = type.root() == TypeRoot::kDate ? LogicalType::Timestamp(3) : type;
  return Signature{.result = LogicalType::String(),
                   .args = {moment, WantedType(site.type(1), Arg::kText)},
                   .kernel = DateFormatKernel(moment),
                   .can_fail = DatePatternCanFail(site, 1)};
}

// Local seconds and nanos of `text`; the default pattern also takes a fraction.
std::optional<DatePattern::LocalTime> ParseLocal(PatternCache& cache, Text text, Text pattern,
                                                 std::string* error) {
  if (pattern == kDefaultPattern) {
    const auto parsed = ParseTimestamp(text, 1'000'000'000, 9);
    if (!parsed.value) return std::nullopt;
    const int64_t seconds = FloorDivide(*parsed.value, 1'000'000'000);
    return DatePattern::LocalTime{seconds, *parsed.value - seconds * 1'000'000'000};
  }
  const DatePattern* compiled = cache.Get(pattern, error);
  return compiled == nullptr ? std::nullopt : compiled->Parse(text);
}

// Calls the two-argument text function with the default pattern if there is only one argument.
template <typename R, typename F>
Result<Vector> RunParse(KernelScope& scope, std::span<const Vector> args, F f) {
  if (args.size() == 1) {
    return RunStrict<R, Text>(scope, args, [&](RowErrors& errors, Text text) {
      return f(errors, text, kDefaultPattern);
    });
  }
  return RunStrict<R, Text, Text>(scope, args, f);
}

Kernel ToTimestampKernel(bool local) {
  return [local](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& cache = scope.State<PatternCache>();
    const int64_t units = scope.type().UnitsPerSecond();
    absl::TimeZone zone = scope.context().time_zone;
    if (args.size() == 3 && !args[2].IsConstantNull()) {
      ASSIGN_OR_RETURN(zone, ParseTimeZone(Column<Text>(args[2])[0]));
      args = args.first(2);
    }
    return RunParse<int64_t>(
        scope, args, [&](RowErrors& errors, Text text, Text pattern) -> std::optional<int64_t> {
          std::string error;
          const auto time = ParseLocal(cache, text, pattern, &error);
          if (!error.empty()) errors.Fail(error);
          if (!time) return std::nullopt;
          const int64_t ticks = time->seconds * units + time->nanos / (1'000'000'000 / units);
          return local ? FromLocal(zone, ticks, units) : ticks;
        });
  };
}

Kernel ToDateKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    if (args.size() == 1) {
      return RunStrict<int32_t, Text>(scope, args, [](Text text) { return ParseDate(text).value; });
    }
    auto& cache = scope.State<PatternCache>();
    return RunStrict<int32_t, Text, Text>(
        scope, args, [&](RowErrors& errors, Text text, Text pattern) -> std::optional<int32_t> {
          std::string error;
          const auto time = ParseLocal(cache, text, pattern, &error);
          if (!error.empty()) errors.Fail(error);
          if (!time) return std::nullopt;
          return static_cast<int32_t>(FloorDivide(time->seconds, kSecondsPerDay));
        });
  };
}

// Seconds since the epoch of local text; unparsable text gives the least BIGINT, as the dialect
// does.
Kernel UnixTimestampKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& cache = scope.State<PatternCache>();
    const absl::TimeZone zone = scope.context().time_zone;
    return RunParse<int64_t>(scope, args,
                             [&](RowErrors& errors, Text text, Text pattern) -> int64_t {
                               std::string error;
                               const auto time = ParseLocal(cache, text, pattern, &error);
                               if (!error.empty()) errors.Fail(error);
                               return time ? FromLocal(zone, time->seconds, 1) : INT64_MIN;
                             });
  };
}

Kernel FromUnixTimeKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& cache = scope.State<PatternCache>();
    const absl::TimeZone zone = scope.context().time_zone;
    std::string out, error;
    const auto format = [&](RowErrors& errors, TextSink& sink, int64_t seconds, Text pattern) {
      const DatePattern* compiled = cache.Get(pattern, &error);
      if (compiled == nullptr) return errors.Fail(error);
      out.clear();
      compiled->Format(ToLocal(zone, seconds, 1), 0, &out);
      sink.Append(out);
    };
    if (args.size() == 2) return RunStrict<Text, int64_t, Text>(scope, args, format);
    return RunStrict<Text, int64_t>(scope, args, [&](RowErrors& errors, TextSink& sink, int64_t s) {
      format(errors, sink, s, kDefaultPattern);
    });
  };
}

Kernel ConvertTzKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    return RunStrict<Text, Text, Text, Text>(
        scope, args, [](TextSink& sink, Text text, Text from, Text to) {
          const auto parsed = ParseTimestamp(text, 1000, 3);
          const auto from_zone = ParseTimeZone(from), to_zone = ParseTimeZone(to);
          if (!parsed.value || !from_zone.ok() || !to_zone.ok()) return false;
          const int64_t ticks = ToLocal(*to_zone, FromLocal(*from_zone, *parsed.value, 1000), 1000);
          char out[kTextMax];
          sink.Append(Text(out, FormatTimestamp(ticks, 1000, 0, out)));
          return true;
        });
  };
}

// TO_TIMESTAMP_LTZ(number, precision): 0 = seconds, 3 = milliseconds, 6, 9.
Kernel NumberToLtzKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const auto convert = [](RowErrors& errors, double value,
                            int64_t precision) -> std::optional<int64_t> {
      if (precision != 0 && precision != 3 && precision != 6 && precision != 9) {
        errors.Fail(
            "The precision value must be 0, 3, 6 or 9 for TO_TIMESTAMP_LTZ(numeric, precision)");
        return std::nullopt;
      }
      const double scaled = precision == 0   ? value * 1000
                            : precision == 3 ? value
                            : precision == 6 ? value / 1e3
                                             : value / 1e6;
      if (!(scaled > -9e18 && scaled < 9e18)) return std::nullopt;
      return static_cast<int64_t>(std::floor(scaled));
    };
    if (args.size() == 1) {
      return RunStrict<int64_t, double>(
          scope, args, [&](RowErrors& errors, double value) { return convert(errors, value, 3); });
    }
    return RunStrict<int64_t, double, int64_t>(scope, args, convert);
  };
}

Kernel IntegerToLtzKernel() {
  return StrictKernel<int64_t, int64_t, int64_t>(
      [](RowErrors& errors, int64_t value, int64_t precision) -> std::optional<int64_t> {
        int64_t millis = value;
        if (precision == 0 && __builtin_mul_overflow(value, 1000, &millis)) return std::nullopt;
        if (precision == 6) millis = FloorDivide(value, 1000);
        if (precision == 9) millis = FloorDivide(value, 1'000'000);
        if (precision != 0 && precision != 3 && precision != 6 && precision != 9) {
          errors.Fail(
              "The precision value must be 0, 3, 6 or 9 for TO_TIMESTAMP_LTZ(numeric, precision)");
        }
        return millis;
      });
}

void AddConversions(FunctionRegistry* registry) {
  DefineInfer(registry, "DATE_FORMAT", 2, 2, InferDateFormat, kCanFail);
  const ResultType timestamp = ReturnsNullable(LogicalType::Timestamp(3));
  Define(registry, {.name = "TO_TIMESTAMP",
                    .overloads = {{{Arg::kText}, timestamp, ToTimestampKernel(false)},
                                  {{Arg::kText, Arg::kText}, timestamp, ToTimestampKernel(false)}},
                    .flags = kCanFail,
                    .can_fail = [](const CallSite& site) { return DatePatternCanFail(site, 1); }});
  const ResultType ltz = ReturnsNullable(LogicalType::TimestampLtz(3));
  Define(registry,
         {.name = "TO_TIMESTAMP_LTZ",
          .overloads = {{{Arg::kInteger, Arg::kInteger}, ltz, IntegerToLtzKernel()},
                        {{Arg::kDouble, Arg::kInteger}, ltz, NumberToLtzKernel()},
                        {{Arg::kText}, ltz, ToTimestampKernel(true)},
                        {{Arg::kDouble}, ltz, NumberToLtzKernel()},
                        {{Arg::kText, Arg::kText}, ltz, ToTimestampKernel(true)},
                        {{Arg::kText, Arg::kText, Arg::kText}, ltz, ToTimestampKernel(true)}},
          .flags = kCanFail});
  const ResultType date = ReturnsNullable(LogicalType::Date());
  Define(registry, {.name = "TO_DATE",
                    .overloads = {{{Arg::kText}, date, ToDateKernel()},
                                  {{Arg::kText, Arg::kText}, date, ToDateKernel()}},
                    .flags = kCanFail,
                    .can_fail = [](const CallSite& site) { return DatePatternCanFail(site, 1); }});
  Define(registry,
         {.name = "FROM_UNIXTIME",
          .overloads = {{{Arg::kInteger}, kTextNullable, FromUnixTimeKernel()},
                        {{Arg::kInteger, Arg::kText}, kTextNullable, FromUnixTimeKernel()}},
          .flags = kCanFail,
          .can_fail = [](const CallSite& site) { return DatePatternCanFail(site, 1); }});
  Define(registry,
         {.name = "CONVERT_TZ",
          .overloads = {{{Arg::kText, Arg::kText, Arg::kText}, kTextNullable, ConvertTzKernel()}}});
  DefineRewrite(
      registry, "CAST TIMESTAMP", 1, 1,
      [](const FunctionRegistry&, const CallSite& site, SourceSpan span) -> Result<ExprPtr> {
        return MakeUncheckedCast(site.args()[0],
                                 LogicalType::Timestamp(0).WithNullable(site.AnyNullable()), false,
                                 span);
      });
}

}  // namespace

// Shared with the clock functions: UNIX_TIMESTAMP(text[, pattern]).
Kernel MakeUnixTimestampKernel() { return UnixTimestampKernel(); }

void AddTimeFunctions(FunctionRegistry* registry) {
  DefineInfer(registry, "EXTRACT", 2, 2, InferExtract);
  DefinePart(registry, "YEAR", TimeUnit::kYear);
  DefinePart(registry, "QUARTER", TimeUnit::kQuarter);
  DefinePart(registry, "MONTH", TimeUnit::kMonth);
  DefinePart(registry, "WEEK", TimeUnit::kWeek);
  DefinePart(registry, "DAYOFYEAR", TimeUnit::kDayOfYear);
  DefinePart(registry, "DAYOFMONTH", TimeUnit::kDay);
  DefinePart(registry, "DAYOFWEEK", TimeUnit::kDayOfWeek);
  DefinePart(registry, "HOUR", TimeUnit::kHour);
  DefinePart(registry, "MINUTE", TimeUnit::kMinute);
  DefinePart(registry, "SECOND", TimeUnit::kSecond);
  DefineRewrite(registry, "TIMESTAMPADD", 3, 3, RewriteTimestampAdd);
  DefineInfer(registry, "TIMESTAMPDIFF", 3, 3, InferTimestampDiff);
  DefineRewrite(registry, "OVERLAPS", 4, 4, RewriteOverlaps);
  AddConversions(registry);
}

}  // namespace mainstem::process
