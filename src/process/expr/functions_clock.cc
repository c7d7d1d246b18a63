// Functions of the moment: CURRENT_TIMESTAMP, PROCTIME, CURRENT_WATERMARK; UUID; TYPEOF.
#include <cstdio>
#include <random>

#include <arrow/api.h>
#include <fmt/format.h>

#include "process/expr/datetime.h"
#include "process/expr/functions.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {

Kernel MakeUnixTimestampKernel();  // functions_time.cc

namespace {

constexpr FunctionFlags kDynamic{.dynamic = true};

template <typename T>
Result<Vector> ConstantOf(KernelScope& scope, T value) {
  ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> buffer,
                   arrow::AllocateBuffer(sizeof(T), scope.pool()));
  std::memcpy(buffer->mutable_data(), &value, sizeof(T));
  return MakeVector(scope.type(), 1, true, {nullptr, buffer});
}

// f(now in microseconds, zone) -> the value.
template <typename T, typename F>
void DefineClock(FunctionRegistry* registry, std::initializer_list<std::string_view> names,
                 LogicalType type, F f) {
  const Kernel kernel = [f](KernelScope& scope, std::span<const Vector>) -> Result<Vector> {
    return ConstantOf<T>(scope,
                         static_cast<T>(f(scope.context().now_us, scope.context().time_zone)));
  };
  DefineAs(registry, names,
           {.name = "", .overloads = {{{}, ReturnsNotNull(type), kernel}}, .flags = kDynamic});
}

void AddClocks(FunctionRegistry* registry) {
  const auto instant = [](int64_t now_us, const absl::TimeZone&) {
    return FloorDivide(now_us, 1000);
  };
  const auto wall_clock = [](int64_t now_us, const absl::TimeZone& zone) {
    return ToLocal(zone, FloorDivide(now_us, 1000), 1000);
  };
  DefineClock<int64_t>(registry, {"CURRENT_TIMESTAMP", "NOW", "CURRENT_ROW_TIMESTAMP"},
                       LogicalType::TimestampLtz(3), instant);
  DefineClock<int64_t>(registry, {"PROCTIME"},
                       LogicalType::TimestampLtz(3).WithTimeAttribute(TimeAttribute::kProctime),
                       instant);
  DefineClock<int64_t>(registry, {"LOCALTIMESTAMP"}, LogicalType::Timestamp(3), wall_clock);
  DefineClock<int32_t>(registry, {"CURRENT_DATE"}, LogicalType::Date(),
                       [wall_clock](int64_t now_us, const absl::TimeZone& zone) {
                         return FloorDivide(wall_clock(now_us, zone), kMillisPerDay);
                       });
  DefineClock<int32_t>(registry, {"LOCALTIME", "CURRENT_TIME"}, LogicalType::Time(0),
                       [wall_clock](int64_t now_us, const absl::TimeZone& zone) {
                         return FloorModulo(wall_clock(now_us, zone), kMillisPerDay) / 1000 * 1000;
                       });
  const ResultType seconds = ReturnsNotNull(LogicalType::BigInt());
  Define(registry,
         {.name = "UNIX_TIMESTAMP",
          .overloads = {{{},
                         seconds,
                         [](KernelScope& scope, std::span<const Vector>) {
                           return ConstantOf<int64_t>(
                               scope, FloorDivide(scope.context().now_us, 1'000'000));
                         }},
                        {{Arg::kText}, Returns(LogicalType::BigInt()), MakeUnixTimestampKernel()},
                        {{Arg::kText, Arg::kText},
                         Returns(LogicalType::BigInt()),
                         MakeUnixTimestampKernel()}},
          .flags = {.dynamic = true, .can_fail = true}});
}

Result<Signature> InferCurrentWatermark(const CallSite& site) {
  const LogicalType& type = site.type(0);
  if (!type.IsTimestamp()) return site.CannotApply("'CURRENT_WATERMARK(<TIMESTAMP>)'");
  Signature signature{.result = type.WithTimeAttribute(TimeAttribute::kNone).WithNullable(true)};
  const int64_t factor = type.UnitsPerSecond() / 1000;
  signature.kernel = [factor](KernelScope& scope, std::span<const Vector>) -> Result<Vector> {
    const auto& watermark = scope.context().watermark_ms;
    if (!watermark) return ConstantNull(scope.type());
    return ConstantOf<int64_t>(scope, *watermark * factor);
  };
  return signature;
}

Kernel UuidKernel() {
  return [](KernelScope& scope, std::span<const Vector>) -> Result<Vector> {
    struct State {
      std::mt19937_64 engine;
      bool seeded = false;
    };
    auto& state = scope.State<State>();
    if (!state.seeded) {
      state.engine.seed(scope.context().Seed());
      state.seeded = true;
    }
    TextSink sink;
    RETURN_IF_ERROR(sink.Init(scope.row_count(), scope.pool()));
    for (int64_t row = 0; row < scope.row_count(); ++row) {
      const uint64_t high = (state.engine() & ~0xF000ULL) | 0x4000ULL;  // version 4
      const uint64_t low = (state.engine() & ~(3ULL << 62)) | (2ULL << 62);
      char text[40];
      const int size = std::snprintf(
          text, sizeof(text), "%08x-%04x-%04x-%04x-%012llx", static_cast<unsigned>(high >> 32),
          static_cast<unsigned>(high >> 16 & 0xFFFF), static_cast<unsigned>(high & 0xFFFF),
          static_cast<unsigned>(low >> 48),
          static_cast<unsigned long long>(low & 0xFFFFFFFFFFFFULL));
      sink.Append(Text(text, static_cast<size_t>(size)));
      sink.EndRow();
    }
    arrow::BufferVector buffers{nullptr};
    RETURN_IF_ERROR(sink.Finish(scope.function_name(), &buffers));
    return MakeVector(scope.type(), scope.row_count(), false, std::move(buffers));
  };
}

// The type's name is known when the call is bound.
Result<ExprPtr> RewriteTypeOf(const FunctionRegistry&, const CallSite& site, SourceSpan span) {
  const LogicalType& type = site.type(0);
  std::string name = type.ToString();
  if (type.IsInterval()) {  // told as the units that its values are kept in
    name = type.root() == TypeRoot::kIntervalYearMonth ? "INTERVAL MONTH" : "INTERVAL SECOND(3)";
    if (!type.nullable()) name += " NOT NULL";
  }
  return MakeLiteral(std::make_shared<arrow::StringScalar>(name), LogicalType::String(), span);
}

}  // namespace

void AddClockFunctions(FunctionRegistry* registry) {
  AddClocks(registry);
  DefineInfer(registry, "CURRENT_WATERMARK", 1, 1, InferCurrentWatermark, kDynamic);
  Define(registry, {.name = "UUID",
                    .overloads = {{{}, ReturnsNotNull(LogicalType::Char(36)), UuidKernel()}},
                    .flags = {.deterministic = false}});
  DefineRewrite(registry, "TYPEOF", 1, 2, RewriteTypeOf);
}

}  // namespace mainstem::process
