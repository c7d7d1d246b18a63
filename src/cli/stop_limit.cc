#include "cli/stop_limit.h"

#include <unistd.h>

#include <condition_variable>
#include <mutex>

namespace mainstem::cli {

StopLimit::StopLimit(std::chrono::milliseconds limit, std::function<void()> tell)
    : thread_([limit, tell = std::move(tell)](std::stop_token ended) {
        std::mutex mutex;
        std::condition_variable_any waiting;
        std::unique_lock lock(mutex);
        if (waiting.wait_for(lock, ended, limit, [&ended] { return ended.stop_requested(); }))
          return;
        tell();
        _exit(0);
      }) {}

StopLimit::~StopLimit() = default;

}  // namespace mainstem::cli
