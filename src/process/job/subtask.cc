#include "process/job/subtask.h"

#include <arrow/api.h>

namespace mainstem::process {
namespace {

// So much of a snapshot is brought into stored form before others on the shard go first: a pause of
// about a millisecond. In smaller steps more entries are wanted by operators before their turn
// comes, one by one, which costs more.
constexpr size_t kSnapshotStepBytes = size_t{1} << 20;

// Likewise, of deleted entries that leave memory once that is written.
constexpr size_t kDeletionsAtOnce = 4096;

// How often operators that want it hear of the time.
constexpr Duration kTick = std::chrono::milliseconds(20);

// The end of the line: what leaves the last operator goes nowhere.
class NoOutput final : public Output {
 public:
  Task<> Emit(Element element) override { co_return Status::OK(); }
};

}  // namespace

void Mailbox::Send(SubtaskReport report) {
  owner_.scheduler()->Post(
      UniqueFunction([self = shared_from_this(), report = std::move(report)]() mutable {
        self->reports_.push_back(std::move(report));
        self->arrived_.NotifyAll();
      }));
}

Subtask::Subtask(SubtaskOptions options)
    : options_(std::move(options)),
      slice_(options_.executor.scheduler()),
      written_(options_.executor),
      scope_(options_.executor, options_.task_name,
             [this](const std::string&, const Status& status) {
               SubtaskReport report;
               report.vertex = options_.vertex;
               report.subtask = options_.subtask;
               report.error = status;
               options_.mailbox->Send(std::move(report));
             }) {
  if (!options_.output) options_.output = std::make_unique<NoOutput>();
  chain_ = std::make_unique<OperatorChain>(options_.output.get());
  size_t first = options_.contexts.size() - options_.operators.size();
  for (auto& context : options_.contexts) {
    context->backend = options_.backend.get();
    context->slice = &slice_;
  }
  for (size_t i = 0; i < options_.operators.size(); ++i) {
    chain_->Add(std::move(options_.operators[i]), options_.contexts[first + i].get());
  }
}

Subtask::~Subtask() = default;

// The gate and the feed belong to the shard from their first moment on.
void Subtask::Start() {
  if (options_.source) {
    feed_ = std::make_unique<SourceFeed>(options_.executor, std::move(*options_.source),
                                         options_.contexts[0].get());
  } else {
    gate_ = std::make_unique<InputGate>(options_.executor, std::move(options_.input_channels),
                                        std::move(options_.inputs_idle_together));
  }
  scope_.Spawn("run", Run());
}

// Whoever closes a subtask has no use for a snapshot that is on its way.
Task<> Subtask::Close() {
  if (options_.backend) options_.backend->Cancel();
  CO_RETURN_IF_ERROR(co_await scope_.Close());
  if (feed_) CO_RETURN_IF_ERROR(co_await feed_->Close());
  co_return Status::OK();
}

Task<> Subtask::Run() {
  if (feed_) CO_RETURN_IF_ERROR(co_await feed_->Open());
  CO_RETURN_IF_ERROR(co_await chain_->Open());
  if (chain_->wants_time()) scope_.Spawn("clock", TellTime());
  CO_RETURN_IF_ERROR(co_await Loop());
  while (is_writing_) CO_RETURN_IF_ERROR(co_await written_.Wait());
  CO_ASSIGN_OR_RETURN(SubtaskReport report, MakeReport(SubtaskReport::Kind::kFinished, nullptr));
  options_.mailbox->Send(std::move(report));
  co_return Status::OK();
}

Task<> Subtask::TellTime() {
  ElementInput* input = feed_ ? static_cast<ElementInput*>(feed_.get()) : gate_.get();
  for (;;) {
    CO_RETURN_IF_ERROR(co_await Sleep(kTick));
    input->Tick(options_.env->WallTime().value());
  }
}

void Subtask::Account(TimePoint began) {
  Duration spent = options_.executor.scheduler()->Now() - began;
  Duration blocked{0};
  for (const auto& channel : options_.output_channels) blocked += channel->blocked_time();
  const Duration newly_blocked = blocked - std::exchange(blocked_before_, blocked);
  const Duration rested = slice_.rested() - std::exchange(rested_before_, slice_.rested());
  options_.metrics->blocked_ns += newly_blocked.count();
  options_.metrics->busy_ns += std::max<int64_t>(0, (spent - newly_blocked - rested).count());
}

Task<> Subtask::Loop() {
  ElementInput* input = feed_ ? static_cast<ElementInput*>(feed_.get()) : gate_.get();
  Scheduler* scheduler = options_.executor.scheduler();
  slice_.Begin();
  for (;;) {
    TimePoint asked = scheduler->Now();
    CO_ASSIGN_OR_RETURN(ElementInput::Item item, co_await input->Next());
    TimePoint began = scheduler->Now();
    // A wait in Next has let the others run; decoding in it has not.
    if (!feed_ && began - asked > WorkSlice::kLength) slice_.Begin();
    bool is_end = item.element.kind == Element::Kind::kEnd;
    if (item.element.kind == Element::Kind::kBarrier) {
      CO_RETURN_IF_ERROR(co_await HandleBarrier(item.element.value));
    } else {
      if (feed_ && item.element.kind == Element::Kind::kBatch) {
        options_.contexts[0]->metrics->rows_out += item.element.batch.rows->num_rows();
      } else if (feed_ && item.element.kind == Element::Kind::kWatermark) {
        options_.contexts[0]->metrics->watermark_ms = item.element.value;
      }
      CO_RETURN_IF_ERROR(co_await chain_->Push(item.input, std::move(item.element)));
    }
    Account(began);
    if (is_end) co_return Status::OK();
    if (slice_.IsOver()) CO_RETURN_IF_ERROR(co_await slice_.Rest());
    rested_before_ = slice_.rested();
  }
}

Result<SubtaskReport> Subtask::MakeReport(SubtaskReport::Kind kind,
                                          std::vector<StateTable*>* tables) {
  ASSIGN_OR_RETURN(ChainSnapshot snapshot, chain_->Snapshot());
  SubtaskReport report;
  report.kind = kind;
  report.vertex = options_.vertex;
  report.subtask = options_.subtask;
  report.blobs = std::move(snapshot.blobs);
  report.appends = std::move(snapshot.appends);
  if (feed_) {
    report.splits = feed_->Progress();
    ASSIGN_OR_RETURN(auto quarantined, feed_->TakeQuarantined());
    std::move(quarantined.begin(), quarantined.end(), std::back_inserter(report.appends));
  }
  if (options_.late_rows) {
    ASSIGN_OR_RETURN(auto late, options_.late_rows->Take());
    std::move(late.begin(), late.end(), std::back_inserter(report.appends));
  }
  if (tables) *tables = std::move(snapshot.tables);
  return report;
}

// The barrier goes on at once; what is written is written while the work goes on.
Task<> Subtask::HandleBarrier(int64_t checkpoint) {
  std::vector<StateTable*> tables;
  CO_ASSIGN_OR_RETURN(SubtaskReport report, MakeReport(SubtaskReport::Kind::kSnapshot, &tables));
  report.checkpoint = checkpoint;
  CO_RETURN_IF_ERROR(co_await options_.output->Emit(Element::Barrier(checkpoint)));
  is_writing_ = true;
  scope_.Spawn("snapshot", WriteSnapshot(std::move(report), std::move(tables), directory_));
  co_return Status::OK();
}

Task<> Subtask::WriteSnapshot(SubtaskReport report, std::vector<StateTable*> tables,
                              std::string directory) {
  StateBackend* backend = options_.backend.get();
  StateMutations mutations;
  for (StateTable* table : tables) {
    table->TakeSnapshot(&mutations, kSnapshotStepBytes);
    while (table->HasUntaken()) {
      CO_RETURN_IF_ERROR(co_await Yield());
      table->TakeSnapshot(&mutations, kSnapshotStepBytes);
    }
  }
  auto write = [backend, &mutations, &directory]() -> Status {
    RETURN_IF_ERROR(backend->Write(mutations));
    return backend->Checkpoint(directory);
  };
  CO_RETURN_IF_ERROR(co_await options_.env->blocking_pool().Run(write));
  for (StateTable* table : tables) {
    while (!table->OnWritten(kDeletionsAtOnce)) CO_RETURN_IF_ERROR(co_await Yield());
  }
  is_writing_ = false;
  written_.NotifyAll();
  options_.mailbox->Send(std::move(report));
  co_return Status::OK();
}

}  // namespace mainstem::process
