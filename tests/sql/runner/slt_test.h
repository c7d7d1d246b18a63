// Runs one .slt file three ways: each query to its end against its golden; as a job with
// checkpoints at parallelism 2; killed at several points and restored at other parallelisms. All
// fold to the same rows.
#pragma once

#include <string>
#include <vector>

namespace mainstem::sqltest {

struct SltOptions {
  bool rewrite = false;  // write the answers into the file instead of comparing
};
// What is wrong, a text each; empty: all fine.
std::vector<std::string> RunSltFile(const std::string& path, SltOptions options);

// The cases taken from Flink. Prints a line for each; returns the number that must pass and do not.
int RunFlinkCases(const std::string& directory, const std::string& list_path,
                  const std::vector<std::string>& filters);

}  // namespace mainstem::sqltest
