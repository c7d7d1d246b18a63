// Connectors of memory for tests of jobs: a bounded source of given rows, a destination that keeps
// rows and position in one transaction, and a sink that writes to a topic of the log. What they
// hold outlives the jobs, as an outside system would.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connector/drift.h"
#include "connector/registry.h"
#include "connector/table.h"

namespace mainstem::process::testing {

// Rows of a source, a list of batches for each split. Immutable while jobs run.
struct MemoryRows {
  std::vector<std::vector<ChangelogBatch>> splits;
  bool insert_only = true;
  // Bounded unless set: then the splits wait for ever at their end.
  bool unbounded = false;
  // Splits of a fresh start begin at their end; those that come after a restore are read whole.
  bool starts_at_end = false;
  // What each read takes.
  Duration read_delay{0};
  // Come with the first batch of each split.
  std::vector<connector::RejectedRecord> rejected{};
};

// An outside table. Thread-safe.
struct MemoryTable {
  struct Row {
    RowKind kind;
    std::string text;  // fields joined by '|', NULL as '<NULL>'
  };
  std::mutex mutex;
  std::vector<Row> rows;                                        // committed, in order of commit
  std::map<std::string, std::map<int32_t, int64_t>> positions;  // of each delivery and partition
  int64_t flush_count = 0;
  // Flushes that fail with kUnavailable before they happen (odd) or after (even): down to 0.
  int fail_flushes = 0;
  // Rows whose text holds this are refused; empty: none.
  std::string refused_text;
  // Not empty: the table cannot be opened when one blocks. After so many looks they are gone.
  connector::Differences differences;
  int looks_left = -1;  // negative: they stay
  // It takes connections and does not answer.
  std::atomic<bool> hangs{false};

  // The rows that are left when every change is applied, sorted.
  std::vector<std::string> Fold();
};

struct MemoryWorld {
  std::map<std::string, MemoryRows> sources;                   // by option 'name'
  std::map<std::string, std::shared_ptr<MemoryTable>> tables;  // by option 'name'
};

// 'memory' (source), 'memory-table' (delivery; option 'drift'), 'memory-topic' (log; option
// 'topic'). The world outlives the registry.
void AddMemoryConnectors(MemoryWorld* world, connector::ConnectorRegistry* registry);

// One line a row, fields joined by '|'.
std::vector<std::string> RowTexts(const arrow::RecordBatch& rows);

}  // namespace mainstem::process::testing
