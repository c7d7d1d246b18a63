// CREATE TABLE and ALTER TABLE: columns, computed columns, watermark, keys, LIKE, options.
#pragma once

#include <string>
#include <vector>

#include "process/plan/binder.h"

namespace mainstem::process::plan {

// Of one statement, with its binder, which outlives it.
class TableBinder {
 public:
  explicit TableBinder(Binder* binder) : binder_(*binder) {}

  // CREATE TABLE without AS SELECT: all checks that need no connector, then the connector's own.
  Result<CatalogTable> Bind(const sql::CreateTable& create);
  // The table of CREATE TABLE .. AS SELECT.
  Result<CatalogTable> BindAs(const sql::CreateTable& create);
  // ALTER TABLE .. ADD, MODIFY, DROP, RENAME of columns, keys and watermark; Complete follows.
  Status Alter(const sql::AlterTable& alter, CatalogTable* table);
  // Binds computed columns and watermark anew, after ALTER.
  Status Complete(CatalogTable* table, const SourceSpan& span);

 private:
  Result<TableColumn> MakeColumn(const sql::ColumnDefinition& definition);
  Result<TableColumn*> ColumnOf(const sql::Identifier& name, CatalogTable* table) const;
  Status BindColumns(const sql::CreateTable& create, CatalogTable* table);
  // Starts `table` off as a copy of another, without what is excluded.
  Status MergeLike(const sql::LikeClause& like, CatalogTable* table);
  Status BindComputedColumns(CatalogTable* table);
  Status BindTableWatermark(CatalogTable* table, const sql::SourceSpan& span);
  Status BindWatermarkDefinition(const sql::WatermarkDefinition& definition, CatalogTable* table);
  Status BindPrimaryKey(const sql::PrimaryKeyDefinition& key, CatalogTable* table) const;
  Status BindKeys(const sql::CreateTable& create, CatalogTable* table) const;
  Status CheckConnector(const sql::CreateTable& create, const CatalogTable& table);

  // ---- ALTER TABLE (alter_table.cc)
  Status AddToTable(const sql::AlterTable& alter, CatalogTable* table);
  Status ModifyTable(const sql::AlterTable& alter, CatalogTable* table);
  Status DropColumns(const sql::AlterTable& alter, CatalogTable* table) const;
  Status RenameColumn(const sql::AlterTable& alter, CatalogTable* table) const;
  // Where `position` says, else at `at`.
  Status PlaceColumn(TableColumn column, const sql::AlterTable::Position& position, size_t at,
                     CatalogTable* table) const;
  // Refuses what the watermark, or a computed column that is not `dropped` too, is made of.
  Status CheckUnused(const sql::Identifier& name, const CatalogTable& table,
                     const std::vector<sql::Identifier>& dropped) const;

  Binder& binder_;
};

}  // namespace mainstem::process::plan
