// What of a group survives a restart.
#include <algorithm>

#include "gateway/kafka/group/group.h"

namespace mainstem::gateway::kafka {

std::optional<SavedGroup> Group::Save() {
  needs_saving_ = false;
  if (state_ != State::kStable && state_ != State::kEmpty) return std::nullopt;
  auto to_ms = [](Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  };
  SavedGroup saved{.generation = generation_,
                   .protocol_type = protocol_type_,
                   .protocol_name = protocol_name_,
                   .leader = leader_};
  for (const std::string& id : join_order_) {
    const Member& member = members_.at(id);
    SavedGroup::Member& target = saved.members.emplace_back();
    target.id = id;
    target.instance_id = member.instance_id;
    target.client_id = member.client_id;
    target.client_host = member.client_host;
    target.session_timeout_ms = to_ms(member.session_timeout);
    target.rebalance_timeout_ms = to_ms(member.rebalance_timeout);
    target.supports_skip_assignment = member.supports_skip_assignment;
    for (const GroupProtocol& protocol : member.protocols) {
      target.protocols.push_back({protocol.name, {protocol.metadata}});
    }
    target.assignment.data = member.assignment;
  }
  return saved;
}

void Group::Restore(SavedGroup saved, TimePoint empty_since, TimePoint now) {
  generation_ = saved.generation;
  protocol_type_ = std::move(saved.protocol_type);
  protocol_name_ = std::move(saved.protocol_name);
  leader_ = std::move(saved.leader);
  state_ = saved.members.empty() ? State::kEmpty : State::kStable;
  empty_since_ = empty_since;
  known_deadline_.reset();
  for (SavedGroup::Member& source : saved.members) {
    Member& member = members_[source.id];
    member.id = source.id;
    member.instance_id = std::move(source.instance_id);
    member.client_id = std::move(source.client_id);
    member.client_host = std::move(source.client_host);
    member.session_timeout = std::chrono::milliseconds(source.session_timeout_ms);
    member.rebalance_timeout = std::chrono::milliseconds(source.rebalance_timeout_ms);
    member.supports_skip_assignment = source.supports_skip_assignment;
    for (SavedGroup::Protocol& protocol : source.protocols) {
      member.protocols.push_back({std::move(protocol.name), std::move(protocol.metadata.data)});
    }
    member.assignment = std::move(source.assignment.data);
    member.has_synced = true;
    bool may_be_away = member.instance_id.has_value();
    member.session_deadline =
        now + (may_be_away ? member.session_timeout
                           : std::min(member.session_timeout, limits_.return_time_max));
    join_order_.push_back(member.id);
    CountIn(member);
    if (member.instance_id) static_members_[*member.instance_id] = member.id;
  }
}

}  // namespace mainstem::gateway::kafka
