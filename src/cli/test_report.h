// What `mainstem test` says about tests: for people, for machines, and as JUnit's XML. Pure.
#pragma once

#include <string>
#include <vector>

#include "sqltest/test_run.h"

namespace mainstem::cli {

struct TimedReport {
  sqltest::TestReport report;
  double seconds = 0;
};

// "PASS  orders/late ..", and below it what is wrong. Ends with a newline.
std::string ReportText(const TimedReport& timed);
// An object on one line, without a newline.
std::string ReportJson(const TimedReport& timed);
// A whole document. `suite`: its name.
std::string JunitXml(const std::string& suite, const std::vector<TimedReport>& reports);

struct TestCounts {
  size_t passed = 0;  // and updated
  size_t failed = 0;
  size_t errors = 0;
  size_t all() const { return passed + failed + errors; }
};
TestCounts CountTests(const std::vector<TimedReport>& reports);

}  // namespace mainstem::cli
