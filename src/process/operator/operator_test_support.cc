#include "process/operator/operator_test_support.h"

#include <arrow/api.h>

#include "core/sync.h"
#include "process/operator/work_slice.h"

namespace mainstem::process::optest {

ChangelogBatch MakeBatch(const std::string& types,
                         const std::vector<std::vector<std::string>>& rows) {
  ChangelogBatch batch;
  arrow::FieldVector fields;
  arrow::ArrayVector columns;
  for (size_t i = 0; i < types.size(); ++i) {
    std::shared_ptr<arrow::DataType> type = arrow::int64();
    if (types[i] == 's') type = arrow::utf8();
    if (types[i] == 't') type = arrow::timestamp(arrow::TimeUnit::MILLI);
    auto builder = arrow::MakeBuilder(type).ValueOrDie();
    for (const auto& row : rows) {
      const std::string& text = row[i + 1];
      if (text == "-") {
        CHECK_OK(builder->AppendNull());
      } else if (types[i] == 's') {
        CHECK_OK(static_cast<arrow::StringBuilder&>(*builder).Append(text));
      } else if (types[i] == 't') {
        CHECK_OK(static_cast<arrow::TimestampBuilder&>(*builder).Append(std::stoll(text)));
      } else {
        CHECK_OK(static_cast<arrow::Int64Builder&>(*builder).Append(std::stoll(text)));
      }
    }
    fields.push_back(arrow::field(fmt::format("c{}", i), type));
    columns.push_back(builder->Finish().ValueOrDie());
  }
  batch.rows = arrow::RecordBatch::Make(arrow::schema(fields), static_cast<int64_t>(rows.size()),
                                        std::move(columns));
  for (const auto& row : rows) {
    batch.kinds.push_back(row[0] == "+I"   ? RowKind::kInsert
                          : row[0] == "-U" ? RowKind::kUpdateBefore
                          : row[0] == "+U" ? RowKind::kUpdateAfter
                                           : RowKind::kDelete);
  }
  return batch;
}

std::vector<std::string> ToLines(const Element& element) {
  switch (element.kind) {
    case Element::Kind::kWatermark: return {fmt::format("wm {}", element.value)};
    case Element::Kind::kBarrier: return {fmt::format("barrier {}", element.value)};
    case Element::Kind::kIdle: return {"idle"};
    case Element::Kind::kTime: return {fmt::format("time {}", element.value)};
    case Element::Kind::kInputEnd: return {"end of input " + std::to_string(element.value)};
    case Element::Kind::kEnd: return {"end"};
    case Element::Kind::kBatch: break;
  }
  std::vector<std::string> lines;
  const ChangelogBatch& batch = element.batch;
  for (int64_t row = 0; row < batch.rows->num_rows(); ++row) {
    std::string line(
        ToString(batch.kinds.empty() ? RowKind::kInsert : batch.kinds[static_cast<size_t>(row)]));
    for (const auto& column : batch.rows->columns()) {
      line += " ";
      if (column->IsNull(row)) {
        line += "-";
      } else if (column->type_id() == arrow::Type::TIMESTAMP) {
        line += std::to_string(static_cast<const arrow::TimestampArray&>(*column).Value(row));
      } else {
        line += column->GetScalar(row).ValueOrDie()->ToString();
      }
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

class OperatorBench::Sink final : public Output {
 public:
  std::vector<std::string> lines;
  Task<> Emit(Element element) override {
    for (std::string& line : ToLines(element)) lines.push_back(std::move(line));
    co_return Status::OK();
  }
};

OperatorBench::OperatorBench(std::unique_ptr<Operator> op, std::vector<std::string> restored_blobs,
                             std::vector<std::string> restore_from, StateBackendFactory* factory,
                             Place place) {
  if (!factory) {
    own_factory_ = MakeMemoryStateBackendFactory();
    factory = own_factory_.get();
  }
  const bool is_restored = !restore_from.empty();
  backend_ = factory->Open("/live", std::move(restore_from), {}).ValueOrDie();
  context_.env = &env_;
  context_.subtask = place.subtask;
  context_.parallelism = place.parallelism;
  context_.backend = backend_.get();
  context_.metrics = &metrics_;
  context_.state_memory = &state_memory_;
  context_.restored_blobs = std::move(restored_blobs);
  context_.is_restored = is_restored;
  sink_ = std::make_unique<Sink>();
  chain_ = std::make_unique<OperatorChain>(sink_.get());
  chain_->Add(std::move(op), &context_);
  CHECK_OK(env_.Run(chain_->Open()));
}

OperatorBench::~OperatorBench() = default;

std::vector<std::string> OperatorBench::Push(Element element, int input) {
  CHECK_OK(env_.Run(chain_->Push(input, std::move(element))));
  return std::exchange(sink_->lines, {});
}

namespace {

// A millisecond later at each look; runs nothing.
class HurryingClock final : public Scheduler {
 public:
  void Post(UniqueFunction) override { CHECK(false); }
  bool RunsInThisThread() const override { return true; }
  TimePoint Now() const override { return now_ += std::chrono::milliseconds(1); }
  TimerId AddTimer(TimePoint, UniqueFunction) override {
    CHECK(false);
    return 0;
  }
  void CancelTimer(TimerId) override { CHECK(false); }
  asio::io_context& io() override {
    CHECK(false);
    std::abort();
  }
  asio::io_context* direct_io() override { return nullptr; }

 private:
  mutable TimePoint now_{};
};

Task<> CountTurns(const bool* is_done, int* turns) {
  while (!*is_done) {
    CO_RETURN_IF_ERROR(co_await Yield());
    ++*turns;
  }
  co_return Status::OK();
}

Task<> PushBeside(OperatorChain* chain, Element element, Executor executor, int* turns) {
  bool is_done = false;
  TaskScope others(executor, "others", [](const std::string&, const Status&) {});
  others.Spawn("turns", CountTurns(&is_done, turns));
  const Status pushed = co_await chain->Push(0, std::move(element));
  is_done = true;
  CO_RETURN_IF_ERROR(co_await others.Join());
  co_return pushed;
}

}  // namespace

int OperatorBench::TurnsOfOthers(Element element, std::vector<std::string>* lines) {
  const HurryingClock clock;
  WorkSlice slice(&clock);
  context_.slice = &slice;
  int turns = 0;
  CHECK_OK(env_.Run(PushBeside(chain_.get(), std::move(element), env_.shard(0), &turns)));
  context_.slice = nullptr;
  *lines = std::exchange(sink_->lines, {});
  return turns;
}

std::string OperatorBench::Checkpoint(const std::string& directory) {
  ChainSnapshot snapshot = chain_->Snapshot().ValueOrDie();
  StateMutations mutations;
  for (StateTable* table : snapshot.tables) table->TakeSnapshot(&mutations);
  CHECK_OK(backend_->Write(mutations));
  CHECK_OK(backend_->Checkpoint(directory));
  for (StateTable* table : snapshot.tables) table->OnWritten();
  return snapshot.blobs.empty() ? "" : snapshot.blobs[0].second;
}

}  // namespace mainstem::process::optest
