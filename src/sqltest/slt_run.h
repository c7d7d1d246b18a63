// Runs one .slt file three ways: each query to its end against its golden; as a job with
// checkpoints at parallelism 2; killed at several points and restored at other parallelisms. All
// fold to the same rows.
#pragma once

#include <string>
#include <vector>

#include "connector/registry.h"

namespace mainstem::sqltest {

struct SltOptions {
  uint64_t seed = 1;     // of the ways beside the first
  bool rewrite = false;  // write the answers into the file instead of comparing
  // The real ones, for which inputs stand in; null: 'filesystem' over the file's sections alone.
  const connector::ConnectorRegistry* connectors = nullptr;
};
struct SltFailure {
  int line = 1;             // where the query begins
  std::string message;      // one line
  std::string detail = {};  // lines below it
};
// Empty: all fine.
std::vector<SltFailure> RunSltFile(const std::string& path, SltOptions options);

}  // namespace mainstem::sqltest
