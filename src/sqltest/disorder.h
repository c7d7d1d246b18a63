// The same rows in another order: what a stream does to them on its way. Pure, from a seed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sqltest/fixture.h"

namespace mainstem::sqltest {

// Of one row: its event time, and what its table's WATERMARK says once it has come.
struct RowTime {
  int64_t rowtime_ms = 0;
  int64_t watermark_ms = 0;
};

// No row that was in time comes so late that a watermark has passed it, and none that was late
// comes in time; rows stay at their moments and in their partitions. `times`: one for each line;
// what it says of a bad line does not count.
Fixture Shuffled(const Fixture& fixture, const std::vector<RowTime>& times, uint64_t seed);

// With copies of those rows that are at least `late_ms` behind the last watermark, at the end, in
// any order.
Fixture WithLateCopies(const Fixture& fixture, const std::vector<RowTime>& times, int64_t late_ms,
                       uint64_t seed);

}  // namespace mainstem::sqltest
