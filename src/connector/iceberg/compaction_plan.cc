#include "connector/iceberg/compaction_plan.h"

#include <algorithm>
#include <array>
#include <map>

namespace mainstem::connector::iceberg {
namespace {

constexpr int kFilesOfOneSize = 8;
constexpr int kSizeFactor = 8;
constexpr int64_t kFirstSizeBytes = 64 << 10;
constexpr size_t kSizeCount = 16;

using Group = std::vector<const DataFile*>;

size_t SizeClassOf(int64_t bytes) {
  size_t size_class = 0;
  for (int64_t bound = kFirstSizeBytes; bytes >= bound && size_class + 1 < kSizeCount;
       bound *= kSizeFactor) {
    ++size_class;
  }
  return size_class;
}

// How many of the files, which are sorted by size, are to be merged.
size_t CountToMerge(const Group& files, bool is_quiet, const CompactionOptions& options) {
  int64_t bytes = 0;
  std::array<int, kSizeCount> counts{};
  for (const DataFile* file : files) {
    bytes += file->size_bytes;
    ++counts[SizeClassOf(file->size_bytes)];
  }
  if (bytes >= options.output_bytes) return files.size();
  // Not again and again for a file that is small beside the greatest one.
  int64_t greatest = files.back()->size_bytes;
  if (is_quiet && files.size() >= 2 && (bytes - greatest) * kSizeFactor >= greatest) {
    return files.size();
  }
  size_t up_to_class = 0, merged = 0;
  for (int count : counts) {
    up_to_class += static_cast<size_t>(count);
    if (count >= kFilesOfOneSize) merged = up_to_class;
  }
  return merged;
}

void AddGroups(const Group& files, int64_t output_bytes, std::vector<Group>* groups) {
  Group group;
  int64_t bytes = 0;
  for (const DataFile* file : files) {
    group.push_back(file);
    bytes += file->size_bytes;
    if (bytes < output_bytes) continue;
    if (group.size() >= 2) groups->push_back(group);
    group.clear();
    bytes = 0;
  }
  if (group.size() >= 2) groups->push_back(std::move(group));
}

}  // namespace

CompactionOptions CompactionFor(int64_t target_bytes) {
  CompactionOptions options;
  options.small_bytes = std::min(options.small_bytes, target_bytes / 4 * 3);
  options.output_bytes = std::min(options.output_bytes, target_bytes);
  return options;
}

std::vector<Group> PlanCompaction(const std::vector<CompactionInput>& files,
                                  const CompactionOptions& options, int64_t now_ms) {
  struct Partition {
    Group small;
    int64_t newest_ms = 0;
  };
  std::map<PartitionTuple, Partition> partitions;
  for (const CompactionInput& input : files) {
    if (input.file->size_bytes >= options.small_bytes) continue;
    Partition& partition = partitions[input.file->partition];
    partition.small.push_back(input.file);
    partition.newest_ms = std::max(partition.newest_ms, input.added_ms);
  }
  std::vector<Group> groups;
  for (auto& [tuple, partition] : partitions) {
    Group& small = partition.small;
    std::sort(small.begin(), small.end(), [](const DataFile* a, const DataFile* b) {
      return std::pair(a->size_bytes, std::string_view(a->path)) <
             std::pair(b->size_bytes, std::string_view(b->path));
    });
    bool is_quiet = partition.newest_ms + options.quiet_ms <= now_ms;
    small.resize(CountToMerge(small, is_quiet, options));
    AddGroups(small, options.output_bytes, &groups);
  }
  std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
    return a.front()->size_bytes < b.front()->size_bytes;
  });
  return groups;
}

}  // namespace mainstem::connector::iceberg
