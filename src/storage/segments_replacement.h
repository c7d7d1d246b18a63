// A compacted segment whose file has not got the name of the one that it replaced yet. Internal to
// segments.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "storage/segments.h"

namespace mainstem::storage {

struct Segments::Replacement {
  SegmentInfo segment;
  std::shared_ptr<Index> index;
  std::vector<SegmentInfo> replaced;
  bool renamed = false;

  bool IsOf(const SegmentInfo& other) const {
    return segment.base_offset == other.base_offset && segment.generation == other.generation;
  }
};

}  // namespace mainstem::storage
