// What test.yaml says, its own keys and those of the folders above. docs/testing.md lists them.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/ids.h"
#include "core/status.h"

namespace mainstem::sqltest {

struct TestConfig {
  std::string script;  // path; empty: the .sql file in the test's folder
  std::map<std::string, std::string> define;
  std::map<std::string, std::string> set;
  ProcessingTime clock{1'767'225'600'000};  // 2026-01-01 00:00:00 UTC
  bool shuffle = false;
  // Inputs do not end; what has come out so long after the last row counts.
  std::optional<int64_t> open_ms = {};
  std::optional<int64_t> late_ms = {};
};

// Reads `text`, the file at `path`, over what the folders above said. Errors show the place.
Status ReadTestConfig(const std::string& path, const std::string& text, TestConfig* config);

}  // namespace mainstem::sqltest
