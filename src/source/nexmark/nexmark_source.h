// The connector 'nexmark': the events of nexmark_events.h as a table
//   event_type INT, person ROW<..>, auction ROW<..>, bid ROW<..>
// of which a table declares the columns and members that it wants, by their names. Option names are
// those of the benchmark's connector for Flink, as far as they matter here.
#pragma once

#include "connector/registry.h"

namespace mainstem::source {

connector::ConnectorSpec NexmarkConnector();

}  // namespace mainstem::source
