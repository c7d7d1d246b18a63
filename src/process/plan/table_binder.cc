#include "process/plan/table_binder.h"

#include <algorithm>

#include <fmt/format.h>

#include "process/sql/parser.h"

namespace mainstem::process::plan {
namespace {

// Where the option stands that `message` is about: its value when the connector or format is not
// known, else its name.
sql::SourceSpan SpanOfOption(const sql::CreateTable& create, std::string_view message) {
  for (const sql::Option& option : create.options) {
    std::string unknown = fmt::format(
        "there is no {} '{}'", option.key == "connector" ? option.key : "format", option.value);
    if (message.ends_with(unknown)) return option.value_span;
    // The message may leave out "value." or "key." before a format's option.
    std::string_view name = option.key;
    for (std::string_view prefix : {"value.", "key."}) {
      if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
    }
    for (std::string_view quoted : {std::string_view(option.key), name}) {
      if (message.ends_with(fmt::format("has no option '{}'", quoted))) return option.key_span;
    }
  }
  return create.options_span;
}

}  // namespace

Result<TableColumn> TableBinder::MakeColumn(const sql::ColumnDefinition& definition) {
  TableColumn column;
  column.name = definition.name.text;
  column.kind = definition.kind;
  column.metadata_key = definition.metadata_key;
  column.is_virtual = definition.is_virtual;
  column.comment = definition.comment;
  if (definition.type != nullptr) {
    ASSIGN_OR_RETURN(column.type, binder_.BindType(*definition.type));
  }
  if (definition.expr != nullptr) {
    column.expr_sql = std::string(binder_.source_->Slice(definition.expr->span));
  }
  return column;
}

Status TableBinder::BindColumns(const sql::CreateTable& create, CatalogTable* table) {
  for (const sql::ColumnDefinition& definition : create.columns) {
    ASSIGN_OR_RETURN(TableColumn column, MakeColumn(definition));
    if (table->FindColumn(column.name) >= 0) {
      return binder_.Error(definition.name.span,
                           fmt::format("column '{}' is there twice", column.name));
    }
    table->columns.push_back(std::move(column));
  }
  // Computed columns see the physical and metadata columns, whatever the order.
  std::vector<ScopeColumn> names;
  Columns row;
  for (const int i : table->SourceColumns()) {
    names.push_back({{}, table->columns[static_cast<size_t>(i)].name});
    row.emplace_back(names.back().name, table->columns[static_cast<size_t>(i)].type);
  }
  const Binder::ExprScope scope{&names, &row, nullptr, "a computed column"};
  for (const sql::ColumnDefinition& definition : create.columns) {
    if (definition.expr == nullptr) continue;
    ASSIGN_OR_RETURN(ExprPtr bound, binder_.BindExpr(*definition.expr, scope));
    if (bound->type().root() == TypeRoot::kNull) {
      return binder_.Error(definition.expr->span, "illegal use of NULL: its type is not known");
    }
  }
  return Status::OK();
}

Status TableBinder::BindComputedColumns(CatalogTable* table) {
  std::vector<ScopeColumn> names;
  Columns row;
  for (const int i : table->SourceColumns()) {
    TableColumn& column = table->columns[static_cast<size_t>(i)];
    column.type = column.type.WithTimeAttribute(TimeAttribute::kNone);
    names.push_back({{}, column.name});
    row.emplace_back(column.name, column.type);
  }
  const Binder::ExprScope scope{&names, &row, nullptr, "a computed column"};
  for (TableColumn& column : table->columns) {
    if (column.kind != sql::ColumnKind::kComputed) continue;
    ASSIGN_OR_RETURN(sql::ParsedExpression parsed, sql::ParseExpression(column.expr_sql));
    const sql::SourceTextPtr outer = binder_.source_;
    binder_.source_ = parsed.source;
    const Result<ExprPtr> bound = binder_.BindExpr(*parsed.expr, scope);
    binder_.source_ = outer;
    RETURN_IF_ERROR(bound);
    column.expr = *bound;
    column.type = column.expr->type().WithTimeAttribute(
        column.expr->IsCallTo("PROCTIME") ? TimeAttribute::kProctime : TimeAttribute::kNone);
  }
  return Status::OK();
}

Status TableBinder::BindTableWatermark(CatalogTable* table, const sql::SourceSpan& span) {
  if (!table->watermark.has_value()) return Status::OK();
  TableColumn& column = table->columns[static_cast<size_t>(table->watermark->column)];
  if (!column.type.IsTimestamp() || column.type.precision() > 3) {
    return binder_.Error(span,
                         fmt::format("'{}' cannot carry event time: it must be TIMESTAMP(p) or "
                                     "TIMESTAMP_LTZ(p) with p from 0 to 3, but it is {}",
                                     column.name, column.type.ToErrorString()),
                         "compute one: ts AS TO_TIMESTAMP(text), or TO_TIMESTAMP_LTZ(millis, 3)");
  }
  std::vector<ScopeColumn> names;
  Columns row;
  for (const TableColumn& have : table->columns) {
    names.push_back({{}, have.name});
    row.emplace_back(have.name, have.type);
  }
  const Binder::ExprScope scope{&names, &row, nullptr, "WATERMARK"};
  ASSIGN_OR_RETURN(sql::ParsedExpression parsed, sql::ParseExpression(table->watermark->expr_sql));
  const sql::SourceTextPtr outer = binder_.source_;
  binder_.source_ = parsed.source;
  const Result<ExprPtr> bound = binder_.BindExpr(*parsed.expr, scope);
  binder_.source_ = outer;
  RETURN_IF_ERROR(bound);
  if ((*bound)->type().root() != column.type.root()) {
    return binder_.Error(
        span, fmt::format("the watermark of '{}' must be {}, but the expression is {}", column.name,
                          column.type.ToErrorString(), (*bound)->type().ToErrorString()));
  }
  table->watermark->expr = *bound;
  column.type = column.type.WithTimeAttribute(TimeAttribute::kRowtime);
  return Status::OK();
}

// Bound here for the sake of the error's place; kept as text.
Status TableBinder::BindWatermarkDefinition(const sql::WatermarkDefinition& definition,
                                            CatalogTable* table) {
  if (definition.column.size() > 1) {
    return binder_.NotYet(definition.column[1].span, "a watermark on a nested field",
                          "make it a column: ts AS row_column.field");
  }
  RETURN_IF_ERROR(ColumnOf(definition.column[0], table));
  std::vector<ScopeColumn> names;
  Columns row;
  for (const TableColumn& column : table->columns) {
    names.push_back({{}, column.name});
    row.emplace_back(column.name, column.type);
  }
  const Binder::ExprScope scope{&names, &row, nullptr, "WATERMARK"};
  RETURN_IF_ERROR(binder_.BindExpr(*definition.expr, scope));
  TableWatermark watermark;
  watermark.column = table->FindColumn(definition.column[0].text);
  watermark.expr_sql = std::string(binder_.source_->Slice(definition.expr->span));
  table->watermark = std::move(watermark);
  return Status::OK();
}

Result<TableColumn*> TableBinder::ColumnOf(const sql::Identifier& name, CatalogTable* table) const {
  const int index = table->FindColumn(name.text);
  if (index >= 0) return &table->columns[static_cast<size_t>(index)];
  std::vector<std::string> names;
  for (const TableColumn& column : table->columns) names.push_back(column.name);
  return binder_.Error(name.span, fmt::format("column '{}' not found in the table", name.text),
                       sql::DidYouMean(name.text, names));
}

Status TableBinder::BindPrimaryKey(const sql::PrimaryKeyDefinition& key,
                                   CatalogTable* table) const {
  table->primary_key.clear();
  for (const sql::Identifier& name : key.columns) {
    ASSIGN_OR_RETURN(TableColumn * column, ColumnOf(name, table));
    if (column->kind == sql::ColumnKind::kComputed) {
      return binder_.Error(name.span, "a computed column cannot be part of the primary key");
    }
    column->type = column->type.NotNull();
    table->primary_key.push_back(name.text);
  }
  return Status::OK();
}

Status TableBinder::BindKeys(const sql::CreateTable& create, CatalogTable* table) const {
  if (create.primary_key.has_value()) RETURN_IF_ERROR(BindPrimaryKey(*create.primary_key, table));
  if (!create.partitioned_by.empty()) table->partition_keys.clear();
  for (const sql::Identifier& name : create.partitioned_by) {
    RETURN_IF_ERROR(ColumnOf(name, table));
    table->partition_keys.push_back(name.text);
  }
  return Status::OK();
}

// Starts `table` off as a copy of another, without what is excluded.
Status TableBinder::MergeLike(const sql::LikeClause& like, CatalogTable* table) {
  ASSIGN_OR_RETURN(TablePath path, binder_.BindPath(like.table));
  const CatalogTable* other = binder_.context_.catalog->FindTable(path);
  if (other == nullptr) {
    return binder_.Error(
        like.table.span, fmt::format("table '{}' not found", like.table.ToString()),
        sql::DidYouMean(like.table.last(), binder_.context_.catalog->TableNames()));
  }
  const auto excluded = [&like](std::string_view feature) {
    bool out = false;
    for (const sql::LikeOption& option : like.options) {
      // As in Flink, where EXCLUDING ALL leaves the partitions in.
      const bool all = option.feature == "ALL" && feature != "PARTITIONS";
      if (all || option.feature == feature) out = option.merging == "EXCLUDING";
    }
    return out;
  };
  *table = *other;
  table->comment.clear();
  std::erase_if(table->columns, [&](const TableColumn& column) {
    return (column.kind == sql::ColumnKind::kComputed && excluded("GENERATED")) ||
           (column.kind == sql::ColumnKind::kMetadata && excluded("METADATA"));
  });
  if (excluded("CONSTRAINTS")) table->primary_key.clear();
  if (excluded("PARTITIONS")) table->partition_keys.clear();
  if (excluded("OPTIONS")) table->options.clear();
  if (excluded("WATERMARKS")) {
    table->watermark.reset();
  } else if (table->watermark.has_value()) {
    const std::string& name = other->columns[static_cast<size_t>(other->watermark->column)].name;
    table->watermark->column = table->FindColumn(name);
    if (table->watermark->column < 0) table->watermark.reset();
  }
  return Status::OK();
}

Status TableBinder::CheckConnector(const sql::CreateTable& create, const CatalogTable& table) {
  // A table without one is there for others to be LIKE it.
  if (!table.options.contains("connector")) return Status::OK();
  ASSIGN_OR_RETURN(TablePath path, binder_.BindPath(create.name));
  Status status = binder_.context_.facts->Check(Describe(path.ToString(), table, false));
  if (status.ok()) return status;
  if (create.options.empty()) return binder_.Locate(status, create.name.span);
  return binder_.Locate(status, SpanOfOption(create, TextOf(status).message));
}

Status TableBinder::Complete(CatalogTable* table, const SourceSpan& span) {
  const sql::SourceSpan at{static_cast<uint32_t>(span.begin), static_cast<uint32_t>(span.end),
                           static_cast<uint32_t>(span.line), static_cast<uint32_t>(span.column)};
  RETURN_IF_ERROR(BindComputedColumns(table));
  return BindTableWatermark(table, at);
}

Result<CatalogTable> TableBinder::Bind(const sql::CreateTable& create) {
  CatalogTable table;
  if (create.like.has_value()) RETURN_IF_ERROR(MergeLike(*create.like, &table));
  RETURN_IF_ERROR(BindColumns(create, &table));
  if (!create.comment.empty()) table.comment = create.comment;
  table.temporary = create.temporary;
  for (const sql::Option& option : create.options) {
    if (table.options.contains(option.key)) {
      // A plain INCLUDING refuses to change an inherited option.
      bool including = false;
      for (const sql::LikeOption& like : create.like->options) {
        if (like.feature == "OPTIONS") including = like.merging == "INCLUDING";
      }
      if (including) {
        return binder_.Error(option.key_span,
                             fmt::format("the option '{}' comes from '{}' already", option.key,
                                         create.like->table.ToString()),
                             "write OVERWRITING OPTIONS");
      }
    }
    table.options[option.key] = option.value;
  }
  RETURN_IF_ERROR(BindKeys(create, &table));
  RETURN_IF_ERROR(BindComputedColumns(&table));
  if (create.watermark.has_value()) {
    RETURN_IF_ERROR(BindWatermarkDefinition(*create.watermark, &table));
  }
  RETURN_IF_ERROR(BindTableWatermark(
      &table, create.watermark.has_value() ? create.watermark->column[0].span : create.name.span));
  if (table.columns.empty()) return binder_.Error(create.name.span, "a table needs columns");
  RETURN_IF_ERROR(CheckConnector(create, table));
  return table;
}

Result<CatalogTable> TableBinder::BindAs(const sql::CreateTable& create) {
  if (!create.columns.empty() || !create.column_order.empty()) {
    return binder_.NotYet(create.name.span, "a list of columns with AS SELECT");
  }
  ASSIGN_OR_RETURN(Relation relation, binder_.BindQuery(*create.as_query));
  CatalogTable table;
  for (size_t i = 0; i < relation.scope.size(); ++i) {
    TableColumn column;
    column.name = relation.scope[i].name;
    column.type = relation.node->columns[i].type().WithTimeAttribute(TimeAttribute::kNone);
    table.columns.push_back(std::move(column));
  }
  table.comment = create.comment;
  table.temporary = create.temporary;
  for (const sql::Option& option : create.options) table.options[option.key] = option.value;
  RETURN_IF_ERROR(BindKeys(create, &table));
  RETURN_IF_ERROR(CheckConnector(create, table));
  return table;
}

}  // namespace mainstem::process::plan
