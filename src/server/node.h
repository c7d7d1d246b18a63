// A node: the engine with its doors, Kafka and HTTP (events, admin API, console, metrics). What
// `mainstem serve` runs.
#pragma once

#include <memory>
#include <string>

#include "core/logging.h"
#include "core/status.h"
#include "server/settings.h"

namespace mainstem::server {

// Lifecycle: Start, then Stop once. Both block the calling thread, which must not be a shard.
class Node {
 public:
  // Recovers the log, opens the doors, resumes the jobs. A taken port is an error that names the
  // flag to set.
  static Result<std::unique_ptr<Node>> Start(Settings settings, Logger logger);
  ~Node();

  // First doors and jobs, then the log. A call of a job to the outside that hangs holds the first
  // one until the time limit of its connector; whoever does not want to wait may end the process
  // instead, since nothing is saved there. The log takes about a second at most. The next Start
  // resumes.
  Status StopDoorsAndJobs();
  Status StopLog();
  Status Stop();  // both

  std::string kafka_address() const;  // "127.0.0.1:9092", with the port that was taken
  std::string http_address() const;
  std::string aws_address() const;  // empty when there is no such door

 private:
  struct Impl;
  explicit Node(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mainstem::server
