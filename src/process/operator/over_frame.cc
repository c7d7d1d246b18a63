#include "process/operator/over_frame.h"

#include "process/state/stored_bytes.h"

namespace mainstem::process {
namespace {

constexpr char kFrameVersion = 1;

bool TakeRow(std::string_view* bytes, OverFrame::Row* row) {
  std::string_view args;
  if (!TakeNumber(bytes, &row->time_ms) || !TakeText(bytes, &args)) return false;
  row->args = args;
  return true;
}

}  // namespace

void OverFrame::Push(Row row) {
  heap_bytes += sizeof(Row) + row.args.size();
  rows.push_back(std::move(row));
}

void OverFrame::PopFront() {
  heap_bytes -= sizeof(Row) + rows.front().args.size();
  rows.pop_front();
  if (frame_begin > 0) --frame_begin;
}

void OverFrameCodec::Init(std::byte* value) const {
  new (value) OverFrame();
  aggregates_->Init(value + kBlockOffset);
}

void OverFrameCodec::Destroy(std::byte* value) const {
  aggregates_->Destroy(value + kBlockOffset);
  reinterpret_cast<OverFrame*>(value)->~OverFrame();
}

void OverFrameCodec::ResetAggregates(StateEntry* entry) const {
  aggregates_->Destroy(BlockOf(entry));
  aggregates_->Init(BlockOf(entry));
}

size_t OverFrameCodec::HeapBytes(const std::byte* value) const {
  return reinterpret_cast<const OverFrame*>(value)->heap_bytes +
         aggregates_->HeapBytes(value + kBlockOffset);
}

void OverFrameCodec::Serialize(const std::byte* value, std::string* out) const {
  const auto& frame = *reinterpret_cast<const OverFrame*>(value);
  out->push_back(kFrameVersion);
  PutNumber(frame.time_ms, out);
  PutNumber(frame.row_count, out);
  PutNumber(frame.cleanup_ms, out);
  PutNumber(static_cast<uint32_t>(frame.frame_begin), out);
  PutNumber(static_cast<uint32_t>(frame.rows.size()), out);
  for (const OverFrame::Row& row : frame.rows) {
    PutNumber(row.time_ms, out);
    PutText(row.args, out);
  }
  aggregates_->Serialize(value + kBlockOffset, out);
}

Status OverFrameCodec::Deserialize(std::string_view bytes, std::byte* value) const {
  auto& frame = *reinterpret_cast<OverFrame*>(value);
  const auto damaged = [] {
    return MakeError(ErrorCode::kCorruptStorage, "the stored frame of an OVER window is damaged");
  };
  if (bytes.empty() || bytes[0] != kFrameVersion) return damaged();
  bytes.remove_prefix(1);
  uint32_t frame_begin = 0, row_count = 0;
  if (!TakeNumber(&bytes, &frame.time_ms) || !TakeNumber(&bytes, &frame.row_count) ||
      !TakeNumber(&bytes, &frame.cleanup_ms) || !TakeNumber(&bytes, &frame_begin) ||
      !TakeNumber(&bytes, &row_count) || frame_begin > row_count) {
    return damaged();
  }
  for (uint32_t i = 0; i < row_count; ++i) {
    OverFrame::Row row;
    if (!TakeRow(&bytes, &row)) return damaged();
    frame.Push(std::move(row));
  }
  frame.frame_begin = frame_begin;
  return aggregates_->Deserialize(bytes, value + kBlockOffset);
}

}  // namespace mainstem::process
