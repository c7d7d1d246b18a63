// The node under test, as a process of a simulated world: the real log on a simulated disk with the
// real Kafka door in front. It may be killed at any step; what it leaves in memory is leaked then,
// as a crash does, and the next start is a new process on the same disk.
#pragma once

#include <memory>
#include <string>

#include "core/sim/sim_env.h"
#include "gateway/kafka/server.h"
#include "storage/embedded_log.h"

namespace mainstem::simulation {

inline constexpr uint16_t kKafkaPort = 9092;

struct NodeOptions {
  size_t shard_count = 2;
  storage::EmbeddedLogOptions log;
  int64_t budget_bytes = int64_t{16} << 20;
  gateway::kafka::KafkaSettings kafka;
};

class Node {
 public:
  // World and disk outlive it.
  Node(SimWorld* world, SimDisk* disk, NodeOptions options);
  ~Node();  // leaks a process that still runs

  // Starts a process that opens the log and the door; both may fail, see is_up(). Only when none
  // runs.
  void Start();
  // The process ends where it stands. Fine when none runs.
  void Kill(SimEnding ending);
  // The same right after the step that comes to a CrashPoint of that name next, in this process or
  // a later one; empty: not any more.
  void KillAt(std::string crash_point, SimEnding ending);
  // An orderly stop, for a caller in another process. The process ends whatever it gives.
  Task<> Stop();

  bool runs() const { return process_ != nullptr; }
  // The door is open. (An error at start leaves a process that does nothing.)
  bool is_up() const;
  const Status& start_error() const;
  SimEnv* env() const;
  // Sets the clock on the wall of this process and the next ones.
  void JumpWallTime(std::chrono::milliseconds by);

 private:
  struct Process;
  void OnCrashPoint(std::string_view name);
  static Task<> Boot(Process* process, NodeOptions options);
  static Task<> Shut(Process* process);

  SimWorld* const world_;
  SimDisk* const disk_;
  const NodeOptions options_;
  Process* process_ = nullptr;
  std::chrono::milliseconds wall_clock_ahead_{0};
  std::string kill_at_;
  SimEnding kill_ending_{};
};

}  // namespace mainstem::simulation
