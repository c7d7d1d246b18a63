#include "process/operator/rank_rows.h"

#include <cstring>

namespace mainstem::process {
namespace {

constexpr char kVersion = 1;
// Tree node, three strings' heads, allocator overhead: estimated.
constexpr size_t kNodeBytes = 176;

size_t BytesOf(const RankRows::Map::value_type& item) {
  return kNodeBytes + item.first.size() + item.second.row.size() + item.second.key.size();
}

void Put(std::string_view text, std::string* out) {
  const auto length = static_cast<uint32_t>(text.size());
  out->append(reinterpret_cast<const char*>(&length), sizeof(length));
  out->append(text);
}

bool Take(std::string_view* bytes, std::string_view* text) {
  uint32_t length = 0;
  if (bytes->size() < sizeof(length)) return false;
  std::memcpy(&length, bytes->data(), sizeof(length));
  bytes->remove_prefix(sizeof(length));
  if (bytes->size() < length) return false;
  *text = bytes->substr(0, length);
  bytes->remove_prefix(length);
  return true;
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

RankRows::Map::node_type RankRows::Extract(Map::iterator at) {
  bytes -= BytesOf(*at);
  return rows.extract(at);
}

void RankRowsCodec::Serialize(const std::byte* value, std::string* out) const {
  out->push_back(kVersion);
  for (const auto& [sort_key, row] : reinterpret_cast<const RankRows*>(value)->rows) {
    Put(sort_key, out);
    Put(row.row, out);
    Put(row.key, out);
  }
}

Status RankRowsCodec::Deserialize(std::string_view bytes, std::byte* value) const {
  RankRows& rows = *reinterpret_cast<RankRows*>(value);
  const auto damaged = [] {
    return MakeError(ErrorCode::kCorruptStorage, "stored rows of a Top-N are damaged");
  };
  if (bytes.empty() || bytes[0] != kVersion) return damaged();
  bytes.remove_prefix(1);
  while (!bytes.empty()) {
    std::string_view sort_key, row, key;
    if (!Take(&bytes, &sort_key) || !Take(&bytes, &row) || !Take(&bytes, &key)) return damaged();
    rows.Insert(sort_key, row, key);
  }
  return Status::OK();
}

}  // namespace mainstem::process
