#include "connector/iceberg/key_index.h"

namespace mainstem::connector::iceberg {

void KeyIndex::AddFile(const std::string& file, PartitionTuple partition) {
  auto [found, is_new] = numbers_.emplace(file, static_cast<int32_t>(files_.size()));
  if (is_new) files_.push_back({.path = file, .partition = std::move(partition)});
}

const PartitionTuple& KeyIndex::PartitionOf(const std::string& file) const {
  return files_[static_cast<size_t>(numbers_.at(file))].partition;
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
