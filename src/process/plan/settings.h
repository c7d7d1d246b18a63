// What SET holds: the settings of a session, checked against the keys that are known. Values are
// kept as text, as written; the typed getters apply the default.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace mainstem::process::plan {

// How plans are made. A job goes on with the version that it was submitted with, since its state
// fits no other plan; a rule that changes plans of before asks for its version. 1: all until
// 2026-11-30. 2: conditions go down until nothing moves, several filters count as one, outer joins
// are plainer where nobody sees their padding. 3: a key is known by all its names and without its
// constants; tables keep their own columns behind USING; columns that nobody asks for end between
// two joins.
inline constexpr int kPlanVersion = 3;
inline constexpr std::string_view kPlanVersionKey = "mainstem.plan.version";

enum class SettingKind : uint8_t { kText, kBoolean, kInteger, kDuration, kChoice };
struct SettingSpec {
  std::string_view key;
  SettingKind kind = SettingKind::kText;
  std::string_view default_value;
  std::string_view choices;  // kChoice: 'a|b|c', compared without case
  bool has_effect = true;    // false: taken, so that scripts run unchanged, and ignored
};
// Sorted by key.
const std::vector<SettingSpec>& KnownSettings();

// '30 s', '5 min', '200ms', '1 d', '500' (milliseconds). InvalidConfig for anything else.
Result<int64_t> ParseDurationMillis(std::string_view text);

class Settings {
 public:
  // Refuses a value that the key does not take, and a key that looks like a slip for a known one.
  // Other unknown keys are kept: they may mean something to another engine. `note`, if given, gets
  // a sentence when the setting has no effect here.
  Status Set(std::string_view key, std::string_view value, std::string* note = nullptr);
  // RESET goes back to what holds now.
  void KeepAsInitial() { initial_ = values_; }
  void Reset(std::string_view key);
  void ResetAll() { values_ = initial_; }

  // The key must be a known one of that kind.
  std::string Text(std::string_view key) const;  // choices in lower case
  bool Boolean(std::string_view key) const;
  int64_t Integer(std::string_view key) const;
  int64_t Millis(std::string_view key) const;
  const std::map<std::string, std::string>& values() const { return values_; }

 private:
  std::map<std::string, std::string> values_;
  std::map<std::string, std::string> initial_;  // of the session
};

// table.local-time-zone, as a name that absl knows.
std::string TimeZoneOf(const Settings& settings);

}  // namespace mainstem::process::plan
