// Sources that want what they have not read to be kept: the engine pins it in this node's log,
// under the job's name, until the job is forgotten.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "connector/table.h"

namespace mainstem::connector {

// Who pins what all sources of a job have not read (Log::PinRetention). Log::ForgetJob lets go of
// it.
inline std::string SourcesHolderOf(std::string_view job_id) {
  return std::string(job_id) + ".sources";
}

// A TableSource may be one, too.
class HoldingSource {
 public:
  virtual ~HoldingSource() = default;
  // What must not be dropped so that reading can go on at these positions. Empty: retention is not
  // held.
  virtual std::map<storage::TopicPartition, Offset> HeldFrom(
      const std::vector<SourceSplit>& positions) const = 0;
};

}  // namespace mainstem::connector
