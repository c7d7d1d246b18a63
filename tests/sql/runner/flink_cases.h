// The cases taken from Flink: tests/sql/flink_cases.txt lists those that must pass.
#pragma once

#include <string>
#include <vector>

namespace mainstem::sqltest {

// Prints a line for each; returns the number that must pass and do not.
int RunFlinkCases(const std::string& directory, const std::string& list_path,
                  const std::vector<std::string>& filters);

}  // namespace mainstem::sqltest
