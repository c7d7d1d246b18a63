// For sources that start splits of later on otherwise than those of the beginning. Implemented by
// TableSources; whoever restores a job asks for it.
#pragma once

#include <set>
#include <string>

namespace mainstem::connector {

class RestoredSource {
 public:
  virtual ~RestoredSource() = default;
  // Before splits are discovered: a checkpoint holds the positions of these. Where they would have
  // begun need not be known, and others are new. Never empty.
  virtual void SetRestored(std::set<std::string> split_ids) = 0;
};

}  // namespace mainstem::connector
