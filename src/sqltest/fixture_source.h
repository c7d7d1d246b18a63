// A table's source that reads a fixture instead of the outside: the rows come when the fixture
// says, on the clock of the env, and then the source ends. What is not JSON or CSV of rows goes
// through the table's own format.
#pragma once

#include <memory>

#include "connector/table.h"
#include "sqltest/fixture.h"

namespace mainstem::sqltest {

struct FixtureSourceOptions {
  Env* env = nullptr;
  connector::TableDescriptor table;
  std::shared_ptr<const Fixture> fixture;
  bool insert_only = true;       // as the real connector says
  bool upserts = false;          // likewise
  bool can_look_up = false;      // likewise
  size_t lines_per_read = 1024;  // of a fixture whose lines all come at once
  // Readers hold back now and then, in no time: what has no order among tables and partitions then
  // comes in another one each time.
  bool unsteady = false;
  bool open = false;  // never ends: after its last line it is idle
};

std::unique_ptr<connector::TableSource> MakeFixtureSource(FixtureSourceOptions options);

// Whether every line can be decoded as this table's rows; the error shows the place. Not for
// records of a topic.
Status CheckFixture(const Fixture& fixture, const connector::TableDescriptor& table,
                    bool insert_only);

}  // namespace mainstem::sqltest
