// The bounded queue between two subtasks, possibly on different shards. The sender holds credits,
// one for each element the queue may still take; the receiver gives them back as it takes elements
// out. Crossing shards is one post each way; there are no locks.
#pragma once

#include <deque>
#include <memory>

#include "core/sync.h"
#include "process/operator/element.h"

namespace mainstem::process {

class InputGate;

// Made as a shared_ptr: elements in flight keep it alive. Send on the sender's shard; everything
// else on the receiver's.
class Channel : public std::enable_shared_from_this<Channel> {
 public:
  static constexpr size_t kCapacity = 8;
  Channel(Executor sender, Executor receiver);

  // Waits while the queue is full.
  Task<> Send(Element element);
  // Time spent waiting in Send.
  Duration blocked_time() const { return blocked_; }

  // Null ends the delivery: what arrives later is dropped.
  void SetGate(InputGate* gate) { gate_ = gate; }
  bool empty() const { return queue_.empty(); }
  Element Pop();

 private:
  void Deliver(Element element);
  void ReturnCredit();

  const Executor sender_;
  const Executor receiver_;
  // Sender's side.
  size_t credits_ = kCapacity;
  Event credit_returned_;
  Duration blocked_{0};
  // Receiver's side.
  std::deque<Element> queue_;
  InputGate* gate_ = nullptr;
};

}  // namespace mainstem::process
