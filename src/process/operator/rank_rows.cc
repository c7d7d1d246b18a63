#include "process/operator/rank_rows.h"

#include "process/state/stored_bytes.h"

namespace mainstem::process {
namespace {

constexpr char kRankVersion = 1;
// Tree node, three strings' heads, allocator overhead: estimated.
constexpr size_t kNodeBytes = 176;

size_t BytesOf(const RankRows::Map::value_type& item) {
  return kNodeBytes + item.first.size() + item.second.row.size() + item.second.key.size();
}

}  // namespace

RankRows::Map::iterator RankRows::Insert(std::string_view sort_key, std::string_view row,
                                         std::string_view key) {
  // Equal keys: behind those that are there.
  const auto at =
      rows.emplace(std::string(sort_key), RankedRow{std::string(row), std::string(key)});
  bytes += BytesOf(*at);
  return at;
}

RankRows::Map::iterator RankRows::InsertBefore(Map::iterator next, std::string_view sort_key,
                                               std::string_view row, std::string_view key) {
  const auto at =
      rows.emplace_hint(next, std::string(sort_key), RankedRow{std::string(row), std::string(key)});
  bytes += BytesOf(*at);
  return at;
}

RankRows::Map::node_type RankRows::Extract(Map::iterator at) {
  bytes -= BytesOf(*at);
  return rows.extract(at);
}

void RankRowsCodec::Serialize(const std::byte* value, std::string* out) const {
  out->push_back(kRankVersion);
  for (const auto& [sort_key, row] : reinterpret_cast<const RankRows*>(value)->rows) {
    PutText(sort_key, out);
    PutText(row.row, out);
    PutText(row.key, out);
  }
}

Status RankRowsCodec::Deserialize(std::string_view bytes, std::byte* value) const {
  RankRows& rows = *reinterpret_cast<RankRows*>(value);
  const auto damaged = [] {
    return MakeError(ErrorCode::kCorruptStorage, "stored rows of a Top-N are damaged");
  };
  if (bytes.empty() || bytes[0] != kRankVersion) return damaged();
  bytes.remove_prefix(1);
  while (!bytes.empty()) {
    std::string_view sort_key, row, key;
    if (!TakeText(&bytes, &sort_key) || !TakeText(&bytes, &row) || !TakeText(&bytes, &key))
      return damaged();
    rows.Insert(sort_key, row, key);
  }
  return Status::OK();
}

}  // namespace mainstem::process
