// A thread for the calls of one client of a library that blocks, librdkafka's: a broker that is
// away then holds up its own table only, not the few threads that all connectors share.
// Functions run one after the other, in the order in which they were given.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "core/env.h"

namespace mainstem::connector {

class ClientThread final : public BlockingPool {
 public:
  ClientThread();
  // Runs what is left, then ends; may block as long as that does.
  ~ClientThread() override;

  void Submit(UniqueFunction function) override;

 private:
  void Work();

  std::mutex mutex_;  // guards what follows
  std::condition_variable has_work_;
  std::deque<UniqueFunction> functions_;
  bool is_ending_ = false;
  std::thread thread_;
};

}  // namespace mainstem::connector
