// Power cuts at random moments: what a test of durability runs beside ForEachFault.
#pragma once

#include "core/sim/sim_env.h"

namespace mainstem {

struct PowerCuts {
  uint64_t seed = 0;
  int count = 0;               // on one disk, one after the other
  int64_t steps_max = 6000;    // of the body before the power goes
  bool keeps_promises = true;  // false: the disk forgets what was synced, too
  ForgottenSyncs forgets{};    // some of it
};
// Runs the body up to a random step, cuts the power, and then the check; again and again. The error
// of the first check that fails, or of a body that ended before the cut. What a body leaves behind
// is leaked, as a power cut does; what it points at must be, too.
Status CutPower(const PowerCuts& cuts, const FaultScenario& scenario);

}  // namespace mainstem
