// The cases taken from Flink: tests/sql/flink_cases.txt lists those that must pass.
#pragma once

#include <string>
#include <vector>

#include "connector/registry.h"

namespace mainstem::sqltest {

// Prints a line for each; returns the number that must pass and do not.
int RunFlinkCases(const std::string& directory, const std::string& list_path,
                  const connector::ConnectorRegistry& connectors,
                  const std::vector<std::string>& filters);

}  // namespace mainstem::sqltest
