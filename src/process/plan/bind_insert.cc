// INSERT INTO and queries to the caller: the sink node and the casts to its columns.
#include <algorithm>

#include <arrow/scalar.h>
#include <fmt/format.h>

#include "connector/overwrite.h"
#include "core/json_writer.h"
#include "process/expr/cast.h"
#include "process/expr/evaluator.h"
#include "process/plan/binder.h"
#include "process/plan/table_option.h"
#include "process/types/type_coercion.h"

namespace mainstem::process::plan {
namespace {

OnConflict ToOnConflict(sql::ConflictAction action) {
  switch (action) {
    case sql::ConflictAction::kNone: return OnConflict::kNone;
    case sql::ConflictAction::kError: return OnConflict::kError;
    case sql::ConflictAction::kNothing: return OnConflict::kNothing;
    case sql::ConflictAction::kDeduplicate: return OnConflict::kDeduplicate;
  }
  return OnConflict::kNone;
}

std::string Shown(const Columns& columns) {
  std::string out;
  for (const RowField& column : columns) {
    if (!out.empty()) out += ", ";
    out += column.name() + ": " + column.type().ToString();
  }
  return "[" + out + "]";
}

}  // namespace

void Binder::ApplySinkSettings(SinkNode* sink) const {
  const Settings& settings = *context_.settings;
  sink->not_null_enforcer = settings.Text("table.exec.sink.not-null-enforcer") == "drop"
                                ? NotNullEnforcer::kDrop
                                : NotNullEnforcer::kError;
  sink->state_ttl_ms = StateTtlMillis();
  for (size_t i = 0; i < sink->columns.size(); ++i) {
    if (!sink->columns[i].type().nullable()) sink->not_null.push_back(static_cast<int>(i));
  }
}

Result<std::shared_ptr<SinkNode>> Binder::BindCollect(const sql::Query& query) {
  ASSIGN_OR_RETURN(Relation relation, BindQuery(query));
  auto sink = std::make_shared<SinkNode>();
  sink->collect = true;
  sink->table_name = "collect";
  sink->mode = connector::SinkMode::kRetract;
  sink->span = ToSpan(query.span);
  for (size_t i = 0; i < relation.scope.size(); ++i) {
    sink->columns.emplace_back(relation.scope[i].name, relation.node->columns[i].type());
  }
  sink->inputs = {relation.node};
  ApplySinkSettings(sink.get());
  return sink;
}

// PARTITION (key = value, ..): what these columns are in all rows.
Result<Binder::StaticPartition> Binder::BindStaticPartition(const sql::Insert& insert,
                                                            const CatalogTable& table) {
  StaticPartition fixed;
  for (const auto& [name, value] : insert.partition) {
    const auto& keys = table.partition_keys;
    if (std::find(keys.begin(), keys.end(), name.text) == keys.end()) {
      const std::string table_name = insert.table.ToString();
      return Error(name.span,
                   keys.empty() ? fmt::format("table '{}' has no partitions", table_name)
                                : fmt::format("'{}' is no partition column of table '{}'",
                                              name.text, table_name),
                   keys.empty() ? "declare them in CREATE TABLE: PARTITIONED BY (..)"
                                : sql::DidYouMean(name.text, keys));
    }
    if (value == nullptr) {
      return Error(name.span, fmt::format("partition column '{}' has no value", name.text),
                   "write PARTITION (column = value); leave out those that the query fills");
    }
    const sql::UnaryExpr* sign = sql::TryAs<sql::UnaryExpr>(value.get());
    const sql::Expr& unsigned_value = sign != nullptr ? *sign->operand : *value;
    if (unsigned_value.kind != sql::ExprKind::kLiteral) {
      return Error(value->span, "the value of a partition must be a literal");
    }
    ASSIGN_OR_RETURN(ExprPtr bound, BindExpr(*value, ExprScope{.clause = "PARTITION"}));
    const int column = table.FindColumn(name.text);
    const LogicalType& type = table.columns[static_cast<size_t>(column)].type;
    const Result<ExprPtr> cast = bound->type().root() == TypeRoot::kNull
                                     ? Result<ExprPtr>(MakeNullLiteral(type.WithNullable(true)))
                                     : BindCast(bound, type.WithNullable(bound->type().nullable()));
    if (!cast.ok()) return Locate(cast.status(), value->span);
    const auto evaluated = EvaluateConstant(*cast, EvalContext{});
    if (!evaluated.ok()) return Locate(evaluated.status(), value->span);
    if (!fixed.emplace(column, MakeLiteral(*evaluated, (*cast)->type())).second) {
      return Error(name.span, fmt::format("column '{}' is named twice", name.text));
    }
  }
  return fixed;
}

// Which columns of the table the query's columns go to.
Result<std::vector<int>> Binder::BindTargets(const sql::Insert& insert, const CatalogTable& table,
                                             const StaticPartition& fixed) {
  std::vector<int> targets;
  if (insert.columns.empty()) {
    targets = table.PersistedColumns();
    std::erase_if(targets, [&fixed](int column) { return fixed.contains(column); });
    return targets;
  }
  for (const sql::Identifier& name : insert.columns) {
    const int column = table.FindColumn(name.text);
    if (column < 0) {
      std::vector<std::string> names;
      for (const TableColumn& have : table.columns) names.push_back(have.name);
      return Error(name.span,
                   fmt::format("table '{}' has no column '{}'", insert.table.ToString(), name.text),
                   sql::DidYouMean(name.text, names));
    }
    const TableColumn& target = table.columns[static_cast<size_t>(column)];
    if (target.kind == sql::ColumnKind::kComputed || target.is_virtual) {
      return Error(name.span, fmt::format("column '{}' cannot be written: it is {}", name.text,
                                          target.is_virtual ? "virtual metadata" : "computed"));
    }
    if (fixed.contains(column)) {
      return Error(name.span,
                   fmt::format("column '{}' has its value in PARTITION already", name.text));
    }
    if (std::find(targets.begin(), targets.end(), column) != targets.end()) {
      return Error(name.span, fmt::format("column '{}' is named twice", name.text));
    }
    targets.push_back(column);
  }
  return targets;
}

Result<ExprPtr> Binder::CoerceColumn(const sql::Insert& insert, const sql::SourceSpan& query_span,
                                     const TableColumn& column, ExprPtr value) {
  const LogicalType type = column.type.WithTimeAttribute(TimeAttribute::kNone);
  if (value->type().root() == TypeRoot::kNull) value = MakeNullLiteral(type);
  if (value->type().EqualsIgnoreNullability(type)) return value;
  if (!IsImplicitlyCastable(value->type(), type)) {
    return Error(
        query_span,
        fmt::format("column '{}' of '{}' is {}, but the query gives {} for it", column.name,
                    insert.table.ToString(), type.ToErrorString(), value->type().ToErrorString()),
        fmt::format("write CAST(.. AS {})", type.WithNullable(true).ToString()));
  }
  Result<ExprPtr> cast = BindImplicitCast(value, type);
  if (!cast.ok()) return Locate(cast.status(), query_span);
  return cast;
}

Result<PlanNodePtr> Binder::CoerceToSink(const sql::Insert& insert,
                                         const sql::SourceSpan& query_span,
                                         const CatalogTable& table, const std::vector<int>& targets,
                                         const StaticPartition& fixed, Relation query) {
  const Columns& have = query.node->columns;
  Columns wanted;
  for (const int target : targets) {
    const TableColumn& column = table.columns[static_cast<size_t>(target)];
    wanted.emplace_back(column.name, column.type);
  }
  if (have.size() != targets.size()) {
    return Error(query_span,
                 fmt::format("the query has {} columns, but {} of '{}' are to be filled",
                             have.size(), targets.size(), insert.table.ToString()),
                 fmt::format("query: {}; table: {}", Shown(have), Shown(wanted)));
  }
  std::vector<ExprPtr> exprs;
  Columns columns;
  for (const int sink_column : table.SinkColumns()) {
    const TableColumn& column = table.columns[static_cast<size_t>(sink_column)];
    const auto at = std::find(targets.begin(), targets.end(), sink_column);
    const LogicalType type = column.type.WithTimeAttribute(TimeAttribute::kNone);
    if (const auto value = fixed.find(sink_column); value != fixed.end()) {
      exprs.push_back(value->second);
    } else if (at == targets.end()) {
      if (!type.nullable()) {
        return Error(insert.table.span,
                     fmt::format("column '{}' is NOT NULL and gets no value", column.name),
                     "name it in the list of columns");
      }
      exprs.push_back(MakeNullLiteral(type));
    } else {
      const int index = static_cast<int>(at - targets.begin());
      ASSIGN_OR_RETURN(ExprPtr value, CoerceColumn(insert, query_span, column, RefTo(have, index)));
      exprs.push_back(std::move(value));
    }
    columns.emplace_back(column.name, type);
  }
  return MakeProject(query.node, std::move(exprs), std::move(columns), ToSpan(insert.span));
}

// What the connector is told, and what it says.
Status Binder::DescribeSink(const sql::Insert& insert, const CatalogTable& table,
                            SinkNode* sink) const {
  sink->table = Describe(sink->table_name, table, true);
  const Result<connector::SinkMode> mode = context_.facts->SinkMode(sink->table);
  if (!mode.ok()) {
    const sql::SourceSpan& at = insert.table.span;
    std::vector<std::string> parts;
    for (const sql::Identifier& part : insert.table.parts) parts.push_back(part.text);
    ASSIGN_OR_RETURN(const TablePath path, context_.catalog->Resolve(parts));
    const std::string message = TextOf(mode.status()).message;
    return Locate(mode.status(), PlaceOfOption(*source_, path, message, at.begin).value_or(at));
  }
  sink->mode = *mode;
  return Status::OK();
}

// What is there already can be replaced when all that comes in its place is there: at an end.
Status Binder::RefuseOverwrite(const sql::Insert& insert, const CatalogTable& table) const {
  if (table.options.contains(std::string(connector::kOverwriteOption))) {
    return Error(insert.table.span,
                 fmt::format("option '{}' cannot be set by hand", connector::kOverwriteOption),
                 "write INSERT OVERWRITE");
  }
  if (!insert.overwrite) return Status::OK();
  const auto connector = table.options.find("connector");
  const std::string name = connector == table.options.end() ? "" : connector->second;
  if (name != "filesystem") {
    return Error(insert.table.span,
                 fmt::format("tables of connector '{}' cannot be overwritten", name),
                 "INSERT OVERWRITE replaces the files of a 'filesystem' table");
  }
  if (batch()) return Status::OK();
  return Error(insert.table.span, "INSERT OVERWRITE is not possible in streaming mode",
               "a stream has no end at which to replace what is there: INSERT INTO adds to it, or "
               "SET 'execution.runtime-mode' = 'batch'");
}

namespace {

// What connector::kOverwriteOption is to be: the values of a partition that is named wholly.
Result<std::string> OverwrittenPartition(const std::map<int, ExprPtr>& fixed,
                                         const CatalogTable& table) {
  if (fixed.empty() || fixed.size() != table.partition_keys.size()) return std::string();
  JsonWriter json;
  json.BeginArray();
  for (const std::string& key : table.partition_keys) {
    const ExprPtr& literal = fixed.at(table.FindColumn(key));
    ASSIGN_OR_RETURN(const ExprPtr text, BindCast(literal, LogicalType::String()));
    ASSIGN_OR_RETURN(const auto scalar, EvaluateConstant(text, EvalContext{}));
    if (scalar->is_valid) {
      json.Value(static_cast<const arrow::StringScalar&>(*scalar).view());
    } else {
      json.Null();
    }
  }
  json.EndArray();
  return json.Take();
}

}  // namespace

Result<std::shared_ptr<SinkNode>> Binder::BindInsert(const sql::Insert& insert,
                                                     const sql::Query& query) {
  ASSIGN_OR_RETURN(TablePath path, BindPath(insert.table));
  const CatalogTable* found = context_.catalog->FindTable(path);
  if (found == nullptr) {
    if (context_.catalog->FindView(path) != nullptr) {
      return Error(insert.table.span, fmt::format("'{}' is a view; rows go into tables only",
                                                  insert.table.ToString()));
    }
    return Error(insert.table.span, fmt::format("table '{}' not found", insert.table.ToString()),
                 sql::DidYouMean(insert.table.last(), context_.catalog->TableNames()));
  }
  CatalogTable table = *found;
  for (const sql::Hint& hint : insert.hints) {
    if (hint.name.text != "OPTIONS") {
      return Error(hint.name.span, fmt::format("there is no hint '{}' here", hint.name.text),
                   "a table takes the hint OPTIONS('key' = 'value')");
    }
    for (const auto& [key, value] : hint.options) table.options[key] = value;
  }
  ASSIGN_OR_RETURN(const StaticPartition fixed, BindStaticPartition(insert, table));
  RETURN_IF_ERROR(RefuseOverwrite(insert, table));
  if (insert.overwrite) {
    ASSIGN_OR_RETURN(table.options[std::string(connector::kOverwriteOption)],
                     OverwrittenPartition(fixed, table));
  }
  ASSIGN_OR_RETURN(std::vector<int> targets, BindTargets(insert, table, fixed));
  allow_untyped_null_ = true;
  Result<Relation> relation = BindQuery(query);
  allow_untyped_null_ = false;
  RETURN_IF_ERROR(relation);
  ASSIGN_OR_RETURN(PlanNodePtr input,
                   CoerceToSink(insert, query.span, table, targets, fixed, *std::move(relation)));

  auto sink = std::make_shared<SinkNode>();
  sink->table_name = path.ToString();
  sink->span = ToSpan(insert.table.span);
  sink->columns = input->columns;
  sink->on_conflict = ToOnConflict(insert.on_conflict);
  for (const std::string& key : table.primary_key) {
    for (size_t i = 0; i < sink->columns.size(); ++i) {
      if (sink->columns[i].name() == key) sink->primary_key.push_back(static_cast<int>(i));
    }
  }
  RETURN_IF_ERROR(DescribeSink(insert, table, sink.get()));
  sink->inputs = {std::move(input)};
  ApplySinkSettings(sink.get());
  return sink;
}

}  // namespace mainstem::process::plan
