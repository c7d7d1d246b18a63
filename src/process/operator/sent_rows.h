// Rows that an operator sends out of its state, encoded, in their order.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "process/operator/element.h"
#include "process/state/row_codec.h"

namespace mainstem::process {

class SentRows {
 public:
  void Add(RowKind kind, std::string row) {
    kinds_.push_back(kind);
    rows_.push_back(std::move(row));
  }
  bool empty() const { return rows_.empty(); }
  // All of them, decoded by the codec that made them; none are left.
  Result<ChangelogBatch> Take(const RowCodec& codec, std::shared_ptr<arrow::Schema> schema);

 private:
  std::vector<RowKind> kinds_;
  std::vector<std::string> rows_;  // beside kinds_
};

}  // namespace mainstem::process
