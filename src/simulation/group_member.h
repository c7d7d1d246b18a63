// A consumer in a group (classic protocol): joins, as leader assigns, reads from the committed
// offsets on, commits, heartbeats; leaves, vanishes and comes back, also as a static member.
// Committed offsets must never go back, and a partition has one owner in each generation.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "simulation/dice.h"
#include "simulation/fetch_reader.h"

namespace mainstem::simulation {

struct GroupMemberOptions {
  std::string name;
  std::string group;
  std::string topic;
  int32_t partition_count = 1;
  std::optional<std::string> instance_id;
  uint64_t seed = 0;
  FetchReaderOptions reader;
};

class GroupMember {
 public:
  // Clients (one for the group, one to read) and ledger outlive it.
  GroupMember(KafkaClient* client, KafkaClient* reading, Ledger* ledger, GroupMemberOptions options)
      : client_(client),
        reading_(reading),
        ledger_(ledger),
        options_(std::move(options)),
        dice_(options_.seed) {}

  // Until Finish; leaves the group then.
  Task<> Run();
  void Finish() { finishing_ = true; }

 private:
  // What to do next.
  enum class Turn : uint8_t { kGoOn, kRejoin, kVanish };

  Task<> Live();
  Task<Turn> Join();
  Task<Turn> Sync();
  Task<Turn> Consume();
  Task<Turn> Heartbeat();
  Task<Turn> Commit(std::map<PartitionKey, int64_t> positions);
  Task<> Leave();
  Turn Judge(const char* call, int16_t code);
  // A request that says who asks.
  template <typename Request>
  Request AsMember() const;
  Task<> Pause(uint64_t ms_max);

  KafkaClient* const client_;
  KafkaClient* const reading_;
  Ledger* const ledger_;
  const GroupMemberOptions options_;
  Dice dice_;
  std::string member_id_;
  int32_t generation_ = -1;
  int32_t synced_generation_ = -1;      // the newest of which it heard its assignment
  std::vector<std::string> to_assign_;  // member ids; of the leader only
  std::vector<PartitionKey> owned_;
  bool finishing_ = false;
};

}  // namespace mainstem::simulation
