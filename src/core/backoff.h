// Pauses between tries that grow, with jitter, so that many who fail together do not come back
// together. A value; no I/O, not thread-safe.
#pragma once

#include <algorithm>

#include "core/env.h"

namespace mainstem {

class Backoff {
 public:
  struct Bounds {
    Duration first = std::chrono::milliseconds(100);
    Duration last = std::chrono::seconds(30);
  };
  explicit Backoff(Bounds bounds) : bounds_(bounds), next_(bounds.first) {}

  // Half of the pause is fixed, half random; the next one is twice as long.
  Duration Next(Env* env) {
    auto jitter = static_cast<int64_t>(env->Random() % 1000);
    Duration pause = next_ / 2 + next_ / 2000 * jitter;
    next_ = std::min(next_ * 2, bounds_.last);
    return pause;
  }
  void Reset() { next_ = bounds_.first; }

 private:
  Bounds bounds_;
  Duration next_;
};

}  // namespace mainstem
