// What the planner must know about a table's connector: are its options right, which row kinds does
// it send, which does it take. An interface, so that planning is tested without connectors.
#pragma once

#include <string>

#include "connector/registry.h"
#include "connector/table.h"
#include "core/status.h"
#include "process/plan/logical_plan.h"

namespace mainstem::process::plan {

// What is to be known of a table that is read.
struct SourceFacts {
  ChangelogMode mode;  // the row kinds that a scan sends
  // The scan may be asked for ROW columns with only some of their fields.
  bool reads_rows_by_name = false;
  bool upserts = false;      // tells no old rows (TableSource::upserts)
  bool can_look_up = false;  // rows can be found by key: for look-up joins
};

class TableFacts {
 public:
  virtual ~TableFacts() = default;
  // Names of the connector and of its options, as far as they are there; no I/O.
  virtual Status Check(const connector::TableDescriptor& table) const = 0;
  // Fails if the connector has no source.
  virtual Result<SourceFacts> OfSource(const connector::TableDescriptor& table) const = 0;
  // Fails if the connector has no sink.
  virtual Result<connector::SinkMode> SinkMode(const connector::TableDescriptor& table) const = 0;
};

// Asks the real connectors, by making a source or a sink and dropping it. `registry` must outlive
// it, and so must what `context` points to.
class ConnectorTableFacts : public TableFacts {
 public:
  ConnectorTableFacts(const connector::ConnectorRegistry* registry,
                      connector::ConnectorContext context)
      : registry_(registry), context_(std::move(context)) {}
  Status Check(const connector::TableDescriptor& table) const override;
  Result<SourceFacts> OfSource(const connector::TableDescriptor& table) const override;
  Result<connector::SinkMode> SinkMode(const connector::TableDescriptor& table) const override;

 private:
  const connector::ConnectorRegistry* const registry_;
  const connector::ConnectorContext context_;
};

}  // namespace mainstem::process::plan
