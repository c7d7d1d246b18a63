#include "source/kafka/kafka_topics.h"

#include <absl/strings/numbers.h>

namespace mainstem::source {

std::string PartitionPosition::ToString() const {
  std::string text = std::to_string(next.value());
  if (end) text += "-" + std::to_string(end->value());
  return text;
}

Result<PartitionPosition> PartitionPosition::Parse(const std::string& text) {
  size_t dash = text.find('-');
  int64_t next = 0;
  int64_t end = 0;
  bool good = absl::SimpleAtoi(text.substr(0, dash), &next);
  if (dash != std::string::npos) good = good && absl::SimpleAtoi(text.substr(dash + 1), &end);
  if (!good) {
    return MakeError(ErrorCode::kInvalidArgument, "'" + text + "' is no position in a partition");
  }
  PartitionPosition position;
  position.next = Offset(next);
  if (dash != std::string::npos) position.end = Offset(end);
  return position;
}

Result<PartitionName> PartitionName::Parse(const std::string& text) {
  size_t slash = text.rfind('/');
  PartitionName name;
  if (slash == std::string::npos || !absl::SimpleAtoi(text.substr(slash + 1), &name.partition)) {
    return MakeError(ErrorCode::kInvalidArgument, "'" + text + "' names no partition");
  }
  name.topic = text.substr(0, slash);
  return name;
}

}  // namespace mainstem::source
