// EXTRACT, DATE_FORMAT, TO_TIMESTAMP and other functions of dates and times given as arguments.
#include <fmt/format.h>

#include "process/expr/cast.h"
#include "process/expr/date_pattern.h"
#include "process/expr/datetime.h"
#include "process/expr/decimal_math.h"
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
    has_formatted_ = false;
    return &*pattern_;
  }

  // A time by the pattern that Get gave. Rows mostly come in order of time: many in a row have the
  // same day or minute.
  const std::string& Format(Moment time) {
    const int64_t unit = pattern_->unit_seconds();
    const int64_t number = unit > 0 ? FloorDivide(time.seconds, unit) : 0;
    if (unit > 0 && has_formatted_ && number == formatted_unit_) return formatted_;
    formatted_.clear();
    pattern_->Format(time, &formatted_);
    formatted_unit_ = number;
    has_formatted_ = true;
    return formatted_;
  }

 private:
  std::string text_;
  std::optional<DatePattern> pattern_;
  std::string formatted_;
  int64_t formatted_unit_ = 0;
  bool has_formatted_ = false;
};

// The pattern of the functions that name none.
const DatePattern& DefaultPattern() {
  static const DatePattern pattern = DatePattern::Make(kDefaultPattern).ValueOrDie();
  return pattern;
}

// ---- EXTRACT
// -------------------------------------------------------------------------------------

int64_t ExtractFromTicks(TimeUnit unit, int64_t ticks, int64_t units) {
  const auto [seconds, nanos] = MomentOfTicks(ticks, units);
  const int64_t days = FloorDivide(seconds, kSecondsPerDay);
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
    // The epoch too is counted from the wall clock, as the dialect does.
    return RunStrict<int64_t, int64_t>(scope, args, [&](int64_t ticks) {
      return ExtractFromTicks(unit, local ? ToLocal(zone, ticks, units) : ticks, units);
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
  return *unit == TimeUnit::kMillisecond ? WithFractionDigits(sum, 3) : sum;
}

Result<Signature> InferTimestampDiff(const CallSite& site) {
  const auto unit = ParseTimeUnit(site.StringLiteral(0).value_or(""));
  const auto is_moment = [](const LogicalType& type) {
    return type.IsTimestamp() || type.root() == TypeRoot::kDate || type.root() == TypeRoot::kNull;
  };
  if (unit && site.type(1).root() == TypeRoot::kTime && site.type(2).root() == TypeRoot::kTime) {
    Signature signature{.result = LogicalType::Int().WithNullable(site.AnyNullable())};
    signature.kernel = WithoutSymbol(
        StrictKernel<int32_t, int32_t, int32_t>([by = *unit](int32_t from, int32_t to) {
          return static_cast<int32_t>(DifferenceInUnits(by, from, to));
        }));
    return signature;
  }
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
  const int64_t units = from_text ? 1 : type.UnitsPerSecond();
  const bool local = type.root() == TypeRoot::kTimestampLtz;
  return [=](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& cache = scope.State<PatternCache>();
    const absl::TimeZone zone = scope.context().time_zone;
    std::string error;
    const auto format = [&](RowErrors& errors, TextSink& sink, Moment time, Text pattern) {
      if (cache.Get(pattern, &error) == nullptr) return errors.Fail(error);
      sink.Append(cache.Format(time));
    };
    if (!from_text) {
      return RunStrict<Text, int64_t, Text>(
          scope, args, [&](RowErrors& errors, TextSink& sink, int64_t ticks, Text pattern) {
            if (local) ticks = ToLocal(zone, ticks, units);
            format(errors, sink, MomentOfTicks(ticks, units), pattern);
          });
    }
    return RunStrict<Text, Text, Text>(
        scope, args, [&](RowErrors& errors, TextSink& sink, Text text, Text pattern) {
          const auto parsed = DefaultPattern().ParseLoosely(text);
          if (!parsed) return false;
          format(errors, sink, parsed->time, pattern);
          return true;
        });
  };
}

Result<Signature> InferDateFormat(const CallSite& site) {
  const LogicalType& type = site.type(0);
  if (!(type.IsTimestamp() || type.IsCharacter()) || !MatchesArg(site.type(1), Arg::kText)) {
    return site.CannotApply(
        "'DATE_FORMAT(<TIMESTAMP>, <CHARACTER>)'\n'DATE_FORMAT(<CHARACTER>, <CHARACTER>)'");
  }
  return Signature{.result = LogicalType::String(),
                   .args = {type, WantedType(site.type(1), Arg::kText)},
                   .kernel = DateFormatKernel(type),
                   .can_fail = DatePatternCanFail(site, 1)};
}

std::optional<Moment> ParsePlain(Text text) { return ParseMoment(text, 9).value; }

// What TO_TIMESTAMP reads: text of the pattern, or of the form that it takes without one.
std::optional<Moment> ParseLocal(PatternCache& cache, Text text, Text pattern, std::string* error) {
  const DatePattern* compiled = cache.Get(pattern, error);
  if (compiled == nullptr) return std::nullopt;
  if (const auto time = compiled->Parse(text)) return time;
  return ParsePlain(TrimSpaces(text));
}

Kernel ToTimestampKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& cache = scope.State<PatternCache>();
    const int64_t units = scope.type().UnitsPerSecond();
    const auto ticks = [units](const std::optional<Moment>& time) {
      return time ? TicksOfMoment(*time, units) : std::nullopt;
    };
    if (args.size() == 1) {
      return RunStrict<int64_t, Text>(scope, args,
                                      [&](Text text) { return ticks(ParsePlain(text)); });
    }
    return RunStrict<int64_t, Text, Text>(
        scope, args, [&](RowErrors& errors, Text text, Text pattern) {
          std::string error;
          const auto time = ParseLocal(cache, text, pattern, &error);
          if (!error.empty()) errors.Fail(error);
          return ticks(time);
        });
  };
}

// TO_TIMESTAMP_LTZ(text[, pattern[, zone]]): without a zone the text is UTC, whatever the
// session's.
Kernel TextToLtzKernel() {
  struct State {
    PatternCache patterns;
    std::string zone_name = "UTC";
    absl::TimeZone zone = absl::UTCTimeZone();
  };
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& state = scope.State<State>();
    const int64_t units = scope.type().UnitsPerSecond();
    const auto parse = [&](RowErrors& errors, Text text, Text pattern,
                           Text zone) -> std::optional<int64_t> {
      std::string error;
      const auto time =
          pattern.empty() ? ParsePlain(text) : ParseLocal(state.patterns, text, pattern, &error);
      if (!error.empty()) errors.Fail(error);
      if (zone != state.zone_name) {
        const auto found = ParseTimeZone(zone);
        if (!found.ok()) {
          errors.Fail(TextOf(found.status()).message);
          return std::nullopt;
        }
        state.zone = *found;
        state.zone_name = zone;
      }
      if (!time) return std::nullopt;
      return TicksOfMoment(FromLocal(state.zone, *time), units);
    };
    if (args.size() == 1) {
      return RunStrict<int64_t, Text>(scope, args, [&](RowErrors& errors, Text text) {
        return parse(errors, text, "", "UTC");
      });
    }
    if (args.size() == 2) {
      return RunStrict<int64_t, Text, Text>(scope, args,
                                            [&](RowErrors& errors, Text text, Text pattern) {
                                              return parse(errors, text, pattern, "UTC");
                                            });
    }
    return RunStrict<int64_t, Text, Text, Text>(scope, args, parse);
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
          const DatePattern* compiled = cache.Get(pattern, &error);
          if (compiled == nullptr) errors.Fail(error);
          const auto read = compiled == nullptr ? std::nullopt : compiled->ParseLoosely(text);
          if (!read) return std::nullopt;
          return static_cast<int32_t>(FloorDivide(read->time.seconds, kSecondsPerDay));
        });
  };
}

// Seconds since the epoch of local text; unparsable text gives the least BIGINT, as the dialect
// does.
Kernel UnixTimestampKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& cache = scope.State<PatternCache>();
    const absl::TimeZone zone = scope.context().time_zone;
    const auto seconds = [&](const DatePattern& pattern, Text text) -> int64_t {
      const auto read = pattern.ParseLoosely(text);
      if (!read) return INT64_MIN;
      if (read->zone_offset_seconds) return read->time.seconds - *read->zone_offset_seconds;
      return FromLocal(zone, read->time).seconds;
    };
    if (args.size() == 1) {
      return RunStrict<int64_t, Text>(scope, args,
                                      [&](Text text) { return seconds(DefaultPattern(), text); });
    }
    return RunStrict<int64_t, Text, Text>(
        scope, args, [&](RowErrors& errors, Text text, Text pattern) -> int64_t {
          std::string error;
          const DatePattern* compiled = cache.Get(pattern, &error);
          if (compiled == nullptr) {
            errors.Fail(error);
            return 0;
          }
          return seconds(*compiled, text);
        });
  };
}

Kernel FromUnixTimeKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& cache = scope.State<PatternCache>();
    const absl::TimeZone zone = scope.context().time_zone;
    std::string error;
    const auto format = [&](RowErrors& errors, TextSink& sink, int64_t seconds, Text pattern) {
      if (cache.Get(pattern, &error) == nullptr) return errors.Fail(error);
      // Through milliseconds of 64 bits, as the dialect does: what does not fit comes round.
      const auto millis = static_cast<int64_t>(static_cast<uint64_t>(seconds) * 1000);
      sink.Append(cache.Format({ToLocal(zone, FloorDivide(millis, 1000), 1), 0}));
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
          const auto read = DefaultPattern().ParseLoosely(text);
          const auto from_zone = ParseTimeZone(from), to_zone = ParseTimeZone(to);
          if (!read || !from_zone.ok() || !to_zone.ok()) return false;
          const int64_t seconds = ToLocal(*to_zone, FromLocal(*from_zone, read->time).seconds, 1);
          char out[kTextMax];
          sink.Append(Text(out, FormatTimestamp(seconds, 1, 0, out)));
          return true;
        });
  };
}

constexpr int64_t kLtzMillisMin = -62'167'219'200'000;  // 0000-01-01
constexpr int64_t kLtzMillisMax = 253'402'300'799'999;  // the end of 9999

int64_t TenTo(int64_t exponent) {
  int64_t power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}

// `value` of units of 10^-precision seconds as ticks; empty outside of the years 0 to 9999.
std::optional<int64_t> LtzTicks(int64_t value, int64_t precision, int64_t units) {
  const int64_t from_units = TenTo(precision);
  int64_t ticks = 0;
  if (from_units >= units) {
    ticks = FloorDivide(value, from_units / units);
  } else if (__builtin_mul_overflow(value, units / from_units, &ticks)) {
    return std::nullopt;
  }
  const int64_t millis = FloorDivide(ticks, units / 1000);
  if (millis < kLtzMillisMin || millis > kLtzMillisMax) return std::nullopt;
  return ticks;
}

std::string WrongLtzPrecision(int64_t precision) {
  return fmt::format("Precision for TO_TIMESTAMP_LTZ must be between 0 and 9 but was {}.",
                     precision);
}

// TO_TIMESTAMP_LTZ(number[, precision]): 0 = seconds, 3 = milliseconds (that without one), ... T is
// int64_t, Int128 of a DECIMAL with this scale, whose whole part counts, or double, which keeps its
// fraction.
template <typename T>
Kernel NumberToLtzKernel(int scale) {
  return [scale](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const int64_t units = scope.type().UnitsPerSecond();
    const auto convert = [units, scale](RowErrors& errors, T value,
                                        int64_t precision) -> std::optional<int64_t> {
      if (precision < 0 || precision > 9) {
        errors.Fail(WrongLtzPrecision(precision));
        return std::nullopt;
      }
      if constexpr (std::is_floating_point_v<T>) {
        const double ticks =
            value * static_cast<double>(units) / static_cast<double>(TenTo(precision));
        if (!(ticks > -9e18 && ticks < 9e18)) return std::nullopt;
        const auto whole = static_cast<int64_t>(ticks);
        return LtzTicks(whole, units == 1000 ? 3 : units == 1'000'000 ? 6 : 9, units);
      } else {
        const Int128 whole = value / PowerOfTen(scale);
        if (whole < INT64_MIN || whole > INT64_MAX) return std::nullopt;
        return LtzTicks(static_cast<int64_t>(whole), precision, units);
      }
    };
    if (args.size() == 1) {
      return RunStrict<int64_t, T>(
          scope, args, [&](RowErrors& errors, T value) { return convert(errors, value, 3); });
    }
    return RunStrict<int64_t, T, int64_t>(scope, args, convert);
  };
}

Result<Signature> InferToTimestampLtz(const CallSite& site) {
  const bool is_text = site.type(0).IsCharacter();
  bool good = is_text || site.type(0).root() == TypeRoot::kNull ||
              (site.type(0).IsNumeric() && site.size() <= 2);
  for (size_t i = 1; i < site.size(); ++i) {
    good &= MatchesArg(site.type(i), is_text ? Arg::kText : Arg::kInteger);
  }
  if (!good) {
    return site.CannotApply(
        "'TO_TIMESTAMP_LTZ(<NUMERIC>[, <INTEGER>])'\n"
        "'TO_TIMESTAMP_LTZ(<CHARACTER>[, <CHARACTER>[, <CHARACTER>]])'");
  }
  Signature signature{.result = LogicalType::TimestampLtz(3)};
  if (is_text) {
    for (const LogicalType& type : site.types()) {
      signature.args.push_back(WantedType(type, Arg::kText));
    }
    signature.kernel = TextToLtzKernel();
    signature.can_fail = site.size() == 3 || DatePatternCanFail(site, 1);
    return signature;
  }
  const auto precision = site.size() == 2 ? site.IntLiteral(1) : std::optional<int64_t>(3);
  if (precision && (*precision < 0 || *precision > 9)) {
    return MakeError(ErrorCode::kSemanticError, WrongLtzPrecision(*precision));
  }
  if (precision && *precision > 3) {
    signature.result = LogicalType::TimestampLtz(static_cast<int32_t>(*precision));
  }
  signature.can_fail = !precision;
  const LogicalType& number = site.type(0);
  if (number.IsApproximateNumeric()) {
    signature.args = {LogicalType::Double()};
    signature.kernel = NumberToLtzKernel<double>(0);
  } else if (number.root() == TypeRoot::kDecimal) {
    signature.args = {number};
    signature.kernel = NumberToLtzKernel<Int128>(number.scale());
  } else {
    signature.args = {LogicalType::BigInt()};
    signature.kernel = NumberToLtzKernel<int64_t>(0);
  }
  if (site.size() == 2) signature.args.push_back(LogicalType::BigInt());
  return signature;
}

void AddConversions(FunctionRegistry* registry) {
  DefineInfer(registry, "DATE_FORMAT", 2, 2, InferDateFormat, kCanFail);
  const ResultType timestamp = ReturnsNullable(LogicalType::Timestamp(3));
  Define(registry, {.name = "TO_TIMESTAMP",
                    .overloads = {{{Arg::kText}, timestamp, ToTimestampKernel()},
                                  {{Arg::kText, Arg::kText}, timestamp, ToTimestampKernel()}},
                    .flags = kCanFail,
                    .can_fail = [](const CallSite& site) { return DatePatternCanFail(site, 1); }});
  DefineInfer(registry, "TO_TIMESTAMP_LTZ", 1, 3, InferToTimestampLtz, kCanFail);
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
                                 LogicalType::Timestamp(6).WithNullable(site.AnyNullable()), false,
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
