// Runs SQL scripts as jobs on this node: the door of process/ for server/, cli/ and gateways. Jobs
// are kept in the log's meta values ("jobs/<id>") and resumed by Start from their last committed
// checkpoint; what it is made of is in job_manager_impl.h.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connector/job_service.h"
#include "connector/registry.h"
#include "core/env.h"
#include "core/logging.h"
#include "process/job/job_description.h"
#include "process/job/table_check.h"
#include "process/job/watermark_report.h"
#include "process/operator/column_memory.h"
#include "process/state/state_backend.h"
#include "storage/log.h"

namespace mainstem::process {

struct JobManagerOptions {
  std::string state_directory;  // checkpoints and live state; made when absent
  int default_parallelism = 0;  // 0: one for each shard
  Duration checkpoint_interval = std::chrono::seconds(1);
  size_t state_memory_bytes = 128u << 20;  // hot state and RocksDB, all jobs together
  ColumnMemory* column_memory = nullptr;   // outlives the manager; null: nobody counts
  // False: no job of this manager is ever continued by another one, so that its state is written
  // only where memory wants it.
  bool recovers_jobs = true;
  std::string savepoint_directory;  // where savepoints go that name no folder; empty: nowhere
  std::string base_directory;       // relative paths in WITH options
  std::vector<std::string> own_addresses;  // bootstrap addresses that mean this node
  // Settings that a script may override by SET.
  std::map<std::string, std::string> default_settings;
  // Where state lies; null: RocksDB. Borrowed. The simulation gives its twin in memory.
  StateBackendFactory* state_backends = nullptr;
};

// One row of a result: its kind and its fields as CAST-to-STRING text; nullopt is NULL.
struct ResultRow {
  std::string_view kind;  // "+I" "-U" "+U" "-D"
  std::vector<std::optional<std::string>> fields;
};
struct ResultColumn {
  std::string name;
  std::string type;  // "BIGINT NOT NULL"
};

struct SavepointOptions {
  std::string folder;  // in which the savepoint becomes a folder; empty: the job's or the node's
};
struct StopJobOptions {
  std::string folder;  // as above
  bool drain = false;  // send the end of time first: windows close, the job has nothing to add
};

// Where Execute tells what happens, in order; called on shard 0. Any call may return an error
// (the reader went away), which ends the execution with it.
class ResultListener {
 public:
  virtual ~ResultListener() = default;
  // A statement begins; `index` counts from 0. `text` lives as long as the call, here and below.
  virtual Status OnStatement(int index, std::string_view text) { return Status::OK(); }
  virtual Status OnColumns(const std::vector<ResultColumn>& columns) { return Status::OK(); }
  virtual Status OnRows(std::vector<ResultRow> rows) = 0;
  // An INSERT was submitted as a job.
  virtual Status OnJob(const std::string& job_id) { return Status::OK(); }
  // It was waited for, and has finished.
  virtual Status OnJobFinished(const JobDescription& job) { return Status::OK(); }
  // The statement is done; `message` is "" or text such as an EXPLAIN.
  virtual Status OnStatementDone(const std::string& message) { return Status::OK(); }
  // A statement failed. Returning OK goes on with the next one, as test runners want.
  virtual Status OnStatementError(const Status& error) { return error; }
};

// kAlone: not when another job has begun with the savepoint that this one left, for both would
// write the same rows.
enum class ResumeMode : uint8_t { kAlone, kBesideSuccessor };

struct SubmitOptions {
  std::string id;    // of the only job of the script; empty: made from the name. kAlreadyExists
  std::string name;  // empty: pipeline.name, else derived from the sink
  std::map<std::string, std::string> settings;  // as if SET before the script
};

struct ExecuteOptions {
  // Statements such as CREATE and SET before the script, each line ended. They run in silence, and
  // lines of errors are those of the script.
  std::string definitions;
  std::map<std::string, std::string> settings;
  // Wait for the jobs of INSERT statements that are bounded (table.dml-sync); else they are left
  // running. Jobs that are not durable live only as long as this call.
  bool wait_for_inserts = true;
  bool durable_jobs = false;
};

struct CheckOptions {
  std::vector<std::string> tables;  // empty: all
  bool lists_only = false;          // says what would be tried
};

// Lifecycle: Make, Start, calls from any shard, Stop (jobs keep their checkpoints and resume at the
// next Start; at most about a second). Env, log and registry outlive it.
class JobManager : public connector::JobService {
 public:
  // `log` may be null (a tool without a log): then jobs are not durable and need no epoch.
  static Result<std::unique_ptr<JobManager>> Make(Env* env, storage::Log* log,
                                                  const connector::ConnectorRegistry* registry,
                                                  JobManagerOptions options, Logger logger);
  // Resumes the jobs that were running. A job that can't be resumed is kFailed, not an error here.
  virtual Task<> Start() = 0;
  virtual Task<> Stop() = 0;

  // Runs DDL of the script in a session of its own and starts one job for each INSERT or STATEMENT
  // SET. Durable when it returns. Errors show line and column. SELECT is refused here.
  virtual Task<std::vector<std::string>> Submit(std::string script, SubmitOptions options) = 0;
  // Statement after statement, now; SELECT rows go to `listener`, which outlives the call.
  // Cancelling the calling task ends the running query.
  virtual Task<> Execute(std::string script, ExecuteOptions options, ResultListener* listener) = 0;
  // The plan of the first query of the script, as text.
  virtual Task<std::string> Explain(std::string script) = 0;

  // Tries the connections of a script's tables, all or those named: see table_check.h.
  virtual Task<std::vector<TableCheck>> CheckScript(std::string script, CheckOptions options) = 0;

  virtual Task<std::vector<JobDescription>> ListJobs() = 0;          // without operators
  virtual Task<JobDescription> DescribeJob(std::string job_id) = 0;  // NotFound
  // Which partition holds the watermark of a running job back, and why. InvalidArgument if it does
  // not run.
  virtual Task<WatermarkReport> ExplainWatermark(std::string job_id) = 0;
  virtual Task<> CancelJob(std::string job_id) = 0;  // drops what is not delivered
  // Takes a checkpoint, then ends; delivery of what is committed goes on at Resume.
  virtual Task<> StopJob(std::string job_id) = 0;
  virtual Task<> ResumeJob(std::string job_id, ResumeMode mode = ResumeMode::kAlone) = 0;
  // Where destinations have no position of a job any more that had delivered: goes on with what the
  // log still holds. InvalidArgument if there is none.
  virtual Task<> AcceptLostPositions(std::string job_id) = 0;
  // Leaves a savepoint, a folder that outlives job and node, and gives its path. The job goes on;
  // of one that is stopped or has failed: at its last checkpoint.
  virtual Task<std::string> TakeSavepoint(std::string job_id, SavepointOptions options) = 0;
  // Ends the job at a savepoint: everything before it is delivered, nothing after it is. Goes on
  // when the node is killed meanwhile. If the savepoint can't be written the job is stopped all the
  // same, with its checkpoint.
  virtual Task<std::string> StopJobWithSavepoint(std::string job_id, StopJobOptions options) = 0;
  // Forgets a job that is terminal, with its checkpoints and internal topics.
  virtual Task<> DeleteJob(std::string job_id) = 0;
};

}  // namespace mainstem::process
