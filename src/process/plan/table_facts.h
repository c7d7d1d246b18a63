// What the planner must know about a table's connector: are its options right, which row kinds does
// it send, which does it take. An interface, so that planning is tested without connectors.
#pragma once

#include <string>

#include "connector/registry.h"
#include "connector/table.h"
#include "core/status.h"
#include "process/plan/logical_plan.h"

namespace mainstem::process::plan {

class TableFacts {
 public:
  virtual ~TableFacts() = default;
  // Names of the connector and of its options; no I/O.
  virtual Status Check(const connector::TableDescriptor& table) const = 0;
  // Row kinds that a scan sends. Fails if the connector has no source.
  virtual Result<ChangelogMode> SourceMode(const connector::TableDescriptor& table) const = 0;
  // A scan may be asked for ROW columns with only some of their fields.
  virtual bool ReadsRowsByName(const connector::TableDescriptor& table) const { return false; }
  // The source tells no old rows (TableSource::upserts).
  virtual bool Upserts(const connector::TableDescriptor& table) const { return false; }
  // Rows can be found by key: for look-up joins.
  virtual bool CanLookUp(const connector::TableDescriptor& table) const { return false; }
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
  Result<ChangelogMode> SourceMode(const connector::TableDescriptor& table) const override;
  bool ReadsRowsByName(const connector::TableDescriptor& table) const override;
  bool Upserts(const connector::TableDescriptor& table) const override;
  bool CanLookUp(const connector::TableDescriptor& table) const override;
  Result<connector::SinkMode> SinkMode(const connector::TableDescriptor& table) const override;

 private:
  const connector::ConnectorRegistry* const registry_;
  const connector::ConnectorContext context_;
};

}  // namespace mainstem::process::plan
