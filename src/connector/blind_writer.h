// What a DeliveryWriter has beside table.h when its Open does not talk to the destination: that it
// could be opened says nothing about the destination, only rows that are taken do.
#pragma once

namespace mainstem::connector {

class BlindWriter {
 public:
  virtual ~BlindWriter() = default;
  // Whether the destination has taken something from this writer.
  virtual bool has_delivered() const = 0;
};

}  // namespace mainstem::connector
