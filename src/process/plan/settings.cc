#include "process/plan/settings.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <absl/time/time.h>
#include <fmt/format.h>

#include "process/expr/evaluator.h"
#include "process/sql/diagnostic.h"

namespace mainstem::process::plan {
namespace {

static_assert(kPlanVersion == 3, "the choices of mainstem.plan.version below");

constexpr auto kT = SettingKind::kText;
constexpr auto kB = SettingKind::kBoolean;
constexpr auto kI = SettingKind::kInteger;
constexpr auto kD = SettingKind::kDuration;
constexpr auto kC = SettingKind::kChoice;

const SettingSpec* FindSetting(std::string_view key) {
  for (const SettingSpec& spec : KnownSettings()) {
    if (spec.key == key) return &spec;
  }
  return nullptr;
}

Result<bool> ParseBoolean(std::string_view text) {
  const std::string lower = absl::AsciiStrToLower(std::string(text));
  if (lower == "true") return true;
  if (lower == "false") return false;
  return MakeError(ErrorCode::kInvalidConfig, "it takes true or false");
}

Status CheckValue(const SettingSpec& spec, std::string_view value) {
  switch (spec.kind) {
    case SettingKind::kText: break;
    case SettingKind::kBoolean: RETURN_IF_ERROR(ParseBoolean(value)); break;
    case SettingKind::kDuration: RETURN_IF_ERROR(ParseDurationMillis(value)); break;
    case SettingKind::kInteger: {
      int64_t number = 0;
      if (!absl::SimpleAtoi(std::string(value), &number)) {
        return MakeError(ErrorCode::kInvalidConfig, "it takes a whole number");
      }
      break;
    }
    case SettingKind::kChoice: {
      std::vector<std::string> choices;
      for (const auto part : absl::StrSplit(std::string(spec.choices), '|')) {
        choices.emplace_back(part);
        if (absl::AsciiStrToLower(part) == absl::AsciiStrToLower(std::string(value))) {
          return Status::OK();
        }
      }
      return MakeError(ErrorCode::kInvalidConfig,
                       {.message = fmt::format("it takes one of {}", spec.choices),
                        .hint = sql::DidYouMean(value, choices)});
    }
  }
  if (spec.key == "table.local-time-zone" && value != "default") {
    return ParseTimeZone(value).status();
  }
  return Status::OK();
}

}  // namespace

const std::vector<SettingSpec>& KnownSettings() {
  static const auto* const specs = new std::vector<SettingSpec>{
      {"execution.checkpointing.dir", kT, "", "", false},
      {"execution.checkpointing.externalized-checkpoint-retention", kC, "DELETE_ON_CANCELLATION",
       "RETAIN_ON_CANCELLATION|DELETE_ON_CANCELLATION|NO_EXTERNALIZED_CHECKPOINTS", false},
      {"execution.checkpointing.incremental", kB, "false", "", false},
      {"execution.checkpointing.interval", kD, "10 s", ""},
      {"execution.checkpointing.max-concurrent-checkpoints", kI, "1", "", false},
      {"execution.checkpointing.min-pause", kD, "0", ""},
      {"execution.checkpointing.mode", kC, "EXACTLY_ONCE", "EXACTLY_ONCE|AT_LEAST_ONCE"},
      {"execution.checkpointing.num-retained", kI, "1", ""},
      {"execution.checkpointing.savepoint-dir", kT, "", ""},
      {"execution.checkpointing.storage", kT, "filesystem", "", false},
      {"execution.checkpointing.timeout", kD, "10 min", ""},
      {"execution.checkpointing.tolerable-failed-checkpoints", kI, "0", "", false},
      {"execution.checkpointing.unaligned.enabled", kB, "false", "", false},
      {"execution.runtime-mode", kC, "streaming", "streaming|batch|automatic"},
      {"execution.savepoint.ignore-unclaimed-state", kB, "false", ""},
      {"execution.savepoint.path", kT, "", ""},
      {"execution.state-recovery.ignore-unclaimed-state", kB, "false", ""},
      {"execution.state-recovery.path", kT, "", ""},
      {"mainstem.late-rows.topic", kT, "", ""},
      {kPlanVersionKey, kC, "3", "1|2|3"},
      {"mainstem.restart.permanent-errors", kB, "false", ""},
      {"parallelism.default", kI, "1", ""},
      {"pipeline.auto-watermark-interval", kD, "200 ms", ""},
      {"pipeline.max-parallelism", kI, "128", "", false},
      {"pipeline.name", kT, "", ""},
      {"pipeline.object-reuse", kB, "false", "", false},
      {"restart-strategy.exponential-delay.initial-backoff", kD, "1 s", "", false},
      {"restart-strategy.exponential-delay.max-backoff", kD, "1 min", "", false},
      {"restart-strategy.fixed-delay.attempts", kI, "1", "", false},
      {"restart-strategy.fixed-delay.delay", kD, "1 s", "", false},
      {"restart-strategy.type", kC, "exponential-delay",
       "none|off|disable|fixed-delay|fixeddelay|exponential-delay|exponentialdelay|failure-rate|"
       "failurerate",
       false},
      {"sql-client.execution.result-mode", kC, "table", "table|changelog|tableau"},
      {"state.backend.type", kC, "rocksdb", "hashmap|rocksdb|forst", false},
      {"state.checkpoints.dir", kT, "", "", false},
      {"state.savepoints.dir", kT, "", ""},
      {"table.dml-sync", kB, "false", ""},
      {"table.exec.legacy-cast-behaviour", kC, "disabled", "enabled|disabled"},
      {"table.exec.mini-batch.allow-latency", kD, "0", "", false},
      {"table.exec.mini-batch.enabled", kB, "false", "", false},
      {"table.exec.mini-batch.size", kI, "-1", "", false},
      {"table.exec.resource.default-parallelism", kI, "-1", ""},
      {"table.exec.sink.not-null-enforcer", kC, "ERROR", "ERROR|DROP"},
      {"table.exec.sink.require-on-conflict", kB, "true", ""},
      // INSERT has cast values to the column's length before.
      {"table.exec.sink.type-length-enforcer", kC, "IGNORE", "IGNORE|TRIM_PAD|ERROR", false},
      {"table.exec.sink.upsert-materialize", kC, "AUTO", "AUTO|NONE|FORCE"},
      {"table.exec.source.cdc-events-duplicate", kB, "false", ""},
      {"table.exec.source.idle-timeout", kD, "0", ""},
      {"table.exec.state.ttl", kD, "0", ""},
      {"table.local-time-zone", kT, "default", ""},
      {"table.optimizer.agg-phase-strategy", kC, "AUTO", "AUTO|ONE_PHASE|TWO_PHASE", false},
      {"table.optimizer.distinct-agg.split.enabled", kB, "false", "", false},
  };
  return *specs;
}

Result<int64_t> ParseDurationMillis(std::string_view text) {
  const std::string all(text);
  const std::string trimmed(absl::StripAsciiWhitespace(all));
  size_t digits = 0;
  while (digits < trimmed.size() &&
         absl::ascii_isdigit(static_cast<unsigned char>(trimmed[digits])))
    ++digits;
  int64_t count = 0;
  const auto bad = [&text] {
    return MakeError(
        ErrorCode::kInvalidConfig,
        {.message = fmt::format("'{}' is no duration", text),
         .hint = "write a number and a unit: '500 ms', '30 s', '5 min', '1 h', '1 d'"});
  };
  if (digits == 0 || !absl::SimpleAtoi(trimmed.substr(0, digits), &count)) return bad();
  const std::string unit =
      absl::AsciiStrToLower(absl::StripAsciiWhitespace(trimmed.substr(digits)));
  int64_t scale = 0;
  if (unit.empty() || unit == "ms" || unit == "milli" || unit == "millis" ||
      unit == "millisecond" || unit == "milliseconds") {
    scale = 1;
  } else if (unit == "s" || unit == "sec" || unit == "secs" || unit == "second" ||
             unit == "seconds") {
    scale = 1000;
  } else if (unit == "min" || unit == "m" || unit == "minute" || unit == "minutes") {
    scale = 60'000;
  } else if (unit == "h" || unit == "hour" || unit == "hours") {
    scale = 3'600'000;
  } else if (unit == "d" || unit == "day" || unit == "days") {
    scale = 86'400'000;
  }
  int64_t millis = 0;
  if (scale == 0 || __builtin_mul_overflow(count, scale, &millis)) return bad();
  return millis;
}

Status Settings::Set(std::string_view key, std::string_view value, std::string* note) {
  const SettingSpec* spec = FindSetting(key);
  if (spec == nullptr) {
    std::vector<std::string> keys;
    for (const SettingSpec& known : KnownSettings()) keys.emplace_back(known.key);
    const std::string near = sql::NearestName(key, keys);
    if (!near.empty()) {
      return MakeError(ErrorCode::kInvalidConfig,
                       {.message = fmt::format("unknown setting '{}'", key),
                        .hint = fmt::format("did you mean '{}'?", near)});
    }
    if (note != nullptr) *note = fmt::format("'{}' is kept but means nothing to this engine", key);
  } else {
    const Status checked = CheckValue(*spec, value);
    if (!checked.ok()) {
      const ErrorText text = TextOf(checked);
      return MakeError(
          ErrorCode::kInvalidConfig,
          {.message = fmt::format("'{}' is no value for '{}': {}", value, key, text.message),
           .hint = text.hint});
    }
    if (!spec->has_effect && note != nullptr) {
      *note = fmt::format("'{}' is accepted and has no effect in this engine", key);
    }
  }
  values_[std::string(key)] = value;
  return Status::OK();
}

void Settings::Reset(std::string_view key) {
  const std::string name(key);
  const auto initial = initial_.find(name);
  if (initial == initial_.end()) {
    values_.erase(name);
  } else {
    values_[name] = initial->second;
  }
}

std::string Settings::Text(std::string_view key) const {
  const SettingSpec* spec = FindSetting(key);
  CHECK(spec != nullptr);
  const auto found = values_.find(std::string(key));
  const std::string value(found == values_.end() ? spec->default_value
                                                 : std::string_view(found->second));
  return spec->kind == SettingKind::kChoice ? absl::AsciiStrToLower(value) : value;
}

bool Settings::Boolean(std::string_view key) const {
  return absl::AsciiStrToLower(Text(key)) == "true";
}

int64_t Settings::Integer(std::string_view key) const {
  int64_t number = 0;
  CHECK(absl::SimpleAtoi(Text(key), &number));  // checked by Set
  return number;
}

int64_t Settings::Millis(std::string_view key) const {
  const Result<int64_t> millis = ParseDurationMillis(Text(key));
  CHECK(millis.ok());  // checked by Set
  return *millis;
}

std::string TimeZoneOf(const Settings& settings) {
  std::string zone = settings.Text("table.local-time-zone");
  return zone == "default" ? "UTC" : zone;
}

}  // namespace mainstem::process::plan
