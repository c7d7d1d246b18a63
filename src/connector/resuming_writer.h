// What a DeliveryWriter has beside table.h when it has to send a group of rows again, as a whole,
// that an earlier writer had begun: nothing can be made durable in the middle of it.
#pragma once

#include "core/ids.h"

namespace mainstem::connector {

class ResumingWriter {
 public:
  virtual ~ResumingWriter() = default;
  // Where that group ends; known when Open has returned. The rows up to there are in the log,
  // unless that was restored to an earlier state. Offset(0): there is no such group.
  virtual Offset begun_to() const = 0;
};

}  // namespace mainstem::connector
