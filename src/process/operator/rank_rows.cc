#include "process/operator/rank_rows.h"

#include <iterator>

#include "process/state/stored_bytes.h"

namespace mainstem::process {
namespace {

constexpr char kRankVersion = 1;
// Tree node, three strings' heads, the place, allocator overhead: estimated.
constexpr size_t kNodeBytes = 200;
// A slot of the index with its share of empty ones; a node of the list.
constexpr size_t kIndexedBytes = 48;
constexpr size_t kUnstoredBytes = 40;
// A row is looked for among so many of its sort key one by one; behind them by the index.
constexpr int kLookedAt = 32;
// So many rows are worth knowing which of them have changed.
constexpr size_t kChangesKnownFrom = 128;

size_t BytesOf(const RankedRow::Item& item) {
  return kNodeBytes + item.first.size() + item.second.row.size() + item.second.key.size();
}

void PutRanked(const RankedRow::Item& item, std::string* out) {
  PutText(item.first, out);
  PutText(item.second.row, out);
  PutText(item.second.key, out);
}

RankedRow MakeRanked(std::string_view row, std::string_view key) {
  RankedRow ranked;
  ranked.row = row;
  ranked.key = key;
  return ranked;
}

struct RankedTexts {
  std::string_view sort_key, row, key;
  bool Take(std::string_view* bytes) {
    return TakeText(bytes, &sort_key) && TakeText(bytes, &row) && TakeText(bytes, &key);
  }
};

Status DamagedRanks() {
  return MakeError(ErrorCode::kCorruptStorage, "stored rows of a Top-N are damaged");
}

}  // namespace

RankRows::Place RankRows::Insert(std::string_view sort_key, std::string_view row,
                                 std::string_view key) {
  // Equal keys: behind those that are there.
  return Added(rows_.emplace(std::string(sort_key), MakeRanked(row, key)));
}

RankRows::Place RankRows::InsertBefore(Place next, std::string_view sort_key, std::string_view row,
                                       std::string_view key) {
  if (next != rows_.end() && next->first == sort_key) ForgetChanges();
  return Added(rows_.emplace_hint(next, std::string(sort_key), MakeRanked(row, key)));
}

RankRows::Place RankRows::Added(Place at) {
  row_bytes_ += BytesOf(*at);
  if (!index_.empty()) index_[std::string_view(at->second.row)].push_back(at);
  if (knows_changes_) {
    at->second.is_unstored = true;
    at->second.unstored = unstored_.insert(unstored_.end(), &*at);
    if (unstored_.size() + gone_count_ > rows_.size()) ForgetChanges();
  }
  return at;
}

RankRows::Place RankRows::Find(std::string_view sort_key, std::string_view row) {
  if (index_.empty()) {
    auto [at, end] = rows_.equal_range(sort_key);
    int looked_at = 0;
    for (; at != end && looked_at < kLookedAt; ++at, ++looked_at) {
      if (at->second.row == row) return at;
    }
    if (at == end) return rows_.end();
    BuildIndex();
  }
  const auto found = index_.find(row);
  return found == index_.end() ? rows_.end() : found->second.front();
}

void RankRows::BuildIndex() {
  index_.reserve(rows_.size());
  for (Place at = rows_.begin(); at != rows_.end(); ++at) {
    index_[std::string_view(at->second.row)].push_back(at);
  }
}

void RankRows::Unindex(Place at) {
  const auto found = index_.find(at->second.row);
  auto same = std::move(found->second);
  index_.erase(found);  // its name lies in a row that may go
  for (auto one = same.begin(); one != same.end(); ++one) {
    if (*one != at) continue;
    same.erase(one);
    break;
  }
  if (!same.empty()) {
    const std::string_view name = same.front()->second.row;
    index_.emplace(name, std::move(same));
  }
}

void RankRows::SetKey(Place at, std::string_view key) {
  if (!at->second.is_unstored) ForgetChanges();
  row_bytes_ += key.size();
  row_bytes_ -= at->second.key.size();
  at->second.key = key;
}

RankRows::Map::node_type RankRows::Extract(Place at) {
  row_bytes_ -= BytesOf(*at);
  if (!index_.empty()) Unindex(at);
  if (at->second.is_unstored) {
    unstored_.erase(at->second.unstored);
    at->second.is_unstored = false;
  } else if (knows_changes_) {
    ++gone_count_;
    PutNumber(static_cast<uint8_t>(std::next(at) == rows_.end()), &gone_);
    PutRanked(*at, &gone_);
  }
  Map::node_type gone = rows_.extract(at);
  if (knows_changes_ && unstored_.size() + gone_count_ > rows_.size()) ForgetChanges();
  return gone;
}

size_t RankRows::heap_bytes() const {
  const size_t places = index_.empty() ? 0 : rows_.size() * sizeof(Place);
  return row_bytes_ + index_.size() * kIndexedBytes + places + unstored_.size() * kUnstoredBytes +
         gone_.capacity();
}

void RankRows::ForgetChanges() {
  for (RankedRow::Item* item : unstored_) item->second.is_unstored = false;
  unstored_.clear();
  std::string().swap(gone_);  // its memory goes, too
  gone_count_ = 0;
  knows_changes_ = false;
}

void RankRows::OnStored() {
  ForgetChanges();
  knows_changes_ = rows_.size() >= kChangesKnownFrom;
}

void RankRows::Put(std::string* out) const {
  out->push_back(kRankVersion);
  for (const RankedRow::Item& item : rows_) PutRanked(item, out);
}

Status RankRows::Take(std::string_view bytes) {
  if (bytes.empty() || bytes[0] != kRankVersion) return DamagedRanks();
  bytes.remove_prefix(1);
  RankedTexts texts;
  while (!bytes.empty()) {
    if (!texts.Take(&bytes)) return DamagedRanks();
    Insert(texts.sort_key, texts.row, texts.key);
  }
  return Status::OK();
}

void RankRows::PutChanges(std::string* out) const {
  out->push_back(kRankVersion);
  PutNumber(gone_count_, out);
  out->append(gone_);
  for (const RankedRow::Item* item : unstored_) PutRanked(*item, out);
}

Status RankRows::ApplyChanges(std::string_view bytes) {
  uint32_t gone_count = 0;
  if (bytes.empty() || bytes[0] != kRankVersion) return DamagedRanks();
  bytes.remove_prefix(1);
  if (!TakeNumber(&bytes, &gone_count)) return DamagedRanks();
  RankedTexts texts;
  for (uint32_t i = 0; i < gone_count; ++i) {
    uint8_t was_last = 0;
    if (!TakeNumber(&bytes, &was_last) || !texts.Take(&bytes)) return DamagedRanks();
    Place at = rows_.end();
    if (was_last != 0 && !rows_.empty()) {
      at = std::prev(rows_.end());
    } else if (was_last == 0) {
      at = Find(texts.sort_key, texts.row);
    }
    // Of equal rows the one of this key.
    while (at != rows_.end() && at->first == texts.sort_key &&
           (at->second.row != texts.row || at->second.key != texts.key)) {
      ++at;
    }
    if (at == rows_.end() || at->first != texts.sort_key) return DamagedRanks();
    Extract(at);
  }
  while (!bytes.empty()) {
    if (!texts.Take(&bytes)) return DamagedRanks();
    Insert(texts.sort_key, texts.row, texts.key);
  }
  return Status::OK();
}

}  // namespace mainstem::process
