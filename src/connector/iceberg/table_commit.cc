#include "connector/iceberg/table_commit.h"

#include <algorithm>
#include <set>

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include "core/backoff.h"
#include "core/sync.h"

namespace mainstem::connector::iceberg {
namespace {

using namespace std::chrono_literals;

constexpr Duration kCommitTime = 60s;
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

// A running total of the summary goes on when the parent has it, or there is no parent.
void AddTotal(const char* name, const Snapshot* parent, int64_t added, Properties* summary) {
  int64_t before = 0;
  if (parent != nullptr) {
    auto found = parent->summary.find(name);
    if (found == parent->summary.end() || !absl::SimpleAtoi(found->second, &before)) return;
  }
  (*summary)[name] = std::to_string(before + added);
}

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

TableCommitter::TableCommitter(Env* env, std::unique_ptr<Catalog> catalog,
                               std::shared_ptr<LakeFiles> files)
    : env_(env), catalog_(std::move(catalog)), files_(std::move(files)), freed_(env->shard(0)) {}

Task<std::optional<MetadataPtr>> TableCommitter::Load() {
  auto keep_alive = shared_from_this();
  co_return co_await RunOn(env_->shard(0), keep_alive->LoadHere());
}

Task<MetadataPtr> TableCommitter::Create(NewTable table) {
  auto keep_alive = shared_from_this();
  co_return co_await RunOn(env_->shard(0), keep_alive->CreateHere(std::move(table)));
}

Task<MetadataPtr> TableCommitter::ChangeSchema(MetadataPtr base, Schema schema,
                                               int32_t last_column_id) {
  auto keep_alive = shared_from_this();
  co_return co_await RunOn(env_->shard(0), keep_alive->ChangeSchemaHere(
                                               std::move(base), std::move(schema), last_column_id));
}

Task<> TableCommitter::Append(AppendRequest request) {
  auto keep_alive = shared_from_this();
  co_return co_await RunOn(env_->shard(0), keep_alive->AppendHere(std::move(request)));
}

Task<> TableCommitter::Lock() {
  int64_t ticket = next_ticket_++;
  queue_.push_back(ticket);
  // In the order of asking: who commits all the time does not keep out who wants to look.
  while (is_busy_ || queue_.front() != ticket) {
    Status waited = (co_await freed_.Wait()).status();
    if (waited.ok()) continue;
    std::erase(queue_, ticket);
    freed_.NotifyAll();
    co_return waited;
  }
  queue_.pop_front();
  is_busy_ = true;
  co_return Status::OK();
}

void TableCommitter::Unlock() {
  is_busy_ = false;
  freed_.NotifyAll();
}

void TableCommitter::Remember(MetadataPtr metadata) {
  files_->UseConfig(metadata->config);
  current_ = std::move(metadata);
}

Task<std::optional<MetadataPtr>> TableCommitter::LoadHere() {
  CO_RETURN_IF_ERROR(co_await Lock());
  auto loaded = co_await catalog_->Load();
  Unlock();
  CO_RETURN_IF_ERROR(loaded);
  if (*loaded) Remember(**loaded);
  co_return std::move(*loaded);
}

Task<MetadataPtr> TableCommitter::CreateHere(NewTable table) {
  CO_RETURN_IF_ERROR(co_await Lock());
  Result<MetadataPtr> made = co_await catalog_->Create(std::move(table));
  Unlock();
  if (Is(made.status(), ErrorCode::kAlreadyExists)) {
    CO_ASSIGN_OR_RETURN(std::optional<MetadataPtr> loaded, co_await LoadHere());
    if (loaded) co_return *loaded;
  }
  CO_RETURN_IF_ERROR(made);
  Remember(*made);
  co_return made;
}

Task<MetadataPtr> TableCommitter::ChangeSchemaHere(MetadataPtr base, Schema schema,
                                                   int32_t last_column_id) {
  TableChange change;
  change.schema = std::move(schema);
  change.last_column_id = last_column_id;
  CO_RETURN_IF_ERROR(co_await Lock());
  Result<MetadataPtr> changed = co_await catalog_->Commit(std::move(base), std::move(change));
  Unlock();
  if (Is(changed.status(), ErrorCode::kAlreadyExists)) {
    co_return MakeError(ErrorCode::kUnavailable,
                        "table " + TableName() + " was changed while columns were added to it");
  }
  CO_RETURN_IF_ERROR(changed);
  Remember(*changed);
  co_return changed;
}

Task<> TableCommitter::AppendHere(AppendRequest request) {
  auto mine = std::make_shared<Waiting>();
  mine->request = std::move(request);
  waiting_.push_back(mine);
  Status locked = co_await Lock();
  if (mine->is_done) {
    if (locked.ok()) Unlock();
    co_return mine->status;
  }
  if (!locked.ok()) {
    std::erase(waiting_, mine);
    co_return locked;
  }
  Batch batch(waiting_.begin(), waiting_.end());
  waiting_.clear();
  Status status = co_await CommitBatch(batch);
  for (const auto& done : batch) {
    done->is_done = true;
    done->status = status;
    // Who is cancelled is this one, not those whose commit it has done.
    if (done != mine && Is(status, ErrorCode::kCancelled)) {
      done->status = MakeError(ErrorCode::kUnavailable, "the commit was given up");
    }
  }
  Unlock();
  co_return status;
}

Status TableCommitter::CheckBatch(const Batch& batch, const TableMetadata& base) {
  for (const auto& waiting : batch) {
    const AppendRequest& request = waiting->request;
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

bool TableCommitter::IsCommitted(const Batch& batch, const TableMetadata& base,
                                 const Prepared& prepared) {
  if (prepared.file_count > 0) return base.FindSnapshot(prepared.snapshot_id) != nullptr;
  return std::all_of(batch.begin(), batch.end(), [&](const auto& waiting) {
    return StoredPosition(base, waiting->request.place) == waiting->request.position;
  });
}

Task<> TableCommitter::CommitBatch(Batch batch) {
  MetadataPtr base = current_;
  CHECK(base != nullptr);
  CO_RETURN_IF_ERROR(CheckBatch(batch, *base));
  CO_ASSIGN_OR_RETURN(Prepared prepared, co_await WriteManifests(batch, base));
  env_->CrashPoint("sink.commit");
  co_return co_await TryUntilDone(std::move(batch), std::move(base), std::move(prepared));
}

Task<> TableCommitter::TryUntilDone(Batch batch, MetadataPtr base, Prepared prepared) {
  Backoff backoff({.first = 50ms, .last = 5s});
  TimePoint give_up = env_->Now() + kCommitTime;
  for (;; ++prepared.attempt) {
    CO_ASSIGN_OR_RETURN(TableChange change, co_await MakeChange(batch, base, prepared));
    env_->CrashPoint("sink.commit");
    Result<MetadataPtr> committed = co_await catalog_->Commit(base, std::move(change));
    env_->CrashPoint("sink.commit");
    if (committed.ok()) {
      Remember(*committed);
      co_return Status::OK();
    }
    Status failed = committed.status();
    bool is_conflict = Is(failed, ErrorCode::kAlreadyExists);
    if (!is_conflict && !IsRetriable(failed)) co_return failed;
    if (is_conflict) {
      failed = MakeError(ErrorCode::kUnavailable,
                         "table " + TableName() + ": other commits always came first");
    }
    // What was asked for without an answer may still come: but not after another commit.
    Duration pause = backoff.Next(env_);
    if (env_->Now() + pause > give_up) co_return failed;
    CO_RETURN_IF_ERROR(co_await Sleep(pause));
    Result<std::optional<MetadataPtr>> loaded = co_await catalog_->Load();
    if (!loaded.ok()) co_return IsRetriable(loaded.status()) ? failed : loaded.status();
    if (!*loaded) {
      co_return MakeError(ErrorCode::kUnavailable, "table " + TableName() + " was dropped");
    }
    base = **loaded;
    Remember(base);
    if (IsCommitted(batch, *base, prepared)) co_return Status::OK();
    CO_RETURN_IF_ERROR(CheckBatch(batch, *base));
  }
}

Task<TableCommitter::Prepared> TableCommitter::WriteManifests(Batch batch, MetadataPtr base) {
  Prepared prepared;
  do {
    prepared.snapshot_id = static_cast<int64_t>(env_->Random() >> 1);
  } while (prepared.snapshot_id == 0 || base->FindSnapshot(prepared.snapshot_id) != nullptr);
  uint64_t high = env_->Random();
  prepared.uuid = UuidText(high, env_->Random());
  // A manifest holds files of one spec.
  struct Group {
    MetadataPtr layout;
    std::vector<DataFile> files;
  };
  std::map<int32_t, Group> groups;
  std::set<std::pair<int32_t, PartitionTuple>> partitions;
  for (const auto& waiting : batch) {
    const AppendRequest& request = waiting->request;
    int32_t spec_id = request.layout->spec.id;
    for (const DataFile& file : request.files) {
      Group& group = groups[spec_id];
      if (group.layout == nullptr || group.layout->schema.id < request.layout->schema.id) {
        group.layout = request.layout;
      }
      group.files.push_back(file);
      partitions.emplace(spec_id, file.partition);
      ++prepared.file_count;
      prepared.record_count += file.record_count;
      prepared.byte_count += file.size_bytes;
    }
  }
  prepared.partition_count = static_cast<int64_t>(partitions.size());
  for (auto& [spec_id, group] : groups) {
    const TableMetadata& layout = *group.layout;
    CO_ASSIGN_OR_RETURN(std::string bytes, WriteManifest(layout.schema, layout.spec,
                                                         prepared.snapshot_id, group.files));
    CO_ASSIGN_OR_RETURN(ManifestEntry entry, SummarizeFiles(layout.schema, layout.spec,
                                                            prepared.snapshot_id, group.files));
    entry.path = fmt::format("{}/{}-m{}.avro", base->metadata_folder(), prepared.uuid,
                             prepared.manifests.size());
    entry.length = static_cast<int64_t>(bytes.size());
    CO_RETURN_IF_ERROR(co_await files_->Write(entry.path, std::move(bytes)));
    prepared.manifests.push_back(std::move(entry));
  }
  co_return prepared;
}

Task<std::vector<ManifestEntry>> TableCommitter::ManifestsOf(const Snapshot* snapshot) {
  std::vector<ManifestEntry> entries;
  if (snapshot == nullptr) co_return entries;
  if (snapshot->manifest_list == list_location_) co_return list_;
  std::string location = snapshot->manifest_list;
  if (location.empty()) co_return DamagedMetadata("a snapshot has no manifest list");
  CO_ASSIGN_OR_RETURN(std::string bytes, co_await files_->Read(location));
  CO_ASSIGN_OR_RETURN(entries, ReadManifestList(bytes));
  co_return entries;
}

Task<TableChange> TableCommitter::MakeChange(Batch batch, MetadataPtr base, Prepared prepared) {
  TableChange change;
  for (const auto& waiting : batch) {
    const AppendRequest& request = waiting->request;
    change.set_properties[PositionProperty(request.place)] =
        std::to_string(request.position.value());
  }
  if (prepared.file_count == 0) co_return change;
  const Snapshot* parent = base->current_snapshot();
  Snapshot snapshot;
  snapshot.id = prepared.snapshot_id;
  if (parent != nullptr) snapshot.parent_id = parent->id;
  snapshot.sequence_number = base->last_sequence_number + 1;
  snapshot.timestamp_ms = std::max(env_->WallTime().value(), base->last_updated_ms);
  snapshot.schema_id = base->schema.id;
  Properties& summary = snapshot.summary;
  summary = {{"operation", "append"},
             {"engine-name", "mainstem"},
             {"added-data-files", std::to_string(prepared.file_count)},
             {"added-records", std::to_string(prepared.record_count)},
             {"added-files-size", std::to_string(prepared.byte_count)},
             {"changed-partition-count", std::to_string(prepared.partition_count)}};
  AddTotal("total-data-files", parent, prepared.file_count, &summary);
  AddTotal("total-records", parent, prepared.record_count, &summary);
  AddTotal("total-files-size", parent, prepared.byte_count, &summary);
  for (const char* name :
       {"total-delete-files", "total-position-deletes", "total-equality-deletes"}) {
    AddTotal(name, parent, 0, &summary);
  }
  for (const auto& waiting : batch) {
    const AppendRequest& request = waiting->request;
    summary[kDeliveryId] = request.place.delivery_id;
    summary[PositionSummary(request.place)] = std::to_string(request.position.value());
  }
  CO_ASSIGN_OR_RETURN(std::vector<ManifestEntry> before, co_await ManifestsOf(parent));
  std::vector<ManifestEntry> entries = std::move(prepared.manifests);
  for (ManifestEntry& entry : entries) {
    entry.sequence_number = entry.min_sequence_number = snapshot.sequence_number;
  }
  entries.insert(entries.end(), before.begin(), before.end());
  CO_ASSIGN_OR_RETURN(std::string bytes, WriteManifestList(snapshot, entries));
  snapshot.manifest_list = fmt::format("{}/snap-{}-{}-{}.avro", base->metadata_folder(),
                                       snapshot.id, prepared.attempt + 1, prepared.uuid);
  CO_RETURN_IF_ERROR(co_await files_->Write(snapshot.manifest_list, std::move(bytes)));
  list_location_ = snapshot.manifest_list;
  list_ = std::move(entries);
  change.snapshot = std::move(snapshot);
  co_return change;
}

}  // namespace mainstem::connector::iceberg
