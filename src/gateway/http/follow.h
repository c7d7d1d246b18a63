// Follows a topic for one client: sends what is there, then what comes, until the client goes.
// Transport is left to a sink, so that server-sent events and WebSocket share the loop.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/memory_budget.h"
#include "gateway/http/event_json.h"
#include "gateway/http/event_reader.h"
#include "storage/log.h"

namespace mainstem::gateway::http {

struct FollowedEvent {
  std::string positions;  // where to go on after this event
  std::string json;
};

// Where a follow sends to. Waits while the client is slow.
class FollowSink {
 public:
  virtual ~FollowSink() = default;
  // Where a client goes on that comes back before anything else was sent.
  virtual Task<> Begin(std::string positions) = 0;
  virtual Task<> Send(std::vector<FollowedEvent> events) = 0;
  // What is passed over; see Gap.
  virtual Task<> SendGap(FollowedEvent gap) = 0;
  // Nothing came for a while: finds out whether the client is still there.
  virtual Task<> Heartbeat() = 0;
};

struct FollowOptions {
  storage::TopicInfo topic;
  Positions positions;
  bool all_partitions = true;  // those that are added, too, from their beginning
  ValueDecoding decoding = ValueDecoding::kAuto;
  Duration heartbeat = std::chrono::seconds(10);
  // Count what is sent; outlive the follow.
  std::atomic<int64_t>* events_sent = nullptr;
  std::atomic<int64_t>* bytes_sent = nullptr;
  MemoryBudget* memory =
      nullptr;  // what is read and not yet sent is leased from it, if it is there
};

// Ends with the sink's error, kUnknownTopic when the topic is deleted, or kCancelled.
Task<> Follow(Env* env, storage::Log* log, FollowOptions options, FollowSink* sink);

}  // namespace mainstem::gateway::http
