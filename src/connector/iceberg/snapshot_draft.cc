#include "connector/iceberg/snapshot_draft.h"

#include <algorithm>
#include <tuple>

#include <absl/strings/numbers.h>
#include <fmt/format.h>

namespace mainstem::connector::iceberg {
namespace {

constexpr size_t kRowsOfManifestMax = 10000;

// A running total of the summary goes on when the parent has it, or there is no parent.
void AddTotal(const char* name, const Snapshot* parent, int64_t added, Properties* summary) {
  int64_t before = 0;
  if (parent != nullptr) {
    auto found = parent->summary.find(name);
    if (found == parent->summary.end() || !absl::SimpleAtoi(found->second, &before)) return;
  }
  (*summary)[name] = std::to_string(before + added);
}

// Each manifest of rows gets numbers for them, as format version 3 wants it.
void NumberRows(const TableMetadata& base, std::vector<ManifestEntry>* entries,
                Snapshot* snapshot) {
  int64_t next = base.next_row_id;
  for (ManifestEntry& entry : *entries) {
    if (entry.content != 0 || entry.first_row_id) continue;
    entry.first_row_id = next;
    next += entry.added_rows + entry.existing_rows;
  }
  snapshot->first_row_id = base.next_row_id;
  snapshot->added_rows = next - base.next_row_id;
}

// As they lie in their files: DuckDB 1.5.5 needs them in this order (deletion_vector.h).
bool LiesBefore(const ManifestRow& a, const ManifestRow& b) {
  return std::tie(a.file.path, a.file.content_offset) <
         std::tie(b.file.path, b.file.content_offset);
}

}  // namespace

void FileCounts::Add(const DataFile& file) {
  ++files;
  records += file.record_count;
  bytes += file.size_bytes;
}

void SnapshotDraft::Begin(const TableMetadata& base) {
  do {
    id_ = static_cast<int64_t>(context_.env->Random() >> 1);
  } while (id_ == 0 || base.FindSnapshot(id_) != nullptr);
  uint64_t high = context_.env->Random();
  uuid_ = UuidText(high, context_.env->Random());
  folder_ = base.metadata_folder();
}

Task<> SnapshotDraft::AddManifests(MetadataPtr layout, std::vector<ManifestRow> rows) {
  for (const ManifestRow& row : rows) {
    if (row.status == ManifestStatus::kExisting) continue;
    partitions_.emplace(layout->spec.id, row.file.partition);
    bool has_rows = row.file.content == 0;
    if (row.status == ManifestStatus::kAdded) (has_rows ? added_ : added_deletes_).Add(row.file);
    if (row.status == ManifestStatus::kDeleted) {
      (has_rows ? removed_ : removed_deletes_).Add(row.file);
    }
  }
  for (size_t begin = 0; begin < rows.size(); begin += kRowsOfManifestMax) {
    size_t end = std::min(rows.size(), begin + kRowsOfManifestMax);
    std::vector<ManifestRow> part(rows.begin() + static_cast<std::ptrdiff_t>(begin),
                                  rows.begin() + static_cast<std::ptrdiff_t>(end));
    CO_ASSIGN_OR_RETURN(std::string bytes,
                        WriteManifest(layout->schema, layout->spec, part, layout->format_version));
    CO_ASSIGN_OR_RETURN(ManifestEntry entry,
                        SummarizeManifest(layout->schema, layout->spec, id_, part));
    entry.path = fmt::format("{}/{}-m{}.avro", folder_, uuid_, manifests_.size());
    entry.length = static_cast<int64_t>(bytes.size());
    CO_RETURN_IF_ERROR(co_await context_.files->Write(entry.path, std::move(bytes)));
    for (const ManifestRow& row : part) {
      if (context_.keys == nullptr || !row.is_live() || row.file.content != 0) continue;
      files_.push_back(KeyIndex::KnownFile::Of(row.file, entry.path));
    }
    manifests_.push_back(std::move(entry));
  }
  co_return Status::OK();
}

void SnapshotDraft::AddFilesTo(KeyIndex* index) const {
  for (const KeyIndex::KnownFile& file : files_) index->AddFile(file);
}

Task<Snapshot> SnapshotDraft::Finish(MetadataPtr base, int attempt, Properties summary,
                                     std::set<std::string> replaced) {
  const Snapshot* parent = base->current_snapshot();
  Snapshot snapshot;
  snapshot.id = id_;
  if (parent != nullptr) snapshot.parent_id = parent->id;
  snapshot.sequence_number = sequence_number_ = base->last_sequence_number + 1;
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
  if (base->format_version >= 3) NumberRows(*base, &entries, &snapshot);
  snapshot.manifest_list =
      fmt::format("{}/snap-{}-{}-{}.avro", base->metadata_folder(), id_, attempt + 1, uuid_);
  CO_RETURN_IF_ERROR(
      co_await context_.lists->Write(snapshot, std::move(entries), base->format_version));
  co_return snapshot;
}

void SnapshotDraft::AddCounts(const Snapshot* parent, Properties* summary) const {
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
  for (const auto& [word, deletes] :
       {std::pair("added", &added_deletes_), std::pair("removed", &removed_deletes_)}) {
    if (deletes->files == 0) continue;
    counts[fmt::format("{}-delete-files", word)] = std::to_string(deletes->files);
    counts[fmt::format("{}-dvs", word)] = std::to_string(deletes->files);
    counts[fmt::format("{}-position-deletes", word)] = std::to_string(deletes->records);
  }
  AddTotal("total-delete-files", parent, added_deletes_.files - removed_deletes_.files, summary);
  AddTotal("total-position-deletes", parent, added_deletes_.records - removed_deletes_.records,
           summary);
  AddTotal("total-equality-deletes", parent, 0, summary);
}

Status VectorDraft::Check(const TableMetadata& base) const {
  if (context_.keys == nullptr) return Status::OK();
  const KeyIndex* index = context_.keys->index.get();
  if (index != nullptr && index->IsAbout(base)) return Status::OK();
  return MakeError(ErrorCode::kUnavailable,
                   "the table was changed meanwhile: where its keys are is read anew");
}

void VectorDraft::Delete(Target target, Positions positions) {
  Change& change = changes_[target.file];
  change.target = std::move(target);
  change.positions |= positions;
}

void VectorDraft::DropEmptyFiles() {
  const KeyIndex& index = *context_.keys->index;
  for (const auto& [file, vector] : index.vectors()) {
    if (auto change = changes_.find(file); change != changes_.end()) {
      change->second.positions |= vector.positions;
      continue;
    }
    // Another engine, or a version before this one, has left it there.
    const KeyIndex::KnownFile* known = index.FindFile(file);
    bool is_empty = known != nullptr &&
                    vector.positions.cardinality() >= static_cast<uint64_t>(known->record_count);
    if (is_empty) Drop(file);
  }
  std::erase_if(changes_, [this](const auto& change) {
    const auto& [file, deletion] = change;
    auto record_count = static_cast<uint64_t>(deletion.target.record_count);
    if (deletion.positions.cardinality() < record_count) return false;
    Drop(file);
    return true;
  });
}

Task<std::vector<ManifestRow>> VectorDraft::Write(MetadataPtr base, int64_t snapshot_id) {
  std::vector<ManifestRow> rows;
  const auto& before = context_.keys->index->vectors();
  std::vector<std::pair<std::string, Positions>> vectors;
  for (const auto& [file, change] : changes_) vectors.emplace_back(file, change.positions);
  bool drops_any = std::any_of(dropped_.begin(), dropped_.end(),
                               [&](const std::string& file) { return before.count(file) > 0; });
  if (vectors.empty() && !drops_any) co_return rows;
  for (const auto& [file, vector] : before) {
    ManifestRow row = vector.row;
    bool goes = changes_.count(file) > 0 || dropped_.count(file) > 0;
    row.status = goes ? ManifestStatus::kDeleted : ManifestStatus::kExisting;
    if (goes) row.snapshot_id = snapshot_id;
    rows.push_back(std::move(row));
  }
  if (!vectors.empty()) {
    CO_RETURN_IF_ERROR(co_await WriteVectors(std::move(base), snapshot_id, std::move(vectors)));
    rows.insert(rows.end(), added_.begin(), added_.end());
  }
  std::sort(rows.begin(), rows.end(), LiesBefore);
  co_return rows;
}

Task<> VectorDraft::WriteVectors(MetadataPtr base, int64_t snapshot_id,
                                 std::vector<std::pair<std::string, Positions>> vectors) {
  uint64_t high = context_.env->Random();
  std::string path = fmt::format("{}/{}-deletes.puffin", base->data_location(),
                                 UuidText(high, context_.env->Random()));
  VectorFile written = WriteVectorFile(vectors);
  auto file_bytes = static_cast<int64_t>(written.bytes.size());
  CO_RETURN_IF_ERROR(co_await context_.files->Write(path, std::move(written.bytes)));
  for (const PlacedVector& placed : written.vectors) {
    ManifestRow row{.snapshot_id = snapshot_id, .file = {}};
    row.file.content = 1;
    row.file.path = path;
    row.file.format = "PUFFIN";
    row.file.partition = changes_.at(placed.data_file).target.partition;
    row.file.record_count = placed.cardinality;
    row.file.size_bytes = file_bytes;
    row.file.referenced_file = placed.data_file;
    row.file.content_offset = placed.offset;
    row.file.content_size = placed.length;
    row.file.sort_order_id.reset();
    added_.push_back(std::move(row));
  }
  co_return Status::OK();
}

std::set<std::string> VectorDraft::ManifestsOfDeletes(const std::vector<ManifestEntry>& entries) {
  std::set<std::string> paths;
  for (const ManifestEntry& entry : entries) {
    if (entry.content != 0) paths.insert(entry.path);
  }
  return paths;
}

void VectorDraft::OnDone(const SnapshotDraft& draft) {
  KeyIndex* index = context_.keys->index.get();
  for (const std::string& file : dropped_) index->DropFile(file);
  for (ManifestRow& row : added_) {
    row.sequence_number = row.file_sequence_number = draft.sequence_number();
    std::string file = *row.file.referenced_file;
    index->SetVector(file, {.row = std::move(row), .positions = changes_.at(file).positions});
  }
  index->set_snapshot_id(draft.id());
}

}  // namespace mainstem::connector::iceberg
