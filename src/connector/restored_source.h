// For sources that must know which splits a checkpoint holds: those of later on may start otherwise
// than those of the beginning, or be some of the known ones. Implemented by TableSources; whoever
// restores a job asks for it.
#pragma once

#include <vector>

#include "connector/table.h"

namespace mainstem::connector {

struct RestoredSplit {
  SourceSplit split;
  bool ended = false;  // it is not read again
};

class RestoredSource {
 public:
  virtual ~RestoredSource() = default;
  // Before splits are discovered: a checkpoint holds the positions of these. Where they would have
  // begun need not be known, and others are new. Empty: there is none, and what an earlier attempt
  // of the job has found does not count. Fails when they are of another source.
  virtual Status SetRestored(std::vector<RestoredSplit> splits) = 0;
};

}  // namespace mainstem::connector
