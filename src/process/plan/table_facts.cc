#include "process/plan/table_facts.h"

namespace mainstem::process::plan {

Status ConnectorTableFacts::Check(const connector::TableDescriptor& table) const {
  const auto connector = table.options.find("connector");
  if (connector == table.options.end()) return Status::OK();
  // What is missing may come with LIKE or a hint: a table that is used is checked once more.
  connector::TableDescriptor completed = table;
  if (const connector::ConnectorSpec* spec = registry_->Find(connector->second)) {
    for (const connector::OptionSpec& option : spec->options) {
      if (option.required) completed.options.try_emplace(option.name);
    }
  }
  return registry_->Check(completed);
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
