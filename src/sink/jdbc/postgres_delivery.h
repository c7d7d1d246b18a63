// Delivery into one PostgreSQL table (row_delivery.h). The table of positions is in the schema of
// the destination:
//
//   mainstem_delivery (delivery_id text, partition int, position bigint,
//                      primary key (delivery_id, partition))
#pragma once

#include <memory>
#include <string>

#include "connector/jdbc/postgres_connection.h"
#include "sink/jdbc/postgres_table.h"
#include "sink/jdbc/row_delivery.h"

namespace mainstem::sink {

using connector::PostgresConnection;
using connector::PostgresTarget;

class PostgresDelivery final : public RowDelivery {
 public:
  // Connects, checks the table, makes `mainstem_delivery` if need be, reads the position.
  static Result<std::unique_ptr<RowDelivery>> Open(const PostgresTarget& target, Options options);

  // PostgreSQL's texts have no U+0000.
  bool CanStore(const arrow::RecordBatch& rows, int64_t row) const override;
  Status CheckTable() override;

 private:
  PostgresDelivery(Options options, std::unique_ptr<PostgresConnection> connection,
                   PostgresTable table);
  Status PreparePositions();
  Status ReadPosition();
  Result<bool> BeginAndMove(Offset end) override;
  Status WriteChunk(const RowChanges& rows, std::span<const RowChange> changes) override;
  Status RunScript(const std::string& statements) override;
  size_t rows_per_chunk() const override;
  std::string unstorable_cause() const override;

  std::unique_ptr<PostgresConnection> connection_;
  PostgresTable table_;
  std::string positions_;  // schema.mainstem_delivery
  std::string insert_;     // statements
  std::string delete_;
};

}  // namespace mainstem::sink
