// Where taken events become records: of the target's topic, or of that of its dead letters. Made
// for one commit; one task, home shard.
#pragma once

#include <string>
#include <string_view>

#include "core/env.h"
#include "core/logging.h"
#include "core/metrics.h"
#include "gateway/aws/epoch_appends.h"
#include "gateway/aws/log_place.h"
#include "gateway/aws/stream_place.h"
#include "gateway/events/archives/archives.h"
#include "gateway/events/bus_catalog.h"
#include "gateway/events/destinations/api_destinations.h"
#include "gateway/events/rules/taken_event.h"

namespace mainstem::gateway::events {

// What deliveries work with. Outlives them.
struct DeliveryParts {
  Env* env;
  storage::Log* log;
  MemoryBudget* budget;
  Metrics* metrics;
  Logger logger;
  std::string account;
  BusCatalog* buses;
  aws::FindStreamPlace find_stream;
  aws::FindLogPlace find_log;
  ApiDestinations* apis;
  Archives* archives;
};

struct DeliveryCounters {
  prometheus::Counter* delivered;
  prometheus::Counter* dead_letters;
  prometheus::Counter* dropped;
};

// Why a target did not get an event, as Amazon's dead letters tell it.
struct DeliveryFailure {
  std::string code;  // "NO_RESOURCE"
  std::string message;
  std::string exhausted{};  // "MaximumRetryAttempts", "MaximumEventAgeInSeconds"; empty: neither
  int64_t tries = 0;
};

class EventOutput {
 public:
  EventOutput(const DeliveryParts& parts, const DeliveryCounters& counters, const EventTaker& taker)
      : parts_(parts), counters_(counters), taker_(taker) {}

  enum class Fate : uint8_t {
    kPut,
    kAbsent,   // there is no such target now
    kRefused,  // there never will be a record of it; `failure` says why
  };
  // Before anything is put, where there are dead letters: Kinesis meets streams that it does not
  // know while none is held. A reshard waits for who holds one, and keeps it from meeting others.
  Task<> MeetStreams();
  // Into the target's topic.
  Task<Fate> Put(const TakenEvent* event, DeliveryFailure* failure);
  Task<bool> TargetIsThere();

  // For what the target does not get: to the dead letters, if there are any, else nowhere. False
  // when they can't be written now.
  Task<bool> Abandon(const TakenEvent* event, DeliveryFailure failure);
  // The target got it in another way.
  void CountDelivered() { ++delivered_; }
  // Nowhere.
  void Drop(const TakenEvent& event, const DeliveryFailure& failure);
  // The same of one that the bus no longer has.
  void DropGone(Offset offset);

  // What has been put. Kept by the caller until it is committed, then told: it is counted, and
  // what was dropped is logged.
  Result<std::vector<storage::EpochCommit::Append>> Take() { return appends_.Take(); }
  void TellCommitted();

 private:
  Task<Fate> PutIntoStream(const TakenEvent* event, DeliveryFailure* failure);
  Task<Fate> PutIntoLogGroup(const TakenEvent* event);
  Task<Fate> PutOntoBus(const TakenEvent* event);
  Task<Fate> PutIntoArchive(const TakenEvent* event);
  Task<std::optional<aws::StreamPlace>> DeadLetterStream(std::string key);
  std::string LogStreamName() const;

  const DeliveryParts& parts_;
  const DeliveryCounters& counters_;
  const EventTaker& taker_;
  aws::EpochAppends appends_;
  int64_t delivered_ = 0;
  int64_t dead_letters_ = 0;
  int64_t dropped_ = 0;
  std::string dropped_id_;  // the last one's
  DeliveryFailure dropped_why_;
};

}  // namespace mainstem::gateway::events
