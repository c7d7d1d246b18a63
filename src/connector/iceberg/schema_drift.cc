#include "connector/iceberg/schema_drift.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include "connector/iceberg/column_types.h"

namespace mainstem::connector::iceberg {
namespace {

DifferenceKind KindOf(const Field* target, const arrow::Field& column) {
  if (target == nullptr) return DifferenceKind::kColumn;
  return target->required && column.nullable() ? DifferenceKind::kNull : DifferenceKind::kType;
}

std::string GrowStatement(const std::string& table, const Field* target, const Field& grown) {
  std::string type = TypeText(grown.type);
  if (target == nullptr) {
    return fmt::format("ALTER TABLE {} ADD COLUMN {} {}", table, grown.name, type);
  }
  return fmt::format("ALTER TABLE {} ALTER COLUMN {} TYPE {}", table, grown.name, type);
}

}  // namespace

Result<Differences> CompareColumns(const std::string& name, const Schema& table,
                                   const arrow::Schema& columns) {
  int32_t last_column_id = 0;
  ASSIGN_OR_RETURN(std::optional<Schema> grown,
                   GrowSchema(table, columns, table.id + 1, &last_column_id));
  Differences differences;
  for (const auto& column : columns.fields()) {
    Status fits = FileColumn(table, *column).status();
    if (fits.ok()) continue;
    const Field* target = table.Find(column->name());
    Difference& difference = differences.emplace_back();
    difference.kind = KindOf(target, *column);
    difference.column = column->name();
    difference.problem = TextOf(fits).message;
    difference.cure = TextOf(fits).hint;
    if (!grown || !FileColumn(*grown, *column).ok()) continue;
    difference.statement = GrowStatement(name, target, *grown->Find(column->name()));
  }
  for (const Field& target : table.fields) {
    if (!target.required || columns.GetFieldIndex(target.name) >= 0) continue;
    Status needed = CheckIsNotNeeded(target);
    differences.push_back({.kind = DifferenceKind::kRequired,
                           .column = target.name,
                           .problem = TextOf(needed).message,
                           .cure = TextOf(needed).hint});
  }
  return differences;
}

}  // namespace mainstem::connector::iceberg
