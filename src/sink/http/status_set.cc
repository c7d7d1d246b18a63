#include "sink/http/status_set.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_split.h>

namespace mainstem::sink {

Result<StatusSet> StatusSet::Parse(const std::string& text) {
  StatusSet set;
  for (absl::string_view part : absl::StrSplit(text, ',', absl::SkipWhitespace())) {
    std::string item = absl::AsciiStrToUpper(absl::StripAsciiWhitespace(part));
    bool adds = !absl::StartsWith(item, "!");
    if (!adds) item.erase(0, 1);
    bool is_class = item.size() == 3 && absl::EndsWith(item, "XX");
    bool is_code = item.size() == 3 && absl::ascii_isdigit(static_cast<unsigned char>(item[1])) &&
                   absl::ascii_isdigit(static_cast<unsigned char>(item[2]));
    if ((!is_class && !is_code) || item[0] < '1' || item[0] > '5') {
      return MakeError(ErrorCode::kInvalidArgument,
                       "must be a list such as '2XX,409,!203', and '" + item + "' is no status");
    }
    int begin = (item[0] - '0') * 100;
    int end = begin + 100;
    if (is_code) {
      begin += (item[1] - '0') * 10 + (item[2] - '0');
      end = begin + 1;
    }
    for (int status = begin; status < end; ++status) {
      set.statuses_[static_cast<size_t>(status)] = adds;
    }
  }
  return set;
}

}  // namespace mainstem::sink
