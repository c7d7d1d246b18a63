#include "source/kinesis/shard_lineage.h"

namespace mainstem::source {
namespace {

using connector::KinesisShard;

std::vector<std::string> ParentsOf(const KinesisShard& shard) {
  std::vector<std::string> parents;
  for (const std::string& parent : {shard.parent, shard.adjacent_parent}) {
    if (!parent.empty()) parents.push_back(parent);
  }
  return parents;
}

}  // namespace

void ShardLineage::Restore(const std::vector<std::string>& given,
                           const std::set<std::string>& ended) {
  std::lock_guard lock(mutex_);
  given_.clear();
  for (const std::string& shard : given) given_[shard].is_drained = ended.contains(shard);
}

std::set<std::string> ShardLineage::OlderOnes(const std::vector<KinesisShard>& listing) const {
  std::map<std::string, std::vector<std::string>> parents_of;
  std::vector<std::string> to_visit;
  for (const KinesisShard& shard : listing) {
    parents_of[shard.id] = ParentsOf(shard);
    if (given_.contains(shard.id)) to_visit.push_back(shard.id);
  }
  std::set<std::string> older;
  while (!to_visit.empty()) {
    const std::string shard = std::move(to_visit.back());
    to_visit.pop_back();
    for (const std::string& parent : parents_of[shard]) {
      if (older.insert(parent).second) to_visit.push_back(parent);
    }
  }
  return older;
}

std::vector<std::string> ShardLineage::Take(const std::vector<KinesisShard>& listing, Want want) {
  std::lock_guard lock(mutex_);
  std::map<std::string, std::vector<std::string>> children;
  std::set<std::string> listed;
  for (const KinesisShard& shard : listing) {
    listed.insert(shard.id);
    for (const std::string& parent : ParentsOf(shard)) children[parent].push_back(shard.id);
  }
  const std::set<std::string> older = OlderOnes(listing);
  // Of one that was not given out: it waits for its turn, unless it is too old or gone already.
  auto is_behind = [&](const std::string& parent) {
    if (auto found = given_.find(parent); found != given_.end()) return found->second.is_drained;
    return !listed.contains(parent) || older.contains(parent);
  };
  std::vector<std::string> taken;
  for (const KinesisShard& shard : listing) {
    if (given_.contains(shard.id) || older.contains(shard.id)) continue;
    const std::vector<std::string> parents = ParentsOf(shard);
    const bool fits = want == Want::kNewest
                          ? shard.is_open || children[shard.id].empty()
                          : std::all_of(parents.begin(), parents.end(), is_behind);
    if (fits) taken.push_back(shard.id);
  }
  for (const std::string& shard : taken) given_[shard] = {};
  for (auto& [shard, state] : given_) {
    state.children = std::move(children[shard]);
    state.is_listed_since = state.is_drained;
  }
  return taken;
}

void ShardLineage::SetOpened(const std::string& shard) {
  std::lock_guard lock(mutex_);
  given_[shard].is_opened = true;
}

void ShardLineage::SetDrained(const std::string& shard) {
  std::lock_guard lock(mutex_);
  given_[shard].is_drained = true;
}

bool ShardLineage::MayEnd(const std::string& shard) const {
  std::lock_guard lock(mutex_);
  auto found = given_.find(shard);
  if (found == given_.end() || !found->second.is_listed_since) return false;
  for (const std::string& child : found->second.children) {
    auto state = given_.find(child);
    if (state == given_.end()) return false;
    if (!state->second.is_opened && !state->second.is_drained) return false;
  }
  return true;
}

}  // namespace mainstem::source
