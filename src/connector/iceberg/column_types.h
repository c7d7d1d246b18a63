// A SQL table's columns and those of an Iceberg table: which type a column gets, which columns fit
// together, how a schema grows, and what files hold. Pure; any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "connector/iceberg/iceberg_schema.h"

namespace mainstem::connector::iceberg {

// The schema of a new table: ids from 1 on, those of columns before those inside them.
// kInvalidArgument, naming the column and the cure, for types without a form. `key`: the columns of
// the PRIMARY KEY.
Result<Schema> SchemaOfColumns(const arrow::Schema& columns, const std::vector<std::string>& key);

// `table` with what the columns have more: columns and fields that it lacks, wider numbers. The id
// is the next one; nullopt when there is nothing more. `last_column_id` goes up.
Result<std::optional<Schema>> GrowSchema(const Schema& table, const arrow::Schema& columns,
                                         int32_t next_schema_id, int32_t* last_column_id);

// What files of the table hold of these columns: the columns' order, the table's types, its ids as
// Parquet's. kInvalidArgument, naming the column and the cure: the table lacks a column, needs one
// that is not here, or has a type that the column's values do not fit.
Result<std::shared_ptr<arrow::Schema>> FileSchema(const Schema& table,
                                                  const arrow::Schema& columns);

// Of FileSchema: one column; and that the table can do without one.
Result<std::shared_ptr<arrow::Field>> FileColumn(const Schema& table, const arrow::Field& column);
Status CheckIsNotNeeded(const Field& target);

// What files hold that have all of the table's columns. kInvalidArgument: a type is not written.
Result<std::shared_ptr<arrow::Schema>> WholeFileSchema(const Schema& table);

// The id that a field of a file's schema has, as Parquet's; -1: none.
int32_t FieldIdOf(const arrow::Field& field);

}  // namespace mainstem::connector::iceberg
