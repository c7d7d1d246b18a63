// Bounds how long a stop waits: a call into a library that hangs, as to a destination that has
// taken the request and never answers, cannot be taken back, and must not hold the process.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace mainstem::cli {

// Ends the process with status 0 when it lives longer than `limit`; `tell` is called before, on a
// thread of its own. For work that may be cut off at any point, as a crash would.
class StopLimit {
 public:
  StopLimit(std::chrono::milliseconds limit, std::function<void()> tell);
  ~StopLimit();  // the work has ended in time

 private:
  std::jthread thread_;
};

}  // namespace mainstem::cli
