// Connectors for tests: each real one by its name and with its options, but its sources read
// fixtures and its sinks keep their rows in memory. The planner sees the real connector's answers:
// what it takes and what it sends.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "connector/registry.h"
#include "sqltest/capture.h"
#include "sqltest/fixture.h"

namespace mainstem::sqltest {

// The bootstrap address that means the simulated node.
inline constexpr char kSimulatedAddress[] = "mainstem-test:9092";
// A connector of tests alone: takes any changelog, keeps it like the others.
inline constexpr char kResultConnector[] = "mainstem-result";

using TextFiles = std::map<std::string, std::string>;                    // path -> contents
using Fixtures = std::map<std::string, std::shared_ptr<const Fixture>>;  // by table, without path

// What the stand-ins read; unchanged while jobs run.
struct Inputs {
  const connector::ConnectorRegistry* connectors = nullptr;  // null: 'filesystem' alone
  Fixtures fixtures;
  TextFiles files;  // a 'filesystem' table without a fixture reads those at its path
  size_t lines_per_read = 1024;
  bool unsteady = false;  // see FixtureSourceOptions
  bool open = false;      // inputs do not end
  // Tables of topics that the script itself fills: without a fixture they are read from there. Only
  // for open inputs.
  std::set<std::string> handed_on = {};
};

// The table with the address of a broker replaced by the simulated node's, read from the beginning
// and, unless it is open, to what is there.
struct AtHomeOptions {
  bool open = false;
};
connector::TableDescriptor AtHome(connector::TableDescriptor table, AtHomeOptions options);

// Both outlive the registry.
connector::ConnectorRegistry MakeStandIns(const Inputs* inputs, Captures* captures);

}  // namespace mainstem::sqltest
