#include "sink/jdbc/row_delivery.h"

#include <arrow/api.h>

#include "sink/refused_row.h"

namespace mainstem::sink {

RefusedRow RefuseRow(const RowChanges& rows, RowChange change, const std::vector<int>& key_columns,
                     const std::string& table, const Status& cause) {
  std::string key = KeyText(*rows.rows, key_columns, change.row);
  ErrorText text = TextOf(cause);
  text.message = table + " refused the " + (change.is_delete ? "deletion" : "row") + " with " +
                 key + ": " + text.message;
  if (text.hint.empty()) {
    text.hint = "correct or filter such rows in the query, or loosen the table's constraint";
  }
  return {.change = change,
          .key = std::move(key),
          .cause = MakeError(ErrorCode::kInvalidRecord, std::move(text))};
}

std::vector<connector::RejectedRecord> RejectedRecordsOf(const RowChanges& rows,
                                                         std::vector<RefusedRow> refused,
                                                         RefusedRowPlace place) {
  std::vector<connector::RejectedRecord> records;
  for (RefusedRow& row : refused) {
    RowKind kind = row.change.is_delete ? RowKind::kDelete : RowKind::kInsert;
    place.key = std::move(row.key);
    records.push_back(
        MakeRefusedRow(*rows.rows, row.change.row, kind, place, std::move(row.cause)));
  }
  return records;
}

RowDelivery::RowDelivery(Options options) : options_(std::move(options)) {
  for (const std::string& name : options_.table.primary_key) {
    key_columns_.push_back(options_.table.schema->GetFieldIndex(name));
  }
  key_columns_ = TellingColumns(key_columns_, options_.table.schema->num_fields());
}

Status RowDelivery::BeginAndMovePosition(Offset end) {
  ASSIGN_OR_RETURN(bool moved, BeginAndMove(end));
  if (!moved) {
    return MakeError(
        ErrorCode::kUnavailable,
        {.message = "connector '" + connector_name() +
                    "': another writer has moved the position of '" + options_.delivery_id +
                    "', partition " + std::to_string(options_.partition.value()),
         .detail = "nothing of this batch was written; going on from the stored position"});
  }
  moving_to_ = end;
  return Status::OK();
}

Result<std::vector<RefusedRow>> RowDelivery::Apply(const RowChanges& rows, Offset end) {
  CHECK(!moving_to_ && (!position_ || *position_ <= end));
  std::vector<RefusedRow> refused;
  for (const RowChange& change : rows.unstorable) {
    Status cause = MakeError(ErrorCode::kInvalidRecord, unstorable_cause());
    refused.push_back(Refuse(rows, change, cause));
  }
  RETURN_IF_ERROR(BeginAndMovePosition(end));
  Status written = Write(rows, rows.changes);
  if (written.ok()) return refused;
  if (CodeOf(written) != ErrorCode::kInvalidRecord) return written;
  // Some row is refused. The fast path has no savepoints, so all of it begins anew with them.
  RETURN_IF_ERROR(RunScript("ROLLBACK"));
  RETURN_IF_ERROR(CheckTable());  // it may have changed, and then no row is bad
  if (!has_savepoints()) {
    std::vector<RowChange> kept;
    RETURN_IF_ERROR(FindRefused(rows, rows.changes, end, &kept, &refused));
    RETURN_IF_ERROR(BeginAndMovePosition(end));
    RETURN_IF_ERROR(Write(rows, kept));
    return refused;
  }
  RETURN_IF_ERROR(BeginAndMovePosition(end));
  RETURN_IF_ERROR(WriteIsolating(rows, rows.changes, &refused));
  return refused;
}

Status RowDelivery::FindRefused(const RowChanges& rows, std::span<const RowChange> changes,
                                Offset end, std::vector<RowChange>* kept,
                                std::vector<RefusedRow>* refused) {
  if (changes.empty()) return Status::OK();
  RETURN_IF_ERROR(BeginAndMovePosition(end));
  Status written = Write(rows, changes);
  if (!written.ok() && CodeOf(written) != ErrorCode::kInvalidRecord) return written;
  RETURN_IF_ERROR(RunScript("ROLLBACK"));
  if (written.ok()) {
    kept->insert(kept->end(), changes.begin(), changes.end());
    return Status::OK();
  }
  if (changes.size() == 1) {
    refused->push_back(Refuse(rows, changes[0], written));
    return Status::OK();
  }
  size_t half = changes.size() / 2;
  RETURN_IF_ERROR(FindRefused(rows, changes.first(half), end, kept, refused));
  return FindRefused(rows, changes.subspan(half), end, kept, refused);
}

Status RowDelivery::Write(const RowChanges& rows, std::span<const RowChange> changes) {
  while (!changes.empty()) {
    size_t count = std::min(changes.size(), rows_per_chunk());
    RETURN_IF_ERROR(WriteChunk(rows, changes.first(count)));
    changes = changes.subspan(count);
  }
  return Status::OK();
}

Status RowDelivery::WriteIsolating(const RowChanges& rows, std::span<const RowChange> changes,
                                   std::vector<RefusedRow>* refused) {
  if (changes.empty()) return Status::OK();
  RETURN_IF_ERROR(RunScript("SAVEPOINT part"));
  Status written = Write(rows, changes);
  if (written.ok()) return RunScript("RELEASE SAVEPOINT part");
  if (CodeOf(written) != ErrorCode::kInvalidRecord) return written;
  RETURN_IF_ERROR(RunScript("ROLLBACK TO SAVEPOINT part"));
  RETURN_IF_ERROR(RunScript("RELEASE SAVEPOINT part"));
  if (changes.size() == 1) {
    refused->push_back(Refuse(rows, changes[0], written));
    return Status::OK();
  }
  size_t half = changes.size() / 2;
  RETURN_IF_ERROR(WriteIsolating(rows, changes.first(half), refused));
  return WriteIsolating(rows, changes.subspan(half), refused);
}

RefusedRow RowDelivery::Refuse(const RowChanges& rows, RowChange change,
                               const Status& cause) const {
  return RefuseRow(rows, change, key_columns_,
                   "connector '" + connector_name() + "': table '" + options_.table.name + "'",
                   cause);
}

Status RowDelivery::Commit(Env* env) {
  CHECK(moving_to_.has_value());
  env->CrashPoint("sink.commit");
  RETURN_IF_ERROR(RunScript("COMMIT"));
  env->CrashPoint("sink.committed");
  position_ = moving_to_;
  moving_to_.reset();
  return Status::OK();
}

}  // namespace mainstem::sink
