#include "process/operator/pane_progress.h"

#include <algorithm>

#include "process/operator/watermark_blob.h"
#include "process/state/stored_bytes.h"

namespace mainstem::process {
namespace {

Status DamagedProgress() {
  return MakeError(ErrorCode::kCorruptStorage, "the stored progress of windows is damaged");
}

}  // namespace

std::string PaneProgress::ToBlob() const {
  std::string blob;
  PutNumber(watermark_ms, &blob);
  for (const Part& part : parts) {
    PutNumber(static_cast<int32_t>(part.groups.begin), &blob);
    PutNumber(static_cast<int32_t>(part.groups.end), &blob);
    PutNumber(part.next_end, &blob);
  }
  return blob;
}

Result<PaneProgress> PaneProgress::Of(const std::vector<std::string>& blobs, KeyGroupRange groups) {
  PaneProgress progress;
  const bool is_old = std::all_of(blobs.begin(), blobs.end(), [](const std::string& blob) {
    return blob.size() == sizeof(int64_t);
  });
  if (is_old) {
    progress.watermark_ms = LowestWatermark(blobs);
    return progress;
  }
  for (const std::string& blob : blobs) {
    std::string_view rest = blob;
    int64_t watermark_ms = 0;
    if (!TakeNumber(&rest, &watermark_ms)) return DamagedProgress();
    const bool has_ended = watermark_ms == kEndOfTime;
    while (!rest.empty()) {
      int32_t begin = 0;
      int32_t end = 0;
      Part part;
      if (!TakeNumber(&rest, &begin) || !TakeNumber(&rest, &end) ||
          !TakeNumber(&rest, &part.next_end)) {
        return DamagedProgress();
      }
      part.groups = {std::max<int>(begin, groups.begin), std::min<int>(end, groups.end)};
      if (part.groups.begin >= part.groups.end) continue;
      if (has_ended) {
        part.next_end = kNothingSent;
      } else {
        progress.watermark_ms = std::max(progress.watermark_ms, watermark_ms);
      }
      progress.parts.push_back(part);
    }
  }
  std::sort(progress.parts.begin(), progress.parts.end(),
            [](const Part& a, const Part& b) { return a.groups.begin < b.groups.begin; });
  return progress;
}

}  // namespace mainstem::process
