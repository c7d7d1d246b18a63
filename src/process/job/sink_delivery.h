// Delivers a sink's internal topic to the outside: one task for each partition, independent of the
// job's execution and of all other sinks. Resumes at the position that the destination has stored,
// retries for ever with back-off, and lets go of what is delivered. Follows the table's 'drift'
// where the destination's table is not what it is declared to be (connector/drift.h).
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/logging.h"
#include "core/sync.h"
#include "process/job/job_description.h"
#include "process/job/job_graph.h"

namespace mainstem::process {

// Lives on the home shard (0): Start, Drain, Describe, Close there; its tasks run on all shards.
class SinkDelivery {
 public:
  SinkDelivery(Env* env, storage::Log* log, std::shared_ptr<JobSink> sink, Logger logger);
  ~SinkDelivery();

  // Counts what earlier starts have refused. Before Start.
  Task<> Prepare();
  void Start();
  // No more rows will come: returns when everything is delivered and flushed. With `give_up`, ends
  // with the error of a partition that can't go on by retrying.
  struct DrainOptions {
    bool give_up = false;
    bool input_has_ended = false;  // of the job, which did not stop before
  };
  Task<> Drain(DrainOptions options);
  // Asks that everything the topic holds now is delivered and kept at the destination, though the
  // sink would rather wait for more; rows go on coming meanwhile.
  Task<> AskToCatchUp();
  // What was last asked for has been done.
  bool HasCaughtUp() const;
  // Where a destination has lost its position the delivery goes on, at its next try, with what the
  // topic holds. False when none has.
  bool AcceptLostPositions();
  SinkDescription Describe() const;
  Task<> Close();
  // Before Start or after Close: the topic lets go of all that the destination has.
  Task<> LetGoOfDelivered();

 private:
  struct Lane;  // one partition
  Env* env_;
  storage::Log* log_;
  std::shared_ptr<JobSink> sink_;
  Logger logger_;
  std::unique_ptr<SinkQuarantine> quarantine_;  // null: a refused row stops the delivery
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace mainstem::process
