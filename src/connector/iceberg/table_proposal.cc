#include "connector/iceberg/table_proposal.h"

#include <algorithm>
#include <set>

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <arrow/type.h>

#include "connector/iceberg/column_types.h"
#include "connector/iceberg/snapshot_draft.h"
#include "connector/iceberg/snapshot_expiry.h"

namespace mainstem::connector::iceberg {
namespace {

constexpr const char* kPositionPrefix = "mainstem.position.";
constexpr const char* kDeliveryId = "mainstem.delivery-id";

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

// Whether what the files hold still are columns of the table: readers find them by their ids.
bool HasColumnsOf(const AppendRequest& request, const TableMetadata& base) {
  const Schema& written = request.layout->schema;
  if (request.columns == nullptr || base.schema.id == written.id) return true;
  auto before = FileSchema(written, *request.columns);
  auto now = FileSchema(base.schema, *request.columns);
  return before.ok() && now.ok() && (*now)->Equals(**before, true);
}

class AppendProposal final : public Proposal {
 public:
  AppendProposal(ProposalContext context, std::vector<AppendRequest> requests)
      : context_(context),
        requests_(std::move(requests)),
        draft_(context),
        vectors_(std::move(context)) {}

  Task<> Prepare(MetadataPtr base) override {
    draft_.Begin(*base);
    if (context_.keys != nullptr) FindReplacedRows();
    CO_RETURN_IF_ERROR(co_await AddFiles());
    if (context_.keys == nullptr) co_return Status::OK();
    CO_RETURN_IF_ERROR(co_await LeaveOutEmptyFiles(base));
    CO_ASSIGN_OR_RETURN(std::vector<ManifestRow> rows, co_await vectors_.Write(base, draft_.id()));
    if (!rows.empty()) CO_RETURN_IF_ERROR(co_await draft_.AddManifests(base, std::move(rows)));
    co_return Status::OK();
  }

  Status Check(const TableMetadata& base) override {
    for (const AppendRequest& request : requests_) {
      if (base.uuid != request.layout->uuid) {
        return MakeError(ErrorCode::kUnavailable,
                         "the table was dropped and made anew while rows were written to it");
      }
      if (!HasColumnsOf(request, base)) {
        return MakeError(ErrorCode::kUnavailable,
                         "columns of the table were changed while rows were written to it");
      }
      if (context_.keys != nullptr && base.spec.id != request.layout->spec.id) {
        return MakeError(ErrorCode::kUnavailable,
                         "the table's partitions were changed while rows were written to it");
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
    return vectors_.Check(base);
  }

  Task<TableChange> Make(MetadataPtr base, int attempt) override {
    TableChange change;
    for (const AppendRequest& request : requests_) {
      change.set_properties[PositionProperty(request.place)] =
          std::to_string(request.position.value());
    }
    if (!draft_.has_manifests()) co_return change;
    bool overwrites = draft_.has_deletes() || draft_.removes_files();
    Properties summary = {{"operation", overwrites ? "overwrite" : "append"}};
    for (const AppendRequest& request : requests_) {
      summary[kDeliveryId] = request.place.delivery_id;
      summary[PositionSummary(request.place)] = std::to_string(request.position.value());
    }
    std::set<std::string> replaced = replaced_manifests_;
    if (draft_.has_deletes()) {
      CO_ASSIGN_OR_RETURN(std::vector<ManifestEntry> entries,
                          co_await context_.lists->Of(base->current_snapshot()));
      replaced.merge(VectorDraft::ManifestsOfDeletes(entries));
    }
    CO_ASSIGN_OR_RETURN(change.snapshot,
                        co_await draft_.Finish(std::move(base), attempt, summary, replaced));
    co_return change;
  }

  void OnDone() override {
    if (context_.keys == nullptr || !draft_.has_manifests()) return;
    KeyIndex* index = context_.keys->index.get();
    draft_.AddFilesTo(index);
    for (const auto& [key, place] : places_) {
      if (place) {
        index->Put(key, place->file, place->position);
      } else {
        index->Remove(key);
      }
    }
    vectors_.OnDone(draft_);
  }

  std::vector<std::string> WrittenFiles() const override {
    std::vector<std::string> paths;
    for (const AppendRequest& request : requests_) {
      for (const DataFile& file : request.files) paths.push_back(file.path);
    }
    for (const ManifestEntry& entry : draft_.manifests()) paths.push_back(entry.path);
    if (!vectors_.path().empty()) paths.push_back(vectors_.path());
    return paths;
  }

  bool IsDone(const TableMetadata& base) override {
    if (draft_.has_manifests()) return draft_.is_in(base);
    return std::all_of(requests_.begin(), requests_.end(), [&](const AppendRequest& request) {
      return StoredPosition(base, request.place) == request.position;
    });
  }

 private:
  // Those of which a row is left.
  Task<> AddFiles() {
    // A manifest holds files of one spec.
    struct Group {
      MetadataPtr layout;
      std::vector<DataFile> files;
    };
    std::map<int32_t, Group> groups;
    for (const AppendRequest& request : requests_) {
      for (const DataFile& file : request.files) {
        if (vectors_.dropped().count(file.path) > 0) continue;
        Group& group = groups[request.layout->spec.id];
        if (group.layout == nullptr || group.layout->schema.id < request.layout->schema.id) {
          group.layout = request.layout;
        }
        group.files.push_back(file);
      }
    }
    for (auto& [spec_id, group] : groups) {
      CO_RETURN_IF_ERROR(co_await draft_.AddManifests(std::move(group.layout),
                                                      AddedRows(draft_.id(), group.files)));
    }
    co_return Status::OK();
  }

  // Files of the table that have no row left: their manifests are written anew without them.
  Task<> LeaveOutEmptyFiles(MetadataPtr base) {
    for (const std::string& file : vectors_.dropped()) {
      const KeyIndex::KnownFile* known = context_.keys->index->FindFile(file);
      if (known != nullptr) replaced_manifests_.insert(known->manifest);
    }
    if (replaced_manifests_.empty()) co_return Status::OK();
    CO_ASSIGN_OR_RETURN(std::vector<ManifestEntry> entries,
                        co_await context_.lists->Of(base->current_snapshot()));
    for (const ManifestEntry& entry : entries) {
      if (replaced_manifests_.count(entry.path) == 0) continue;
      CO_ASSIGN_OR_RETURN(std::string bytes, co_await context_.files->Read(entry.path));
      CO_ASSIGN_OR_RETURN(std::vector<ManifestRow> rows,
                          ReadManifest(bytes, entry, base->schema, base->spec));
      std::erase_if(rows, [](const ManifestRow& row) { return !row.is_live(); });
      for (ManifestRow& row : rows) {
        bool goes = vectors_.dropped().count(row.file.path) > 0;
        row.status = goes ? ManifestStatus::kDeleted : ManifestStatus::kExisting;
        if (goes) row.snapshot_id = draft_.id();
      }
      CO_RETURN_IF_ERROR(co_await draft_.AddManifests(base, std::move(rows)));
    }
    co_return Status::OK();
  }

  void FindReplacedRows() {
    const KeyIndex& index = *context_.keys->index;
    std::map<std::string, Positions> replaced;
    std::map<std::string, const DataFile*> fresh;
    for (const AppendRequest& request : requests_) {
      for (const DataFile& file : request.files) fresh[file.path] = &file;
      for (const auto& [number, positions] : request.replaced) {
        replaced[request.files[static_cast<size_t>(number)].path] |= positions;
      }
      for (const KeyChange& change : request.keys) {
        auto [found, is_new] = places_.try_emplace(change.key);
        if (is_new) found->second = index.Find(change.key);
        if (found->second) {
          replaced[found->second->file].add(static_cast<uint64_t>(found->second->position));
        }
        found->second.reset();
        if (change.file < 0) continue;
        found->second = {.file = request.files[static_cast<size_t>(change.file)].path,
                         .position = change.position};
      }
    }
    for (auto& [file, positions] : replaced) {
      VectorDraft::Target target;
      target.file = file;
      if (auto own = fresh.find(file); own != fresh.end()) {
        target.partition = own->second->partition;
        target.record_count = own->second->record_count;
      } else {
        const KeyIndex::KnownFile* known = index.FindFile(file);
        CHECK(known != nullptr);
        target.partition = known->partition;
        target.record_count = known->record_count;
      }
      vectors_.Delete(std::move(target), std::move(positions));
    }
    vectors_.DropEmptyFiles();
  }

  ProposalContext context_;
  std::vector<AppendRequest> requests_;
  SnapshotDraft draft_;
  VectorDraft vectors_;
  std::set<std::string> replaced_manifests_;  // of files that have no row left
  // Of the keys of all requests, as they are after the commit; nullopt: no row.
  absl::flat_hash_map<RowKey, std::optional<RowPlace>> places_;
};

class RewriteProposal final : public Proposal {
 public:
  RewriteProposal(ProposalContext context, RewriteRequest request)
      : context_(context),
        request_(std::move(request)),
        draft_(context),
        vectors_(std::move(context)) {}

  Task<> Prepare(MetadataPtr base) override {
    draft_.Begin(*base);
    for (ManifestRow& row : request_.rows) {
      if (row.status != ManifestStatus::kExisting) row.snapshot_id = draft_.id();
      removes_ = removes_ || row.status == ManifestStatus::kDeleted;
    }
    CO_RETURN_IF_ERROR(co_await draft_.AddManifests(request_.layout, std::move(request_.rows)));
    if (context_.keys == nullptr) co_return Status::OK();
    for (const RewriteRequest::Input& input : request_.inputs) vectors_.Drop(input.path);
    CO_ASSIGN_OR_RETURN(std::vector<ManifestRow> rows, co_await vectors_.Write(base, draft_.id()));
    if (!rows.empty()) CO_RETURN_IF_ERROR(co_await draft_.AddManifests(base, std::move(rows)));
    co_return Status::OK();
  }

  Status Check(const TableMetadata& base) override {
    if (base.uuid != request_.layout->uuid) return Stale();
    RETURN_IF_ERROR(vectors_.Check(base));
    if (context_.keys == nullptr) return Status::OK();
    const auto& vectors = context_.keys->index->vectors();
    for (const RewriteRequest::Input& input : request_.inputs) {
      auto found = vectors.find(input.path);
      int64_t deleted_rows = found == vectors.end() ? 0 : found->second.row.file.record_count;
      if (deleted_rows != input.deleted_rows) return Stale();
    }
    return Status::OK();
  }

  Task<TableChange> Make(MetadataPtr base, int attempt) override {
    CO_ASSIGN_OR_RETURN(std::vector<ManifestEntry> entries,
                        co_await context_.lists->Of(base->current_snapshot()));
    std::set<std::string> missing(request_.manifests.begin(), request_.manifests.end());
    std::set<std::string> replaced = missing;
    for (const ManifestEntry& entry : entries) {
      missing.erase(entry.path);
      // Deletes may be about rows of the files that go, by their place or their age.
      if (entry.content != 0 && removes_ && context_.keys == nullptr) co_return Stale();
    }
    if (!missing.empty()) co_return Stale();
    if (draft_.has_deletes()) replaced.merge(VectorDraft::ManifestsOfDeletes(entries));
    TableChange change;
    Properties summary = {{"operation", "replace"}};
    CO_ASSIGN_OR_RETURN(change.snapshot,
                        co_await draft_.Finish(std::move(base), attempt, summary, replaced));
    co_return change;
  }

  bool IsDone(const TableMetadata& base) override { return draft_.is_in(base); }

  void OnDone() override {
    if (context_.keys == nullptr) return;
    KeyIndex* index = context_.keys->index.get();
    draft_.AddFilesTo(index);
    for (const MovedRow& row : request_.moved) {
      index->Move(row.key,
                  {.file = request_.inputs[static_cast<size_t>(row.input)].path,
                   .position = row.old_position},
                  {.file = request_.outputs[static_cast<size_t>(row.output)].path,
                   .position = row.position});
    }
    vectors_.OnDone(draft_);
  }

 private:
  static Status Stale() {
    return MakeError(ErrorCode::kUnavailable,
                     "another writer has changed the files that were to be replaced");
  }

  ProposalContext context_;
  RewriteRequest request_;
  bool removes_ = false;
  SnapshotDraft draft_;
  VectorDraft vectors_;
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

Task<> ManifestLists::Write(const Snapshot& snapshot, std::vector<ManifestEntry> entries,
                            int64_t format_version) {
  std::string location = snapshot.manifest_list;
  CO_ASSIGN_OR_RETURN(std::string bytes, WriteManifestList(snapshot, entries, format_version));
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
