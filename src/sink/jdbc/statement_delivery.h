// Delivery into one table of MySQL, MariaDB, SQLite or DuckDB (row_delivery.h). The table of
// positions stands in the database of the connection:
//
//   mainstem_delivery (delivery_id, part, position, primary key (delivery_id, part))
#pragma once

#include <memory>

#include "connector/jdbc/duckdb_session.h"
#include "connector/jdbc/mysql_url.h"
#include "connector/jdbc/sqlite_session.h"
#include "sink/jdbc/row_delivery.h"

namespace mainstem::sink {

// Connects, checks the table, makes `mainstem_delivery` if need be, reads the position.
Result<std::unique_ptr<RowDelivery>> OpenMysqlDelivery(const connector::MysqlTarget& target,
                                                       RowDelivery::Options options);
Result<std::unique_ptr<RowDelivery>> OpenSqliteDelivery(const connector::SqliteTarget& target,
                                                        RowDelivery::Options options);
// Makes the table if `target.creates` and it is not there.
Result<std::unique_ptr<RowDelivery>> OpenDuckdbDelivery(const connector::DuckdbTarget& target,
                                                        RowDelivery::Options options);

}  // namespace mainstem::sink
