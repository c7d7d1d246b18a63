// A simulated node for SQL tests: files, a log, a destination table and job managers that live and
// die on virtual time. One world a test; not thread-safe.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/sim/sim_env.h"
#include "process/job/job_manager.h"
#include "process/job/testing/memory_connectors.h"
#include "storage/testing/memory_log.h"
#include "text_files.h"

namespace mainstem::sqltest {

struct TextRow {
  std::string kind;
  std::vector<std::optional<std::string>> fields;
  auto operator<=>(const TextRow&) const = default;
};

struct StatementResult {
  std::string text;
  std::vector<std::string> columns;
  bool has_columns = false;
  std::vector<TextRow> rows;
  Status error;
};

// The rows that are left, sorted; what is taken back but was never there is marked.
std::vector<std::vector<std::optional<std::string>>> Fold(const std::vector<TextRow>& rows);
std::string ToText(const TextRow& row);

class SqlWorld {
 public:
  explicit SqlWorld(uint64_t seed, size_t lines_per_read = 4);

  void PutFile(std::string path, std::string contents) {
    files_[std::move(path)] = std::move(contents);
  }
  // Every statement, failing ones too.
  std::vector<StatementResult> Execute(const std::string& script, int parallelism);

  // Submits the script as a job and runs it to its end through lives of so many steps each, a
  // restart after each, at the given parallelisms in turn. The folded rows of the table 'out'
  // ('memory-table' connector). `steps_taken`, if given, gets the steps of the last life.
  struct JobRun {
    std::vector<int64_t> life_steps;
    std::vector<int> parallelism;
  };
  Result<std::vector<std::string>> RunJob(const std::string& script, const JobRun& run,
                                          int64_t* steps_taken = nullptr);

 private:
  struct Life;
  std::unique_ptr<Life> Begin(int parallelism);

  uint64_t seed_;
  TextFiles files_;
  SimDisk disk_;
  process::testing::MemoryWorld outside_;
  connector::ConnectorRegistry registry_;
  std::unique_ptr<process::StateBackendFactory> state_;
  storage::MemoryLog log_{nullptr};
};

}  // namespace mainstem::sqltest
