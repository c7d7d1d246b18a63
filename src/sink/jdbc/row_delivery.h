// Exactly-once delivery into one table of a database with transactions: rows and the position up
// to which they were taken from the log go into one transaction. The position stands in the table
// `mainstem_delivery` beside the destination.
//
// A transaction first moves its position from what this writer last knew to the new one. That locks
// the row, and fails if somebody else has moved it: of two writers with one id, one goes on and
// the other has to begin anew from what is stored. Everything blocks: on the pool only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/ids.h"
#include "sink/jdbc/row_changes.h"
#include "sink/refused_row.h"

namespace mainstem::sink {

// What is to be written.
struct DestinationTable {
  std::string name;  // option 'table-name': table or schema.table, parts may be "quoted"
  std::shared_ptr<arrow::Schema> schema;
  std::vector<std::string> primary_key;  // empty: append only
};

// A row that the server does not take, and why.
struct RefusedRow {
  RowChange change;
  std::string key;  // "page=/home"; of a table without key the whole row
  Status cause;
};

// `table`: "connector 'jdbc': table 'orders'", for the message.
RefusedRow RefuseRow(const RowChanges& rows, RowChange change, const std::vector<int>& key_columns,
                     const std::string& table, const Status& cause);
// As a RejectHandler takes them; `place` without a key.
std::vector<connector::RejectedRecord> RejectedRecordsOf(const RowChanges& rows,
                                                         std::vector<RefusedRow> refused,
                                                         RefusedRowPlace place);

// Lifecycle: made by a database's own Open, then Apply and Commit in turn; after any error the
// object is of no more use and its open transaction, if any, is given up. Not thread-safe.
class RowDelivery {
 public:
  struct Options {
    DestinationTable table;
    std::string delivery_id;
    PartitionId partition;
  };
  explicit RowDelivery(Options options);
  virtual ~RowDelivery() = default;

  std::optional<Offset> position() const { return position_; }
  // Rows of a batch that this database cannot hold at all, whatever the table: not even tried.
  virtual bool CanStore(const arrow::RecordBatch& rows, int64_t row) const = 0;

  // Begins a transaction, moves the position to `end` and writes the rows. Refused rows are left
  // out, all others are in.
  Result<std::vector<RefusedRow>> Apply(const RowChanges& rows, Offset end);
  // Once more, after Apply: what a table refuses that has changed meanwhile is not the rows' fault.
  virtual Status CheckTable() = 0;
  // Durable when it returns. After an error the transaction may still have been committed: the
  // position that a new delivery finds tells.
  Status Commit(Env* env);

 protected:
  const Options& options() const { return options_; }
  void set_position(std::optional<Offset> position) { position_ = position; }

  // Begins a transaction, and moves the position if it still is position(); false when not.
  virtual Result<bool> BeginAndMove(Offset end) = 0;
  // One statement or a few. kInvalidRecord when a row is refused; nothing of them is in then, or
  // the transaction is only good for "ROLLBACK".
  virtual Status WriteChunk(const RowChanges& rows, std::span<const RowChange> changes) = 0;
  // "COMMIT", "SAVEPOINT part" and the like.
  virtual Status RunScript(const std::string& statements) = 0;
  virtual size_t rows_per_chunk() const = 0;
  virtual std::string unstorable_cause() const = 0;
  // Without them rows that are refused are found by trials that are rolled back.
  virtual bool has_savepoints() const { return true; }
  // For messages: "jdbc".
  virtual std::string connector_name() const { return "jdbc"; }

 private:
  Status BeginAndMovePosition(Offset end);
  Status Write(const RowChanges& rows, std::span<const RowChange> changes);
  // As Write, but rows that are refused are set aside.
  Status WriteIsolating(const RowChanges& rows, std::span<const RowChange> changes,
                        std::vector<RefusedRow>* refused);
  // Takes refused rows out of `changes`; no transaction is open before or after.
  Status FindRefused(const RowChanges& rows, std::span<const RowChange> changes, Offset end,
                     std::vector<RowChange>* kept, std::vector<RefusedRow>* refused);
  RefusedRow Refuse(const RowChanges& rows, RowChange change, const Status& cause) const;

  Options options_;
  std::vector<int> key_columns_;  // all columns without a key
  std::optional<Offset> position_;
  std::optional<Offset> moving_to_;  // within a transaction
};

}  // namespace mainstem::sink
