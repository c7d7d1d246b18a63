#include "sink/redis/redis_writer.h"

#include <absl/strings/numbers.h>
#include <arrow/api.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>
#include <map>

#include "core/error_context.h"
#include "sink/refused_row.h"
#include "sink/waiting_rows.h"

namespace mainstem::sink {
namespace {

// What one transaction may hold, whatever the options say.
constexpr int64_t kTransactionRowsMax = 20000;
constexpr int64_t kTransactionBytesMax = int64_t{16} << 20;

class RedisWriter final : public connector::DeliveryWriter {
 public:
  RedisWriter(Env* env, std::shared_ptr<const RedisOptions> options, std::string delivery_id,
              PartitionId partition)
      : env_(env),
        options_(std::move(options)),
        delivery_id_(std::move(delivery_id)),
        partition_(partition),
        position_key_(fmt::format("mainstem:delivery:{}:{}", delivery_id_, partition_.value())) {}

  Task<std::optional<Offset>> Open() override {
    Result<std::unique_ptr<RedisSession>> opened =
        co_await RedisSession::Open(env_, options_->server);
    CO_RETURN_IF_ERROR(Named(opened.status()));
    session_ = std::move(opened).ValueUnsafe();
    RespCommands ask;
    ask.Add({"GET", position_key_});
    Result<std::vector<RespReply>> replies = co_await session_->Run(std::move(ask));
    CO_RETURN_IF_ERROR(Named(replies.status()));
    Result<std::optional<Offset>> stored = PositionOf((*replies)[0]);
    CO_RETURN_IF_ERROR(Named(stored.status()));
    position_ = *stored;
    co_return position_;
  }

  Task<> Deliver(ChangelogBatch batch, Offset end) override {
    CO_RETURN_IF_ERROR(Named(CheckDeliveredColumns(*options_->layout.schema, *batch.rows)));
    TimePoint now = env_->Now();
    CO_ASSIGN_OR_RETURN(int64_t bytes, arrow::util::ReferencedBufferSize(*batch.rows));
    waiting_.Add(batch.rows->num_rows(), bytes, now);
    if (batch.rows->num_rows() > 0) buffer_.push_back(std::move(batch));
    end_ = end;
    bool is_due = waiting_.IsDue(now, options_->interval);
    bool is_full =
        waiting_.IsFull(std::min(options_->rows_max, kTransactionRowsMax), kTransactionBytesMax);
    if (is_due || is_full) co_return co_await Write();
    co_return Status::OK();
  }

  Task<Offset> Flush(FlushOptions) override {
    CO_RETURN_IF_ERROR(co_await Write());
    co_return position_.value_or(Offset(0));
  }

 private:
  Status Named(const Status& status) const {
    if (status.ok() || Is(status, ErrorCode::kCancelled)) return status;
    return InContext("connector 'redis', table '" + options_->table_name + "', server " +
                         options_->server.shown() + ": ",
                     status);
  }

  Result<std::optional<Offset>> PositionOf(const RespReply& reply) const {
    RETURN_IF_ERROR(StatusOfReply(reply));
    if (reply.kind == RespReply::Kind::kNull) return std::nullopt;
    int64_t number = 0;
    if (reply.kind == RespReply::Kind::kText && absl::SimpleAtoi(reply.text, &number)) {
      return Offset(number);
    }
    return MakeError(ErrorCode::kInvalidArgument,
                     "the key '" + position_key_ + "' does not hold a position");
  }

  Task<> Write() {
    CHECK(session_ != nullptr);
    if (!end_ || position_ == end_) co_return Status::OK();
    if (failed_) {
      co_return WriterHasFailed();
    }
    // Until it succeeds: the rows it takes out of the buffer must not be passed over.
    failed_ = true;
    std::vector<ChangelogBatch> batches = std::exchange(buffer_, {});
    waiting_.Clear();
    CO_RETURN_IF_ERROR(Named(co_await WriteTransaction(batches)));
    failed_ = false;
    co_return Status::OK();
  }

  Task<> WriteTransaction(const std::vector<ChangelogBatch>& batches) {
    auto any = [](const arrow::RecordBatch&, int64_t) { return true; };
    CO_ASSIGN_OR_RETURN(RowChanges changes,
                        FoldChanges(options_->layout.schema, batches, options_->key_columns, any));
    std::vector<connector::RejectedRecord> refused;
    std::erase_if(changes.changes, [&](const RowChange& change) {
      std::string cause;
      if (!change.is_delete) cause = UnstorableCause(options_->layout, *changes.rows, change.row);
      if (!cause.empty()) refused.push_back(Refuse(changes, change, cause));
      return !cause.empty();
    });
    CO_ASSIGN_OR_RETURN(std::vector<RowCommands> rows, CommandsOf(options_->layout, changes));
    CO_RETURN_IF_ERROR(co_await CheckTypes(changes, &rows, &refused));
    // What is refused is kept by somebody else before the position passes it.
    CO_RETURN_IF_ERROR(co_await KeepRefused(std::move(refused)));
    env_->CrashPoint("sink.commit");
    CO_RETURN_IF_ERROR(co_await Commit(changes, rows));
    env_->CrashPoint("sink.committed");
    position_ = end_;
    co_return Status::OK();
  }

  // The transaction fails if the position is another one by then; rows whose keys hold something
  // else than such rows make are refused before, for a transaction cannot be taken back.
  Task<> CheckTypes(const RowChanges& changes, std::vector<RowCommands>* rows,
                    std::vector<connector::RejectedRecord>* refused) {
    std::map<std::string, size_t> keys;  // key, place of its reply
    RespCommands ask;
    ask.Add({"WATCH", position_key_});
    ask.Add({"GET", position_key_});
    for (const RowCommands& row : *rows) {
      if (keys.try_emplace(row.key, ask.count()).second) ask.Add({"TYPE", row.key});
    }
    CO_ASSIGN_OR_RETURN(std::vector<RespReply> replies, co_await session_->Run(std::move(ask)));
    for (const RespReply& reply : replies) CO_RETURN_IF_ERROR(StatusOfReply(reply));
    CO_ASSIGN_OR_RETURN(std::optional<Offset> stored, PositionOf(replies[1]));
    if (stored != position_) co_return Overtaken();
    const std::string_view wanted = RedisTypeName(options_->layout.type);
    std::erase_if(*rows, [&](const RowCommands& row) {
      const std::string& type = replies[keys[row.key]].text;
      if (type == "none" || type == wanted) return false;
      refused->push_back(
          Refuse(changes, row.change,
                 fmt::format("the key '{}' holds a {}, not a {}", row.key, type, wanted)));
      return true;
    });
    co_return Status::OK();
  }

  Status Overtaken() const {
    return MakeError(ErrorCode::kUnavailable,
                     {.message = "another writer has moved the position '" + position_key_ + "'",
                      .detail = "nothing of this batch was written; going on from the stored "
                                "position"});
  }

  Task<> Commit(const RowChanges& changes, const std::vector<RowCommands>& rows) {
    RespCommands transaction;
    transaction.Add({"MULTI"});
    for (const RowCommands& row : rows) transaction.Append(row.commands);
    std::string end = std::to_string(end_->value());
    transaction.Add({"SET", position_key_, end});
    transaction.Add({"EXEC"});
    CO_ASSIGN_OR_RETURN(std::vector<RespReply> replies,
                        co_await session_->Run(std::move(transaction)));
    const RespReply& outcome = replies.back();
    // A command that was not even queued says more than the EXECABORT that follows from it.
    for (const RespReply& reply : replies) CO_RETURN_IF_ERROR(StatusOfReply(reply));
    if (outcome.kind == RespReply::Kind::kNull) co_return Overtaken();
    std::vector<connector::RejectedRecord> refused;
    size_t at = 0;
    for (const RowCommands& row : rows) {
      Status status;
      for (size_t i = 0; i < row.commands.count() && at < outcome.elements.size(); ++i, ++at) {
        if (status.ok()) status = StatusOfReply(outcome.elements[at]);
      }
      // Somebody else made the key another type since it was looked at: the others are in.
      if (!status.ok()) refused.push_back(Refuse(changes, row.change, TextOf(status).message));
    }
    co_return co_await KeepRefused(std::move(refused));
  }

  connector::RejectedRecord Refuse(const RowChanges& changes, RowChange change,
                                   const std::string& problem) const {
    RefusedRowPlace place{.delivery_id = delivery_id_, .partition = partition_, .end = *end_};
    ErrorText why{.message = problem,
                  .hint =
                      "correct or filter such rows in the query, or give the table keys of its "
                      "own (option 'key')"};
    RowKind kind = change.is_delete ? RowKind::kDelete : RowKind::kInsert;
    return RefuseUnstorable(*changes.rows, change.row, kind, options_->key_columns,
                            "connector 'redis': table '" + options_->table_name + "'",
                            std::move(place), std::move(why));
  }

  Env* env_;
  std::shared_ptr<const RedisOptions> options_;
  std::string delivery_id_;
  PartitionId partition_;
  std::string position_key_;
  std::unique_ptr<RedisSession> session_;
  std::optional<Offset> position_;
  std::vector<ChangelogBatch> buffer_;
  WaitingRows waiting_;
  std::optional<Offset> end_;
  bool failed_ = false;
};

}  // namespace

std::unique_ptr<connector::DeliveryWriter> MakeRedisWriter(
    Env* env, std::shared_ptr<const RedisOptions> options, std::string delivery_id,
    PartitionId partition) {
  return std::make_unique<RedisWriter>(env, std::move(options), std::move(delivery_id), partition);
}

}  // namespace mainstem::sink
