#include "gateway/events/rules/bus_reader.h"

#include <utility>

#include <absl/strings/escaping.h>

namespace mainstem::gateway::events {
namespace {

constexpr size_t kEventReadBytes = 256 << 10;
// Read, decoded, made for the target, as batches.
constexpr int64_t kTurnMemory = 16 << 20;
// What is made of the events of one commit; the last one may go beyond.
constexpr size_t kMadeBytesMax = 2 << 20;
// A place alone is not worth a write for every event that the rule does not take.
constexpr int64_t kPassedMax = 4 << 20;

std::string TopicText(const storage::TopicId& id) {
  return absl::BytesToHexString({reinterpret_cast<const char*>(id.data()), id.size()});
}

}  // namespace

Task<std::unique_ptr<DeliveryTurns::Turn>> DeliveryTurns::Begin() {
  if (free_ == 0 || !waiting_.empty()) CO_RETURN_IF_ERROR(co_await WaitInTurn());
  if (free_ > 1) WakeNext();  // who came while the ones before were on their way
  MemoryLease lease = budget_->TryLease(kTurnMemory);
  if (lease.bytes() == 0) {
    WakeNext();
    co_return MakeError(ErrorCode::kResourceExhausted, "there is no memory for a rule's target");
  }
  co_return std::make_unique<Turn>(this, std::move(lease));
}

// Each end of a turn wakes one: with thousands of targets, all at once would be a crowd for each
// event.
Task<> DeliveryTurns::WaitInTurn() {
  auto waiter = waiting_.emplace(waiting_.end(), home_);
  Status waited;
  while (waited.ok() && !waiter->is_next) waited = (co_await waiter->event.Wait()).status();
  bool was_next = waiter->is_next;
  waiting_.erase(waiter);
  if (!waited.ok() && was_next) WakeNext();
  co_return waited;
}

void DeliveryTurns::WakeNext() {
  for (Waiter& waiter : waiting_) {
    if (std::exchange(waiter.is_next, true)) continue;
    waiter.event.NotifyAll();
    return;
  }
}

DeliveryTurns::Turn::Turn(DeliveryTurns* turns, MemoryLease lease)
    : turns_(turns), lease_(std::move(lease)) {
  --turns_->free_;
}

DeliveryTurns::Turn::~Turn() {
  ++turns_->free_;
  turns_->WakeNext();
}

std::string BusReader::JobOf(std::string_view delivery_id) {
  return "event-target/" + std::string(delivery_id);
}

BusReader::BusReader(const DeliveryParts& parts, const DeliveryCounters& counters,
                     const EventTaker& taker, Target target)
    : parts_(parts),
      counters_(counters),
      taker_(taker),
      target_(std::move(target)),
      reader_(parts.log, JobOf(target_.delivery_id)) {}

// The note of a commit begins with the topic's id, and a blank where more follows.
Task<bool> BusReader::Open() {
  auto topic = parts_.log->FindTopic(BusTopic(taker_.bus()));
  if (!topic) co_return false;
  partition_ = {.topic_id = topic->id, .partition = PartitionId(0)};
  topic_ = TopicText(topic->id);
  note_.clear();
  bool same_topic = topic->id == target_.topic_id;
  Offset begin = same_topic ? target_.begin : Offset(0);
  has_gaps_ = same_topic && !target_.gaps.empty();
  CO_RETURN_IF_ERROR(co_await reader_.Open(partition_, begin));
  const std::string& note = reader_.note();
  if (note.empty()) co_return true;
  if (!note.starts_with(topic_)) {
    reader_.GoTo(Offset(0));  // the place is one in a topic that was deleted
  } else if (note.size() > topic_.size()) {
    note_ = note.substr(topic_.size() + 1);
  }
  co_return true;
}

Task<bool> BusReader::Read(std::vector<TakenEvent>* events, size_t events_max) {
  size_t made_bytes = 0;
  aws::CommittedReader::Piece piece{.bytes_max = kEventReadBytes};
  piece.take = [&](const storage::RecordView& record) -> Result<bool> {
    if (made_bytes > kMadeBytesMax || events->size() >= events_max) return false;
    if (has_gaps_ && target_.IsInGap(record.offset)) return true;
    auto event = taker_.Take(record);
    if (!event) return true;
    made_bytes += event->text.size() + (event->input.ok() ? event->input->size() : 0);
    events->push_back(*std::move(event));
    return true;
  };
  piece.skip = [&](Offset offset, const Status& broken) {
    parts_.logger.Warning("batch of an event bus left out, it can't be decoded",
                          {{"bus", taker_.bus()}, {"offset", offset.value()}, {"error", broken}});
  };
  piece.lost = [&](int64_t count) {
    parts_.logger.Warning("events of a bus lost, retention took them before a rule had read them",
                          {{"bus", taker_.bus()},
                           {"rule", taker_.rule().arn},
                           {"target", taker_.plan().id},
                           {"count", count}});
    counters_.dropped->Increment(static_cast<double>(count));
  };
  CO_ASSIGN_OR_RETURN(bool moved, co_await reader_.Read(std::move(piece)));
  if (events->empty()) reader_.Pass();
  co_return moved;
}

Task<std::optional<TakenEvent>> BusReader::ReadAgain(Offset offset) {
  storage::ReadOptions options{.max_bytes = 1, .read_committed = true};
  auto read = co_await parts_.log->Read(partition_, offset, options);
  if (Is(read.status(), ErrorCode::kOffsetOutOfRange)) co_return std::nullopt;
  CO_RETURN_IF_ERROR(read);
  std::optional<TakenEvent> event;
  if (read->batches.empty()) co_return event;
  auto take = [&](const storage::RecordView& record) {
    event = taker_.TakeAgain(record);
    return Status::OK();
  };
  CO_RETURN_IF_ERROR(
      aws::VisitBatch(read->batches[0].bytes, offset, Offset(offset.value() + 1), take));
  co_return event;
}

bool BusReader::HasPassedMuch() const { return reader_.uncommitted_bytes() >= kPassedMax; }

Task<> BusReader::CommitPassed() {
  if (!reader_.has_passed()) co_return Status::OK();
  Outcome outcome{.end = reader_.next(), .note = note_};
  co_return co_await Commit(std::move(outcome));
}

Task<> BusReader::Commit(Outcome outcome) {
  std::string note = outcome.note;
  outcome.note = note.empty() ? topic_ : topic_ + " " + note;
  CO_RETURN_IF_ERROR(co_await reader_.Commit(std::move(outcome)));
  note_ = std::move(note);
  parts_.env->CrashPoint("event_target.commit");
  co_return Status::OK();
}

}  // namespace mainstem::gateway::events
