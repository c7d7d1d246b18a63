// What a sink has beside table.h when it can replace what is there: INSERT OVERWRITE, at the end of
// a bounded job. The option kOverwriteOption of the table, which only the planner sets, asks for
// it; its value is the list of the partition's values as JSON (NULL: null) where PARTITION names
// all columns of the partition, else empty: the partitions that get rows are replaced, or all.
#pragma once

#include <string_view>

namespace mainstem::connector {

inline constexpr std::string_view kOverwriteOption = "sink.overwrite";

// Implemented by the DeliveryWriters of such a sink. They keep all rows back, and return position
// 0, until the input has ended: then Flush replaces what was there by them, as a whole.
class OverwritingWriter {
 public:
  virtual ~OverwritingWriter() = default;
  // No rows come after those that are delivered when the next final Flush is called.
  virtual void InputHasEnded() = 0;
};

}  // namespace mainstem::connector
