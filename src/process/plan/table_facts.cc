#include "process/plan/table_facts.h"

namespace mainstem::process::plan {

Status ConnectorTableFacts::Check(const connector::TableDescriptor& table) const {
  return registry_->Check(table);
}

Result<SourceFacts> ConnectorTableFacts::OfSource(const connector::TableDescriptor& table) const {
  ASSIGN_OR_RETURN(auto source, registry_->MakeSource(table, context_));
  SourceFacts facts;
  if (!source->insert_only()) {
    facts.mode = {.update_before = !source->upserts(), .update_after = true, .deletes = true};
  }
  facts.reads_rows_by_name = source->reads_rows_by_name();
  facts.upserts = source->upserts();
  facts.can_look_up = source->can_look_up();
  return facts;
}

Result<connector::SinkMode> ConnectorTableFacts::SinkMode(
    const connector::TableDescriptor& table) const {
  ASSIGN_OR_RETURN(auto sink, registry_->MakeSink(table, context_));
  return sink->mode();
}

}  // namespace mainstem::process::plan
