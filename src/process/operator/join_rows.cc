#include "process/operator/join_rows.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "process/state/stored_bytes.h"

namespace mainstem::process {
namespace {

constexpr char kRowsVersion = 1;
constexpr char kStampedVersion = 2;

Status DamagedRows() {
  return MakeError(ErrorCode::kCorruptStorage, "the stored rows of a join are damaged");
}

bool IsRowsVersion(std::string_view bytes) {
  return !bytes.empty() && (bytes[0] == kRowsVersion || bytes[0] == kStampedVersion);
}

}  // namespace

RowLife RowLife::Of(int64_t ttl_ms, int64_t now_ms) {
  constexpr int64_t kTicksMax = 1 << 30;
  if (ttl_ms <= 0 || ttl_ms > kTicksMax * kTickMs) return {};
  // Rather a little late than early.
  const int64_t ticks = (ttl_ms + kTickMs - 1) / kTickMs + 1;
  const auto now = static_cast<uint32_t>(now_ms / kTickMs);
  return {.now = now == 0 ? 1 : now, .ttl = static_cast<int32_t>(ticks)};
}

char JoinRows::version() const { return has_stamps_ ? kStampedVersion : kRowsVersion; }

void JoinRows::PutRow(const JoinRow& row, std::string* out) const {
  PutNumber(row.size, out);
  out->append(row.view());
  PutNumber(row.copies, out);
  PutNumber(row.matches, out);
  if (has_stamps_) PutNumber(row.stamp, out);
}

size_t JoinRows::Find(std::string_view bytes, uint64_t hash) const {
  if (!index_.empty()) {
    auto found = index_.find(bytes);
    return found == index_.end() ? rows_.size() : found->second;
  }
  const auto low = static_cast<uint32_t>(hash);
  size_t at = 0;
  while (at < rows_.size() && (rows_[at].hash != low || rows_[at].view() != bytes)) ++at;
  return at;
}

void JoinRows::BuildIndex() {
  index_.reserve(rows_.size() * 2);
  for (size_t i = 0; i < rows_.size(); ++i) index_[rows_[i].view()] = static_cast<uint32_t>(i);
}

void JoinRows::Append(std::string_view bytes, uint64_t hash, int32_t copies, int32_t matches) {
  JoinRow& row = rows_.emplace_back();
  row.bytes = std::make_unique_for_overwrite<char[]>(bytes.size());
  std::memcpy(row.bytes.get(), bytes.data(), bytes.size());
  row.size = static_cast<uint32_t>(bytes.size());
  row.hash = static_cast<uint32_t>(hash);
  row.copies = copies;
  row.matches = matches;
  row.is_changed = true;
  heap_bytes_ += bytes.size() + kRowOverhead;
  if (!index_.empty()) {
    index_[row.view()] = static_cast<uint32_t>(rows_.size() - 1);
  } else if (rows_.size() >= kIndexed) {
    BuildIndex();
  }
}

size_t JoinRows::FindLiving(std::string_view bytes, uint64_t hash, RowLife life) {
  const size_t at = Find(bytes, hash);
  if (at == rows_.size() || !life.IsOver(rows_[at].stamp)) return at;
  Forget(at);
  return rows_.size();
}

void JoinRows::Add(std::string_view bytes, int32_t matches, RowLife life) {
  const uint64_t hash = StableHash(bytes);
  size_t at = FindLiving(bytes, hash, life);
  if (at == rows_.size()) {
    Append(bytes, hash, 1, matches);
  } else {
    ++rows_[at].copies;
    rows_[at].matches = matches;
    rows_[at].is_changed = true;
  }
  if (life.ttl == 0) return;
  rows_[at].stamp = life.now;
  has_stamps_ = true;
  if (rows_.size() == 1) oldest_ = life.now;
}

void JoinRows::AddCopy(std::string_view bytes, int32_t matches) {
  const uint64_t hash = StableHash(bytes);
  const size_t at = Find(bytes, hash);
  if (at == rows_.size()) return Append(bytes, hash, 1, matches);
  ++rows_[at].copies;
  rows_[at].AddMatches(matches);
}

bool JoinRows::Remove(std::string_view bytes, RowLife life) {
  const size_t at = FindLiving(bytes, StableHash(bytes), life);
  if (at == rows_.size()) return false;
  rows_[at].is_changed = true;
  if (life.ttl > 0) rows_[at].stamp = life.now;
  if (--rows_[at].copies == 0) Forget(at);
  return true;
}

bool JoinRows::ForgetOld(RowLife life, int32_t ticks) {
  if (life.ttl == 0 || rows_.empty()) return false;
  const RowLife later{.now = life.now - static_cast<uint32_t>(ticks), .ttl = life.ttl};
  if (oldest_ != 0 && !later.IsOver(oldest_)) return false;
  bool any = false;
  oldest_ = life.now;
  // From the end: what takes the place of one that goes has been looked at.
  for (size_t at = rows_.size(); at-- > 0;) {
    JoinRow& row = rows_[at];
    if (row.stamp == 0) {
      // Of a time when rows had none: its life begins.
      row.stamp = life.now;
      row.is_changed = true;
      has_stamps_ = true;
      any = true;
    } else if (life.IsOver(row.stamp)) {
      Forget(at);
      any = true;
    } else if (static_cast<int32_t>(oldest_ - row.stamp) > 0) {
      oldest_ = row.stamp;
    }
  }
  return any;
}

void JoinRows::Forget(size_t at) {
  heap_bytes_ -= rows_[at].size + kRowOverhead;
  if (!index_.empty()) index_.erase(rows_[at].view());
  if (knows_changes_ && gone_.size() < rows_.size() / 2) {
    heap_bytes_ += rows_[at].size + kRowOverhead;
    gone_.push_back(std::move(rows_[at]));
  } else if (knows_changes_) {
    ForgetGone();
    knows_changes_ = false;
  }
  if (index_.empty()) {
    rows_.erase(rows_.begin() + static_cast<ptrdiff_t>(at));
    return;
  }
  if (at + 1 != rows_.size()) {
    rows_[at] = std::move(rows_.back());
    index_[rows_[at].view()] = static_cast<uint32_t>(at);
  }
  rows_.pop_back();
}

void JoinRows::Put(std::string* out) const {
  out->push_back(version());
  PutNumber(static_cast<uint32_t>(rows_.size()), out);
  for (const JoinRow& row : rows_) PutRow(row, out);
}

Status JoinRows::Take(std::string_view bytes) {
  if (!IsRowsVersion(bytes)) return DamagedRows();
  return TakeRows(bytes[0], bytes.substr(1));
}

void JoinRows::PutChanges(std::string* out) const {
  out->push_back(version());
  PutNumber(static_cast<uint32_t>(gone_.size()), out);
  for (const JoinRow& row : gone_) {
    PutNumber(row.size, out);
    out->append(row.view());
  }
  const auto is_changed = [](const JoinRow& row) { return row.is_changed; };
  PutNumber(static_cast<uint32_t>(std::count_if(rows_.begin(), rows_.end(), is_changed)), out);
  for (const JoinRow& row : rows_) {
    if (row.is_changed) PutRow(row, out);
  }
}

Status JoinRows::ApplyChanges(std::string_view bytes) {
  uint32_t gone_count = 0;
  if (!IsRowsVersion(bytes)) return DamagedRows();
  const char stored_version = bytes[0];
  bytes.remove_prefix(1);
  if (!TakeNumber(&bytes, &gone_count)) return DamagedRows();
  for (uint32_t i = 0; i < gone_count; ++i) {
    uint32_t size = 0;
    if (!TakeNumber(&bytes, &size) || bytes.size() < size) return DamagedRows();
    const std::string_view row = bytes.substr(0, size);
    bytes.remove_prefix(size);
    // One that came and went in between was never stored.
    const size_t at = Find(row, StableHash(row));
    if (at != rows_.size()) Forget(at);
  }
  return TakeRows(stored_version, bytes);
}

void JoinRows::ForgetGone() {
  for (const JoinRow& row : gone_) heap_bytes_ -= row.size + kRowOverhead;
  gone_ = std::vector<JoinRow>();
}

void JoinRows::OnStored() {
  ForgetGone();
  knows_changes_ = rows_.size() >= kKnowsFrom;
  for (JoinRow& row : rows_) row.is_changed = false;
}

Status JoinRows::TakeRows(char stored_version, std::string_view bytes) {
  has_stamps_ = has_stamps_ || stored_version == kStampedVersion;
  oldest_ = 0;
  uint32_t count = 0;
  if (!TakeNumber(&bytes, &count)) return DamagedRows();
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t size = 0;
    int32_t copies = 0;
    int32_t matches = 0;
    if (!TakeNumber(&bytes, &size) || bytes.size() < size) return DamagedRows();
    const std::string_view row = bytes.substr(0, size);
    bytes.remove_prefix(size);
    if (!TakeNumber(&bytes, &copies) || !TakeNumber(&bytes, &matches)) return DamagedRows();
    uint32_t stamp = 0;
    if (stored_version == kStampedVersion && !TakeNumber(&bytes, &stamp)) return DamagedRows();
    if (copies <= 0) return DamagedRows();
    const uint64_t hash = StableHash(row);
    const size_t at = Find(row, hash);
    if (at == rows_.size()) {
      Append(row, hash, copies, matches);
    } else {
      rows_[at].copies = copies;
      rows_[at].matches = matches;
    }
    rows_[at].stamp = stamp;
  }
  return bytes.empty() ? Status::OK() : DamagedRows();
}

void JoinRowsCodec::Init(std::byte* value) const { new (value) JoinRows(); }
void JoinRowsCodec::Destroy(std::byte* value) const {
  reinterpret_cast<JoinRows*>(value)->~JoinRows();
}
void JoinRowsCodec::Serialize(const std::byte* value, std::string* out) const {
  reinterpret_cast<const JoinRows*>(value)->Put(out);
}
Status JoinRowsCodec::Deserialize(std::string_view bytes, std::byte* value) const {
  return reinterpret_cast<JoinRows*>(value)->Take(bytes);
}
bool JoinRowsCodec::HasChanges(const std::byte* value) const {
  return reinterpret_cast<const JoinRows*>(value)->has_changes();
}
void JoinRowsCodec::SerializeChanges(const std::byte* value, std::string* out) const {
  reinterpret_cast<const JoinRows*>(value)->PutChanges(out);
}
Status JoinRowsCodec::ApplyChanges(std::string_view bytes, std::byte* value) const {
  return reinterpret_cast<JoinRows*>(value)->ApplyChanges(bytes);
}
void JoinRowsCodec::OnStored(std::byte* value) const {
  reinterpret_cast<JoinRows*>(value)->OnStored();
}
size_t JoinRowsCodec::HeapBytes(const std::byte* value) const {
  return reinterpret_cast<const JoinRows*>(value)->heap_bytes();
}

}  // namespace mainstem::process
