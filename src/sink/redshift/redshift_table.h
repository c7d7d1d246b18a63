// What is done with a table of Redshift: found, compared, loaded. Everything blocks: on the pool
// only. Private to redshift.
//
// How far a delivery has come is a row of the table `mainstem_delivery` beside the destination:
//   mainstem_delivery (delivery_id varchar, part int, position bigint)    -1: nothing yet
// It is made before the first load, under a lock, as Redshift enforces no key. A load is one
// transaction: COPY into a temporary table, DELETE and INSERT from it, and an UPDATE that moves the
// position from what this writer saw last, or moves nothing: then another writer has been there,
// and the transaction is given up.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connector/drift.h"
#include "core/ids.h"
#include "sink/jdbc/row_delivery.h"
#include "sink/jdbc/statement_table.h"
#include "sink/redshift/redshift_session.h"

namespace mainstem::sink {

struct RedshiftOptions {
  connector::PostgresTarget server;
  DestinationTable table;
  std::string iam_role;     // "arn:aws:iam::..", or "default"
  std::string copy_region;  // of the bucket; empty: the cluster's own
};

Result<connector::Differences> FindRedshiftDifferences(const RedshiftOptions& options);
Status EvolveRedshift(const RedshiftOptions& options);

// Of one partition of a delivery. After an error of other than Load it is of no more use.
class RedshiftLoader {
 public:
  // Connects, checks the table, finds the position.
  static Result<std::unique_ptr<RedshiftLoader>> Open(const RedshiftOptions& options,
                                                      std::string delivery_id, PartitionId part);

  std::optional<Offset> position() const { return position_; }
  // Begins a transaction and does everything but its COMMIT. kInvalidRecord: a row was refused, and
  // no transaction is open.
  Status Load(const std::string& manifest_url, Offset end);
  // Only moves the position.
  Status LoadNothing(Offset end);
  Status Rollback() { return session_->Execute("ROLLBACK"); }
  Status Commit(Offset end);
  // Whether the table still is what it was at Open.
  Status CheckTable();

 private:
  RedshiftLoader(RedshiftOptions options, std::string delivery_id, PartitionId part,
                 std::unique_ptr<RedshiftSession> session, StatementTable table);
  Status FindPosition();
  Status LoadRows(const std::string& manifest_url);
  Status MovePosition(Offset end);
  std::string MergeScript() const;

  RedshiftOptions options_;
  std::string delivery_id_;
  PartitionId part_;
  std::unique_ptr<RedshiftSession> session_;
  StatementTable table_;
  std::string positions_;  // the table's name
  std::optional<Offset> position_;
};

}  // namespace mainstem::sink
