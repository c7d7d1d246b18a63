// A job for crash tests: the rows of a memory source go to a topic, and their count and sum by key
// to a memory table. With it the model of what must be outside when it has ended.
#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

#include "process/job/testing/memory_connectors.h"
#include "process/plan/logical_plan.h"

namespace mainstem::process::testing {

// src (k, v) -> topic "copy"; src -> GROUP BY k -> table "out" (k, count, sum). `upsert`: the table
// has k as its key; else it takes a changelog with what was before.
plan::Plan CountingPlan(bool upsert);

struct CountingRowsOptions {
  int split_count = 3;
  int batch_count = 30;  // of each split
  int row_count = 20;    // of each batch
};

class CountingModel {
 public:
  // Fills the source "src" with random rows and makes the table "out".
  CountingModel(const CountingRowsOptions& options, std::mt19937_64* random, MemoryWorld* world);

  // What is left in "out", row for row.
  std::vector<std::string> ExpectedTable() const;
  static std::vector<std::string> TableOf(MemoryWorld* world, bool upsert);
  // What the topic holds, sorted.
  std::vector<std::string> ExpectedTopic() const;

 private:
  ChangelogBatch MakeRows(int row_count, std::mt19937_64* random);

  std::map<std::string, std::pair<int64_t, int64_t>> totals_;
  std::vector<std::string> rows_;
};

}  // namespace mainstem::process::testing
