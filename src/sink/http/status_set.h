// Sets of HTTP statuses as options write them: '2XX,409,!203'. A later item wins. Pure.
#pragma once

#include <bitset>
#include <string>

#include "core/status.h"

namespace mainstem::sink {

class StatusSet {
 public:
  static Result<StatusSet> Parse(const std::string& text);
  bool Has(int status) const {
    return status >= 0 && status < kStatusCount && statuses_[static_cast<size_t>(status)];
  }

 private:
  static constexpr int kStatusCount = 600;
  std::bitset<kStatusCount> statuses_;
};

}  // namespace mainstem::sink
