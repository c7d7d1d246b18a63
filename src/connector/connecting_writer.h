// What a DeliveryWriter has beside table.h when its Open does not talk to the destination but a
// check of the table should: whether anybody is there to take rows.
#pragma once

#include "core/executor.h"

namespace mainstem::connector {

class ConnectingWriter {
 public:
  virtual ~ConnectingWriter() = default;
  // After Open: connects, as far as both sides know each other, and sends nothing.
  virtual Task<> TryToConnect() = 0;
};

}  // namespace mainstem::connector
