#include "connector/iceberg/key_index.h"

namespace mainstem::connector::iceberg {

KeyIndex::KnownFile KeyIndex::KnownFile::Of(const DataFile& file, std::string manifest) {
  KnownFile known;
  known.path = file.path;
  known.partition = file.partition;
  known.record_count = file.record_count;
  known.manifest = std::move(manifest);
  return known;
}

bool KeyIndex::IsAbout(const TableMetadata& table) const {
  return snapshot_id_ == table.current_snapshot_id && spec_id_ == table.spec.id &&
         schema_id_ == table.schema.id;
}

void KeyIndex::AddFile(KnownFile file) {
  auto [found, is_new] = numbers_.try_emplace(file.path, static_cast<int32_t>(files_.size()));
  if (is_new && free_numbers_.empty()) {
    files_.emplace_back();
  } else if (is_new) {
    found->second = free_numbers_.back();
    free_numbers_.pop_back();
  }
  files_[static_cast<size_t>(found->second)] = std::move(file);
}

void KeyIndex::DropFile(const std::string& file) {
  vectors_.erase(file);
  auto found = numbers_.find(file);
  if (found == numbers_.end()) return;
  files_[static_cast<size_t>(found->second)] = {};
  free_numbers_.push_back(found->second);
  numbers_.erase(found);
}

const KeyIndex::KnownFile* KeyIndex::FindFile(const std::string& file) const {
  auto found = numbers_.find(file);
  return found == numbers_.end() ? nullptr : &files_[static_cast<size_t>(found->second)];
}

std::optional<RowPlace> KeyIndex::Find(const RowKey& key) const {
  auto found = places_.find(key);
  if (found == places_.end()) return std::nullopt;
  const Place& place = found->second;
  return RowPlace{.file = files_[static_cast<size_t>(place.file)].path, .position = place.position};
}

void KeyIndex::Put(const RowKey& key, const std::string& file, int64_t position) {
  auto number = numbers_.find(file);
  CHECK(number != numbers_.end());
  places_[key] = {.file = number->second, .position = position};
}

void KeyIndex::Move(const RowKey& key, const RowPlace& from, const RowPlace& to) {
  std::optional<RowPlace> now = Find(key);
  if (!now || now->file != from.file || now->position != from.position) return;
  Put(key, to.file, to.position);
}

void KeyIndex::SetVector(const std::string& data_file, Vector vector) {
  vectors_.insert_or_assign(data_file, std::move(vector));
}

}  // namespace mainstem::connector::iceberg
