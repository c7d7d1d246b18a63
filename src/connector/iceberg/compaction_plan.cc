#include "connector/iceberg/compaction_plan.h"

#include <algorithm>
#include <array>
#include <map>

namespace mainstem::connector::iceberg {
namespace {

constexpr int kFilesOfOneSize = 8;
constexpr int kSizeFactor = 8;
constexpr int64_t kWornShare = 4;
constexpr int64_t kFirstSizeBytes = 64 << 10;
constexpr size_t kSizeCount = 16;

using Group = std::vector<const DataFile*>;

struct Candidate {
  const DataFile* file = nullptr;
  int64_t live_bytes = 0;
  bool is_worn = false;  // many of its rows are deleted
};
using Candidates = std::vector<Candidate>;

Candidate CandidateOf(const CompactionInput& input) {
  const DataFile& file = *input.file;
  Candidate candidate{.file = &file, .live_bytes = file.size_bytes};
  if (input.deleted_rows == 0 || file.record_count == 0) return candidate;
  double live =
      1 - static_cast<double>(input.deleted_rows) / static_cast<double>(file.record_count);
  candidate.live_bytes = static_cast<int64_t>(static_cast<double>(file.size_bytes) * live);
  candidate.is_worn = input.deleted_rows * kWornShare >= file.record_count;
  return candidate;
}

size_t SizeClassOf(int64_t bytes) {
  size_t size_class = 0;
  for (int64_t bound = kFirstSizeBytes; bytes >= bound && size_class + 1 < kSizeCount;
       bound *= kSizeFactor) {
    ++size_class;
  }
  return size_class;
}

// How many of the files, which are sorted by size, are to be merged.
size_t CountToMerge(const Candidates& files, bool is_quiet, const CompactionOptions& options) {
  if (files.empty()) return 0;
  int64_t bytes = 0;
  size_t merged = 0;
  std::array<int, kSizeCount> counts{};
  for (size_t i = 0; i < files.size(); ++i) {
    bytes += files[i].live_bytes;
    ++counts[SizeClassOf(files[i].live_bytes)];
    if (files[i].is_worn) merged = i + 1;
  }
  if (bytes >= options.output_bytes) return files.size();
  // Not again and again for a file that is small beside the greatest one.
  int64_t greatest = files.back().live_bytes;
  if (is_quiet && files.size() >= 2 && (bytes - greatest) * kSizeFactor >= greatest) {
    return files.size();
  }
  size_t up_to_class = 0;
  for (int count : counts) {
    up_to_class += static_cast<size_t>(count);
    if (count >= kFilesOfOneSize) merged = std::max(merged, up_to_class);
  }
  return merged;
}

void AddGroups(const Candidates& files, int64_t output_bytes, std::vector<Group>* groups) {
  Group group;
  int64_t bytes = 0;
  bool has_worn = false;
  auto end_group = [&] {
    if (group.size() >= 2 || has_worn) groups->push_back(group);
    group.clear();
    bytes = 0;
    has_worn = false;
  };
  for (const Candidate& candidate : files) {
    group.push_back(candidate.file);
    bytes += candidate.live_bytes;
    has_worn = has_worn || candidate.is_worn;
    if (bytes >= output_bytes) end_group();
  }
  end_group();
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
    Candidates small;
    int64_t newest_ms = 0;
  };
  std::map<PartitionTuple, Partition> partitions;
  for (const CompactionInput& input : files) {
    Candidate candidate = CandidateOf(input);
    if (candidate.live_bytes >= options.small_bytes && !candidate.is_worn) continue;
    Partition& partition = partitions[input.file->partition];
    partition.small.push_back(candidate);
    partition.newest_ms = std::max(partition.newest_ms, input.added_ms);
  }
  std::vector<Group> groups;
  for (auto& [tuple, partition] : partitions) {
    Candidates& small = partition.small;
    std::sort(small.begin(), small.end(), [](const Candidate& a, const Candidate& b) {
      return std::pair(a.live_bytes, std::string_view(a.file->path)) <
             std::pair(b.live_bytes, std::string_view(b.file->path));
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
