// What the members of a group add up to: who supports which protocol, and the memory they take.
#include <algorithm>

#include <absl/container/flat_hash_set.h>

#include "gateway/kafka/group/group.h"

namespace mainstem::gateway::kafka {
namespace {

// What is kept of a member besides its texts; its id stands in several places.
constexpr int64_t kMemberBytes = 400;
constexpr int64_t kMemberIdCopies = 3;
constexpr int64_t kProtocolBytes = 120;
constexpr int64_t kPendingBytes = 120;
constexpr int64_t kIdSuffixBytes = 37;  // behind the client's name for itself

int64_t BytesOf(const std::vector<GroupProtocol>& protocols) {
  int64_t bytes = 0;
  for (const GroupProtocol& protocol : protocols) {
    bytes += kProtocolBytes + std::ssize(protocol.name) + std::ssize(protocol.metadata);
  }
  return bytes;
}

int64_t BytesOf(const Group::Member& member) {
  int64_t instance = member.instance_id ? std::ssize(*member.instance_id) : 0;
  return kMemberBytes + kMemberIdCopies * std::ssize(member.id) + kMemberIdCopies * instance +
         std::ssize(member.client_id) + std::ssize(member.client_host) +
         std::ssize(member.assignment) + BytesOf(member.protocols);
}

// With an id of its own, if it has none yet.
int64_t BytesOf(const JoinCall& call) {
  int64_t instance = call.instance_id ? std::ssize(*call.instance_id) : 0;
  int64_t named = call.instance_id ? instance : std::ssize(call.client_id);
  int64_t id = std::max(std::ssize(call.member_id), named + kIdSuffixBytes);
  return kMemberBytes + kMemberIdCopies * (id + instance) + std::ssize(call.client_id) +
         std::ssize(call.client_host) + BytesOf(call.protocols);
}

}  // namespace

void Group::CountIn(const Member& member) {
  bytes_ += BytesOf(member);
  absl::flat_hash_set<std::string_view> seen;
  for (const GroupProtocol& protocol : member.protocols) {
    if (seen.insert(protocol.name).second) ++supporters_[protocol.name];
  }
}

void Group::CountOut(const Member& member) {
  bytes_ -= BytesOf(member);
  absl::flat_hash_set<std::string_view> seen;
  for (const GroupProtocol& protocol : member.protocols) {
    if (!seen.insert(protocol.name).second) continue;
    auto supported = supporters_.find(protocol.name);
    if (--supported->second == 0) supporters_.erase(supported);
  }
}

bool Group::AllSupport(const std::string& protocol) const {
  auto supported = supporters_.find(protocol);
  return supported != supporters_.end() && supported->second == members_.size();
}

void Group::AddPending(const std::string& member_id, TimePoint deadline) {
  pending_[member_id] = deadline;
  bytes_ += kPendingBytes + std::ssize(member_id);
}

bool Group::ErasePending(const std::string& member_id) {
  bool is_erased = pending_.erase(member_id) > 0;
  if (is_erased) bytes_ -= kPendingBytes + std::ssize(member_id);
  return is_erased;
}

int64_t Group::GrowthBy(const JoinCall& call) const {
  auto known = members_.find(call.member_id);
  if (call.instance_id && known == members_.end()) {
    auto predecessor = static_members_.find(*call.instance_id);
    if (predecessor != static_members_.end()) known = members_.find(predecessor->second);
  }
  if (known == members_.end()) return BytesOf(call);
  return BytesOf(call) - (BytesOf(known->second) - std::ssize(known->second.assignment));
}

int64_t Group::GrowthBy(const SyncCall& call) const {
  if (call.member_id != leader_) return 0;  // of others none is taken
  int64_t growth = 0;
  for (const auto& [id, assignment] : call.assignments) {
    if (members_.contains(id)) growth += std::ssize(assignment);
  }
  for (const auto& [id, member] : members_) growth -= std::ssize(member.assignment);
  return growth;
}

}  // namespace mainstem::gateway::kafka
