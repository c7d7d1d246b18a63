// What happens with records that a source can't decode (table option 'scan.bad-records') and rows
// that a topic can't take ('sink.bad-records'), and how many of them are borne ('...max').
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>

namespace mainstem::process {

enum class RejectPolicy : uint8_t { kFail, kSkip, kQuarantine };

struct RejectRule {
  RejectPolicy policy = RejectPolicy::kFail;
  // More than this end the job, whatever the policy says: those of all subtasks together, over
  // restarts.
  int64_t max = std::numeric_limits<int64_t>::max();
  // Shared by the subtasks of a source or sink. What a checkpoint holds is added at a restore.
  std::shared_ptr<std::atomic<int64_t>> count = std::make_shared<std::atomic<int64_t>>(0);
};

}  // namespace mainstem::process
