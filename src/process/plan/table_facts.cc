#include "process/plan/table_facts.h"

namespace mainstem::process::plan {

Status ConnectorTableFacts::Check(const connector::TableDescriptor& table) const {
  return registry_->Check(table);
}

Result<ChangelogMode> ConnectorTableFacts::SourceMode(
    const connector::TableDescriptor& table) const {
  ASSIGN_OR_RETURN(auto source, registry_->MakeSource(table, context_));
  if (source->insert_only()) return ChangelogMode{};
  return ChangelogMode{.update_before = !source->upserts(), .update_after = true, .deletes = true};
}

bool ConnectorTableFacts::ReadsRowsByName(const connector::TableDescriptor& table) const {
  auto source = registry_->MakeSource(table, context_);
  return source.ok() && (*source)->reads_rows_by_name();
}

bool ConnectorTableFacts::Upserts(const connector::TableDescriptor& table) const {
  auto source = registry_->MakeSource(table, context_);
  return source.ok() && (*source)->upserts();
}

bool ConnectorTableFacts::CanLookUp(const connector::TableDescriptor& table) const {
  auto source = registry_->MakeSource(table, context_);
  return source.ok() && (*source)->can_look_up();
}

Result<connector::SinkMode> ConnectorTableFacts::SinkMode(
    const connector::TableDescriptor& table) const {
  ASSIGN_OR_RETURN(auto sink, registry_->MakeSink(table, context_));
  return sink->mode();
}

}  // namespace mainstem::process::plan
