// How a destination's table differs from the one that a script declares, in one form for all
// connectors, and what becomes of a difference: the option 'drift'. Connectors find differences and
// know how to mend them; the engine decides (process/job/sink_delivery.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "connector/options.h"
#include "connector/table.h"

namespace mainstem::connector {

enum class DriftPolicy : uint8_t {
  kFail,    // an error that names every difference
  kPark,    // the sink waits, without an error, until the table fits
  kEvolve,  // the table is changed where that loses nothing; what is left is an error
};

enum class DifferenceKind : uint8_t {
  kTable,     // there is no such table
  kColumn,    // the table lacks a column
  kType,      // a column does not take (all) values of its SQL type
  kNull,      // a column takes no NULL, its SQL column has them
  kRequired,  // the table wants a value in a column that SQL has not
  kKey,       // rows are not told apart by the PRIMARY KEY
};
std::string_view ToString(DifferenceKind kind);  // "column"

struct Difference {
  DifferenceKind kind = DifferenceKind::kColumn;
  std::string column = {};     // empty: of the table as a whole
  std::string problem;         // "column 'n' does not exist in table 'orders'"
  std::string cure = {};       // what somebody can do about it
  std::string statement = {};  // what 'evolve' does about it; empty: nothing
  bool blocks = true;          // false: rows can be written all the same, but maybe not each
};
using Differences = std::vector<Difference>;

// OK when none blocks. Else the first that does, behind `place`, the others as its detail:
// kNotFound without a table, kInvalidArgument otherwise.
Status DriftError(const std::string& place, const Differences& differences);

// Implemented by TableSinks of kind kDelivery whose destination has columns of its own.
class DriftingSink {
 public:
  virtual ~DriftingSink() = default;
  virtual DriftPolicy drift_policy() const = 0;
  // Connects and looks; changes nothing. Empty: the table fits.
  virtual Task<Differences> FindDifferences() = 0;
  // Has the destination do what the statements of its differences say. Several writers may do so at
  // the same time.
  virtual Task<> Evolve() = 0;
};

// For Evolve: runs the statements of the differences that `find` tells; none when the table would
// not fit after them. One that fails is no error when rows can be written all the same, nor when
// `find` has it no more: another writer may have run it. `table`: for messages.
Status RunStatements(const std::string& table, const std::function<Result<Differences>()>& find,
                     const std::function<Status(const std::string&)>& run);

// Before a writer opens: evolves the table of a sink that says so.
Task<> EvolveDestination(TableSink* sink);

OptionSpec DriftOptionSpec();
DriftPolicy DriftPolicyOf(TableOptions* options);

}  // namespace mainstem::connector
