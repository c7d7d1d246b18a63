// What is done with a table of Redshift: found, compared, loaded. Everything blocks: on the pool
// only. Private to redshift.
//
// How far a delivery has come is a row of the table `mainstem_delivery` beside the destination:
//   mainstem_delivery (delivery_id varchar, part int, position bigint)    -1: nothing yet
// Its rows are made under a lock, as Redshift enforces no key. A load is a COPY into a temporary
// table, by itself, and then a short transaction: it locks the positions, as all writers do (what
// it reads and changes is then later than what others have committed), moves this writer's from
// what it saw last, or moves nothing: then another writer has been there, and it is given up; and
// takes the rows over by DELETE and INSERT. No transaction is open between two calls.
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
  // Both may refuse a row: kInvalidRecord. COPY alone:
  Status Stage(const std::string& manifest_url);
  // What is staged, and the position. `keep` = false: gives the transaction up in the end.
  Status Merge(Offset end, bool keep);
  // Only moves the position.
  Status MergeNothing(Offset end);
  // Whether the table still is what it was at Open.
  Status CheckTable();

 private:
  RedshiftLoader(RedshiftOptions options, std::string delivery_id, PartitionId part,
                 std::unique_ptr<RedshiftSession> session, StatementTable table);
  Status FindPosition();
  Status InTransaction(Offset end, const std::string& script, bool keep);
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
