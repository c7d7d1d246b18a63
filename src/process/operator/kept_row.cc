#include "process/operator/kept_row.h"

#include "process/state/stored_bytes.h"

namespace mainstem::process {
namespace {

constexpr char kRowVersion = 1;

}  // namespace

void KeptRowCodec::Serialize(const std::byte* value, std::string* out) const {
  const auto& kept = *reinterpret_cast<const KeptRow*>(value);
  out->push_back(kRowVersion);
  PutNumber(kept.time_ms, out);
  out->append(kept.row);
}

Status KeptRowCodec::Deserialize(std::string_view bytes, std::byte* value) const {
  auto& kept = *reinterpret_cast<KeptRow*>(value);
  char version = 0;
  if (!TakeNumber(&bytes, &version) || version != kRowVersion ||
      !TakeNumber(&bytes, &kept.time_ms)) {
    return MakeError(ErrorCode::kCorruptStorage, "the stored row of a deduplication is damaged");
  }
  kept.row = bytes;
  return Status::OK();
}

}  // namespace mainstem::process
