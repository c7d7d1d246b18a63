#include "sink/clickhouse/clickhouse_writer.h"

#include <algorithm>
#include <span>

#include <absl/strings/ascii.h>
#include <arrow/api.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include "core/error_context.h"
#include "sink/clickhouse/clickhouse_drift.h"
#include "sink/jdbc/row_changes.h"
#include "sink/refused_row.h"
#include "sink/waiting_rows.h"

namespace mainstem::sink {
namespace {

// What one INSERT may hold, whatever the options say.
constexpr int64_t kInsertRowsMax = 200000;
constexpr int64_t kInsertBytesMax = int64_t{64} << 20;

// A row as ClickHouse gets it, and where it comes from.
struct ClickhouseRow {
  RowChange change;
  std::string line;  // with its end
};

class ClickhouseWriter final : public connector::DeliveryWriter {
 public:
  ClickhouseWriter(Env* env, std::shared_ptr<const ClickhouseOptions> options,
                   std::string delivery_id, PartitionId partition)
      : env_(env),
        options_(std::move(options)),
        delivery_id_(std::move(delivery_id)),
        partition_(partition) {}

  Task<std::optional<Offset>> Open() override {
    CO_ASSIGN_OR_RETURN(session_, co_await OpenClickhouse(env_, options_));
    int64_t history = env_->WallTime().value() * 1000;
    CO_RETURN_IF_ERROR(Named(co_await env_->blocking_pool().Run([&] { return OpenNow(history); })));
    co_return stored_.position;
  }

  Task<> Deliver(ChangelogBatch batch, Offset end) override {
    CO_RETURN_IF_ERROR(Named(CheckDeliveredColumns(*options_->schema, *batch.rows)));
    TimePoint now = env_->Now();
    CO_ASSIGN_OR_RETURN(int64_t bytes, arrow::util::ReferencedBufferSize(*batch.rows));
    waiting_.Add(batch.rows->num_rows(), bytes, now);
    if (batch.rows->num_rows() > 0) {
      int64_t before = ends_.empty() ? 0 : ends_.back().rows_end;
      ends_.push_back({.rows_end = before + batch.rows->num_rows(), .end = end});
      buffer_.push_back(std::move(batch));
    }
    end_ = end;
    bool is_due = waiting_.IsDue(now, options_->interval);
    bool is_full = waiting_.IsFull(std::min(options_->rows_max, kInsertRowsMax), kInsertBytesMax);
    if (is_due || is_full) co_return co_await Write();
    co_return Status::OK();
  }

  Task<Offset> Flush(FlushOptions) override {
    CO_RETURN_IF_ERROR(co_await Write());
    co_return stored_.position.value_or(Offset(0));
  }

 private:
  struct DeliveryEnd {
    int64_t rows_end = 0;  // of all buffered rows those before it are of this delivery or earlier
    Offset end;
  };

  Status Named(const Status& status) const {
    if (status.ok() || Is(status, ErrorCode::kCancelled)) return status;
    return InContext("connector 'clickhouse', table '" + options_->table_name + "': ", status);
  }

  Status CheckTable() {
    ASSIGN_OR_RETURN(ClickhouseInspection found, InspectClickhouse(session_.get(), *options_));
    RETURN_IF_ERROR(connector::DriftError("", found.differences));
    table_ = std::move(found.table);
    return Status::OK();
  }

  Status OpenNow(int64_t history) {
    RETURN_IF_ERROR(CheckTable());
    ASSIGN_OR_RETURN(auto stored, session_->ReadPosition(delivery_id_, partition_));
    if (stored) {
      stored_ = *stored;
      return Status::OK();
    }
    // Before the first row: whoever comes after a crash must give rows the same versions and ids.
    stored_.history = history;
    return session_->WritePosition(delivery_id_, partition_, stored_);
  }

  Task<> Write() {
    CHECK(session_ != nullptr);
    if (!end_ || stored_.position == end_) co_return Status::OK();
    if (failed_) {
      co_return WriterHasFailed();
    }
    // Until it succeeds: the rows it takes out of the buffer must not be passed over.
    failed_ = true;
    std::vector<connector::RejectedRecord> refused;
    CO_RETURN_IF_ERROR(
        Named(co_await env_->blocking_pool().Run([&] { return WriteRows(&refused); })));
    // The server takes numbers into a narrower column without a word: rows that went into a table
    // that has changed are sent again, when it fits, with the same versions and ids.
    CO_RETURN_IF_ERROR(Named(co_await env_->blocking_pool().Run([this] { return CheckTable(); })));
    // What is refused is kept by somebody else before the position passes it.
    if (!refused.empty()) CO_RETURN_IF_ERROR(co_await KeepRefused(std::move(refused)));
    env_->CrashPoint("sink.commit");
    ClickhousePosition next = stored_;
    next.position = end_;
    CO_RETURN_IF_ERROR(Named(co_await env_->blocking_pool().Run(
        [&] { return session_->WritePosition(delivery_id_, partition_, next); })));
    env_->CrashPoint("sink.committed");
    stored_ = next;
    buffer_.clear();
    ends_.clear();
    waiting_.Clear();
    failed_ = false;
    co_return Status::OK();
  }

  Status WriteRows(std::vector<connector::RejectedRecord>* refused) {
    auto any = [](const arrow::RecordBatch&, int64_t) { return true; };
    ASSIGN_OR_RETURN(RowChanges changes,
                     FoldChanges(options_->schema, buffer_, options_->key_columns, any));
    std::vector<ClickhouseRow> rows, deletions;
    for (const RowChange& change : changes.changes) {
      std::string misfit = MisfitOf(*changes.rows, change);
      if (!misfit.empty()) {
        refused->push_back(Refuse(changes, change, misfit));
        continue;
      }
      ClickhouseRow row{.change = change, .line = {}};
      ASSIGN_OR_RETURN(row.line, LineOf(*changes.rows, change));
      (change.is_delete ? deletions : rows).push_back(std::move(row));
    }
    // Their order does not matter: versions tell which one counts.
    RETURN_IF_ERROR(Insert(changes, rows, false, refused));
    env_->CrashPoint("sink.commit");
    return Insert(changes, deletions, true, refused);
  }

  std::string MisfitOf(const arrow::RecordBatch& rows, const RowChange& change) const {
    if (!change.is_delete) return ClickhouseMisfit(table_, rows, change.row);
    if (options_->place.deleted.empty()) {
      return "a deletion needs a column to say so: 'sink.deleted-column'";
    }
    return "";
  }

  // A deletion has the key alone: the other columns get their defaults.
  Result<std::string> LineOf(const arrow::RecordBatch& rows, const RowChange& change) const {
    std::string line;
    if (change.is_delete) {
      ASSIGN_OR_RETURN(auto key, rows.SelectColumns(options_->key_columns));
      ASSIGN_OR_RETURN(line, ClickhouseLine(table_, *key, change.row));
    } else {
      ASSIGN_OR_RETURN(line, ClickhouseLine(table_, rows, change.row));
    }
    DeliveryPlace place = PlaceOf(change.row);
    const ClickhousePlaceColumns& columns = options_->place;
    if (!columns.version.empty()) {
      line += fmt::format("\t{}", stored_.history + place.end.value());
    }
    if (!columns.deleted.empty()) line += change.is_delete ? "\t1" : "\t0";
    if (!columns.row_id.empty()) {
      line +=
          '\t' + ClickhouseText(fmt::format("{}/{}/{:x}/{}/{}", delivery_id_, partition_.value(),
                                            stored_.history, place.end.value(), place.row));
    }
    line += '\n';
    return line;
  }

  // Of a row of all that is buffered: the end of its delivery, and its number therein.
  struct DeliveryPlace {
    Offset end;
    int64_t row = 0;
  };
  DeliveryPlace PlaceOf(int64_t row) const {
    auto delivery = std::upper_bound(
        ends_.begin(), ends_.end(), row,
        [](int64_t number, const DeliveryEnd& end) { return number < end.rows_end; });
    CHECK(delivery != ends_.end());
    int64_t begin = delivery == ends_.begin() ? 0 : std::prev(delivery)->rows_end;
    return {.end = delivery->end, .row = row - begin};
  }

  std::string InsertStatement(bool is_delete) const {
    std::string columns;
    auto add = [&](const std::string& name) {
      if (!name.empty()) columns += (columns.empty() ? "" : ", ") + ClickhouseName(name);
    };
    if (is_delete) {
      for (const std::string& name : options_->key) add(name);
    } else {
      for (const auto& field : options_->schema->fields()) add(field->name());
    }
    add(options_->place.version);
    add(options_->place.deleted);
    add(options_->place.row_id);
    return "INSERT INTO " + session_->FullName(options_->table) + " (" + columns +
           ") FORMAT TabSeparated";
  }

  Status Insert(const RowChanges& changes, std::span<const ClickhouseRow> rows, bool is_delete,
                std::vector<connector::RejectedRecord>* refused) {
    Status status = Send(rows, is_delete);
    if (!Is(status, ErrorCode::kInvalidRecord)) return status;
    RETURN_IF_ERROR(CheckTable());  // it may have changed, and then no row is bad
    return FindRefused(changes, rows, is_delete, status, refused);
  }

  Status Send(std::span<const ClickhouseRow> rows, bool is_delete) {
    if (rows.empty()) return Status::OK();
    std::string data;
    for (const ClickhouseRow& row : rows) data += row.line;
    // Rows without a version and an id may be equal, and still be several.
    bool are_told_apart = !options_->key.empty() || !options_->place.row_id.empty();
    Status status =
        session_->Insert(InsertStatement(is_delete), data, {.drops_equal_blocks = are_told_apart});
    // They belong to more of the table's partitions than an INSERT may bring rows to.
    if (!Is(status, ErrorCode::kRecordListTooLarge) || rows.size() == 1) return status;
    size_t half = rows.size() / 2;
    RETURN_IF_ERROR(Send(rows.first(half), is_delete));
    return Send(rows.subspan(half), is_delete);
  }

  // By halving: among the rows are some for which the server answered `cause`.
  Status FindRefused(const RowChanges& changes, std::span<const ClickhouseRow> rows, bool is_delete,
                     const Status& cause, std::vector<connector::RejectedRecord>* refused) {
    if (rows.size() == 1) {
      refused->push_back(Refuse(changes, rows[0].change, TextOf(cause).message));
      return Status::OK();
    }
    size_t half = rows.size() / 2;
    for (auto part : {rows.first(half), rows.subspan(half)}) {
      Status status = Send(part, is_delete);
      if (Is(status, ErrorCode::kInvalidRecord)) {
        status = FindRefused(changes, part, is_delete, status, refused);
      }
      RETURN_IF_ERROR(status);
    }
    return Status::OK();
  }

  connector::RejectedRecord Refuse(const RowChanges& changes, RowChange change,
                                   const std::string& problem) const {
    RefusedRowPlace place{.delivery_id = delivery_id_, .partition = partition_, .end = *end_};
    ErrorText why{.message = problem,
                  .hint = "correct or filter such rows in the query, or change the table"};
    RowKind kind = change.is_delete ? RowKind::kDelete : RowKind::kInsert;
    return RefuseUnstorable(*changes.rows, change.row, kind, options_->key_columns,
                            "connector 'clickhouse': table '" + options_->table_name + "'",
                            std::move(place), std::move(why));
  }

  Env* env_;
  std::shared_ptr<const ClickhouseOptions> options_;
  std::string delivery_id_;
  PartitionId partition_;
  std::unique_ptr<ClickhouseSession> session_;
  ClickhouseTable table_;
  ClickhousePosition stored_;
  std::vector<ChangelogBatch> buffer_;
  std::vector<DeliveryEnd> ends_;  // of each in buffer_
  WaitingRows waiting_;
  std::optional<Offset> end_;
  bool failed_ = false;
};

}  // namespace

std::unique_ptr<connector::DeliveryWriter> MakeClickhouseWriter(
    Env* env, std::shared_ptr<const ClickhouseOptions> options, std::string delivery_id,
    PartitionId partition) {
  return std::make_unique<ClickhouseWriter>(env, std::move(options), std::move(delivery_id),
                                            partition);
}

}  // namespace mainstem::sink
