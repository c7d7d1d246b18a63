// The fetch session of one connection (KIP-227): after a first whole request the client names only
// what changes, and is told only what is new. The node remembers what the client wants and what it
// last heard, partition by partition, in the order in which they are read: those that brought
// records go to the end, so that none starves.
// A session belongs to the connection that opened it and ends with it, or with the next one on the
// same connection. It is not promised: when memory is short the client is told session 0 and goes
// on with whole requests. Lives on the shard of the connection; one fetch at a time.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <tuple>

#include "core/env.h"
#include "core/memory_budget.h"
#include "gateway/kafka/error_codes.h"
#include "gateway/kafka/messages/fetch.h"

namespace mainstem::gateway::kafka {

class FetchSession {
 public:
  // Borrows both; they outlive it. `budget` may be null: then there is no limit.
  FetchSession(Env* env, MemoryBudget* budget) : env_(env), budget_(budget) {}

  // Takes in what the request says about the session. kFetchSessionIdNotFound,
  // kInvalidFetchSessionEpoch and kFetchSessionTopicIdError are for the whole answer, and the
  // client then begins anew. `by_id`: the request names topics by id.
  KafkaError Begin(const FetchRequest& request, bool by_id);
  // Whether the request named changes only; then everything that is wanted by now comes from here.
  bool is_incremental() const { return turn_ == Turn::kIncremental; }
  FetchRequest Whole(const FetchRequest& request) const;
  // For the answer to the request of the last Begin: sets its session and, when it was incremental,
  // leaves out the partitions of which there is nothing new. It has them in the request's order.
  void End(FetchResponse* response);

  size_t partition_count() const { return order_.size(); }

 private:
  enum class Turn : uint8_t { kNone, kWhole, kIncremental };
  struct Partition {
    std::string topic;  // empty when by id
    Uuid topic_id{};
    FetchRequest::Partition wanted;
    int64_t told_high_watermark = -1;
    int64_t told_log_start = -1;
  };
  using Order = std::list<Partition>;
  using Key = std::tuple<Uuid, std::string, int32_t>;

  // False when there is no memory for it, or the request names a partition twice.
  bool Open(const FetchRequest& request, bool by_id);
  bool Want(const FetchRequest::Topic& topic, const FetchRequest::Partition& partition);
  void Forget(const FetchRequest::ForgottenTopic& topic);
  bool LeaseFor(int64_t bytes);
  void Close();
  // Notes what is told; true when the client doesn't know it yet.
  static bool Tell(const FetchResponse::Partition& answer, Partition* known);

  Env* const env_;
  MemoryBudget* const budget_;
  Turn turn_ = Turn::kNone;
  int32_t id_ = 0;  // 0: no session
  int32_t next_epoch_ = 0;
  bool by_id_ = false;
  Order order_;
  std::map<Key, Order::iterator> partitions_;
  int64_t kept_bytes_ = 0;
  MemoryLease lease_;  // at least as much
};

}  // namespace mainstem::gateway::kafka
