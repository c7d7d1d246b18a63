// ALTER TABLE: columns, keys and watermark. While columns move, the watermark is known by its
// column's name.
#include <algorithm>

#include <fmt/format.h>

#include "process/plan/rules.h"
#include "process/plan/table_binder.h"

namespace mainstem::process::plan {

Status TableBinder::Alter(const sql::AlterTable& alter, CatalogTable* table) {
  std::string time;
  if (table->watermark.has_value()) {
    time = table->columns[static_cast<size_t>(table->watermark->column)].name;
  }
  switch (alter.action) {
    case sql::AlterAction::kAddColumns: RETURN_IF_ERROR(AddToTable(alter, table)); break;
    case sql::AlterAction::kModifyColumns: RETURN_IF_ERROR(ModifyTable(alter, table)); break;
    case sql::AlterAction::kDropColumns: RETURN_IF_ERROR(DropColumns(alter, table)); break;
    case sql::AlterAction::kRenameColumn: RETURN_IF_ERROR(RenameColumn(alter, table)); break;
    default: return binder_.NotYet(alter.span, "this form of ALTER TABLE");
  }
  if (table->watermark.has_value() && !time.empty()) {
    table->watermark->column = table->FindColumn(time);
  }
  if (alter.primary_key.has_value()) RETURN_IF_ERROR(BindPrimaryKey(*alter.primary_key, table));
  if (alter.watermark.has_value()) {
    RETURN_IF_ERROR(BindWatermarkDefinition(*alter.watermark, table));
  }
  return Status::OK();
}

Status TableBinder::PlaceColumn(TableColumn column, const sql::AlterTable::Position& position,
                                size_t at, CatalogTable* table) const {
  if (position.first) at = 0;
  if (position.after.has_value()) {
    RETURN_IF_ERROR(ColumnOf(*position.after, table));
    at = static_cast<size_t>(table->FindColumn(position.after->text)) + 1;
  }
  table->columns.insert(table->columns.begin() + static_cast<ptrdiff_t>(at), std::move(column));
  return Status::OK();
}

Status TableBinder::AddToTable(const sql::AlterTable& alter, CatalogTable* table) {
  if (alter.primary_key.has_value() && !table->primary_key.empty()) {
    return binder_.Error(alter.primary_key->span, "the table has a primary key already",
                         "ALTER TABLE .. MODIFY PRIMARY KEY changes it");
  }
  if (alter.watermark.has_value() && table->watermark.has_value()) {
    return binder_.Error(alter.watermark->span, "the table has a watermark already",
                         "ALTER TABLE .. MODIFY WATERMARK changes it");
  }
  for (size_t i = 0; i < alter.columns.size(); ++i) {
    const sql::ColumnDefinition& definition = alter.columns[i];
    if (table->FindColumn(definition.name.text) >= 0) {
      return binder_.Error(definition.name.span,
                           fmt::format("column '{}' is there already", definition.name.text),
                           "ALTER TABLE .. MODIFY changes it");
    }
    ASSIGN_OR_RETURN(TableColumn column, MakeColumn(definition));
    RETURN_IF_ERROR(
        PlaceColumn(std::move(column), alter.positions[i], table->columns.size(), table));
  }
  return Status::OK();
}

Status TableBinder::ModifyTable(const sql::AlterTable& alter, CatalogTable* table) {
  if (alter.primary_key.has_value() && table->primary_key.empty()) {
    return binder_.Error(alter.primary_key->span, "the table has no primary key to modify",
                         "ALTER TABLE .. ADD PRIMARY KEY gives it one");
  }
  if (alter.watermark.has_value() && !table->watermark.has_value()) {
    return binder_.Error(alter.watermark->span, "the table has no watermark to modify",
                         "ALTER TABLE .. ADD WATERMARK gives it one");
  }
  for (size_t i = 0; i < alter.columns.size(); ++i) {
    const sql::Identifier& name = alter.columns[i].name;
    RETURN_IF_ERROR(ColumnOf(name, table));
    ASSIGN_OR_RETURN(TableColumn column, MakeColumn(alter.columns[i]));
    const std::vector<std::string>& key = table->primary_key;
    if (std::find(key.begin(), key.end(), name.text) != key.end()) {
      if (column.kind == sql::ColumnKind::kComputed) {
        return binder_.Error(name.span, "a computed column cannot be part of the primary key");
      }
      column.type = column.type.NotNull();
    }
    const auto at = static_cast<size_t>(table->FindColumn(name.text));
    if (column.comment.empty()) column.comment = table->columns[at].comment;
    table->columns.erase(table->columns.begin() + static_cast<ptrdiff_t>(at));
    RETURN_IF_ERROR(PlaceColumn(std::move(column), alter.positions[i], at, table));
  }
  return Status::OK();
}

Status TableBinder::CheckUnused(const sql::Identifier& name, const CatalogTable& table,
                                const std::vector<sql::Identifier>& dropped) const {
  const int at = table.FindColumn(name.text);
  const auto reads = [](const BoundExpr& expr, int column) {
    std::vector<int> refs;
    CollectInputRefs(expr, &refs);
    return std::find(refs.begin(), refs.end(), column) != refs.end();
  };
  const std::vector<int> sources = table.SourceColumns();
  const auto place = std::find(sources.begin(), sources.end(), at);
  for (const TableColumn& column : table.columns) {
    const bool goes_too = std::any_of(dropped.begin(), dropped.end(),
                                      [&](const auto& other) { return other.text == column.name; });
    if (column.expr == nullptr || goes_too || place == sources.end()) continue;
    if (!reads(*column.expr, static_cast<int>(place - sources.begin()))) continue;
    return binder_.Error(name.span, fmt::format("column '{}' is used by the computed column '{}'",
                                                name.text, column.name));
  }
  const auto& watermark = table.watermark;
  if (watermark.has_value() && (watermark->column == at || reads(*watermark->expr, at))) {
    return binder_.Error(name.span, fmt::format("column '{}' is used by the watermark", name.text));
  }
  return Status::OK();
}

Status TableBinder::DropColumns(const sql::AlterTable& alter, CatalogTable* table) const {
  for (const sql::Identifier& name : alter.keys) {
    RETURN_IF_ERROR(ColumnOf(name, table));
    for (const std::vector<std::string>* names : {&table->primary_key, &table->partition_keys}) {
      if (std::find(names->begin(), names->end(), name.text) == names->end()) continue;
      return binder_.Error(
          name.span,
          fmt::format("column '{}' is used by the primary key or PARTITIONED BY", name.text));
    }
    RETURN_IF_ERROR(CheckUnused(name, *table, alter.keys));
  }
  for (const sql::Identifier& name : alter.keys) {
    std::erase_if(table->columns, [&](const auto& column) { return column.name == name.text; });
  }
  return Status::OK();
}

Status TableBinder::RenameColumn(const sql::AlterTable& alter, CatalogTable* table) const {
  const sql::Identifier& from = *alter.old_column;
  const sql::Identifier& to = *alter.new_column;
  ASSIGN_OR_RETURN(TableColumn * column, ColumnOf(from, table));
  if (table->FindColumn(to.text) >= 0) {
    return binder_.Error(to.span, fmt::format("column '{}' is there already", to.text));
  }
  RETURN_IF_ERROR(CheckUnused(from, *table, {}));
  column->name = to.text;
  for (std::vector<std::string>* names : {&table->primary_key, &table->partition_keys}) {
    std::replace(names->begin(), names->end(), from.text, to.text);
  }
  return Status::OK();
}

}  // namespace mainstem::process::plan
