// A group's membership as it is kept in the log's meta values, under "kafka-groups/<group id>":
//
//   u8 version (1) | SavedGroup in Kafka's flexible encoding (codec/schema.h), fields as below
//
// Valid iff the version is 1 and the bytes are used up exactly. Written when an assignment is
// handed out and when the last member has left; what lies between is lost in a crash, and the
// members join again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "gateway/kafka/codec/schema.h"

namespace mainstem::gateway::kafka {

struct SavedGroup {
  static const Schema kSchema;

  struct Protocol {
    static const Schema kSchema;
    std::string name;
    Bytes metadata;
    bool operator==(const Protocol&) const = default;
  };
  struct Member {
    static const Schema kSchema;
    std::string id;
    std::optional<std::string> instance_id;
    std::string client_id;
    std::string client_host;
    int64_t session_timeout_ms = 0;
    int64_t rebalance_timeout_ms = 0;
    bool supports_skip_assignment = false;
    std::vector<Protocol> protocols;
    Bytes assignment;
    bool operator==(const Member&) const = default;
  };
  int32_t generation = 0;
  std::string protocol_type;
  std::string protocol_name;    // empty without members
  std::string leader;           // member id; empty without members
  int64_t empty_since_ms = -1;  // wall time; -1 with members
  std::vector<Member> members;  // in the order in which they joined
  bool operator==(const SavedGroup&) const = default;
};

std::string EncodeSavedGroup(const SavedGroup& group);
Result<SavedGroup> DecodeSavedGroup(std::string_view bytes);  // kCorruptStorage

}  // namespace mainstem::gateway::kafka
