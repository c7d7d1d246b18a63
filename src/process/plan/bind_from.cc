// FROM: tables with their computed columns and watermark, views, common tables, subqueries.
#include <algorithm>

#include <fmt/format.h>

#include "process/plan/binder.h"
#include "process/plan/ordered_nodes.h"
#include "process/plan/table_option.h"

namespace mainstem::process::plan {
namespace {

constexpr int kViewDepthMax = 32;  // views over views
constexpr std::string_view kRepeatedChanges = "table.exec.source.cdc-events-duplicate";

Relation Rename(Relation relation, const std::vector<std::string>& qualifier) {
  for (ScopeColumn& column : relation.scope) column.qualifier = qualifier;
  return relation;
}

// The hint's option that `message` is about.
std::optional<sql::SourceSpan> PlaceInHints(const std::vector<sql::Hint>& hints,
                                            std::string_view message) {
  for (const sql::Hint& hint : hints) {
    for (size_t i = 0; i < hint.options.size(); ++i) {
      const auto& [key, value] = hint.options[i];
      if (IsAboutOption(message, key, value)) return hint.option_spans[i];
    }
  }
  return std::nullopt;
}

// Whether computing the relation twice costs more than letting conditions of its users go below it.
bool KeepsState(const PlanNode& node) {
  switch (node.kind) {
    case NodeKind::kScan:
    case NodeKind::kValues:
    case NodeKind::kProject:
    case NodeKind::kFilter:
    case NodeKind::kWatermark:
    case NodeKind::kWindowTable:
    case NodeKind::kUnion:
    case NodeKind::kExpand:
    case NodeKind::kUnnest:
      return std::any_of(node.inputs.begin(), node.inputs.end(),
                         [](const PlanNodePtr& input) { return KeepsState(*input); });
    default: return true;
  }
}

}  // namespace

Result<TablePath> Binder::BindPath(const sql::ObjectName& name) {
  std::vector<std::string> parts;
  if (current_view_ != nullptr) {
    if (name.parts.size() == 1) parts = {current_view_->catalog, current_view_->database};
    if (name.parts.size() == 2) parts = {current_view_->catalog};
  }
  for (const sql::Identifier& part : name.parts) parts.push_back(part.text);
  Result<TablePath> path = context_.catalog->Resolve(parts);
  if (!path.ok()) return Locate(path.status(), name.span);
  return path;
}

Result<Relation> Binder::BindFrom(const sql::TableRef* from) {
  if (from != nullptr) return BindTableRef(*from);
  // SELECT without FROM: one row of nothing.
  auto node = std::make_shared<ValuesNode>();
  node->rows.emplace_back();
  return Relation{std::move(node), {}, std::nullopt};
}

Result<Relation> Binder::BindTableRef(const sql::TableRef& table) {
  Relation relation;
  switch (table.kind) {
    case sql::TableRefKind::kName: {
      const auto& named = static_cast<const sql::NamedTable&>(table);
      if (named.system_time != nullptr) {
        return Error(named.system_time->span,
                     "FOR SYSTEM_TIME AS OF belongs to the right side of a join",
                     "FROM a JOIN b FOR SYSTEM_TIME AS OF a.ts AS b ON a.k = b.k");
      }
      ASSIGN_OR_RETURN(relation, BindNamedTable(named));
      break;
    }
    case sql::TableRefKind::kSubquery: {
      const auto& subquery = static_cast<const sql::SubqueryTable&>(table);
      // LATERAL in front of all others has nothing to read.
      ASSIGN_OR_RETURN(relation, BindQuery(*subquery.query));
      relation = Rename(std::move(relation), {});
      break;
    }
    case sql::TableRefKind::kFunction: {
      ASSIGN_OR_RETURN(relation, BindWindowTable(static_cast<const sql::FunctionTable&>(table)));
      break;
    }
    case sql::TableRefKind::kUnnest: {
      ASSIGN_OR_RETURN(Relation nothing, BindFrom(nullptr));
      return BindUnnest(static_cast<const sql::UnnestTable&>(table), std::move(nothing), false);
    }
    case sql::TableRefKind::kJoin: {
      const auto& join = static_cast<const sql::JoinTable&>(table);
      if (join.right->kind == sql::TableRefKind::kUnnest) return BindUnnestJoin(join);
      ASSIGN_OR_RETURN(relation, BindJoin(join));
      break;
    }
    case sql::TableRefKind::kMatch: {
      ASSIGN_OR_RETURN(relation, BindMatch(static_cast<const sql::MatchTable&>(table)));
      break;
    }
  }
  RETURN_IF_ERROR(ApplyAlias(table, &relation));
  return relation;
}

Status Binder::ApplyAlias(const sql::TableRef& table, Relation* relation) {
  if (!table.alias.has_value()) return Status::OK();
  const sql::TableAlias& alias = *table.alias;
  *relation = Rename(std::move(*relation), {alias.name.text});
  if (alias.columns.empty()) return Status::OK();
  if (alias.columns.size() != relation->scope.size()) {
    return Error(alias.columns.front().span,
                 fmt::format("{} column names are given for {} columns", alias.columns.size(),
                             relation->scope.size()));
  }
  for (size_t i = 0; i < alias.columns.size(); ++i) {
    relation->scope[i].name = alias.columns[i].text;
  }
  return Status::OK();
}

Result<Relation> Binder::BindNamedTable(const sql::NamedTable& table) {
  if (table.name.parts.size() == 1) {
    for (size_t i = common_tables_.size(); i-- > 0;) {
      if (common_tables_[i].first != table.name.last()) continue;
      const sql::CommonTable& common = *common_tables_[i].second;
      // It sees the common tables before it, not itself.
      auto visible = common_tables_;
      common_tables_.resize(i);
      Result<Relation> bound = BindQuery(*common.query);
      common_tables_ = std::move(visible);
      RETURN_IF_ERROR(bound);
      Relation relation = Rename(std::move(bound).ValueUnsafe(), {common.name.text});
      if (!common.columns.empty() && common.columns.size() != relation.scope.size()) {
        return Error(common.name.span, fmt::format("{} column names are given for {} columns",
                                                   common.columns.size(), relation.scope.size()));
      }
      for (size_t c = 0; c < common.columns.size(); ++c) {
        relation.scope[c].name = common.columns[c].text;
      }
      return relation;
    }
  }
  ASSIGN_OR_RETURN(TablePath path, BindPath(table.name));
  if (const CatalogTable* found = context_.catalog->FindTable(path)) {
    return ScanTable(path, *found, table.hints, table.name.span);
  }
  if (const CatalogView* view = context_.catalog->FindView(path)) {
    if (!table.hints.empty()) return Error(table.hints[0].span, "a view takes no hints");
    return ExpandView(path, *view, table.name.span);
  }
  std::vector<std::string> names = context_.catalog->TableNames();
  for (const auto& [name, common] : common_tables_) names.push_back(name);
  std::string hint = sql::DidYouMean(table.name.last(), names);
  if (hint.empty() && names.empty()) {
    hint =
        "there are no tables yet: CREATE TABLE makes one, for this session or script "
        "(`mainstem sql -e` and `-f` are one each)";
  }
  return Error(table.name.span, fmt::format("table '{}' not found", table.name.ToString()),
               std::move(hint));
}

Result<Relation> Binder::ExpandView(const TablePath& path, const CatalogView& view,
                                    const sql::SourceSpan& span) {
  const std::string key = path.ToString();
  const auto found = views_.find(key);
  // Only where plans don't grow deeper by it than the limits allow.
  if (found != views_.end() && query_depth_ <= found->second.query_depth) {
    return found->second.relation;
  }
  if (view_depth_ >= kViewDepthMax) {
    return Error(span, fmt::format("views are nested more than {} deep", kViewDepthMax));
  }
  // Inside, names and error places are the view's own.
  const sql::SourceTextPtr outer_source = source_;
  const CatalogView* const outer_view = current_view_;
  auto outer_tables = std::move(common_tables_);
  common_tables_.clear();
  source_ = view.source;
  current_view_ = &view;
  ++view_depth_;
  Result<Relation> bound = BindQuery(*view.query);
  --view_depth_;
  current_view_ = outer_view;
  source_ = outer_source;
  common_tables_ = std::move(outer_tables);
  if (!bound.ok()) {
    const ErrorText text = TextOf(bound.status());
    return Error(span, fmt::format("view '{}' is no longer valid: {}", path.name, text.message),
                 text.hint);
  }
  Relation relation = std::move(bound).ValueUnsafe();
  if (relation.scope.size() != view.columns.size()) {
    return Error(span,
                 fmt::format("view '{}' is no longer valid: its columns have changed", path.name));
  }
  for (size_t i = 0; i < relation.scope.size(); ++i) {
    relation.scope[i] = {{path.catalog, path.database, path.name}, view.columns[i].name()};
  }
  if (KeepsState(*relation.node)) views_[key] = {relation, query_depth_};
  return relation;
}

Result<Relation> Binder::ScanTable(const TablePath& path, const CatalogTable& table,
                                   const std::vector<sql::Hint>& hints,
                                   const sql::SourceSpan& span) {
  CatalogTable hinted = table;
  for (const sql::Hint& hint : hints) {
    if (IsQueryHint(hint.name.text)) continue;  // it says something behind SELECT only
    if (hint.name.text != "OPTIONS") {
      return Error(hint.name.span, fmt::format("there is no hint '{}'", hint.name.text),
                   "a table takes the hint OPTIONS('key' = 'value')");
    }
    for (const auto& [key, value] : hint.options) hinted.options[key] = value;
  }
  std::string key = path.ToString();
  for (const auto& [option, value] : hinted.options) key += "\n" + option + "=" + value;
  if (const auto found = scans_.find(key); found != scans_.end()) return found->second;

  auto scan = std::make_shared<ScanNode>();
  scan->table_name = path.ToString();
  scan->table = Describe(path.ToString(), hinted, false);
  scan->span = ToSpan(span);
  const std::vector<int> source_columns = hinted.SourceColumns();
  for (size_t i = 0; i < source_columns.size(); ++i) {
    const TableColumn& column = hinted.columns[static_cast<size_t>(source_columns[i])];
    scan->columns.emplace_back(column.name, column.type);
    scan->projection.push_back(static_cast<int>(i));
  }
  if (!hints.empty()) RETURN_IF_ERROR(Locate(context_.facts->Check(scan->table), hints[0].span));
  const Result<SourceFacts> facts = context_.facts->OfSource(scan->table);
  if (!facts.ok()) {
    const std::string message = TextOf(facts.status()).message;
    std::optional<sql::SourceSpan> option = PlaceInHints(hints, message);
    if (!option) option = PlaceOfOption(*source_, path, message, span.begin);
    return Locate(facts.status(), option.value_or(span));
  }
  scan->changelog = facts->mode;
  scan->reads_rows_by_name = facts->reads_rows_by_name;
  scan->can_look_up = facts->can_look_up;

  ASSIGN_OR_RETURN(PlanNodePtr node, AddComputedColumns(hinted, std::move(scan)));
  ASSIGN_OR_RETURN(node, AddWatermark(hinted, hinted.options, std::move(node), span));
  if (facts->upserts ||
      (facts->mode.update_after && context_.settings->Boolean(kRepeatedChanges))) {
    if (hinted.primary_key.empty()) {
      return Error(span, fmt::format("'{}' is true, but table '{}' has no PRIMARY KEY by which "
                                     "repeated changes are known",
                                     kRepeatedChanges, path.name));
    }
    node = AddOldRows(hinted, std::move(node));
  }
  Relation relation;
  relation.node = std::move(node);
  for (const TableColumn& column : hinted.columns) {
    relation.scope.push_back({{path.catalog, path.database, path.name}, column.name});
  }
  scans_[key] = relation;
  return relation;
}

PlanNodePtr Binder::AddOldRows(const CatalogTable& table, PlanNodePtr node) {
  auto newest = std::make_shared<RankNode>();
  newest->strategy = RankStrategy::kNewest;
  newest->span = node->span;
  newest->columns = node->columns;
  newest->state_ttl_ms = StateTtlMillis();
  for (const std::string& name : table.primary_key) {
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (table.columns[i].name == name) newest->partition.push_back(static_cast<int>(i));
    }
  }
  newest->inputs = {std::move(node)};
  return newest;
}

Result<PlanNodePtr> Binder::AddComputedColumns(const CatalogTable& table, PlanNodePtr scan) {
  const std::vector<int> source_columns = table.SourceColumns();
  std::vector<ExprPtr> exprs;
  Columns columns;
  bool identity = source_columns.size() == table.columns.size();
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const TableColumn& column = table.columns[i];
    if (column.kind == sql::ColumnKind::kComputed) {
      exprs.push_back(column.expr);
    } else {
      const auto at = std::find(source_columns.begin(), source_columns.end(), static_cast<int>(i));
      const int index = static_cast<int>(at - source_columns.begin());
      exprs.push_back(RefTo(scan->columns, index));
      identity = identity && index == static_cast<int>(i);
    }
    columns.emplace_back(column.name, column.type);
  }
  if (identity) return scan;
  const SourceSpan span = scan->span;
  return MakeProject(std::move(scan), std::move(exprs), std::move(columns), span);
}

Result<PlanNodePtr> Binder::AddWatermark(const CatalogTable& table,
                                         const std::map<std::string, std::string>& options,
                                         PlanNodePtr input, const sql::SourceSpan& span) {
  if (!table.watermark.has_value()) return input;
  auto node = std::make_shared<WatermarkNode>();
  node->span = ToSpan(span);
  node->columns = input->columns;
  node->inputs = {std::move(input)};
  node->rowtime = table.watermark->column;
  node->watermark = table.watermark->expr;
  node->interval_ms = context_.settings->Millis("pipeline.auto-watermark-interval");
  node->idle_timeout_ms = context_.settings->Millis("table.exec.source.idle-timeout");
  const auto option = [&options](const char* key) {
    const auto found = options.find(key);
    return found == options.end() ? std::string() : found->second;
  };
  node->on_event = option("scan.watermark.emit.strategy") == "on-event";
  node->alignment_group = option("scan.watermark.alignment.group");
  if (const std::string text = option("scan.watermark.idle-timeout"); !text.empty()) {
    const Result<int64_t> millis = ParseDurationMillis(text);
    if (!millis.ok()) return Locate(millis.status(), span);
    node->idle_timeout_ms = *millis;
  }
  if (const std::string text = option("scan.watermark.alignment.max-drift"); !text.empty()) {
    const Result<int64_t> millis = ParseDurationMillis(text);
    if (!millis.ok()) return Locate(millis.status(), span);
    node->alignment_max_drift_ms = *millis;
  }
  return PlanNodePtr(std::move(node));
}

}  // namespace mainstem::process::plan
