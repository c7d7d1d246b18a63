// How partial matches are stored: see MatchProgressCodec.
#include <cstring>

#include "process/operator/match_recognize.h"

namespace mainstem::process {
namespace {

constexpr char kVersion = 1;

template <typename T>
void Put(T value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
bool Take(std::string_view* bytes, T* value) {
  if (bytes->size() < sizeof(T)) return false;
  std::memcpy(value, bytes->data(), sizeof(T));
  bytes->remove_prefix(sizeof(T));
  return true;
}

void PutStates(const std::vector<MatchState>& states, std::string* out) {
  Put(static_cast<uint32_t>(states.size()), out);
  for (const MatchState& state : states) {
    Put(state.start_id, out);
    Put(state.start_time_ms, out);
    Put(state.element, out);
    Put(static_cast<uint32_t>(state.counts.size()), out);
    for (const int32_t count : state.counts) Put(count, out);
  }
}

bool TakeStates(std::string_view* bytes, std::vector<MatchState>* states) {
  uint32_t count = 0;
  if (!Take(bytes, &count)) return false;
  for (uint32_t i = 0; i < count; ++i) {
    MatchState& state = states->emplace_back();
    uint32_t elements = 0;
    if (!Take(bytes, &state.start_id) || !Take(bytes, &state.start_time_ms) ||
        !Take(bytes, &state.element) || !Take(bytes, &elements) ||
        bytes->size() / sizeof(int32_t) < elements || state.element >= elements) {
      return false;
    }
    state.counts.resize(elements);
    for (int32_t& rows : state.counts) Take(bytes, &rows);
  }
  return true;
}

bool TakeRow(std::string_view* bytes, MatchProgress::Row* row) {
  uint32_t length = 0;
  if (!Take(bytes, &row->time_ms) || !Take(bytes, &length) || bytes->size() < length) return false;
  row->bytes.assign(bytes->substr(0, length));
  bytes->remove_prefix(length);
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
  out->push_back(kVersion);
  Put(progress.first_id, out);
  Put(static_cast<uint32_t>(progress.rows.size()), out);
  for (const MatchProgress::Row& row : progress.rows) {
    Put(row.time_ms, out);
    Put(static_cast<uint32_t>(row.bytes.size()), out);
    out->append(row.bytes);
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
  if (bytes.empty() || bytes[0] != kVersion) return damaged();
  bytes.remove_prefix(1);
  if (!Take(&bytes, &progress.first_id) || !Take(&bytes, &row_count)) return damaged();
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
