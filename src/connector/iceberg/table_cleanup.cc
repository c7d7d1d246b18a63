#include "connector/iceberg/table_cleanup.h"

#include <algorithm>
#include <map>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>

#include "connector/iceberg/snapshot_expiry.h"

namespace mainstem::connector::iceberg {
namespace {

constexpr size_t kExpiredMin = 8;  // before a commit is made for them
constexpr const char* kOrphansProperty = "mainstem.maintenance.orphans-ms";

// One form for what names the same file: "/a/b", "s3://bucket/a".
std::string PlainLocation(const std::string& location) {
  if (location.starts_with("file://")) return location.substr(7);
  if (location.starts_with("file:")) return location.substr(5);
  if (location.starts_with("s3a://")) return "s3://" + location.substr(6);
  return location;
}

// What Iceberg's writers, and ours, leave in a table's folders.
bool IsTableFile(std::string_view location) {
  std::string_view name = location.substr(location.rfind('/') + 1);
  constexpr size_t kTemporaryLength = 1 + 16 + 4;  // ".<16 digits>.tmp"
  if (name.size() == kTemporaryLength && name[0] == '.' && name.ends_with(".tmp")) {
    return std::all_of(name.begin() + 1, name.end() - 4,
                       [](unsigned char c) { return absl::ascii_isxdigit(c); });
  }
  return name.ends_with(".parquet") || name.ends_with(".avro") || name.ends_with(".orc") ||
         name.ends_with(".puffin") || name.ends_with(".metadata.json");
}

int64_t Milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

// The paths of files of statistics.
void AddStatistics(const TableMetadata& metadata, std::set<std::string>* paths) {
  simdjson::dom::parser parser;
  for (const auto& [key, text] : metadata.more) {
    simdjson::dom::array array;
    if (key != "statistics" && key != "partition-statistics") continue;
    if (parser.parse(text).get(array)) continue;
    for (simdjson::dom::element element : array) {
      std::string_view path;
      if (!element["statistics-path"].get(path)) paths->insert(PlainLocation(std::string(path)));
    }
  }
}

std::set<int64_t> IdsOf(const TableMetadata& metadata) {
  std::set<int64_t> ids;
  for (const Snapshot& snapshot : metadata.snapshots) ids.insert(snapshot.id);
  return ids;
}

// Of those that expired, the ones that a staying snapshot goes back to. What the others (staged, or
// rolled back) brought may be in a snapshot of any line: cherry-picked, or added again.
std::set<int64_t> Ancestors(const TableCommitter::Expiry& expiry) {
  std::map<int64_t, const Snapshot*> expired;
  for (const Snapshot& snapshot : expiry.expired) expired[snapshot.id] = &snapshot;
  std::set<int64_t> ancestors;
  for (const Snapshot& snapshot : expiry.metadata->snapshots) {
    std::optional<int64_t> at = snapshot.parent_id;
    while (at) {
      auto found = expired.find(*at);
      if (found == expired.end() || !ancestors.insert(*at).second) break;
      at = found->second->parent_id;
    }
  }
  return ancestors;
}

}  // namespace

Task<> TableCleanup::RunIfDue() {
  CO_ASSIGN_OR_RETURN(TableView view, co_await committer_->View());
  MetadataPtr metadata = std::move(view.metadata);
  if (metadata->Property("gc.enabled", "true") == "false") co_return Status::OK();
  std::vector<int64_t> expired = ExpiredSnapshots(*metadata, env_->WallTime().value());
  // Some at a time: each commit of them costs as much as one of rows.
  size_t kept = metadata->snapshots.size() - expired.size();
  if (expired.size() >= std::max(kExpiredMin, kept / 10)) {
    CO_ASSIGN_OR_RETURN(TableCommitter::Expiry expiry, co_await committer_->ExpireSnapshots());
    env_->CrashPoint("sink.maintenance");
    metadata = expiry.metadata;
    CO_RETURN_IF_ERROR(co_await RemoveFilesOf(std::move(expiry)));
  }
  co_return co_await RemoveOrphansIfDue(std::move(metadata));
}

Task<std::vector<ManifestEntry>> TableCleanup::ManifestsOf(std::string manifest_list) {
  std::vector<ManifestEntry> none;
  if (manifest_list.empty()) co_return none;  // of format version 1
  CO_ASSIGN_OR_RETURN(std::string bytes, co_await files_->Read(std::move(manifest_list)));
  co_return ReadManifestList(bytes);
}

Task<std::vector<ManifestRow>> TableCleanup::FilesOf(ManifestEntry entry) {
  CO_ASSIGN_OR_RETURN(std::string bytes, co_await files_->Read(entry.path));
  co_return ReadManifestFiles(bytes, entry);
}

// What stays need not be read as a whole. A manifest, or file, that one of the snapshots that stay
// has was brought by a snapshot that stays, too, or is in the oldest of those that lead there; but
// a snapshot that was cherry-picked has files of another line. What is in no line that stays is
// left to the search for orphans, which does read all.
Task<> TableCleanup::RemoveFilesOf(TableCommitter::Expiry expiry) {
  std::set<int64_t> staying = IdsOf(*expiry.metadata);
  std::set<int64_t> ancestors = Ancestors(expiry);
  std::map<std::string, ManifestEntry> gone;
  Paths lists;
  for (const Snapshot& snapshot : expiry.expired) {
    if (ancestors.count(snapshot.id) == 0) continue;
    lists.insert(snapshot.manifest_list);
    auto entries = co_await ManifestsOf(snapshot.manifest_list);
    if (Is(entries.status(), ErrorCode::kNotFound)) continue;  // somebody was faster
    CO_RETURN_IF_ERROR(entries);
    for (ManifestEntry& entry : *entries) {
      if (staying.count(entry.added_snapshot_id) > 0) continue;
      std::string path = entry.path;
      gone.emplace(std::move(path), std::move(entry));
    }
  }
  std::map<std::string, ManifestEntry> kept;
  for (const Snapshot& snapshot : expiry.metadata->snapshots) {
    lists.erase(snapshot.manifest_list);
    bool is_picked = snapshot.summary.count("source-snapshot-id") > 0;
    if (!is_picked && snapshot.parent_id && staying.count(*snapshot.parent_id) > 0) continue;
    CO_ASSIGN_OR_RETURN(auto entries, co_await ManifestsOf(snapshot.manifest_list));
    for (ManifestEntry& entry : entries) {
      gone.erase(entry.path);
      std::string path = entry.path;
      kept.emplace(std::move(path), std::move(entry));
    }
  }
  Paths files;
  for (const auto& [path, entry] : gone) {
    auto rows = co_await FilesOf(entry);
    if (Is(rows.status(), ErrorCode::kNotFound)) continue;
    CO_RETURN_IF_ERROR(rows);
    for (ManifestRow& row : *rows) {
      if (row.is_live() && staying.count(row.snapshot_id) == 0) {
        files.insert(std::move(row.file.path));
      }
    }
  }
  for (auto at = kept.begin(); at != kept.end() && !files.empty(); ++at) {
    ManifestEntry entry = at->second;
    CO_ASSIGN_OR_RETURN(std::vector<ManifestRow> rows, co_await FilesOf(std::move(entry)));
    for (const ManifestRow& row : rows) {
      if (row.is_live()) files.erase(row.file.path);
    }
  }
  for (const auto& [path, entry] : gone) files.insert(path);
  files.merge(lists);
  for (const std::string& path : files) {
    env_->CrashPoint("sink.maintenance");
    if (!path.empty()) CO_RETURN_IF_ERROR(co_await files_->Remove(path));
  }
  co_return Status::OK();
}

Task<> TableCleanup::RemoveOrphansIfDue(MetadataPtr metadata) {
  int64_t now_ms = env_->WallTime().value();
  PropertyRequest claim{.name = kOrphansProperty, .value = std::to_string(now_ms)};
  auto found = metadata->properties.find(kOrphansProperty);
  if (found != metadata->properties.end()) claim.expected = found->second;
  int64_t last_ms = 0;
  bool has_run = claim.expected && absl::SimpleAtoi(*claim.expected, &last_ms);
  int64_t interval_ms = Milliseconds(options_.orphan_interval);
  if (has_run && last_ms + interval_ms > now_ms) co_return Status::OK();
  // Before the work: who dies in it does not begin it again and again.
  CO_RETURN_IF_ERROR(co_await committer_->SetProperty(std::move(claim)));
  // A new table has none yet.
  if (!has_run) co_return Status::OK();
  co_return co_await RemoveOrphans(now_ms - Milliseconds(options_.orphan_age));
}

Task<TableCleanup::Paths> TableCleanup::ReferencedFiles(MetadataPtr metadata) {
  Paths paths = {PlainLocation(metadata->metadata_location)};
  for (const MetadataVersion& version : PreviousVersions(*metadata)) {
    paths.insert(PlainLocation(version.location));
  }
  AddStatistics(*metadata, &paths);
  for (const Snapshot& snapshot : metadata->snapshots) {
    paths.insert(PlainLocation(snapshot.manifest_list));
    CO_ASSIGN_OR_RETURN(auto entries, co_await ManifestsOf(snapshot.manifest_list));
    for (ManifestEntry& entry : entries) {
      if (!paths.insert(PlainLocation(entry.path)).second) continue;
      CO_ASSIGN_OR_RETURN(std::vector<ManifestRow> rows, co_await FilesOf(std::move(entry)));
      for (const ManifestRow& row : rows) {
        if (row.is_live()) paths.insert(PlainLocation(row.file.path));
      }
    }
  }
  co_return paths;
}

Task<> TableCleanup::RemoveOrphans(int64_t older_than_ms) {
  CO_ASSIGN_OR_RETURN(TableView before, co_await committer_->View());
  std::string root = PlainLocation(before.metadata->location) + "/";
  std::vector<LakeFiles::Entry> old;
  for (const std::string& folder :
       {before.metadata->data_location(), before.metadata->metadata_folder()}) {
    // A folder elsewhere may be another table's, too.
    if (!PlainLocation(folder).starts_with(root)) continue;
    CO_ASSIGN_OR_RETURN(std::vector<LakeFiles::Entry> found, co_await files_->ListTree(folder));
    for (LakeFiles::Entry& entry : found) {
      if (entry.modified_ms < older_than_ms && IsTableFile(entry.location)) {
        old.push_back(std::move(entry));
      }
    }
  }
  if (old.empty()) co_return Status::OK();
  // What is there by now, after the list was made.
  CO_ASSIGN_OR_RETURN(std::optional<MetadataPtr> loaded, co_await committer_->Load());
  if (!loaded || (*loaded)->uuid != before.metadata->uuid) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(Paths referenced, co_await ReferencedFiles(*loaded));
  for (const LakeFiles::Entry& entry : old) {
    if (referenced.count(PlainLocation(entry.location)) > 0) continue;
    CO_RETURN_IF_ERROR(co_await files_->Remove(entry.location));
  }
  co_return Status::OK();
}

}  // namespace mainstem::connector::iceberg
