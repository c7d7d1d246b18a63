// A whole run from a seed: a node, clients of every kind, faults for some time, then a quiet end in
// which everything is acknowledged, read and compared.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/sim/sim_disk.h"
#include "core/sim/sim_world.h"

namespace mainstem::simulation {

struct ScenarioOptions {
  uint64_t seed = 1;
  Duration faults_for = std::chrono::seconds(40);  // virtual
  // Which faults may happen; a seed chooses among them.
  bool crashes = true;
  bool disk_faults = true;
  bool network_faults = true;
  bool clock_jumps = true;
  // False: the disk forgets what it promised to keep at a power cut. The checker must see it.
  bool disk_keeps_promises = true;
  ForgottenSyncs disk_forgets{};  // some of what it promised
  // The disk operation with this number, counted from the first start, fails. Negative: none.
  int64_t failing_operation = -1;
  // So long everybody has, in the quiet end, to come to his own.
  Duration patience = std::chrono::minutes(3);
  bool logs = false;  // the node, to standard error
  // The power goes right after this step. Negative: never there.
  int64_t crash_at_step = -1;
};

struct ScenarioOutcome {
  std::string violation;  // empty: none
  uint64_t trace_hash = 0;
  int64_t step_count = 0;
  bool fault_fired = false;  // of failing_operation
  std::map<std::string, int64_t> counts;
};

ScenarioOutcome RunScenario(const ScenarioOptions& options);

}  // namespace mainstem::simulation
