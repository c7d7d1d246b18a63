#include "process/operator/kept_row.h"

#include <cstring>

namespace mainstem::process {
namespace {

constexpr char kVersion = 1;
constexpr size_t kHeaderBytes = 1 + sizeof(int64_t);

}  // namespace

void KeptRowCodec::Serialize(const std::byte* value, std::string* out) const {
  const auto& kept = *reinterpret_cast<const KeptRow*>(value);
  out->push_back(kVersion);
  out->append(reinterpret_cast<const char*>(&kept.time_ms), sizeof(kept.time_ms));
  out->append(kept.row);
}

Status KeptRowCodec::Deserialize(std::string_view bytes, std::byte* value) const {
  if (bytes.size() < kHeaderBytes || bytes[0] != kVersion) {
    return MakeError(ErrorCode::kCorruptStorage, "the stored row of a deduplication is damaged");
  }
  auto& kept = *reinterpret_cast<KeptRow*>(value);
  std::memcpy(&kept.time_ms, bytes.data() + 1, sizeof(kept.time_ms));
  kept.row.assign(bytes.substr(kHeaderBytes));
  return Status::OK();
}

}  // namespace mainstem::process
