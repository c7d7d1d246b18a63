#include "simulation/faults.h"

namespace mainstem::simulation {
namespace {

// Moments at which a crash finds something half done, and which last a few steps only.
constexpr const char* kCrashPoints[] = {"segment.roll", "compaction.written", "compaction.replaced",
                                        "compaction.renamed"};

constexpr int64_t kRoomy = int64_t{1} << 40;

}  // namespace

Task<> Faults::KeepAlive() {
  while (!finishing_) {
    bool failed = !node_->start_error().ok();
    if (failed) {
      ledger_->Count("starts failed");
      // One that began before the calm may have met a fault that is over by now.
      if (began_calm_) ledger_->Violated("no start: " + Describe(node_->start_error()));
    }
    // Whatever the one error hit, the operator starts the node anew.
    bool is_hit = disk_->fault_fired() && !std::exchange(has_seen_fault_, true);
    if (failed || is_hit || needs_restart_) node_->Kill(SimEnding::kKilled);
    needs_restart_ = false;
    if (!node_->runs()) {
      ledger_->Count("starts");
      began_calm_ = is_calm_;
      node_->Start();
    }
    auto pause =
        std::chrono::milliseconds(static_cast<int64_t>(20 + dice_.Below(is_calm_ ? 50 : 800)));
    CO_RETURN_IF_ERROR(co_await Sleep(pause));
  }
  Status stopped = co_await node_->Stop();
  if (!stopped.ok()) ledger_->Violated("no orderly stop: " + Describe(stopped));
  co_return Status::OK();
}

SimNetworkOptions Faults::TroubledNetwork() {
  SimNetworkOptions options;
  options.latency_max = std::chrono::microseconds(static_cast<int64_t>(100 + dice_.Below(20'000)));
  options.buffer_bytes_min = 1 + dice_.Below(4000);
  options.buffer_bytes_max = options.buffer_bytes_min + dice_.Below(60'000);
  options.partial_percent = static_cast<int>(dice_.Below(60));
  options.cut_percent = static_cast<int>(dice_.Below(70));
  options.cut_bytes_max = static_cast<int64_t>(500 + dice_.Below(30'000));
  options.half_open_percent = static_cast<int>(dice_.Below(50));
  options.refused_percent = static_cast<int>(dice_.Below(15));
  options.lost_connect_percent = static_cast<int>(dice_.Below(5));
  return options;
}

Task<> Faults::Rage(ScenarioOptions options) {
  TimePoint end = world_->Now() + options.faults_for;
  while (world_->Now() < end) {
    auto pause = std::chrono::microseconds(static_cast<int64_t>(dice_.Below(3'000'000)));
    CO_RETURN_IF_ERROR(co_await Sleep(pause));
    CO_RETURN_IF_ERROR(co_await Strike(options));
  }
  co_return Status::OK();
}

Task<> Faults::Strike(const ScenarioOptions& options) {
  switch (dice_.Below(8)) {
    case 0:
    case 1:
    case 2:
      if (options.crashes) CO_RETURN_IF_ERROR(co_await End());
      break;
    case 3:
      if (options.network_faults) world_->network().set_options(TroubledNetwork());
      break;
    case 4:
      if (!options.network_faults) break;
      world_->network().set_options({});
      if (dice_.Below(3) == 0) world_->network().CutAll();
      break;
    case 5:
    case 6:
      if (options.disk_faults) CO_RETURN_IF_ERROR(co_await TroubleDisk());
      break;
    case 7: {
      if (!options.clock_jumps) break;
      auto by = static_cast<int64_t>(dice_.Below(7'200'000)) - 3'600'000;
      if (dice_.Below(2) == 0) by /= 1000;
      node_->JumpWallTime(std::chrono::milliseconds(by));
      ledger_->Count("clock jumps");
      break;
    }
  }
  co_return Status::OK();
}

// Right after one of the next steps, in whatever state that finds the node, or where it comes to a
// moment that is rare.
Task<> Faults::End() {
  uint64_t how = dice_.Below(8);
  if (how == 0) {
    ledger_->Count("orderly stops");
    Status stopped = co_await node_->Stop();
    if (!stopped.ok()) ledger_->Count("orderly stops with an error");
    co_return Status::OK();
  }
  SimEnding ending = how < 5 ? SimEnding::kPowerCut : SimEnding::kKilled;
  ledger_->Count(ending == SimEnding::kPowerCut ? "power cuts" : "kills");
  if (dice_.Below(3) == 0) {
    node_->KillAt(kCrashPoints[dice_.Below(std::size(kCrashPoints))], ending);
    co_return Status::OK();
  }
  world_->CallAtStep(world_->step_count() + static_cast<int64_t>(dice_.Below(2000)),
                     [this, ending] { node_->Kill(ending); });
  co_return Status::OK();
}

Task<> Faults::TroubleDisk() {
  switch (dice_.Below(3)) {
    case 0: {
      ledger_->Count("disk errors");
      disk_->FailOperation(static_cast<int64_t>(dice_.Below(60)));
      Duration pause = dice_.MsBelow(2000);
      CO_RETURN_IF_ERROR(co_await Sleep(pause));
      disk_->FailOperation(-1);
      needs_restart_ = true;
      break;
    }
    case 1: {
      ledger_->Count("full disks");
      disk_->set_capacity_bytes(disk_->used_bytes() + static_cast<int64_t>(dice_.Below(200'000)));
      Duration pause = dice_.MsBelow(8000);
      CO_RETURN_IF_ERROR(co_await Sleep(pause));
      disk_->set_capacity_bytes(kRoomy);
      break;
    }
    case 2: {
      ledger_->Count("slow disks");
      disk_->set_slowness(static_cast<int>(1 + dice_.Below(300)));
      Duration pause = dice_.MsBelow(5000);
      CO_RETURN_IF_ERROR(co_await Sleep(pause));
      disk_->set_slowness(1);
      break;
    }
  }
  co_return Status::OK();
}

void Faults::Heal() {
  is_calm_ = true;
  node_->KillAt("", {});
  disk_->FailOperation(-1);
  disk_->set_capacity_bytes(kRoomy);
  disk_->set_slowness(1);
  world_->network().set_options({});
  world_->network().CutAll();  // those that are half open
}

}  // namespace mainstem::simulation
