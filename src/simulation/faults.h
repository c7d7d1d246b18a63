// What goes wrong in a run, chosen from its seed: the node is killed, loses power or is stopped, at
// any step; its disk fails, is slow or full; connections are cut; its clock jumps. And the watchman
// that starts a node that is down, or does not get on, again.
#pragma once

#include "simulation/dice.h"
#include "simulation/ledger.h"
#include "simulation/node.h"
#include "simulation/scenario.h"

namespace mainstem::simulation {

class Faults {
 public:
  // All outlive it.
  Faults(SimWorld* world, SimDisk* disk, Node* node, Ledger* ledger, uint64_t seed)
      : world_(world), disk_(disk), node_(node), ledger_(ledger), dice_(seed ^ 0xfa017) {}

  // Starts the node whenever it does not run, until Finish; then stops it in order.
  Task<> KeepAlive();
  // One fault after the other for the scenario's time.
  Task<> Rage(ScenarioOptions options);
  // No faults from here on, and a node that is up.
  void Heal();
  void Finish() { finishing_ = true; }

 private:
  SimNetworkOptions TroubledNetwork();
  Task<> Strike(const ScenarioOptions& options);
  Task<> End();
  Task<> TroubleDisk();

  SimWorld* const world_;
  SimDisk* const disk_;
  Node* const node_;
  Ledger* const ledger_;
  Dice dice_;
  // The journal is fenced after an error of the disk: an operator starts the node anew.
  bool needs_restart_ = false;
  bool has_seen_fault_ = false;
  bool is_calm_ = false;
  bool began_calm_ = false;  // the start of the node that runs
  bool finishing_ = false;
};

}  // namespace mainstem::simulation
