#include "process/operator/session_aggregate.h"

#include <algorithm>
#include <cstring>

#include <arrow/api.h>

#include "process/operator/exchange.h"
#include "process/operator/watermark_blob.h"
#include "process/operator/window_table.h"

namespace mainstem::process {
namespace {

using Spans = std::vector<SessionSpan>;

Spans& SpansOf(StateEntry* entry) { return *reinterpret_cast<Spans*>(entry->value()); }

}  // namespace

// Stored form, version 1: u8 version | (i64 start, i64 end)*
class SessionAggregateOperator::SpanCodec final : public ValueCodec {
 public:
  size_t value_bytes() const override { return sizeof(Spans); }
  void Init(std::byte* value) const override { new (value) Spans(); }
  void Destroy(std::byte* value) const override { reinterpret_cast<Spans*>(value)->~Spans(); }
  void Serialize(const std::byte* value, std::string* out) const override {
    const Spans& spans = *reinterpret_cast<const Spans*>(value);
    out->push_back(kVersion);
    out->append(reinterpret_cast<const char*>(spans.data()), spans.size() * sizeof(SessionSpan));
  }
  Status Deserialize(std::string_view bytes, std::byte* value) const override {
    if (bytes.empty() || bytes[0] != kVersion || (bytes.size() - 1) % sizeof(SessionSpan) != 0) {
      return MakeError(ErrorCode::kCorruptStorage, "stored sessions are damaged");
    }
    Spans& spans = *reinterpret_cast<Spans*>(value);
    spans.resize((bytes.size() - 1) / sizeof(SessionSpan));
    std::memcpy(spans.data(), bytes.data() + 1, bytes.size() - 1);
    return Status::OK();
  }
  size_t HeapBytes(const std::byte* value) const override {
    return reinterpret_cast<const Spans*>(value)->capacity() * sizeof(SessionSpan);
  }

 private:
  static constexpr char kVersion = 1;
};

SessionAggregateOperator::SessionAggregateOperator(WindowAggregateOptions options)
    : options_(std::move(options)) {}

SessionAggregateOperator::~SessionAggregateOperator() = default;

Task<> SessionAggregateOperator::Open(const OperatorContext* context) {
  context_ = context;
  CO_ASSIGN_OR_RETURN(aggregates_, AggregateSet::Make(options_.aggregates));
  CO_ASSIGN_OR_RETURN(RowCodec codec, RowCodec::Make(options_.key_types));
  codec_ = std::make_unique<RowCodec>(std::move(codec));
  span_codec_ = std::make_unique<SpanCodec>();
  spans_ = std::make_unique<StateTable>(context->TableOptions(0, "sessions"), span_codec_.get(),
                                        context->backend, &context->env->blocking_pool());
  StateTable::Options table = context->TableOptions(1, "sessions");
  table.indexed_by_namespace = true;
  sessions_ = std::make_unique<StateTable>(std::move(table), aggregates_.get(), context->backend,
                                           &context->env->blocking_pool());
  accumulator_.emplace(options_.keys, aggregates_.get(), codec_.get(), sessions_.get());
  clock_.emplace(options_.window, context->eval.time_zone);
  watermark_ms_ = LowestWatermark(context->restored_blobs);
  CO_RETURN_IF_ERROR(co_await spans_->Restore());
  co_return co_await sessions_->Restore();
}

void SessionAggregateOperator::AssignSessions(const std::vector<int64_t>& times,
                                              std::vector<int64_t>* ends,
                                              std::vector<Move>* moves) {
  int64_t gap = options_.window.size_ms;
  ends->assign(times.size(), kNoWatermark);
  for (size_t row = 0; row < times.size(); ++row) {
    Spans& spans = SpansOf(span_entries_[row]);
    SessionSpan merged{times[row], times[row] + gap};
    auto first = std::find_if(spans.begin(), spans.end(),
                              [&](const SessionSpan& span) { return span.end >= merged.start; });
    auto last = first;
    for (; last != spans.end() && last->start <= merged.end; ++last) {
      merged.start = std::min(merged.start, last->start);
      merged.end = std::max(merged.end, last->end);
    }
    if (watermark_ms_ != kNoWatermark && clock_->ToInstant(merged.end) - 1 <= watermark_ms_) {
      late_.Add(row, watermark_ms_ - (clock_->ToInstant(merged.end) - 1));
      continue;
    }
    for (auto span = first; span != last; ++span) {
      if (span->end != merged.end) {
        moves->push_back({static_cast<uint32_t>(row), span->end, merged.end});
      }
    }
    spans.insert(spans.erase(first, last), merged);
    (*ends)[row] = merged.end;
  }
  // A session may have grown again after the row came: follow the moves to its end.
  for (size_t row = 0; row < times.size(); ++row) {
    if ((*ends)[row] == kNoWatermark) continue;
    for (const SessionSpan& span : SpansOf(span_entries_[row])) {
      if (span.start <= times[row] && times[row] < span.end) (*ends)[row] = span.end;
    }
  }
}

Task<> SessionAggregateOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  ColumnVector key_columns;
  for (int index : options_.keys) key_columns.push_back(batch.rows->column(index));
  CO_RETURN_IF_ERROR(codec_->Encode(key_columns, batch.rows->num_rows(), &keys_));
  keys_.ComputeHashes();
  CO_RETURN_IF_ERROR(co_await spans_->Resolve(keys_, {}, &span_entries_));
  std::vector<int64_t> times, ends;
  std::vector<Move> moves;
  CO_RETURN_IF_ERROR(TimesOf(*batch.rows->column(options_.window.time_column), &times));
  for (int64_t& time : times) time = clock_->ToLocal(time);
  AssignSessions(times, &ends, &moves);
  CO_RETURN_IF_ERROR(late_.Tell(*context_, name(), batch, watermark_ms_));
  CO_RETURN_IF_ERROR(co_await Accumulate(batch, ends, moves));
  spans_->KeepOnce(&span_entries_);
  for (StateEntry* entry : span_entries_) {
    spans_->MarkDirty(entry);
    // Keys of which every row was late have no session.
    if (SpansOf(entry).empty()) spans_->Delete(entry);
  }
  spans_->Evict();
  sessions_->Evict();
  context_->metrics->state_entries = static_cast<int64_t>(sessions_->entry_count());
  context_->metrics->state_bytes =
      static_cast<int64_t>(sessions_->memory_bytes() + spans_->memory_bytes());
  co_return Status::OK();
}

Task<> SessionAggregateOperator::Accumulate(const ChangelogBatch& batch,
                                            const std::vector<int64_t>& ends,
                                            const std::vector<Move>& moves) {
  // Merged sessions first, in the order in which they merged: a chain of moves arrives at its end.
  for (const Move& move : moves) {
    EncodedRows pair;
    ColumnVector key_columns;
    std::vector<int32_t> twice = {static_cast<int32_t>(move.row), static_cast<int32_t>(move.row)};
    for (int index : options_.keys) {
      CO_ASSIGN_OR_RETURN(auto column, TakeRows(batch.rows->column(index), twice));
      key_columns.push_back(std::move(column));
    }
    CO_RETURN_IF_ERROR(codec_->Encode(key_columns, 2, &pair));
    pair.ComputeHashes();
    std::vector<int64_t> name_spaces = {move.from_end, move.to_end};
    std::vector<StateEntry*> entries;
    CO_RETURN_IF_ERROR(co_await sessions_->Resolve(pair, name_spaces, &entries));
    CO_RETURN_IF_ERROR(aggregates_->Merge(entries[1]->value(), entries[0]->value()));
    sessions_->MarkDirty(entries[1]);
    sessions_->Delete(entries[0]);
  }
  std::vector<int32_t> rows;
  std::vector<int64_t> name_spaces;
  for (size_t row = 0; row < ends.size(); ++row) {
    if (ends[row] == kNoWatermark) continue;
    rows.push_back(static_cast<int32_t>(row));
    name_spaces.push_back(ends[row]);
  }
  if (rows.empty()) co_return Status::OK();
  const bool is_whole = rows.size() == ends.size();
  co_return co_await accumulator_->Add(
      batch, {.rows = rows, .name_spaces = name_spaces, .is_whole = is_whole});
}

Task<> SessionAggregateOperator::OnWatermark(int64_t watermark_ms, Output* out) {
  watermark_ms_ = watermark_ms;
  int64_t last = kEndOfTime;
  if (watermark_ms < kEndOfTime - kZoneSlackMs) last = clock_->LastEndBy(watermark_ms);
  for (int64_t end : sessions_->NamespacesUpTo(last)) {
    if (clock_->ToInstant(end) - 1 > watermark_ms) continue;
    CO_RETURN_IF_ERROR(co_await FireAt(end, out));
  }
  co_return Status::OK();
}

Task<> SessionAggregateOperator::FireAt(int64_t end, Output* out) {
  std::vector<StateEntry*> entries;
  CO_RETURN_IF_ERROR(co_await sessions_->ResolveNamespace(end, &entries));
  if (entries.empty()) co_return Status::OK();
  std::vector<std::string_view> keys;
  std::vector<std::byte*> blocks;
  for (StateEntry* entry : entries) {
    keys.push_back(entry->key());
    blocks.push_back(entry->value());
  }
  CO_ASSIGN_OR_RETURN(ColumnVector columns, codec_->Decode(keys));
  EncodedRows encoded;
  CO_RETURN_IF_ERROR(codec_->Encode(columns, static_cast<int64_t>(keys.size()), &encoded));
  encoded.ComputeHashes();
  std::vector<StateEntry*> span_entries;
  CO_RETURN_IF_ERROR(co_await spans_->Resolve(encoded, {}, &span_entries));
  std::vector<int64_t> starts, ends, times;
  std::vector<int32_t> live;
  const int64_t time = clock_->ToInstant(end) - 1;
  for (size_t i = 0; i < entries.size(); ++i) {
    Spans& spans = SpansOf(span_entries[i]);
    auto span = std::find_if(spans.begin(), spans.end(),
                             [&](const SessionSpan& s) { return s.end == end; });
    CHECK(span != spans.end());
    if (AggregateSet::RowCount(blocks[i]) > 0) live.push_back(static_cast<int32_t>(i));
    starts.push_back(span->start);
    ends.push_back(end);
    times.push_back(time);
    spans.erase(span);
    if (spans.empty()) {
      spans_->Delete(span_entries[i]);
    } else {
      spans_->MarkDirty(span_entries[i]);
    }
  }
  CO_ASSIGN_OR_RETURN(ColumnVector values, aggregates_->Values(blocks));
  std::move(values.begin(), values.end(), std::back_inserter(columns));
  for (plan::WindowProperty property : options_.properties) {
    const auto& field = options_.output_schema->field(static_cast<int>(columns.size()));
    const std::vector<int64_t>& source = property == plan::WindowProperty::kStart ? starts
                                         : property == plan::WindowProperty::kEnd ? ends
                                                                                  : times;
    CO_ASSIGN_OR_RETURN(auto column, TimestampColumn(field->type(), source));
    columns.push_back(std::move(column));
  }
  ChangelogBatch rows;
  rows.rows = arrow::RecordBatch::Make(options_.output_schema, static_cast<int64_t>(entries.size()),
                                       std::move(columns));
  if (live.size() < entries.size()) {
    CO_ASSIGN_OR_RETURN(rows, TakeFromBatch(rows, live));
  }
  for (StateEntry* entry : entries) sessions_->Delete(entry);
  if (rows.rows->num_rows() == 0) co_return Status::OK();
  co_return co_await out->Emit(Element::Batch(std::move(rows)));
}

Result<OperatorSnapshot> SessionAggregateOperator::Snapshot() {
  OperatorSnapshot snapshot;
  snapshot.Add(spans_.get());
  snapshot.Add(sessions_.get());
  snapshot.blob = WatermarkBlob(watermark_ms_);
  return snapshot;
}

}  // namespace mainstem::process
