#include "gateway/kinesis/shard_page.h"

#include <algorithm>
#include <array>

namespace mainstem::gateway::kinesis {
namespace {

constexpr size_t kPageHeadBytes = 1 + 8 + 8 + 16;
constexpr int64_t kMillisPerHour = 3'600'000;

struct FilterName {
  std::string_view name;
  ShardFilterType type;
};
constexpr std::array<FilterName, 6> kFilterNames = {{
    {"FROM_TRIM_HORIZON", ShardFilterType::kFromTrimHorizon},
    {"AFTER_SHARD_ID", ShardFilterType::kAfterShardId},
    {"AT_TRIM_HORIZON", ShardFilterType::kAtTrimHorizon},
    {"AT_LATEST", ShardFilterType::kAtLatest},
    {"AT_TIMESTAMP", ShardFilterType::kAtTimestamp},
    {"FROM_TIMESTAMP", ShardFilterType::kFromTimestamp},
}};

void PutInteger(int64_t value, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(static_cast<uint64_t>(value) >> shift));
  }
}

int64_t TakeInteger(std::string_view* bytes) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>((*bytes)[i]);
  bytes->remove_prefix(8);
  return static_cast<int64_t>(value);
}

// A child begins where its parents end: its own time of creation, by which sequence numbers are
// ordered, may lie a second later.
bool HasBegun(const Stream& stream, const Shard& shard, int64_t time_ms) {
  if (!shard.meta.parent) return shard.meta.created_ms <= time_ms;
  for (auto index : {shard.meta.parent, shard.meta.adjacent}) {
    if (!index) continue;
    const Shard& parent = *stream.FindShard(*index);
    if (!parent.closed() || parent.meta.closed_ms > time_ms) return false;
  }
  return true;
}

// Whether it took records at that time.
bool WasOpenAt(const Stream& stream, const Shard& shard, int64_t time_ms) {
  return HasBegun(stream, shard, time_ms) && (!shard.closed() || shard.meta.closed_ms > time_ms);
}

bool IsWanted(const Stream& stream, const Shard& shard, const ShardPage& page) {
  // Before the horizon nothing is known; before the stream there was nothing.
  int64_t horizon_ms =
      std::max(page.now_ms - stream.retention_hours() * kMillisPerHour, stream.meta().created_ms);
  switch (page.filter) {
    case ShardFilterType::kAtTrimHorizon: return WasOpenAt(stream, shard, horizon_ms);
    case ShardFilterType::kAtTimestamp:
      return WasOpenAt(stream, shard, std::max(page.time_ms, horizon_ms));
    case ShardFilterType::kFromTimestamp:
      return !shard.closed() || shard.meta.closed_ms >= std::max(page.time_ms, horizon_ms);
    case ShardFilterType::kAtLatest: return !shard.closed() && !shard.closing();
    default: return true;
  }
}

}  // namespace

std::optional<ShardFilterType> ParseShardFilter(std::string_view name) {
  for (const FilterName& entry : kFilterNames) {
    if (entry.name == name) return entry.type;
  }
  return std::nullopt;
}

std::string EncodeShardPage(const ShardPage& page) {
  std::string out{static_cast<char>(page.filter)};
  PutInteger(page.time_ms, &out);
  PutInteger(page.now_ms, &out);
  out.append(reinterpret_cast<const char*>(page.topic_id.data()), page.topic_id.size());
  return out + page.after;
}

std::optional<ShardPage> DecodeShardPage(std::string_view bytes) {
  if (bytes.size() < kPageHeadBytes) return std::nullopt;
  ShardPage page;
  if (bytes[0] < 0 || bytes[0] > static_cast<char>(ShardFilterType::kFromTimestamp)) {
    return std::nullopt;
  }
  page.filter = static_cast<ShardFilterType>(bytes[0]);
  bytes.remove_prefix(1);
  page.time_ms = TakeInteger(&bytes);
  page.now_ms = TakeInteger(&bytes);
  std::copy_n(bytes.begin(), page.topic_id.size(), reinterpret_cast<char*>(page.topic_id.data()));
  page.after = bytes.substr(page.topic_id.size());
  return page;
}

std::vector<const Shard*> SelectShards(const Stream& stream, const ShardPage& page) {
  std::vector<const Shard*> selected;
  for (const Shard& shard : stream.shards()) {
    if (!page.after.empty() && shard.name() <= page.after) continue;
    if (stream.IsExpired(shard, page.now_ms) || !IsWanted(stream, shard, page)) continue;
    selected.push_back(&shard);
  }
  return selected;
}

}  // namespace mainstem::gateway::kinesis
