#include "connector/iceberg/table_maintenance.h"

#include <algorithm>

#include <absl/strings/numbers.h>

namespace mainstem::connector::iceberg {
namespace {

constexpr size_t kNewManifestsMin = 8;    // before it is worth looking
constexpr size_t kNewManifestsMax = 200;  // read at a time
constexpr size_t kOpenRowsMax = 20000;    // of a manifest that is still looked at
constexpr size_t kSettledRowsMin = 1000;
constexpr int64_t kInputBytesMax = int64_t{256} << 20;  // of one call
constexpr const char* kProblemProperty = "mainstem.maintenance.problem";
constexpr int64_t kDefaultTargetBytes = int64_t{512} << 20;

int64_t NumberOf(const TableMetadata& metadata, const char* name, int64_t default_value) {
  int64_t number = 0;
  bool is_number = absl::SimpleAtoi(metadata.Property(name, ""), &number);
  return is_number && number > 0 ? number : default_value;
}

// Files in another order, of another format or encrypted stay as they are.
bool CanBeRewritten(const DataFile& file) {
  return file.content == 0 && file.format == "PARQUET" && file.sort_order_id.value_or(0) == 0 &&
         !file.key_metadata;
}

}  // namespace

TableMaintenance::TableMaintenance(Env* env, std::shared_ptr<TableCommitter> committer,
                                   std::shared_ptr<LakeFiles> files,
                                   std::unique_ptr<FileRewriter> rewriter,
                                   MaintenanceOptions options)
    : env_(env),
      committer_(std::move(committer)),
      files_(std::move(files)),
      rewriter_(std::move(rewriter)),
      options_(options),
      cleanup_(env, committer_, files_, options.cleanup) {}

Task<> TableMaintenance::RunIfDue() {
  auto keep_alive = shared_from_this();
  co_return co_await RunOn(env_->shard(0), keep_alive->RunHere());
}

Task<> TableMaintenance::RunHere() {
  if (is_running_) co_return Status::OK();
  is_running_ = true;
  Status done = co_await Compact();
  // One does not need the other.
  if (!Is(done, ErrorCode::kCancelled)) {
    Status cleaned = co_await cleanup_.RunIfDue();
    if (done.ok()) done = cleaned;
  }
  is_running_ = false;
  if (Is(done, ErrorCode::kCancelled)) co_return done;
  // Passing faults are not told: the next call does what this one did not.
  if (!done.ok() && IsRetriable(done)) co_return Status::OK();
  std::string problem;
  if (!done.ok()) problem = Describe(done);
  co_return co_await TellProblem(std::move(problem));
}

Task<> TableMaintenance::TellProblem(std::string problem) {
  Result<TableView> view = co_await committer_->View();
  if (!view.ok()) co_return Is(view.status(), ErrorCode::kCancelled) ? view.status() : Status::OK();
  auto found = view->metadata->properties.find(kProblemProperty);
  PropertyRequest tell{.name = kProblemProperty, .expected = {}, .value = std::move(problem)};
  if (found != view->metadata->properties.end()) tell.expected = found->second;
  if (tell.expected.value_or("") == tell.value) co_return Status::OK();
  Status told = co_await committer_->SetProperty(std::move(tell));
  if (Is(told, ErrorCode::kCancelled)) co_return told;
  IgnoreError(told, "the next call tells it");
  co_return Status::OK();
}

Task<> TableMaintenance::ReadNewManifests(const TableView* view) {
  std::vector<const ManifestEntry*> fresh;
  std::map<std::string, OpenManifest> still_open;
  Paths still_settled;
  for (const ManifestEntry& entry : view->manifests) {
    // Of another spec, or of deletes: nothing is merged there.
    if (entry.content != 0 || entry.spec_id != view->metadata->spec.id) continue;
    if (auto found = open_.find(entry.path); found != open_.end()) {
      still_open.insert(open_.extract(found));
    } else if (settled_.count(entry.path) > 0) {
      still_settled.insert(entry.path);
    } else {
      fresh.push_back(&entry);
    }
  }
  open_ = std::move(still_open);
  settled_ = std::move(still_settled);
  std::sort(fresh.begin(), fresh.end(), [](const ManifestEntry* a, const ManifestEntry* b) {
    return a->sequence_number > b->sequence_number;
  });
  if (fresh.size() < kNewManifestsMin && !has_more_to_do_) co_return Status::OK();
  bool has_more = fresh.size() > kNewManifestsMax;
  if (has_more) fresh.resize(kNewManifestsMax);
  has_more_to_do_ = true;  // until all of them have been read
  int64_t small_bytes =
      CompactionFor(
          options_.file_bytes > 0
              ? options_.file_bytes
              : NumberOf(*view->metadata, "write.target-file-size-bytes", kDefaultTargetBytes))
          .small_bytes;
  for (const ManifestEntry* entry : fresh) {
    std::string path = entry->path;
    CO_ASSIGN_OR_RETURN(std::string bytes, co_await files_->Read(path));
    OpenManifest manifest{.entry = *entry, .rows = {}};
    CO_ASSIGN_OR_RETURN(manifest.rows,
                        ReadManifest(bytes, *entry, view->metadata->schema, view->metadata->spec));
    std::erase_if(manifest.rows, [](const ManifestRow& row) { return !row.is_live(); });
    bool has_small =
        std::any_of(manifest.rows.begin(), manifest.rows.end(),
                    [&](const ManifestRow& row) { return row.file.size_bytes < small_bytes; });
    size_t count = manifest.rows.size();
    if (count > kOpenRowsMax || (!has_small && count >= kSettledRowsMin)) {
      settled_.insert(std::move(path));
    } else {
      open_.emplace(std::move(path), std::move(manifest));
    }
  }
  has_more_to_do_ = has_more;
  co_return Status::OK();
}

std::vector<CompactionInput> TableMaintenance::Inputs(const TableView& view) const {
  std::map<int64_t, int64_t> times;
  for (const Snapshot& snapshot : view.metadata->snapshots)
    times[snapshot.id] = snapshot.timestamp_ms;
  std::vector<CompactionInput> inputs;
  for (const auto& [path, manifest] : open_) {
    for (const ManifestRow& row : manifest.rows) {
      if (!CanBeRewritten(row.file) || left_alone_.count(row.file.path) > 0) continue;
      CompactionInput input{.file = &row.file};
      auto time = times.find(row.snapshot_id);
      if (time != times.end()) input.added_ms = time->second;
      auto vector = view.vectors.find(row.file.path);
      if (vector != view.vectors.end()) {
        input.deleted_rows = static_cast<int64_t>(vector->second.cardinality());
      }
      inputs.push_back(input);
    }
  }
  return inputs;
}

bool TableMaintenance::HasManifestsToMerge(const TableMetadata& metadata) const {
  if (metadata.Property("commit.manifest-merge.enabled", "true") == "false") return false;
  int64_t least = NumberOf(metadata, "commit.manifest.min-count-to-merge", 100);
  return static_cast<int64_t>(open_.size()) >= least;
}

void TableMaintenance::TakeManifests(const Paths& removed, bool merges_all,
                                     RewriteRequest* request) const {
  for (const auto& [path, manifest] : open_) {
    bool is_touched =
        std::any_of(manifest.rows.begin(), manifest.rows.end(),
                    [&](const ManifestRow& row) { return removed.count(row.file.path) > 0; });
    if (!is_touched && !merges_all) continue;
    request->manifests.push_back(path);
    for (ManifestRow row : manifest.rows) {
      bool is_removed = removed.count(row.file.path) > 0;
      row.status = is_removed ? ManifestStatus::kDeleted : ManifestStatus::kExisting;
      if (!row.sequence_number) row.sequence_number = 0;  // of format version 1
      if (!row.file_sequence_number) row.file_sequence_number = 0;
      request->rows.push_back(std::move(row));
    }
  }
}

Task<> TableMaintenance::RewriteGroups(std::vector<std::vector<FileRewriter::Input>> groups,
                                       RewriteRequest* request) {
  int64_t bytes = 0;
  for (std::vector<FileRewriter::Input>& group : groups) {
    std::vector<RewriteRequest::Input> inputs;
    for (const FileRewriter::Input& input : group) {
      inputs.push_back({.path = input.file.path,
                        .deleted_rows = static_cast<int64_t>(input.deleted.cardinality())});
      bytes += input.file.size_bytes;
    }
    auto rewritten = co_await rewriter_->Rewrite(request->layout, std::move(group));
    if (Is(rewritten.status(), ErrorCode::kUnsupported)) {
      for (RewriteRequest::Input& input : inputs) left_alone_.insert(std::move(input.path));
      continue;
    }
    CO_RETURN_IF_ERROR(rewritten);
    for (MovedRow row : rewritten->moved) {
      row.input += static_cast<int32_t>(request->inputs.size());
      row.output += static_cast<int32_t>(request->outputs.size());
      request->moved.push_back(row);
    }
    for (RewriteRequest::Input& input : inputs) request->inputs.push_back(std::move(input));
    for (DataFile& file : rewritten->files) request->outputs.push_back(std::move(file));
    if (bytes < kInputBytesMax) continue;
    has_more_to_do_ = true;
    co_return Status::OK();
  }
  co_return Status::OK();
}

Task<> TableMaintenance::Compact() {
  CO_ASSIGN_OR_RETURN(TableView view, co_await committer_->View());
  MetadataPtr metadata = view.metadata;
  CO_RETURN_IF_ERROR(co_await ReadNewManifests(&view));
  int64_t target = options_.file_bytes;
  if (target == 0)
    target = NumberOf(*metadata, "write.target-file-size-bytes", kDefaultTargetBytes);
  bool has_deletes = std::any_of(view.manifests.begin(), view.manifests.end(),
                                 [](const ManifestEntry& entry) { return entry.content != 0; });
  std::vector<std::vector<FileRewriter::Input>> groups;
  // Deletes that others have written are about rows by their place or their age.
  if (!has_deletes || view.has_keys) {
    std::vector<CompactionInput> inputs = Inputs(view);
    for (const auto& group :
         PlanCompaction(inputs, CompactionFor(target), env_->WallTime().value())) {
      std::vector<FileRewriter::Input>& files = groups.emplace_back();
      for (const DataFile* file : group) {
        files.push_back({.file = *file, .deleted = view.vectors[file->path]});
      }
    }
  }
  bool merges_all = HasManifestsToMerge(*metadata);
  if (groups.empty() && !merges_all) co_return Status::OK();
  RewriteRequest request;
  request.layout = metadata;
  CO_RETURN_IF_ERROR(co_await RewriteGroups(std::move(groups), &request));
  if (request.inputs.empty() && !merges_all) co_return Status::OK();
  env_->CrashPoint("sink.maintenance");
  Paths removed;
  for (const RewriteRequest::Input& input : request.inputs) removed.insert(input.path);
  TakeManifests(removed, merges_all, &request);
  // Its id is filled in.
  for (ManifestRow& row : AddedRows(0, request.outputs)) request.rows.push_back(std::move(row));
  Status done = co_await committer_->Rewrite(std::move(request));
  env_->CrashPoint("sink.maintenance");
  co_return done;
}

}  // namespace mainstem::connector::iceberg
