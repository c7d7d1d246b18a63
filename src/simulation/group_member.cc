#include "simulation/group_member.h"

#include <algorithm>

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>

#include "gateway/kafka/messages/group_membership.h"
#include "gateway/kafka/messages/group_offsets.h"
#include "simulation/transactional_client.h"

namespace mainstem::simulation {
namespace {

constexpr int16_t kJoinVersion = 7;
constexpr int16_t kMemberIdRequired = 79;

// ConsumerProtocolSubscription, version 0.
std::string Subscription(const std::string& topic) {
  kafka::Writer writer;
  writer.WriteInt(int16_t{0});
  writer.WriteInt(int32_t{1});
  writer.WriteInt(static_cast<int16_t>(topic.size()));
  writer.WriteRaw(topic);
  writer.WriteInt(int32_t{-1});
  return std::move(writer).FinishBytes();
}

}  // namespace

Task<> GroupMember::Pause(uint64_t ms_max) {
  Duration pause = dice_.MsBelow(ms_max);
  co_return co_await Sleep(pause);
}

template <typename Request>
Request GroupMember::AsMember() const {
  Request request;
  request.group_id = options_.group;
  request.generation_id = generation_;
  request.member_id = member_id_;
  request.group_instance_id = options_.instance_id;
  return request;
}

GroupMember::Turn GroupMember::Judge(const char* call, int16_t code) {
  if (IsPassingError(code)) return Turn::kRejoin;
  switch (code) {
    case 0: return Turn::kGoOn;
    case 14:
    case 16:
    case 22:
    case 27: return Turn::kRejoin;
    case 25:
    case 82: member_id_.clear(); return Turn::kRejoin;
    default:
      ledger_->Violated(fmt::format("{}: {} answered with error {}", options_.name, call, code));
      return Turn::kVanish;
  }
}

Task<> GroupMember::Run() {
  while (!finishing_) {
    CO_RETURN_IF_ERROR(co_await Live());
    client_->Close();
    member_id_.clear();
    generation_ = -1;
    if (!finishing_) CO_RETURN_IF_ERROR(co_await Pause(12'000));
  }
  co_return Status::OK();
}

Task<> GroupMember::Live() {
  Turn turn = Turn::kRejoin;
  while (turn == Turn::kRejoin && !finishing_) {
    CO_ASSIGN_OR_RETURN(turn, co_await Join());
    if (turn == Turn::kGoOn) {
      CO_ASSIGN_OR_RETURN(turn, co_await Sync());
    }
    if (turn == Turn::kGoOn) {
      CO_ASSIGN_OR_RETURN(turn, co_await Consume());
    }
    if (turn == Turn::kRejoin) CO_RETURN_IF_ERROR(co_await Pause(300));
  }
  bool leaves = finishing_ || dice_.Below(2) == 0;
  if (leaves) CO_RETURN_IF_ERROR(co_await Leave());
  co_return Status::OK();
}

Task<GroupMember::Turn> GroupMember::Join() {
  kafka::JoinGroupRequest request;
  request.group_id = options_.group;
  request.session_timeout_ms = 6000;
  request.rebalance_timeout_ms = 4000;
  request.member_id = member_id_;
  request.group_instance_id = options_.instance_id;
  request.protocol_type = "consumer";
  request.protocols.push_back({.name = "range", .metadata = {Subscription(options_.topic)}});
  Result<kafka::JoinGroupResponse> response =
      co_await client_->Call<kafka::JoinGroupResponse>(kJoinVersion, request);
  if (Is(response.status(), ErrorCode::kCancelled)) co_return response.status();
  if (!response.ok()) co_return Turn::kRejoin;
  if (response->error_code == kMemberIdRequired) {
    member_id_ = response->member_id;
    co_return Turn::kRejoin;
  }
  Turn turn = Judge("JoinGroup", response->error_code);
  if (turn != Turn::kGoOn) co_return turn;
  if (!member_id_.empty() && response->member_id != member_id_) {
    ledger_->Violated(options_.name + ": JoinGroup changed the member id");
  }
  // One of which nobody heard an assignment may be forgotten in a crash, as in Kafka.
  bool went_back = response->generation_id < synced_generation_;
  if (went_back && !ledger_->may_forget_generations()) {
    ledger_->Violated(fmt::format("group {}: the generation went back from {} to {}",
                                  options_.group, synced_generation_, response->generation_id));
  }
  member_id_ = response->member_id;
  generation_ = response->generation_id;
  to_assign_.clear();
  bool is_leader = response->leader == member_id_;
  for (const auto& member : response->members) {
    if (is_leader) to_assign_.push_back(member.member_id);
  }
  co_return Turn::kGoOn;
}

Task<GroupMember::Turn> GroupMember::Sync() {
  auto request = AsMember<kafka::SyncGroupRequest>();
  request.protocol_type = "consumer";
  request.protocol_name = "range";
  std::sort(to_assign_.begin(), to_assign_.end());
  std::vector<std::string> shares(to_assign_.size());
  for (int32_t i = 0; i < options_.partition_count && !shares.empty(); ++i) {
    std::string& share = shares[static_cast<size_t>(i) % shares.size()];
    share += (share.empty() ? "" : ",") + std::to_string(i);
  }
  for (size_t i = 0; i < shares.size(); ++i) {
    request.assignments.push_back({.member_id = to_assign_[i], .assignment = {shares[i]}});
  }
  Result<kafka::SyncGroupResponse> response =
      co_await client_->Call<kafka::SyncGroupResponse>(5, request);
  if (Is(response.status(), ErrorCode::kCancelled)) co_return response.status();
  if (!response.ok()) co_return Turn::kRejoin;
  Turn turn = Judge("SyncGroup", response->error_code);
  if (turn != Turn::kGoOn) co_return turn;
  synced_generation_ = generation_;
  owned_.clear();
  for (absl::string_view text : absl::StrSplit(response->assignment.data, ',', absl::SkipEmpty())) {
    int32_t index = 0;
    CHECK(absl::SimpleAtoi(text, &index));
    PartitionKey key{options_.topic, index};
    ledger_->TakePartition(options_.group, generation_, key, options_.name);
    owned_.push_back(key);
  }
  ledger_->Count("assignments");
  co_return Turn::kGoOn;
}

Task<GroupMember::Turn> GroupMember::Consume() {
  FetchReader reader(reading_, ledger_, options_.reader);
  CO_ASSIGN_OR_RETURN(auto offsets,
                      co_await StableOffsets(client_, ledger_, options_.group, owned_));
  for (const auto& [key, offset] : offsets) reader.Want(key, std::max<int64_t>(0, offset));
  TimePoint next_heartbeat = client_->env()->Now();
  while (!finishing_) {
    if (client_->env()->Now() >= next_heartbeat) {
      CO_ASSIGN_OR_RETURN(Turn turn, co_await Heartbeat());
      if (turn != Turn::kGoOn) co_return turn;
      next_heartbeat = client_->env()->Now() + std::chrono::milliseconds(700);
    }
    size_t count = 0;
    if (!owned_.empty()) {
      CO_ASSIGN_OR_RETURN(std::vector<FetchedPartition> fetched, co_await reader.Poll());
      count = fetched.size();
    }
    if (count == 0) CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::milliseconds(100)));
    if (count > 0 && dice_.Below(3) == 0) {
      CO_ASSIGN_OR_RETURN(Turn turn, co_await Commit(reader.positions()));
      if (turn != Turn::kGoOn) co_return turn;
    }
    if (dice_.Below(150) == 0) co_return Turn::kVanish;
    if (dice_.Below(300) == 0) CO_RETURN_IF_ERROR(co_await Pause(9000));  // its session may end
  }
  co_return co_await Commit(reader.positions());
}

Task<GroupMember::Turn> GroupMember::Heartbeat() {
  auto request = AsMember<kafka::HeartbeatRequest>();
  Result<kafka::HeartbeatResponse> response =
      co_await client_->Call<kafka::HeartbeatResponse>(4, request);
  if (Is(response.status(), ErrorCode::kCancelled)) co_return response.status();
  if (!response.ok()) co_return Turn::kGoOn;  // the next one will tell
  co_return Judge("Heartbeat", response->error_code);
}

Task<GroupMember::Turn> GroupMember::Commit(std::map<PartitionKey, int64_t> positions) {
  if (positions.empty()) co_return Turn::kGoOn;
  auto request = AsMember<kafka::OffsetCommitRequest>();
  request.topics.push_back({.name = options_.topic});
  for (const auto& [key, position] : positions) {
    request.topics[0].partitions.push_back({.index = key.second, .committed_offset = position});
  }
  Result<kafka::OffsetCommitResponse> response =
      co_await client_->Call<kafka::OffsetCommitResponse>(8, request);
  if (Is(response.status(), ErrorCode::kCancelled)) co_return response.status();
  if (!response.ok()) co_return Turn::kGoOn;  // it may be in force or not
  for (const auto& partition : response->topics[0].partitions) {
    Turn turn = Judge("OffsetCommit", partition.error_code);
    if (turn != Turn::kGoOn) co_return turn;
    PartitionKey key{options_.topic, partition.index};
    ledger_->AcknowledgeCommit(options_.group, key, positions.at(key));
  }
  co_return Turn::kGoOn;
}

Task<> GroupMember::Leave() {
  if (member_id_.empty()) co_return Status::OK();
  kafka::LeaveGroupRequest request;
  request.group_id = options_.group;
  request.members.push_back({.member_id = member_id_, .group_instance_id = options_.instance_id});
  Result<kafka::LeaveGroupResponse> response =
      co_await client_->Call<kafka::LeaveGroupResponse>(4, request);
  if (Is(response.status(), ErrorCode::kCancelled)) co_return response.status();
  co_return Status::OK();  // without an answer its session ends
}

}  // namespace mainstem::simulation
