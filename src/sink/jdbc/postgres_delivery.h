// Exactly-once delivery into one PostgreSQL table: rows and the position up to which they were
// taken from the log go into one transaction. The position stands in the table
// `mainstem_delivery`, in the schema of the destination:
//
//   delivery_id text, partition int, position bigint, primary key (delivery_id, partition)
//
// A transaction first moves its position from what this writer last knew to the new one. That locks
// the row, and fails if somebody else has moved it: of two writers with one id, one goes on and
// the other has to begin anew from what is stored. Everything blocks: on the pool only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connector/jdbc/postgres_connection.h"
#include "core/env.h"
#include "core/ids.h"
#include "sink/jdbc/postgres_table.h"
#include "sink/jdbc/row_changes.h"

namespace mainstem::sink {

using connector::PostgresConnection;
using connector::PostgresTarget;

// A row that the server does not take, and why.
struct RefusedRow {
  RowChange change;
  std::string key;  // "page=/home"; of a table without key the whole row
  Status cause;
};

// Lifecycle: Open, then Apply and Commit in turn; after any error the object is of no more use and
// its open transaction, if any, is given up. Not thread-safe.
class PostgresDelivery {
 public:
  struct Options {
    PostgresTarget target;
    DestinationTable table;
    std::string delivery_id;
    PartitionId partition;
  };
  // Connects, checks the table, makes `mainstem_delivery` if need be, reads the position.
  static Result<std::unique_ptr<PostgresDelivery>> Open(Options options);

  std::optional<Offset> position() const { return position_; }

  // Begins a transaction, moves the position to `end` and writes the rows. Refused rows are left
  // out, all others are in.
  Result<std::vector<RefusedRow>> Apply(const RowChanges& rows, Offset end);
  // Durable when it returns. After an error the transaction may still have been committed: the
  // position that a new delivery finds tells.
  Status Commit(Env* env);

 private:
  PostgresDelivery(Options options, std::unique_ptr<PostgresConnection> connection,
                   PostgresTable table);
  Status PreparePositions();
  Status ReadPosition();
  Status BeginAndMovePosition(Offset end);
  Status Write(const RowChanges& rows, std::span<const RowChange> changes);
  Status WriteChunk(const RowChanges& rows, std::span<const RowChange> changes);
  // As Write, but rows that are refused are set aside.
  Status WriteIsolating(const RowChanges& rows, std::span<const RowChange> changes,
                        std::vector<RefusedRow>* refused);
  RefusedRow Refuse(const RowChanges& rows, RowChange change, const Status& cause) const;
  Status Fenced() const;

  Options options_;
  std::unique_ptr<PostgresConnection> connection_;
  PostgresTable table_;
  std::string positions_;  // schema.mainstem_delivery
  std::string insert_;     // statements
  std::string delete_;
  std::optional<Offset> position_;
  std::optional<Offset> moving_to_;  // within a transaction
};

}  // namespace mainstem::sink
