// What a DeliveryWriter has beside table.h when its Open does not talk to the destination: that it
// could be opened says nothing about the destination, only rows that are taken do.
#pragma once

#include "core/ids.h"

namespace mainstem::connector {

class BlindWriter {
 public:
  virtual ~BlindWriter() = default;
  // The position of the first row that comes, after Open and before all rows.
  virtual void BeginAt(Offset begin) = 0;
};

}  // namespace mainstem::connector
