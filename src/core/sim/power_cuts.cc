#include "core/sim/power_cuts.h"

#include <random>

namespace mainstem {

Status CutPower(const PowerCuts& cuts, const FaultScenario& scenario) {
  auto* disk =
      new SimDisk(cuts.seed, {.keeps_promises = cuts.keeps_promises, .forgets = cuts.forgets});
  std::mt19937_64 random(cuts.seed);
  for (int cut = 0; cut < cuts.count; ++cut) {
    auto* env = new SimEnv(disk, {.seed = random()});
    Status outcome;
    const auto steps = static_cast<int64_t>(random() % static_cast<uint64_t>(cuts.steps_max));
    if (env->RunSteps(scenario.body(env), steps, &outcome)) RETURN_IF_ERROR(outcome);
    env->Abandon();
    disk->Crash();
    SimEnv checker(disk, {.seed = random()});
    RETURN_IF_ERROR(checker.Run(scenario.check(&checker)));
  }
  return Status::OK();
}

}  // namespace mainstem
