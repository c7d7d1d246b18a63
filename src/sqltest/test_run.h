// Runs tests: each in its ways, and says what is wrong. One thread; many may run beside each other
// in different threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "connector/registry.h"
#include "sqltest/row_diff.h"
#include "sqltest/test_folder.h"

namespace mainstem::sqltest {

// Without kills or disorder, the same for every seed.
inline constexpr char kFirstWay[] = "to the end";

struct TestFailure {
  std::string way;          // "to the end"; empty: no way was gone
  std::string message;      // one line
  std::string detail = {};  // lines below it; may be empty
  std::string hint = {};    // may be empty
  std::string sink = {};    // empty: about none
  size_t missing = 0;       // rows
  size_t unexpected = 0;    // rows
  size_t differing = 0;     // pairs of rows
};

enum class TestOutcome : uint8_t { kPassed, kUpdated, kFailed, kError };

struct TestReport {
  std::string name;
  TestOutcome outcome = TestOutcome::kPassed;
  std::vector<TestFailure> failures;
  std::vector<std::string> ways;     // that were gone
  std::vector<std::string> written;  // files, by --update
  int64_t rows_in = 0;
  int64_t rows_out = 0;
  int64_t late_rows = 0;      // that operators dropped in the first way
  int64_t rejected_rows = 0;  // that could not be decoded
};

struct TestOptions {
  uint64_t seed = 1;
  bool update = false;  // write what came out to expect/ instead of comparing
  std::string root;     // the folder that was searched
  std::vector<std::string> defines;
  const connector::ConnectorRegistry* connectors = nullptr;  // the real ones; outlives the runs
};

TestReport RunTest(const FoundTest& found, const TestOptions& options);

}  // namespace mainstem::sqltest
