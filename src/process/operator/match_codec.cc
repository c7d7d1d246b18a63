// How partial matches are stored: see MatchProgressCodec.
#include "process/operator/match_recognize.h"
#include "process/state/stored_bytes.h"

namespace mainstem::process {
namespace {

constexpr char kMatchVersion = 1;

void PutStates(const std::vector<MatchState>& states, std::string* out) {
  PutNumber(static_cast<uint32_t>(states.size()), out);
  for (const MatchState& state : states) {
    PutNumber(state.start_id, out);
    PutNumber(state.start_time_ms, out);
    PutNumber(state.element, out);
    PutNumber(static_cast<uint32_t>(state.counts.size()), out);
    for (const int32_t count : state.counts) PutNumber(count, out);
  }
}

bool TakeStates(std::string_view* bytes, std::vector<MatchState>* states) {
  uint32_t count = 0;
  if (!TakeNumber(bytes, &count)) return false;
  for (uint32_t i = 0; i < count; ++i) {
    MatchState& state = states->emplace_back();
    uint32_t elements = 0;
    if (!TakeNumber(bytes, &state.start_id) || !TakeNumber(bytes, &state.start_time_ms) ||
        !TakeNumber(bytes, &state.element) || !TakeNumber(bytes, &elements) ||
        bytes->size() / sizeof(int32_t) < elements || state.element >= elements) {
      return false;
    }
    state.counts.resize(elements);
    for (int32_t& rows : state.counts) TakeNumber(bytes, &rows);
  }
  return true;
}

bool TakeRow(std::string_view* bytes, MatchProgress::Row* row) {
  std::string_view text;
  if (!TakeNumber(bytes, &row->time_ms) || !TakeText(bytes, &text)) return false;
  row->bytes = text;
  return true;
}

size_t BytesOf(const std::vector<MatchState>& states) {
  size_t bytes = states.capacity() * sizeof(MatchState);
  for (const MatchState& state : states) bytes += state.counts.capacity() * sizeof(int32_t);
  return bytes;
}

}  // namespace

void MatchProgressCodec::Serialize(const std::byte* value, std::string* out) const {
  const auto& progress = *reinterpret_cast<const MatchProgress*>(value);
  out->push_back(kMatchVersion);
  PutNumber(progress.first_id, out);
  PutNumber(static_cast<uint32_t>(progress.rows.size()), out);
  for (const MatchProgress::Row& row : progress.rows) {
    PutNumber(row.time_ms, out);
    PutText(row.bytes, out);
  }
  PutStates(progress.partial, out);
  PutStates(progress.completed, out);
}

Status MatchProgressCodec::Deserialize(std::string_view bytes, std::byte* value) const {
  auto& progress = *reinterpret_cast<MatchProgress*>(value);
  const auto damaged = [] {
    return MakeError(ErrorCode::kCorruptStorage, "stored partial matches are damaged");
  };
  uint32_t row_count = 0;
  if (bytes.empty() || bytes[0] != kMatchVersion) return damaged();
  bytes.remove_prefix(1);
  if (!TakeNumber(&bytes, &progress.first_id) || !TakeNumber(&bytes, &row_count)) return damaged();
  for (uint32_t i = 0; i < row_count; ++i) {
    if (!TakeRow(&bytes, &progress.rows.emplace_back())) return damaged();
  }
  if (!TakeStates(&bytes, &progress.partial) || !TakeStates(&bytes, &progress.completed) ||
      !bytes.empty()) {
    return damaged();
  }
  return Status::OK();
}

size_t MatchProgressCodec::HeapBytes(const std::byte* value) const {
  const auto& progress = *reinterpret_cast<const MatchProgress*>(value);
  size_t bytes = BytesOf(progress.partial) + BytesOf(progress.completed);
  for (const MatchProgress::Row& row : progress.rows) bytes += sizeof(row) + row.bytes.capacity();
  return bytes;
}

}  // namespace mainstem::process
