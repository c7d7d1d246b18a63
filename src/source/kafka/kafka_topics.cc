#include "source/kafka/kafka_topics.h"

#include <algorithm>
#include <cstring>

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <absl/strings/numbers.h>

namespace mainstem::source {

std::string PartitionPosition::ToString() const {
  std::string text = std::to_string(next.value());
  if (end) text += "-" + std::to_string(end->value());
  if (topic) {
    const std::string id(reinterpret_cast<const char*>(topic->data()), topic->size());
    text += "@" + absl::BytesToHexString(id);
  }
  return text;
}

Result<PartitionPosition> PartitionPosition::Parse(const std::string& text) {
  const size_t at = text.find('@');
  const std::string offsets = text.substr(0, at);
  const size_t dash = offsets.find('-');
  int64_t next = 0;
  int64_t end = 0;
  bool good = absl::SimpleAtoi(offsets.substr(0, dash), &next);
  if (dash != std::string::npos) good = good && absl::SimpleAtoi(offsets.substr(dash + 1), &end);
  const std::string id = at == std::string::npos ? "" : text.substr(at + 1);
  if (at != std::string::npos) {
    good &= id.size() == 2 * sizeof(storage::TopicId) &&
            std::all_of(id.begin(), id.end(), absl::ascii_isxdigit);
  }
  if (!good) {
    return MakeError(ErrorCode::kInvalidArgument, "'" + text + "' is no position in a partition");
  }
  PartitionPosition position;
  position.next = Offset(next);
  if (dash != std::string::npos) position.end = Offset(end);
  if (!id.empty()) {
    const std::string bytes = absl::HexStringToBytes(id);
    std::memcpy(position.topic.emplace().data(), bytes.data(), bytes.size());
  }
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
