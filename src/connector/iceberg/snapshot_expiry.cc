#include "connector/iceberg/snapshot_expiry.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <absl/strings/numbers.h>

namespace mainstem::connector::iceberg {
namespace {

namespace dom = simdjson::dom;

struct Retention {
  int64_t age_ms = int64_t{5} * 24 * 3600 * 1000;
  int64_t count = 1;
};

Retention RetentionOf(const TableMetadata& metadata) {
  Retention retention;
  int64_t number = 0;
  if (absl::SimpleAtoi(metadata.Property("history.expire.max-snapshot-age-ms", ""), &number)) {
    retention.age_ms = std::max<int64_t>(number, 0);
  }
  if (absl::SimpleAtoi(metadata.Property("history.expire.min-snapshots-to-keep", ""), &number)) {
    retention.count = std::max<int64_t>(number, 1);
  }
  return retention;
}

class Retained {
 public:
  Retained(const TableMetadata& metadata, int64_t now_ms) : now_ms_(now_ms) {
    for (const Snapshot& snapshot : metadata.snapshots) by_id_[snapshot.id] = &snapshot;
  }

  void AddTag(int64_t id) {
    kept_.insert(id);
    for (const Snapshot* at = Find(id); at != nullptr && reached_.insert(at->id).second;) {
      at = Parent(*at);
    }
  }

  void AddBranch(int64_t head, const Retention& retention) {
    int64_t count = 0;
    bool keeps = true;
    std::unordered_set<int64_t> walked;  // damaged metadata may have a ring
    for (const Snapshot* at = Find(head); at != nullptr && walked.insert(at->id).second;
         at = Parent(*at), ++count) {
      reached_.insert(at->id);
      bool is_young = at->timestamp_ms >= now_ms_ - retention.age_ms;
      keeps = keeps && (count < retention.count || is_young);
      if (keeps) kept_.insert(at->id);
    }
  }

  bool IsExpired(const Snapshot& snapshot, const Retention& retention) const {
    if (kept_.count(snapshot.id) > 0) return false;
    if (reached_.count(snapshot.id) > 0) return true;
    return snapshot.timestamp_ms < now_ms_ - retention.age_ms;
  }

 private:
  const Snapshot* Find(int64_t id) const {
    auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
  }
  const Snapshot* Parent(const Snapshot& snapshot) const {
    return snapshot.parent_id ? Find(*snapshot.parent_id) : nullptr;
  }

  int64_t now_ms_;
  std::unordered_map<int64_t, const Snapshot*> by_id_;
  std::unordered_set<int64_t> kept_;
  std::unordered_set<int64_t> reached_;  // from a branch or tag
};

}  // namespace

std::vector<int64_t> ExpiredSnapshots(const TableMetadata& metadata, int64_t now_ms) {
  std::vector<int64_t> expired;
  if (metadata.Property("gc.enabled", "true") == "false") return expired;
  Retention retention = RetentionOf(metadata);
  Retained retained(metadata, now_ms);
  if (metadata.current_snapshot_id && metadata.refs.count("main") == 0) {
    retained.AddBranch(*metadata.current_snapshot_id, retention);
  }
  dom::parser parser;
  for (const auto& [name, text] : metadata.refs) {
    dom::element ref;
    int64_t id = 0, number = 0;
    // What is not understood keeps everything.
    if (parser.parse(text).get(ref) || ref["snapshot-id"].get(id)) return {};
    std::string_view type;
    if (!ref["type"].get(type) && type == "tag") {
      retained.AddTag(id);
      continue;
    }
    Retention of_branch = retention;
    if (!ref["max-snapshot-age-ms"].get(number)) of_branch.age_ms = number;
    if (!ref["min-snapshots-to-keep"].get(number)) of_branch.count = std::max<int64_t>(number, 1);
    retained.AddBranch(id, of_branch);
  }
  for (const Snapshot& snapshot : metadata.snapshots) {
    if (retained.IsExpired(snapshot, retention)) expired.push_back(snapshot.id);
  }
  return expired;
}

}  // namespace mainstem::connector::iceberg
