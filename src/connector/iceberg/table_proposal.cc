#include "connector/iceberg/table_proposal.h"

#include <algorithm>
#include <set>

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include "connector/iceberg/snapshot_expiry.h"

namespace mainstem::connector::iceberg {
namespace {

constexpr const char* kPositionPrefix = "mainstem.position.";
constexpr const char* kDeliveryId = "mainstem.delivery-id";
constexpr size_t kRowsOfManifestMax = 10000;

std::string PositionProperty(const DeliveryPlace& place) {
  return fmt::format("{}{}/{}", kPositionPrefix, place.delivery_id, place.partition.value());
}

std::string PositionSummary(const DeliveryPlace& place) {
  return fmt::format("{}{}", kPositionPrefix, place.partition.value());
}

std::optional<Offset> ReadPosition(const Properties& properties, const std::string& name) {
  auto found = properties.find(name);
  int64_t value = 0;
  if (found == properties.end() || !absl::SimpleAtoi(found->second, &value)) return std::nullopt;
  return Offset(value);
}

std::string PositionWords(std::optional<Offset> position) {
  return position ? std::to_string(position->value()) : "none";
}

// A running total of the summary goes on when the parent has it, or there is no parent.
void AddTotal(const char* name, const Snapshot* parent, int64_t added, Properties* summary) {
  int64_t before = 0;
  if (parent != nullptr) {
    auto found = parent->summary.find(name);
    if (found == parent->summary.end() || !absl::SimpleAtoi(found->second, &before)) return;
  }
  (*summary)[name] = std::to_string(before + added);
}

struct FileCounts {
  int64_t files = 0;
  int64_t records = 0;
  int64_t bytes = 0;

  void Add(const DataFile& file) {
    ++files;
    records += file.record_count;
    bytes += file.size_bytes;
  }
};

// A snapshot in the making: its id, its new manifests, and what it counts.
class SnapshotDraft {
 public:
  explicit SnapshotDraft(ProposalContext context) : context_(std::move(context)) {}

  int64_t id() const { return id_; }
  const FileCounts& added() const { return added_; }
  bool is_in(const TableMetadata& base) const { return base.FindSnapshot(id_) != nullptr; }

  void Begin(const TableMetadata& base) {
    do {
      id_ = static_cast<int64_t>(context_.env->Random() >> 1);
    } while (id_ == 0 || base.FindSnapshot(id_) != nullptr);
    uint64_t high = context_.env->Random();
    uuid_ = UuidText(high, context_.env->Random());
    folder_ = base.metadata_folder();
  }

  // A manifest of rows of one spec; several when there are many.
  Task<> AddManifests(MetadataPtr layout, std::vector<ManifestRow> rows) {
    for (const ManifestRow& row : rows) {
      partitions_.emplace(layout->spec.id, row.file.partition);
      if (row.status == ManifestStatus::kAdded) added_.Add(row.file);
      if (row.status == ManifestStatus::kDeleted) removed_.Add(row.file);
    }
    for (size_t begin = 0; begin < rows.size(); begin += kRowsOfManifestMax) {
      size_t end = std::min(rows.size(), begin + kRowsOfManifestMax);
      std::vector<ManifestRow> part(rows.begin() + static_cast<std::ptrdiff_t>(begin),
                                    rows.begin() + static_cast<std::ptrdiff_t>(end));
      CO_ASSIGN_OR_RETURN(std::string bytes, WriteManifest(layout->schema, layout->spec, part));
      CO_ASSIGN_OR_RETURN(ManifestEntry entry,
                          SummarizeManifest(layout->schema, layout->spec, id_, part));
      entry.path = fmt::format("{}/{}-m{}.avro", folder_, uuid_, manifests_.size());
      entry.length = static_cast<int64_t>(bytes.size());
      CO_RETURN_IF_ERROR(co_await context_.files->Write(entry.path, std::move(bytes)));
      manifests_.push_back(std::move(entry));
    }
    co_return Status::OK();
  }

  // On top of `base`, whose manifests it takes over but for those in `replaced`. `summary`: beside
  // the counts.
  Task<Snapshot> Finish(MetadataPtr base, int attempt, Properties summary,
                        std::set<std::string> replaced) {
    const Snapshot* parent = base->current_snapshot();
    Snapshot snapshot;
    snapshot.id = id_;
    if (parent != nullptr) snapshot.parent_id = parent->id;
    snapshot.sequence_number = base->last_sequence_number + 1;
    snapshot.timestamp_ms = std::max(context_.env->WallTime().value(), base->last_updated_ms);
    snapshot.schema_id = base->schema.id;
    snapshot.summary = std::move(summary);
    AddCounts(parent, &snapshot.summary);
    std::vector<ManifestEntry> entries = manifests_;
    for (ManifestEntry& entry : entries) {
      entry.sequence_number = snapshot.sequence_number;
      if (entry.existing_files == 0) entry.min_sequence_number = snapshot.sequence_number;
    }
    CO_ASSIGN_OR_RETURN(std::vector<ManifestEntry> before, co_await context_.lists->Of(parent));
    for (ManifestEntry& entry : before) {
      // What only tells of deletions was of use to the snapshot that brought it.
      bool is_empty = entry.deleted_files > 0 && entry.added_files + entry.existing_files == 0;
      if (is_empty || replaced.count(entry.path) > 0) continue;
      entries.push_back(std::move(entry));
    }
    snapshot.manifest_list =
        fmt::format("{}/snap-{}-{}-{}.avro", base->metadata_folder(), id_, attempt + 1, uuid_);
    CO_RETURN_IF_ERROR(co_await context_.lists->Write(snapshot, std::move(entries)));
    co_return snapshot;
  }

 private:
  void AddCounts(const Snapshot* parent, Properties* summary) const {
    Properties& counts = *summary;
    counts["engine-name"] = "mainstem";
    counts["added-data-files"] = std::to_string(added_.files);
    counts["added-records"] = std::to_string(added_.records);
    counts["added-files-size"] = std::to_string(added_.bytes);
    counts["changed-partition-count"] = std::to_string(partitions_.size());
    if (removed_.files > 0) {
      counts["deleted-data-files"] = std::to_string(removed_.files);
      counts["deleted-records"] = std::to_string(removed_.records);
      counts["removed-files-size"] = std::to_string(removed_.bytes);
    }
    AddTotal("total-data-files", parent, added_.files - removed_.files, summary);
    AddTotal("total-records", parent, added_.records - removed_.records, summary);
    AddTotal("total-files-size", parent, added_.bytes - removed_.bytes, summary);
    for (const char* name :
         {"total-delete-files", "total-position-deletes", "total-equality-deletes"}) {
      AddTotal(name, parent, 0, summary);
    }
  }

  ProposalContext context_;
  int64_t id_ = 0;
  std::string uuid_;    // in the names of its files
  std::string folder_;  // of them
  std::vector<ManifestEntry> manifests_;
  FileCounts added_, removed_;
  std::set<std::pair<int32_t, PartitionTuple>> partitions_;
};

class AppendProposal final : public Proposal {
 public:
  AppendProposal(ProposalContext context, std::vector<AppendRequest> requests)
      : requests_(std::move(requests)), draft_(std::move(context)) {}

  Task<> Prepare(MetadataPtr base) override {
    draft_.Begin(*base);
    // A manifest holds files of one spec.
    struct Group {
      MetadataPtr layout;
      std::vector<DataFile> files;
    };
    std::map<int32_t, Group> groups;
    for (const AppendRequest& request : requests_) {
      if (request.files.empty()) continue;
      Group& group = groups[request.layout->spec.id];
      if (group.layout == nullptr || group.layout->schema.id < request.layout->schema.id) {
        group.layout = request.layout;
      }
      group.files.insert(group.files.end(), request.files.begin(), request.files.end());
    }
    for (auto& [spec_id, group] : groups) {
      CO_RETURN_IF_ERROR(co_await draft_.AddManifests(std::move(group.layout),
                                                      AddedRows(draft_.id(), group.files)));
    }
    co_return Status::OK();
  }

  Status Check(const TableMetadata& base) override {
    for (const AppendRequest& request : requests_) {
      if (base.uuid != request.layout->uuid) {
        return MakeError(ErrorCode::kUnavailable,
                         "the table was dropped and made anew while rows were written to it");
      }
      std::optional<Offset> stored = StoredPosition(base, request.place);
      if (stored == request.expected) continue;
      return MakeError(
          ErrorCode::kUnavailable,
          {.message = fmt::format("another writer delivers '{}', partition {}",
                                  request.place.delivery_id, request.place.partition.value()),
           .detail = fmt::format("its position is {}, not {}", PositionWords(stored),
                                 PositionWords(request.expected)),
           .hint = "stop one of the two nodes, or jobs, with the same data"});
    }
    return Status::OK();
  }

  Task<TableChange> Make(MetadataPtr base, int attempt) override {
    TableChange change;
    for (const AppendRequest& request : requests_) {
      change.set_properties[PositionProperty(request.place)] =
          std::to_string(request.position.value());
    }
    if (draft_.added().files == 0) co_return change;
    Properties summary = {{"operation", "append"}};
    for (const AppendRequest& request : requests_) {
      summary[kDeliveryId] = request.place.delivery_id;
      summary[PositionSummary(request.place)] = std::to_string(request.position.value());
    }
    std::set<std::string> none;
    CO_ASSIGN_OR_RETURN(change.snapshot,
                        co_await draft_.Finish(std::move(base), attempt, summary, none));
    co_return change;
  }

  bool IsDone(const TableMetadata& base) override {
    if (draft_.added().files > 0) return draft_.is_in(base);
    return std::all_of(requests_.begin(), requests_.end(), [&](const AppendRequest& request) {
      return StoredPosition(base, request.place) == request.position;
    });
  }

 private:
  std::vector<AppendRequest> requests_;
  SnapshotDraft draft_;
};

class RewriteProposal final : public Proposal {
 public:
  RewriteProposal(ProposalContext context, RewriteRequest request)
      : context_(context), request_(std::move(request)), draft_(std::move(context)) {}

  Task<> Prepare(MetadataPtr base) override {
    draft_.Begin(*base);
    for (ManifestRow& row : request_.rows) {
      if (row.status != ManifestStatus::kExisting) row.snapshot_id = draft_.id();
      removes_ = removes_ || row.status == ManifestStatus::kDeleted;
    }
    co_return co_await draft_.AddManifests(request_.layout, std::move(request_.rows));
  }

  Status Check(const TableMetadata& base) override {
    if (base.uuid == request_.layout->uuid) return Status::OK();
    return Stale();
  }

  Task<TableChange> Make(MetadataPtr base, int attempt) override {
    CO_ASSIGN_OR_RETURN(std::vector<ManifestEntry> entries,
                        co_await context_.lists->Of(base->current_snapshot()));
    std::set<std::string> missing(request_.manifests.begin(), request_.manifests.end());
    std::set<std::string> replaced = missing;
    for (const ManifestEntry& entry : entries) {
      missing.erase(entry.path);
      // Deletes may be about rows of the files that go, by their place or their age.
      if (entry.content != 0 && removes_) co_return Stale();
    }
    if (!missing.empty()) co_return Stale();
    TableChange change;
    Properties summary = {{"operation", "replace"}};
    CO_ASSIGN_OR_RETURN(change.snapshot,
                        co_await draft_.Finish(std::move(base), attempt, summary, replaced));
    co_return change;
  }

  bool IsDone(const TableMetadata& base) override { return draft_.is_in(base); }

 private:
  static Status Stale() {
    return MakeError(ErrorCode::kUnavailable,
                     "another writer has changed the files that were to be replaced");
  }

  ProposalContext context_;
  RewriteRequest request_;
  bool removes_ = false;
  SnapshotDraft draft_;
};

class ExpiryProposal final : public Proposal {
 public:
  ExpiryProposal(ProposalContext context, std::shared_ptr<std::vector<Snapshot>> last)
      : context_(std::move(context)), last_(std::move(last)) {}

  Task<> Prepare(MetadataPtr base) override { co_return Status::OK(); }
  Status Check(const TableMetadata& base) override { return Status::OK(); }
  Task<TableChange> Make(MetadataPtr base, int attempt) override {
    TableChange change;
    change.expired = ExpiredSnapshots(*base, context_.env->WallTime().value());
    last_->clear();
    for (int64_t id : change.expired) last_->push_back(*base->FindSnapshot(id));
    co_return change;
  }
  bool IsDone(const TableMetadata& base) override {
    return std::none_of(last_->begin(), last_->end(), [&](const Snapshot& snapshot) {
      return base.FindSnapshot(snapshot.id) != nullptr;
    });
  }

 private:
  ProposalContext context_;
  std::shared_ptr<std::vector<Snapshot>> last_;
};

class PropertyProposal final : public Proposal {
 public:
  explicit PropertyProposal(PropertyRequest request) : request_(std::move(request)) {}

  Task<> Prepare(MetadataPtr base) override { co_return Status::OK(); }
  Status Check(const TableMetadata& base) override {
    auto found = base.properties.find(request_.name);
    bool is_there = found != base.properties.end();
    bool is_expected = is_there ? request_.expected == found->second : !request_.expected;
    if (is_expected) return Status::OK();
    return MakeError(ErrorCode::kUnavailable,
                     "another writer has set the table's property '" + request_.name + "'");
  }
  Task<TableChange> Make(MetadataPtr base, int attempt) override {
    TableChange change;
    change.set_properties[request_.name] = request_.value;
    co_return change;
  }
  bool IsDone(const TableMetadata& base) override {
    return base.Property(request_.name, "") == request_.value;
  }

 private:
  PropertyRequest request_;
};

}  // namespace

std::optional<Offset> StoredPosition(const TableMetadata& metadata, const DeliveryPlace& place) {
  std::optional<Offset> position = ReadPosition(metadata.properties, PositionProperty(place));
  if (position) return position;
  // The summaries tell it, too, if somebody has removed the property.
  const Snapshot* snapshot = metadata.current_snapshot();
  for (size_t steps = 0; snapshot != nullptr && steps <= metadata.snapshots.size(); ++steps) {
    auto id = snapshot->summary.find(kDeliveryId);
    if (id != snapshot->summary.end() && id->second == place.delivery_id) {
      std::optional<Offset> found = ReadPosition(snapshot->summary, PositionSummary(place));
      if (found) return found;
    }
    snapshot = snapshot->parent_id ? metadata.FindSnapshot(*snapshot->parent_id) : nullptr;
  }
  return std::nullopt;
}

Task<std::vector<ManifestEntry>> ManifestLists::Of(const Snapshot* snapshot) {
  std::vector<ManifestEntry> entries;
  if (snapshot == nullptr) co_return entries;
  if (snapshot->manifest_list == location_) co_return entries_;
  std::string location = snapshot->manifest_list;
  if (location.empty()) co_return DamagedMetadata("a snapshot has no manifest list");
  CO_ASSIGN_OR_RETURN(std::string bytes, co_await files_->Read(location));
  CO_ASSIGN_OR_RETURN(entries, ReadManifestList(bytes));
  co_return entries;
}

Task<> ManifestLists::Write(const Snapshot& snapshot, std::vector<ManifestEntry> entries) {
  std::string location = snapshot.manifest_list;
  CO_ASSIGN_OR_RETURN(std::string bytes, WriteManifestList(snapshot, entries));
  CO_RETURN_IF_ERROR(co_await files_->Write(location, std::move(bytes)));
  location_ = std::move(location);
  entries_ = std::move(entries);
  co_return Status::OK();
}

std::unique_ptr<Proposal> ProposeAppend(ProposalContext context,
                                        std::vector<AppendRequest> requests) {
  return std::make_unique<AppendProposal>(std::move(context), std::move(requests));
}

std::unique_ptr<Proposal> ProposeRewrite(ProposalContext context, RewriteRequest request) {
  return std::make_unique<RewriteProposal>(std::move(context), std::move(request));
}

std::unique_ptr<Proposal> ProposeExpiry(ProposalContext context,
                                        std::shared_ptr<std::vector<Snapshot>> last) {
  return std::make_unique<ExpiryProposal>(std::move(context), std::move(last));
}

std::unique_ptr<Proposal> ProposeProperty(PropertyRequest request) {
  return std::make_unique<PropertyProposal>(std::move(request));
}

}  // namespace mainstem::connector::iceberg
