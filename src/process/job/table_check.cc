#include "process/job/table_check.h"

#include <set>

#include <arrow/api.h>
#include <fmt/format.h>

#include "connector/connecting_writer.h"
#include "connector/remark.h"
#include "core/suggest.h"

namespace mainstem::process {
namespace {

constexpr char kCheckDelivery[] = "mainstem-check/table";
constexpr size_t kRowsRead = 10;
constexpr auto kReadWait = std::chrono::seconds(2);

std::string OwnName(const std::string& full_name) {
  return full_name.substr(full_name.rfind('.') + 1);
}

// Of both directions of a table each once.
class UseList {
 public:
  void Add(const connector::TableDescriptor& table, bool is_sink) {
    if (seen_.emplace(table.name, is_sink).second) uses_.push_back({table, is_sink});
  }
  std::vector<TableUse> Take() { return std::move(uses_); }

 private:
  std::set<std::pair<std::string, bool>> seen_;
  std::vector<TableUse> uses_;
};

void AddUsesOf(const plan::Plan& plan, UseList* uses) {
  for (const plan::PlanNode* node : plan::InTopologicalOrder(plan)) {
    if (node->kind == plan::NodeKind::kScan) {
      uses->Add(static_cast<const plan::ScanNode*>(node)->table, false);
    } else if (node->kind == plan::NodeKind::kSink) {
      const auto* sink = static_cast<const plan::SinkNode*>(node);
      if (!sink->collect) uses->Add(sink->table, true);
    }
  }
}

Status AddAllTables(const connector::ConnectorRegistry& registry, const plan::Catalog& catalog,
                    UseList* uses) {
  for (const std::string& name : catalog.TableNames()) {
    ASSIGN_OR_RETURN(plan::TablePath path, catalog.Resolve({name}));
    const plan::CatalogTable* table = catalog.FindTable(path);
    if (table == nullptr) continue;  // a view
    auto option = table->options.find("connector");
    const connector::ConnectorSpec* spec =
        option == table->options.end() ? nullptr : registry.Find(option->second);
    if (spec == nullptr) continue;  // no job can use it yet
    for (bool is_sink : {false, true}) {
      if (!(is_sink ? bool(spec->make_sink) : bool(spec->make_source))) continue;
      uses->Add(plan::Describe(path.ToString(), *table, is_sink), is_sink);
    }
  }
  return Status::OK();
}

Task<std::string> TrySource(const connector::TableDescriptor& table,
                            const connector::ConnectorRegistry& registry,
                            const connector::ConnectorContext& context) {
  CO_ASSIGN_OR_RETURN(auto source, registry.MakeSource(table, context));
  CO_ASSIGN_OR_RETURN(std::vector<connector::SourceSplit> splits,
                      co_await source->DiscoverSplits());
  if (splits.empty()) co_return std::string("nothing to read yet");
  std::vector<int> all(static_cast<size_t>(table.schema->num_fields()));
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
  CO_ASSIGN_OR_RETURN(auto reader, co_await source->OpenSplit(splits[0], std::move(all)));
  TimePoint deadline = context.env->Now() + kReadWait;
  int64_t row_count = 0;
  bool is_at_end = false;
  while (row_count == 0 && !is_at_end && context.env->Now() < deadline) {
    CO_ASSIGN_OR_RETURN(connector::SourceBatch batch, co_await reader->Read(kRowsRead, deadline));
    if (!batch.rejected.empty()) {
      ErrorText text = TextOf(batch.rejected[0].cause);
      text.message = "the record " + batch.rejected[0].origin + " cannot be read: " + text.message;
      co_return MakeError(ErrorCode::kDecodeError, std::move(text));
    }
    row_count = batch.batch.rows == nullptr ? 0 : batch.batch.rows->num_rows();
    is_at_end = batch.end_of_split || batch.caught_up;
  }
  co_return fmt::format(
      "{} split{}; {}", splits.size(), splits.size() == 1 ? "" : "s",
      row_count > 0 ? "rows of the first one can be read" : "no row is in the first one");
}

// What a job would find wrong, or change, in the destination's table: then it must not be opened.
Task<bool> Compare(connector::TableSink* sink, TableCheck* check) {
  auto* drifting = dynamic_cast<connector::DriftingSink*>(sink);
  if (drifting == nullptr) co_return true;
  CO_ASSIGN_OR_RETURN(check->differences, co_await drifting->FindDifferences());
  check->evolves = drifting->drift_policy() == connector::DriftPolicy::kEvolve;
  connector::Differences left;
  bool fits = true;
  for (const connector::Difference& difference : check->differences) {
    bool is_mended = check->evolves && !difference.statement.empty();
    if (!is_mended) left.push_back(difference);
    fits &= !difference.blocks && difference.kind != connector::DifferenceKind::kTable;
  }
  Status problem = connector::DriftError("", left);
  if (problem.ok()) co_return fits;
  // The others stand in the list.
  co_return MakeError(CodeOf(problem),
                      {.message = TextOf(problem).message, .hint = TextOf(problem).hint});
}

// "guarantee", or "guarantee; what is to be said of the part besides".
template <typename Part>
std::string WithRemark(std::string guarantee, const Part* part) {
  const auto* remarking = dynamic_cast<const connector::RemarkingPart*>(part);
  const std::string remark = remarking == nullptr ? "" : remarking->Remark();
  return remark.empty() ? guarantee : guarantee + "; warning: " + remark;
}

Task<std::string> TrySink(const connector::ConnectorRegistry& registry,
                          const connector::ConnectorContext& context,
                          const connector::TableDescriptor& table, TableCheck* check) {
  CO_ASSIGN_OR_RETURN(auto sink, registry.MakeSink(table, context));
  std::string guarantee = sink->guarantee();
  switch (sink->kind()) {
    case connector::SinkKind::kInline: co_return guarantee;
    case connector::SinkKind::kLog: {
      CO_ASSIGN_OR_RETURN(auto encoder, co_await sink->MakeLogWriter());
      co_return WithRemark(std::move(guarantee), sink.get());
    }
    case connector::SinkKind::kDelivery: break;
  }
  CO_ASSIGN_OR_RETURN(bool fits, co_await Compare(sink.get(), check));
  if (!fits) co_return guarantee + "; the table is not yet what it is to be";
  CO_ASSIGN_OR_RETURN(auto writer, sink->MakeDeliveryWriter(kCheckDelivery, PartitionId(0)));
  CO_RETURN_IF_ERROR((co_await writer->Open()).status());
  auto* connecting = dynamic_cast<connector::ConnectingWriter*>(writer.get());
  if (connecting != nullptr) CO_RETURN_IF_ERROR(co_await connecting->TryToConnect());
  co_return WithRemark(std::move(guarantee), writer.get());
}

}  // namespace

Result<std::vector<TableUse>> TableUsesOf(const sql::Script& script,
                                          const std::vector<std::string>& names,
                                          const connector::ConnectorRegistry& registry,
                                          plan::Session* session) {
  UseList list;
  bool runs_something = false;
  for (const auto& statement : script.statements) {
    ASSIGN_OR_RETURN(plan::Answer answer, session->Execute(*statement));
    if (answer.plan.sinks.empty()) continue;
    runs_something = true;
    AddUsesOf(answer.plan, &list);
  }
  if (!runs_something) RETURN_IF_ERROR(AddAllTables(registry, session->catalog(), &list));
  std::vector<TableUse> uses = list.Take();
  if (names.empty()) return uses;
  std::vector<TableUse> chosen;
  std::vector<std::string> known;
  for (const TableUse& use : uses) known.push_back(OwnName(use.table.name));
  for (const std::string& name : names) {
    size_t before = chosen.size();
    for (const TableUse& use : uses) {
      if (use.table.name == name || OwnName(use.table.name) == name) chosen.push_back(use);
    }
    if (chosen.size() > before) continue;
    return MakeError(ErrorCode::kNotFound,
                     {.message = "the script does not use a table '" + name + "'",
                      .hint = SuggestionFor(name, known)});
  }
  return chosen;
}

std::vector<TableCheck> UntriedChecks(const std::vector<TableUse>& uses) {
  std::vector<TableCheck> checks;
  for (const TableUse& use : uses) {
    checks.push_back({.table = use.table.name,
                      .connector = use.table.options.at("connector"),
                      .is_sink = use.is_sink,
                      .status = {},
                      .found = {}});
  }
  return checks;
}

Task<std::vector<TableCheck>> CheckTables(std::vector<TableUse> uses,
                                          const connector::ConnectorRegistry* registry,
                                          connector::ConnectorContext context) {
  std::vector<TableCheck> checks = UntriedChecks(uses);
  for (size_t i = 0; i < uses.size(); ++i) {
    const TableUse& use = uses[i];
    TableCheck& check = checks[i];
    Task<std::string> trial = use.is_sink ? TrySink(*registry, context, use.table, &check)
                                          : TrySource(use.table, *registry, context);
    Result<std::string> found = co_await std::move(trial);
    check.status = found.status();
    if (Is(check.status, ErrorCode::kCancelled)) co_return check.status;
    if (found.ok()) check.found = std::move(*found);
  }
  co_return checks;
}

}  // namespace mainstem::process
