// What a check of a table tells beside "it works": implemented by TableSinks of kind kLog and by
// DeliveryWriters (connector/table.h).
#pragma once

#include <string>

namespace mainstem::connector {

class RemarkingPart {
 public:
  virtual ~RemarkingPart() = default;
  // After MakeLogWriter or Open: what will surprise somebody one day; empty: nothing.
  virtual std::string Remark() const = 0;
};

}  // namespace mainstem::connector
