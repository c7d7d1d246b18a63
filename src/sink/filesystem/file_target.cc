#include "sink/filesystem/file_target.h"

#include "core/fnv1a.h"

namespace mainstem::sink {

std::string DeliveryTag(const std::string& delivery_id, PartitionId partition) {
  return fmt::format("{:016x}-{}", Fnv1a(delivery_id), partition.value());
}

Status DamagedManifest(const std::string& what) {
  return MakeError(ErrorCode::kCorruptStorage, "a manifest of the file sink is damaged: " + what);
}

}  // namespace mainstem::sink
