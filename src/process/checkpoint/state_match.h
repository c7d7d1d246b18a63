// Which operator of a plan takes over which state of a checkpoint that another plan has made. State
// goes by what its owner is (operator, keys, columns), not by where it stands in the plan, so that
// a script may change around it. Pure functions.
//
// Two owners are the same when what they are and the layout of their state are equal. Where several
// are, those count first that read the same and lead to the same tables, then those that read the
// same, then those that lead to the same tables; an owner that stays ambiguous matches nobody.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "process/checkpoint/manifest_format.h"

namespace mainstem::process {

using StateNames = std::vector<CheckpointManifest::Name>;

// Node ids of `kept` that have an owner in `wanted`, with its node id.
std::map<std::string, std::string> MatchNames(const StateNames& kept, const StateNames& wanted);

struct FitOptions {
  std::string what;               // "savepoint /a/b", for errors
  bool ignore_unclaimed = false;  // state that nobody takes over is left out
  bool is_same_job = false;       // then no operator begins without what it had
};

struct FittedManifest {
  // Node ids are those of the new plan; what nobody takes over is gone.
  CheckpointManifest manifest;
  // Operator of the new plan -> operator whose state tables it takes.
  std::map<std::string, std::string> operator_before;
};

// InvalidArgument, naming each state and each source that nobody takes over, unless that is fine.
// Operators of the plan that find no state begin without, unless it is the same job's.
Result<FittedManifest> FitManifest(CheckpointManifest manifest, const StateNames& states,
                                   const StateNames& sources, const FitOptions& options);

}  // namespace mainstem::process
