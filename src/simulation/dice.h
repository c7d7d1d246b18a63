// What a seed decides for one client. Not for secrets.
#pragma once

#include <random>

#include "core/executor.h"

namespace mainstem::simulation {

class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  // From 0 to before `bound`.
  uint64_t Below(uint64_t bound) { return random_() % bound; }
  Duration MsBelow(uint64_t bound) {
    return std::chrono::milliseconds(static_cast<int64_t>(Below(bound)));
  }
  Duration UpTo(Duration most) {
    return Duration(static_cast<int64_t>(Below(static_cast<uint64_t>(most.count()) + 1)));
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace mainstem::simulation
