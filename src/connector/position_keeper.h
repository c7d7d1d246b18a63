// What a TableSink has beside table.h when its destination keeps a delivery's position for as long
// as the rows: one that has none, after rows were delivered, has lost it, and maybe them.
#pragma once

namespace mainstem::connector {

class PositionKeeper {
 public:
  virtual ~PositionKeeper() = default;
};

}  // namespace mainstem::connector
