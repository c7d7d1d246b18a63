#include "source/kinesis/start_time.h"

#include <cmath>

#include <absl/strings/numbers.h>
#include <absl/time/time.h>

namespace mainstem::source {
namespace {

// Java's letters and those of absl::ParseTime. Milliseconds count as a fraction of the seconds in
// front of them.
constexpr std::pair<std::string_view, std::string_view> kLetters[] = {
    {"yyyy", "%E4Y"},   {"MM", "%m"}, {"dd", "%d"}, {"HH", "%H"}, {"mm", "%M"},
    {"ss.SSS", "%E*S"}, {"ss", "%S"}, {"X", "%Ez"}, {"Z", "%z"},
};

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

Result<std::string> FormatOf(std::string_view java) {
  std::string format;
  while (!java.empty()) {
    if (java[0] == '\'') {
      const size_t end = java.find('\'', 1);
      if (end == std::string_view::npos) {
        return MakeError(ErrorCode::kInvalidArgument, "has a quote without an end");
      }
      format += end == 1 ? "'" : java.substr(1, end - 1);
      java.remove_prefix(end + 1);
      continue;
    }
    size_t taken = 0;
    for (const auto& [letters, ours] : kLetters) {
      if (!java.starts_with(letters)) continue;
      format += ours;
      taken = letters.size();
      break;
    }
    if (taken == 0 && IsLetter(java[0])) {
      return MakeError(
          ErrorCode::kInvalidArgument,
          {.message = "has a letter that is not known: '" + std::string(1, java[0]) + "'",
           .hint = "known: yyyy, MM, dd, HH, mm, ss, ss.SSS, X, Z and 'text'"});
    }
    if (taken == 0) format += java[0] == '%' ? "%%" : std::string(1, java[0]);
    const bool is_zone = java[0] == 'X';  // of up to three letters
    java.remove_prefix(std::max<size_t>(taken, 1));
    while (is_zone && java.starts_with('X')) java.remove_prefix(1);
  }
  return format;
}

}  // namespace

Result<int64_t> ParseStartTime(const std::string& text, const std::string& format,
                               const std::string& time_zone) {
  ASSIGN_OR_RETURN(std::string ours, FormatOf(format));
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(time_zone, &zone)) zone = absl::UTCTimeZone();
  absl::Time time;
  std::string error;
  if (absl::ParseTime(ours, text, zone, &time, &error)) return absl::ToUnixMillis(time);
  double seconds = 0;
  if (absl::SimpleAtod(text, &seconds) && std::abs(seconds) < 1e11) {
    return std::llround(seconds * 1000);
  }
  return MakeError(ErrorCode::kInvalidArgument,
                   "is neither a time like " + format + " nor a number of seconds");
}

}  // namespace mainstem::source
