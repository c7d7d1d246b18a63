#include "connector/s3/testing/memory_object_store.h"

#include "core/sync.h"

namespace mainstem::connector {
namespace {

// How many calls later a request arrives that lingered.
constexpr int64_t kLateByCalls = 3;
constexpr size_t kPageSize = 2;  // small, so that tests turn pages

Status NoSuchThing(const std::string& what) {
  return MakeError(ErrorCode::kNotFound, "there is no " + what);
}

}  // namespace

size_t MemoryObjectStore::waiting_part_count() const {
  size_t count = 0;
  for (const auto& [id, upload] : uploads_) count += upload.parts.size();
  return count;
}

Task<> MemoryObjectStore::Do(std::function<Status()> change) {
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::milliseconds(1)));
  for (auto& [calls, late] : late_) {
    if (--calls == 0) IgnoreError(late(), "nobody waits for the answer any more");
  }
  bool fails = fail_in_ == 0;
  if (fail_in_ >= 0) --fail_in_;
  if (!fails) co_return change();
  fault_fired_ = true;
  if (fault_ == ObjectFault::kAnswerLost) IgnoreError(change(), "the answer is lost");
  if (fault_ == ObjectFault::kDoneLater) late_.emplace_back(kLateByCalls, std::move(change));
  co_return MakeError(ErrorCode::kUnavailable, "the fault that was asked for");
}

std::string MemoryObjectStore::EtagOf(const std::string& key) const {
  return "\"" + std::to_string(versions_.at(key)) + "\"";
}

Task<ObjectPage> MemoryObjectStore::List(std::string prefix, std::string next) {
  ObjectPage page;
  CO_RETURN_IF_ERROR(co_await Do(&Status::OK));
  for (auto at = objects_.upper_bound(next); at != objects_.end(); ++at) {
    if (!at->first.starts_with(prefix)) continue;
    if (page.objects.size() == kPageSize) {
      page.next = page.objects.back().key;
      break;
    }
    page.objects.push_back({.key = at->first,
                            .size = static_cast<int64_t>(at->second.size()),
                            .etag = EtagOf(at->first),
                            .modified_ms = times_.at(at->first)});
  }
  co_return page;
}

Task<ObjectInfo> MemoryObjectStore::Describe(std::string key) {
  CO_RETURN_IF_ERROR(co_await Do(&Status::OK));
  auto found = objects_.find(key);
  if (found == objects_.end()) co_return NoSuchThing("object '" + key + "'");
  ObjectInfo info{.key = key,
                  .size = static_cast<int64_t>(found->second.size()),
                  .etag = EtagOf(key),
                  .modified_ms = times_.at(key)};
  co_return info;
}

Task<ObjectContent> MemoryObjectStore::Read(std::string key, ObjectRange range) {
  CO_RETURN_IF_ERROR(co_await Do(&Status::OK));
  auto found = objects_.find(key);
  if (found == objects_.end()) co_return NoSuchThing("object '" + key + "'");
  if (!range.etag.empty() && range.etag != EtagOf(key)) {
    co_return MakeError(ErrorCode::kUnavailable, "'" + key + "' was replaced");
  }
  ObjectContent content{.bytes = "", .etag = EtagOf(key)};
  auto offset = static_cast<size_t>(range.offset);
  if (offset < found->second.size()) {
    size_t size = range.size < 0 ? std::string::npos : static_cast<size_t>(range.size);
    content.bytes = found->second.substr(offset, size);
  }
  co_return content;
}

Status MemoryObjectStore::PutNow(const std::string& key, const std::string& bytes,
                                 const std::optional<std::string>& replaces) {
  bool exists = objects_.count(key) > 0;
  if (replaces && (exists ? EtagOf(key) : "") != *replaces) {
    return MakeError(ErrorCode::kAlreadyExists, "'" + key + "' is another one");
  }
  objects_[key] = bytes;
  versions_[key] = next_number_++;
  times_[key] = clock_ ? clock_() : versions_[key];
  return Status::OK();
}

Task<std::string> MemoryObjectStore::Put(std::string key, std::string bytes,
                                         std::optional<std::string> replaces) {
  auto change = [this, key, bytes, replaces] { return PutNow(key, bytes, replaces); };
  CO_RETURN_IF_ERROR(co_await Do(std::move(change)));
  co_return EtagOf(key);
}

Task<> MemoryObjectStore::Remove(std::string key) {
  auto change = [this, key] {
    objects_.erase(key);
    versions_.erase(key);
    times_.erase(key);
    return Status::OK();
  };
  co_return co_await Do(std::move(change));
}

Task<ObjectUpload> MemoryObjectStore::BeginUpload(std::string key) {
  ObjectUpload upload{.key = key, .id = "upload-" + std::to_string(next_number_++)};
  auto change = [this, upload] {
    uploads_[upload.id] = {.key = upload.key, .parts = {}};
    return Status::OK();
  };
  CO_RETURN_IF_ERROR(co_await Do(std::move(change)));
  co_return upload;
}

Task<std::string> MemoryObjectStore::UploadPart(ObjectUpload upload, int64_t number,
                                                std::string bytes) {
  auto change = [this, upload, number, bytes] {
    auto found = uploads_.find(upload.id);
    if (found == uploads_.end()) return NoSuchThing("upload '" + upload.id + "'");
    found->second.parts[number] = bytes;
    return Status::OK();
  };
  CO_RETURN_IF_ERROR(co_await Do(std::move(change)));
  co_return "\"" + upload.id + "-" + std::to_string(number) + "\"";
}

Task<> MemoryObjectStore::CompleteUpload(ObjectUpload upload, std::vector<std::string> etags) {
  size_t part_count = etags.size();
  auto change = [this, upload, part_count] {
    auto found = uploads_.find(upload.id);
    if (found == uploads_.end()) return NoSuchThing("upload '" + upload.id + "'");
    CHECK(found->second.key == upload.key && found->second.parts.size() == part_count);
    std::string bytes;
    for (const auto& [number, part] : found->second.parts) bytes += part;
    uploads_.erase(found);
    return PutNow(upload.key, bytes, std::nullopt);
  };
  co_return co_await Do(std::move(change));
}

Task<> MemoryObjectStore::AbortUpload(ObjectUpload upload) {
  auto change = [this, upload] {
    uploads_.erase(upload.id);
    return Status::OK();
  };
  co_return co_await Do(std::move(change));
}

}  // namespace mainstem::connector
