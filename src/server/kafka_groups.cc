#include "server/kafka_groups.h"

#include <fmt/format.h>

namespace mainstem::server {
namespace {

// Reads big-endian values off the front; `ok` turns false at the first one that is not there.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  uint32_t Take(size_t size) {
    if (bytes_.size() < size) ok_ = false;
    if (!ok_) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) value = value << 8 | static_cast<uint8_t>(bytes_[i]);
    bytes_.remove_prefix(size);
    return value;
  }
  std::string TakeString() {
    size_t size = Take(2);
    if (bytes_.size() < size) ok_ = false;
    if (!ok_) return {};
    std::string text(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return text;
  }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace

std::vector<std::pair<std::string, PartitionId>> ParseAssignment(std::string_view bytes) {
  std::vector<std::pair<std::string, PartitionId>> partitions;
  Cursor cursor(bytes);
  cursor.Take(2);  // version
  uint32_t topic_count = cursor.Take(4);
  for (uint32_t i = 0; cursor.ok() && i < topic_count; ++i) {
    std::string topic = cursor.TakeString();
    uint32_t partition_count = cursor.Take(4);
    for (uint32_t j = 0; cursor.ok() && j < partition_count; ++j) {
      auto partition = static_cast<int32_t>(cursor.Take(4));
      if (cursor.ok()) partitions.emplace_back(topic, PartitionId(partition));
    }
  }
  if (!cursor.ok()) partitions.clear();
  return partitions;
}

Task<std::vector<std::string>> KafkaGroups::ListGroups() {
  CO_ASSIGN_OR_RETURN(auto summaries, co_await coordinator_->List());
  std::vector<std::string> ids;
  for (auto& summary : summaries) ids.push_back(std::move(summary.id));
  co_return ids;
}

Task<GroupDetails> KafkaGroups::DescribeGroup(std::string id) {
  CO_ASSIGN_OR_RETURN(auto description, co_await coordinator_->Describe(id));
  if (!description.exists) {
    co_return MakeError(ErrorCode::kNotFound, fmt::format("group '{}' does not exist", id));
  }
  GroupDetails details;
  details.id = id;
  details.state = description.state;
  details.protocol = description.protocol_name;
  for (const auto& member : description.members) {
    details.members.push_back({.id = member.id,
                               .client_id = member.client_id,
                               .host = member.client_host,
                               .assignment = ParseAssignment(member.assignment)});
  }
  CO_ASSIGN_OR_RETURN(auto offsets, co_await coordinator_->Offsets(id));
  for (const auto& [key, offset] : offsets) details.committed[key] = offset.offset;
  co_return details;
}

Task<> KafkaGroups::DeleteGroup(std::string id) {
  using gateway::kafka::KafkaError;
  CO_ASSIGN_OR_RETURN(KafkaError error, co_await coordinator_->Delete(id));
  if (error == KafkaError::kNone) co_return Status::OK();
  if (error == KafkaError::kNonEmptyGroup) {
    co_return MakeError(
        ErrorCode::kInvalidArgument,
        {.message = fmt::format("group '{}' has members", id), .hint = "stop its consumers first"});
  }
  co_return MakeError(ErrorCode::kNotFound, fmt::format("group '{}' does not exist", id));
}

}  // namespace mainstem::server
