#include "process/job/sink_delivery.h"

#include <algorithm>
#include <mutex>

#include <arrow/api.h>

#include "connector/blind_writer.h"
#include "connector/drift.h"
#include "connector/overwrite.h"
#include "connector/position_keeper.h"
#include "connector/resuming_writer.h"
#include "core/backoff.h"
#include "core/run_to_end.h"
#include "process/operator/delivery_format.h"
#include "storage/record_batch.h"

namespace mainstem::process {
namespace {

using std::chrono::milliseconds;
constexpr Duration kPoll = milliseconds(500);
constexpr Duration kFlushInterval = std::chrono::seconds(1);
constexpr Duration kTrimInterval = std::chrono::seconds(5);
// How long a destination that is left is asked how far it is.
constexpr Duration kAskTime = std::chrono::seconds(10);
// How often a table is looked at that does not fit.
constexpr Backoff::Bounds kParkPauses{.first = milliseconds(500), .last = std::chrono::seconds(10)};

// The worst last.
enum class LaneState : uint8_t { kRunning, kRetrying, kParked, kFailed };

// Whether a destination that keeps positions has the one of this delivery.
enum class PositionState : uint8_t { kThere, kLost, kLossAccepted };

const char* NameOf(LaneState state) {
  switch (state) {
    case LaneState::kRunning: return "running";
    case LaneState::kRetrying: return "retrying";
    case LaneState::kParked: return "parked";
    case LaneState::kFailed: return "failed";
  }
  return "";
}

}  // namespace

// Runs on its shard; the atomics and the guarded text are read by the home shard.
struct SinkDelivery::Lane {
  Lane(Env* env, storage::Log* log, JobSink* sink, SinkQuarantine* quarantine,
       PartitionId partition, Executor executor, Logger logger)
      : env(env),
        log(log),
        sink(sink),
        quarantine(quarantine),
        where{sink->topic, partition},
        executor(executor),
        logger(std::move(logger)),
        scope(executor, "delivery", [](const std::string&, const Status&) {}) {}

  Task<> Run();
  Task<> DeliverUntilError();
  // After a failure: waits as long as the destination's table does not fit, if the sink wants that.
  // False when that was not what failed.
  Task<bool> Park();
  // Where to begin with what the destination has `stored`.
  Result<Offset> BeginOf(std::optional<Offset> stored, const storage::PartitionOffsets& offsets);
  Task<bool> ReadSome(connector::DeliveryWriter* writer);
  Task<> Flush(connector::DeliveryWriter* writer, bool is_final);
  Task<> Trim(Offset before);
  Task<std::optional<Offset>> AskDestination();
  Task<> KeepAnswer(std::optional<Result<std::optional<Offset>>>* answer, Event* answered);
  Task<std::optional<Offset>> AskInTime();
  Task<> LetGoOfDelivered();
  Task<bool> IsDrained();

  Env* env;
  storage::Log* log;
  JobSink* sink;
  SinkQuarantine* quarantine;
  storage::TopicPartition where;
  Executor executor;
  Logger logger;
  TaskScope scope;

  Offset position;  // next to read
  Offset flushed;
  Offset trimmed;  // up to here the topic has let go of its rows
  bool has_unflushed = false;
  TimePoint last_flush{};
  TimePoint last_trim{};

  std::atomic<bool> input_has_ended{false};  // set before `draining`
  std::atomic<bool> draining{false};
  std::atomic<bool> done{false};
  std::atomic<int64_t> wanted{0};  // up to here the destination shall keep it as soon as it can
  std::atomic<int64_t> delivered_rows{0};
  std::atomic<int64_t> delivered_to{0};
  std::atomic<int64_t> high_watermark{0};
  std::atomic<int64_t> retries{0};
  std::atomic<LaneState> state{LaneState::kRunning};
  std::atomic<PositionState> position_state{PositionState::kThere};
  mutable std::mutex error_mutex;  // guards last_error
  Status last_error;

  void SetError(const Status& status) {
    LaneState now = LaneState::kRunning;
    if (!status.ok()) now = IsRetriable(status) ? LaneState::kRetrying : LaneState::kFailed;
    SetState(now, status);
  }
  void SetState(LaneState now, const Status& status) {
    std::lock_guard lock(error_mutex);
    last_error = status;
    state = now;
  }
  // What a blind writer could not deliver may fail again: until something gets through, or nothing
  // is left of it.
  void ClearError() {
    if (state != LaneState::kRunning) SetError(Status::OK());
  }
  Status GetError() const {
    std::lock_guard lock(error_mutex);
    return last_error;
  }
};

Task<> SinkDelivery::Lane::Run() {
  Backoff backoff({});
  Offset reached = flushed;  // when it failed last
  for (;;) {
    Status status = co_await DeliverUntilError();
    if (status.ok()) {
      if (done) co_return status;
      continue;  // what was written is closed: with a new writer
    }
    if (Is(status, ErrorCode::kCancelled)) co_return status;
    if (!IsRetriable(status)) {
      CO_ASSIGN_OR_RETURN(bool was_parked, co_await Park());
      if (was_parked) continue;
    }
    SetError(status);
    ++retries;
    logger.Warning("delivery failed", {{"sink", sink->name}, {"error", status}});
    // Rows that were read are no progress: it is what the destination has taken.
    if (flushed != std::exchange(reached, flushed)) backoff.Reset();
    CO_RETURN_IF_ERROR(co_await Sleep(backoff.Next(env)));
  }
}

Task<bool> SinkDelivery::Lane::Park() {
  auto* drifting = dynamic_cast<connector::DriftingSink*>(sink->sink.get());
  if (drifting == nullptr || drifting->drift_policy() != connector::DriftPolicy::kPark) {
    co_return false;
  }
  Backoff pauses(kParkPauses);
  bool is_parked = false;
  for (;;) {
    Result<connector::Differences> found = co_await drifting->FindDifferences();
    if (Is(found.status(), ErrorCode::kCancelled)) co_return found.status();
    // Then it is the writer that says what is wrong now.
    if (!found.ok()) co_return is_parked;
    Status difference = connector::DriftError("", *found);
    if (difference.ok()) break;
    SetState(LaneState::kParked, difference);
    if (!is_parked) {
      logger.Warning("delivery is parked until the table fits",
                     {{"sink", sink->name}, {"difference", difference}});
    }
    is_parked = true;
    CO_RETURN_IF_ERROR(co_await Sleep(pauses.Next(env)));
  }
  if (is_parked) logger.Info("the table fits again", {{"sink", sink->name}});
  co_return is_parked;
}

Result<Offset> SinkDelivery::Lane::BeginOf(std::optional<Offset> stored,
                                           const storage::PartitionOffsets& offsets) {
  if (stored == Offset(0)) stored.reset();  // it is under way with the first rows
  const Offset begin = stored.value_or(offsets.log_start);
  if (begin < offsets.log_start || begin > offsets.high_watermark) {
    return MakeError(
        ErrorCode::kInvalidArgument,
        {.message = fmt::format("{} has stored position {}, but the job's topic holds {} to {}",
                                sink->name, begin.value(), offsets.log_start.value(),
                                offsets.high_watermark.value()),
         .hint = "the destination was written by another job, or one of the two was restored"});
  }
  // The topic lets go of rows only when the destination has them.
  const bool is_lost = !stored && begin > Offset(0) && !sink->begins_late &&
                       dynamic_cast<connector::PositionKeeper*>(sink->sink.get()) != nullptr;
  if (!is_lost) {
    position_state = PositionState::kThere;
    return begin;
  }
  if (position_state == PositionState::kLossAccepted) {
    logger.Warning("a lost position is passed over",
                   {{"sink", sink->name}, {"begin", begin.value()}});
    return begin;
  }
  position_state = PositionState::kLost;
  return MakeError(
      ErrorCode::kInvalidArgument,
      {.message = fmt::format("{} has no position of this delivery, but had all that the job's "
                              "topic held before {}",
                              sink->name, begin.value()),
       .detail =
           fmt::format("delivery '{}', partition {}", sink->delivery_id, where.partition.value()),
       .hint = "restore the destination; or `mainstem job accept-lost-position` goes on with what "
               "the topic still holds: rows before it are not delivered again, the last ones may "
               "be"});
}

Task<> SinkDelivery::Lane::DeliverUntilError() {
  CO_RETURN_IF_ERROR(co_await connector::EvolveDestination(sink->sink.get()));
  CO_ASSIGN_OR_RETURN(auto writer,
                      sink->sink->MakeDeliveryWriter(sink->delivery_id, where.partition));
  writer->set_reject_handler(quarantine);
  CO_ASSIGN_OR_RETURN(std::optional<Offset> stored, co_await writer->Open());
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log->Offsets(where));
  CO_ASSIGN_OR_RETURN(position, BeginOf(stored, offsets));
  flushed = position;
  trimmed = offsets.log_start;
  delivered_to = position.value();
  auto* blind = dynamic_cast<connector::BlindWriter*>(writer.get());
  if (blind == nullptr) SetError(Status::OK());
  last_flush = env->Now();
  auto* resuming = dynamic_cast<connector::ResumingWriter*>(writer.get());
  for (;;) {
    CO_ASSIGN_OR_RETURN(bool got_some, co_await ReadSome(writer.get()));
    if (has_unflushed && (!got_some || env->Now() - last_flush >= kFlushInterval)) {
      CO_RETURN_IF_ERROR(co_await Flush(writer.get(), false));
    }
    bool nothing_waits = !got_some && !has_unflushed;
    if (nothing_waits || (blind != nullptr && blind->has_delivered())) ClearError();
    bool may_end_here = resuming == nullptr || position >= resuming->begun_to();
    if (position.value() >= wanted && flushed.value() < wanted && may_end_here) {
      co_return co_await Flush(writer.get(), true);
    }
    if (got_some) continue;
    // So that an idle topic begins where delivery goes on: a destination may forget the position of
    // a sink that has been idle for days.
    if (flushed > trimmed && env->Now() - last_trim >= kTrimInterval) {
      CO_RETURN_IF_ERROR(co_await Trim(flushed));
    }
    CO_ASSIGN_OR_RETURN(bool drained, co_await IsDrained());
    if (drained) {
      auto* overwriting = dynamic_cast<connector::OverwritingWriter*>(writer.get());
      if (overwriting != nullptr && input_has_ended) overwriting->InputHasEnded();
      CO_RETURN_IF_ERROR(co_await Flush(writer.get(), true));
      done = true;
      co_return Status::OK();
    }
    std::vector<std::pair<storage::TopicPartition, Offset>> beyond;
    beyond.emplace_back(where, position);
    CO_RETURN_IF_ERROR(co_await log->WaitForData(std::move(beyond), env->Now() + kPoll));
  }
}

Task<bool> SinkDelivery::Lane::IsDrained() {
  if (!draining) co_return false;
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log->Offsets(where));
  co_return position >= offsets.high_watermark;
}

Task<bool> SinkDelivery::Lane::ReadSome(connector::DeliveryWriter* writer) {
  CO_ASSIGN_OR_RETURN(storage::ReadResult read, co_await log->Read(where, position, {}));
  high_watermark = read.high_watermark.value();
  for (const storage::SharedBytes& batch : read.batches) {
    CO_ASSIGN_OR_RETURN(storage::RecordReader reader, storage::RecordReader::Open(batch.bytes));
    storage::RecordView record;
    for (;;) {
      CO_ASSIGN_OR_RETURN(bool more, reader.Next(&record));
      if (!more) break;
      if (record.offset < position || !record.value) continue;
      CO_ASSIGN_OR_RETURN(ChangelogBatch rows, DecodeDelivery(*record.value));
      int64_t row_count = rows.rows->num_rows();
      Offset end = record.offset + 1;
      CO_RETURN_IF_ERROR(co_await writer->Deliver(std::move(rows), end));
      position = end;
      has_unflushed = true;
      delivered_rows += row_count;
    }
    if (reader.header().next_offset() > position) position = reader.header().next_offset();
  }
  co_return !read.batches.empty();
}

Task<> SinkDelivery::Lane::Flush(connector::DeliveryWriter* writer, bool is_final) {
  connector::DeliveryWriter::FlushOptions options;
  options.final = is_final;
  env->CrashPoint("sink.flush");
  CO_ASSIGN_OR_RETURN(Offset reported, co_await writer->Flush(options));
  // Before its first rows are durable a writer may say 0, wherever it began.
  if (reported > flushed) {
    flushed = reported;
    position_state = PositionState::kThere;
  }
  if (is_final) ClearError();
  // A sink that rolls files by itself may flush less than it was given.
  has_unflushed = flushed < position && !is_final;
  last_flush = env->Now();
  delivered_to = flushed.value();
  if (env->Now() - last_trim < kTrimInterval && !is_final) co_return Status::OK();
  co_return co_await Trim(flushed);
}

Task<> SinkDelivery::Lane::Trim(Offset before) {
  std::string holder = fmt::format("{}/{}", sink->retention_holder, where.partition.value());
  last_trim = env->Now();
  CO_RETURN_IF_ERROR(co_await log->PinRetention(std::move(holder), where, before));
  CO_RETURN_IF_ERROR((co_await log->DeleteRecords(where, before)).status());
  trimmed = before;
  co_return Status::OK();
}

Task<std::optional<Offset>> SinkDelivery::Lane::AskDestination() {
  CO_ASSIGN_OR_RETURN(auto writer,
                      sink->sink->MakeDeliveryWriter(sink->delivery_id, where.partition));
  writer->set_reject_handler(quarantine);
  co_return co_await writer->Open();
}

Task<> SinkDelivery::Lane::KeepAnswer(std::optional<Result<std::optional<Offset>>>* answer,
                                      Event* answered) {
  Result<std::optional<Offset>> stored = co_await AskDestination();
  *answer = std::move(stored);
  answered->NotifyAll();
  co_return Status::OK();
}

Task<std::optional<Offset>> SinkDelivery::Lane::AskInTime() {
  std::optional<Result<std::optional<Offset>>> answer;
  Event answered(executor);
  TaskScope asking(executor, "ask", [](const std::string&, const Status&) {});
  asking.Spawn("ask", KeepAnswer(&answer, &answered));
  const TimePoint deadline = env->Now() + kAskTime;
  Status waited;
  while (!answer && waited.ok() && env->Now() < deadline) {
    waited = (co_await answered.Wait(deadline)).status();
  }
  const bool is_in_time = answer.has_value();
  CO_RETURN_IF_ERROR(co_await RunToEnd(executor, asking.Close()));
  CO_RETURN_IF_ERROR(waited);
  if (is_in_time) co_return *std::move(answer);
  co_return MakeError(ErrorCode::kTimedOut, "it did not answer within 10 seconds");
}

Task<> SinkDelivery::Lane::LetGoOfDelivered() {
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log->Offsets(where));
  Offset delivered = flushed;
  Result<std::optional<Offset>> stored = co_await AskInTime();
  if (Is(stored.status(), ErrorCode::kCancelled)) co_return stored.status();
  if (stored.ok()) {
    delivered = stored->value_or(offsets.log_start);
  } else {
    logger.Warning("a destination that is left can't be asked how far it is",
                   {{"sink", sink->name}, {"error", stored.status()}});
  }
  // A position beyond the topic is none of this job's.
  if (delivered <= offsets.log_start || delivered > offsets.high_watermark) co_return Status::OK();
  co_return co_await Trim(delivered);
}

SinkDelivery::SinkDelivery(Env* env, storage::Log* log, std::shared_ptr<JobSink> sink,
                           Logger logger)
    : env_(env), log_(log), sink_(std::move(sink)), logger_(std::move(logger)) {
  if (sink_->kind != connector::SinkKind::kDelivery) return;
  if (sink_->quarantine.rule.policy != RejectPolicy::kFail) {
    quarantine_ = std::make_unique<SinkQuarantine>(env_, log_, sink_->quarantine);
  }
  for (int i = 0; i < sink_->partition_count; ++i) {
    Executor executor = env_->shard(static_cast<size_t>(i) % env_->shard_count());
    lanes_.push_back(std::make_unique<Lane>(env_, log_, sink_.get(), quarantine_.get(),
                                            PartitionId(i), executor, logger_));
  }
}

SinkDelivery::~SinkDelivery() = default;

Task<> SinkDelivery::Prepare() {
  if (!quarantine_) co_return Status::OK();
  co_return co_await quarantine_->CountKept();
}

void SinkDelivery::Start() {
  for (auto& owned : lanes_) {
    Lane* lane = owned.get();
    lane->executor.scheduler()->Post(
        UniqueFunction([lane] { lane->scope.Spawn("lane", lane->Run()); }));
  }
}

Task<> SinkDelivery::Drain(DrainOptions options) {
  for (auto& lane : lanes_) {
    lane->input_has_ended = options.input_has_ended;
    lane->draining = true;
  }
  for (;;) {
    bool all_done = true;
    for (auto& lane : lanes_) {
      all_done &= lane->done.load();
      if (options.give_up && lane->state == LaneState::kFailed) co_return lane->GetError();
    }
    if (all_done) co_return Status::OK();
    CO_RETURN_IF_ERROR(co_await Sleep(milliseconds(5)));
  }
}

Task<> SinkDelivery::AskToCatchUp() {
  for (auto& lane : lanes_) {
    CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log_->Offsets(lane->where));
    lane->wanted = offsets.high_watermark.value();
  }
  co_return Status::OK();
}

bool SinkDelivery::HasCaughtUp() const {
  return std::all_of(lanes_.begin(), lanes_.end(),
                     [](const auto& lane) { return lane->delivered_to >= lane->wanted; });
}

bool SinkDelivery::AcceptLostPositions() {
  bool any = false;
  for (auto& lane : lanes_) {
    PositionState lost = PositionState::kLost;
    any |= lane->position_state.compare_exchange_strong(lost, PositionState::kLossAccepted);
  }
  return any;
}

SinkDescription SinkDelivery::Describe() const {
  SinkDescription out;
  out.name = sink_->name;
  out.connector = sink_->connector;
  LaneState worst = LaneState::kRunning;
  if (sink_->sink) out.guarantee = sink_->sink->guarantee();
  if (quarantine_) out.rejected_rows = quarantine_->row_count();
  for (const auto& lane : lanes_) {
    out.rows_delivered += lane->delivered_rows;
    out.positions.push_back(lane->delivered_to);
    out.lag_records += std::max<int64_t>(0, lane->high_watermark - lane->delivered_to);
    out.retry_count += lane->retries;
    LaneState state = lane->state;
    Status error = lane->GetError();
    if (state < worst || error.ok()) continue;
    worst = state;
    out.last_error = mainstem::Describe(error);
  }
  out.state = NameOf(worst);
  return out;
}

namespace {

Task<> CloseScope(TaskScope* scope) { return scope->Close(); }

template <typename Lane>
Task<> LetGo(Lane* lane) {
  return lane->LetGoOfDelivered();
}

}  // namespace

Task<> SinkDelivery::LetGoOfDelivered() {
  for (auto& lane : lanes_) {
    CO_RETURN_IF_ERROR(co_await RunOn(lane->executor, LetGo(lane.get())));
  }
  co_return Status::OK();
}

Task<> SinkDelivery::Close() {
  for (auto& lane : lanes_) {
    CO_RETURN_IF_ERROR(co_await RunOn(lane->executor, CloseScope(&lane->scope)));
  }
  co_return Status::OK();
}

}  // namespace mainstem::process
