// One client connection. Requests are taken in order and answered in order. Produce requests that
// follow each other overlap (one flush serves many); any other request starts when all before it
// have been answered, so a client sees what it wrote. While one waits (a long poll, a rebalance),
// the next is already read, which is also how the end of the connection is noticed: what waits then
// is cancelled, so that nothing of a client stays longer than the client.
// Lives on one shard, from Run() to its end. A malformed request, an unknown API and a frame over
// the limit end the connection, as with Kafka.
#pragma once

#include <deque>
#include <memory>

#include "core/env.h"
#include "core/memory_budget.h"
#include "gateway/kafka/frame_reader.h"
#include "gateway/kafka/kafka_metrics.h"
#include "gateway/kafka/routes.h"

namespace mainstem::gateway::kafka {

class Session {
 public:
  // Borrows what services, budget and metrics point to.
  Session(Services services, MemoryBudget* budget, KafkaMetrics* metrics,
          std::unique_ptr<Stream> stream, Executor executor);
  ~Session();

  // Serves until the client leaves, an error, or cancellation. OK when the client left.
  Task<> Run();

 private:
  static constexpr size_t kInFlightMax = 64;
  static constexpr size_t kInFlightBytesMax = 32 << 20;  // one frame may be larger

  struct InFlight {
    RequestFrame frame;
    AnswerMemory answer_memory;
    RequestContext context;
    RequestHeader header;
    const Route* route = nullptr;
    Reader body{{}};
    bool done = false;
    Frame response;  // empty: no answer
  };
  using InFlightPointer = std::shared_ptr<InFlight>;

  Task<> ReadLoop();
  Task<> ServeLoop();
  Task<> WriteLoop();
  Task<> End(Task<> loop);
  Task<> ServeOne(InFlightPointer request);
  // Not a Produce: nothing else is served meanwhile. The end of the input cancels it.
  Task<> ServeAlone(InFlightPointer request);
  void Count(const InFlight& request, const Result<Frame>& response, TimePoint began);

  // Fills header, route and context. Answers an ApiVersions that is too new by itself.
  Status Prepare(InFlight* request);
  bool HasRoomFor(size_t bytes) const;

  const Services services_;
  MemoryBudget* const budget_;
  KafkaMetrics* const metrics_;
  const std::unique_ptr<Stream> stream_;
  const Executor executor_;
  FrameReader frames_;
  FetchSession fetch_session_;
  RequestContext context_;  // copied for each request

  std::deque<InFlightPointer> unserved_;    // read, not started
  std::deque<InFlightPointer> unanswered_;  // started, in order
  size_t in_flight_bytes_ = 0;
  size_t running_produces_ = 0;
  bool input_ended_ = false;
  bool serving_ended_ = false;

  Event moved_;  // any of the above has changed
  Event ended_;
  bool has_ended_ = false;
  Status outcome_;
  TaskScope alone_;  // what ServeAlone serves
  TaskScope scope_;
};

}  // namespace mainstem::gateway::kafka
