#include "sink/filesystem/object_target.h"

#include <set>

#include <simdjson.h>

#include "core/json_writer.h"

namespace mainstem::sink {

using connector::ObjectContent;
using connector::ObjectUpload;
namespace {

constexpr int64_t kObjectManifestVersion = 1;

Result<ObjectUpload> ReadUpload(simdjson::dom::element json) {
  std::string_view key, id;
  if (json["key"].get(key) || json["id"].get(id)) return DamagedManifest("an upload has no id");
  return ObjectUpload{.key = std::string(key), .id = std::string(id)};
}

Result<CommittedUpload> ReadCommitted(simdjson::dom::element json) {
  CommittedUpload file;
  ASSIGN_OR_RETURN(file.upload, ReadUpload(json));
  simdjson::dom::array parts;
  if (json["parts"].get(parts)) return DamagedManifest("a file has no parts");
  for (simdjson::dom::element part : parts) {
    std::string_view etag;
    if (part.get(etag)) return DamagedManifest("a part has no etag");
    file.parts.emplace_back(etag);
  }
  return file;
}

}  // namespace

std::string ObjectManifestText(const ObjectManifest& manifest) {
  JsonWriter json;
  json.BeginObject().Field("version", kObjectManifestVersion);
  json.Field("delivery_id", manifest.delivery_id).Field("partition", manifest.partition.value());
  if (manifest.position) json.Field("position", manifest.position->value());
  json.Field("writer", manifest.writer).Field("sequence", manifest.sequence);
  json.Key("files").BeginArray();
  for (const CommittedUpload& file : manifest.files) {
    json.BeginObject().Field("key", file.upload.key).Field("id", file.upload.id);
    json.Key("parts").BeginArray();
    for (const std::string& etag : file.parts) json.Value(etag);
    json.EndArray().EndObject();
  }
  json.EndArray().Key("begun").BeginArray();
  for (const ObjectUpload& upload : manifest.begun) {
    json.BeginObject().Field("key", upload.key).Field("id", upload.id).EndObject();
  }
  json.EndArray().EndObject();
  return json.Take();
}

Result<ObjectManifest> ParseObjectManifest(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  int64_t version = 0, partition = 0, position = 0;
  std::string_view delivery_id, writer;
  simdjson::dom::array files, begun;
  ObjectManifest manifest;
  if (parser.parse(text.data(), text.size()).get(root)) return DamagedManifest("not JSON");
  if (root["version"].get(version) || version != kObjectManifestVersion) {
    return DamagedManifest("unknown version");
  }
  if (root["delivery_id"].get(delivery_id) || root["partition"].get(partition) ||
      root["writer"].get(writer) || root["sequence"].get(manifest.sequence) ||
      root["files"].get(files) || root["begun"].get(begun)) {
    return DamagedManifest("a field is missing");
  }
  manifest.delivery_id = delivery_id;
  manifest.partition = PartitionId(static_cast<int32_t>(partition));
  manifest.writer = writer;
  if (!root["position"].get(position)) manifest.position = Offset(position);
  for (simdjson::dom::element file : files) {
    ASSIGN_OR_RETURN(CommittedUpload read, ReadCommitted(file));
    manifest.files.push_back(std::move(read));
  }
  for (simdjson::dom::element upload : begun) {
    ASSIGN_OR_RETURN(ObjectUpload read, ReadUpload(upload));
    manifest.begun.push_back(std::move(read));
  }
  return manifest;
}

// Holds what is less than a part.
class ObjectTarget::ObjectFile final : public PendingFile {
 public:
  ObjectFile(ObjectTarget* target, ObjectUpload upload) : target_(target) {
    file_.upload = std::move(upload);
  }

  Task<> Append(std::string bytes) override {
    buffer_ += bytes;
    if (static_cast<int64_t>(buffer_.size()) < target_->options_.part_bytes) {
      co_return Status::OK();
    }
    co_return co_await SendPart();
  }

  Task<> Finish(Offset) override {
    if (!buffer_.empty() || file_.parts.empty()) CO_RETURN_IF_ERROR(co_await SendPart());
    target_->finished_.push_back(std::move(file_));
    co_return Status::OK();
  }

 private:
  Task<> SendPart() {
    CO_RETURN_IF_ERROR(co_await target_->RecordBegun());
    auto number = static_cast<int64_t>(file_.parts.size()) + 1;
    CO_ASSIGN_OR_RETURN(std::string etag,
                        co_await target_->options_.store->UploadPart(
                            file_.upload, number, std::exchange(buffer_, std::string())));
    file_.parts.push_back(std::move(etag));
    co_return Status::OK();
  }

  ObjectTarget* target_;
  CommittedUpload file_;
  std::string buffer_;
};

ObjectTarget::ObjectTarget(Env* env, ObjectTargetOptions options, std::string delivery_id,
                           PartitionId partition)
    : env_(env), options_(std::move(options)), tag_(DeliveryTag(delivery_id, partition)) {
  manifest_.delivery_id = std::move(delivery_id);
  manifest_.partition = partition;
}

Task<std::optional<Offset>> ObjectTarget::Recover() {
  connector::ObjectRange all;
  Result<ObjectContent> found = co_await options_.store->Read(ManifestKey(), all);
  if (found.ok()) {
    CO_ASSIGN_OR_RETURN(ObjectManifest stored, ParseObjectManifest(found->bytes));
    if (stored.delivery_id != manifest_.delivery_id) {
      co_return DamagedManifest("'" + NameOf(ManifestKey()) + "' belongs to another delivery");
    }
    manifest_ = std::move(stored);
    manifest_etag_ = found->etag;
  } else if (!Is(found.status(), ErrorCode::kNotFound)) {
    co_return found.status();
  }
  manifest_.writer = fmt::format("{:016x}", env_->Random());
  manifest_.sequence = 0;
  CO_RETURN_IF_ERROR(co_await PutManifest());
  if (manifest_.files.empty() && manifest_.begun.empty()) co_return manifest_.position;
  std::vector<ObjectUpload> begun = std::exchange(manifest_.begun, {});
  for (const ObjectUpload& upload : begun) {
    CO_RETURN_IF_ERROR(co_await options_.store->AbortUpload(upload));
  }
  CO_RETURN_IF_ERROR(co_await CompleteFiles());
  co_return manifest_.position;
}

Task<> ObjectTarget::PutManifest() {
  ++manifest_.sequence;
  std::string text = ObjectManifestText(manifest_);
  Result<std::string> etag = co_await options_.store->Put(ManifestKey(), text, manifest_etag_);
  if (Is(etag.status(), ErrorCode::kAlreadyExists)) {
    // It may be this very one: an answer was lost, and the store asked again.
    connector::ObjectRange all;
    CO_ASSIGN_OR_RETURN(ObjectContent there, co_await options_.store->Read(ManifestKey(), all));
    if (there.bytes != text) {
      co_return MakeError(ErrorCode::kUnavailable,
                          {.message = "another writer delivers into " + NameOf(ManifestKey()),
                           .hint = "stop one of the two nodes, or jobs, with the same data"});
    }
    etag = there.etag;
  }
  CO_ASSIGN_OR_RETURN(manifest_etag_, std::move(etag));
  co_return Status::OK();
}

Task<std::unique_ptr<PendingFile>> ObjectTarget::Start(NewFile file) {
  // The end is not known yet. The writer makes the name one that nobody else has used.
  if (file.name.empty()) {
    file.name = fmt::format("part-{}-{}-{}{}", tag_, file.start.value(),
                            manifest_.writer.substr(0, 8), file.suffix);
  }
  std::string key = options_.prefix + file.folder + file.name;
  CO_ASSIGN_OR_RETURN(ObjectUpload upload, co_await options_.store->BeginUpload(std::move(key)));
  manifest_.begun.push_back(upload);
  has_unrecorded_ = true;
  co_return std::make_unique<ObjectFile>(this, std::move(upload));
}

Task<> ObjectTarget::RecordBegun() {
  if (!std::exchange(has_unrecorded_, false)) co_return Status::OK();
  co_return co_await PutManifest();
}

Task<> ObjectTarget::Replace(Offset, std::vector<std::string>) {
  co_return MakeError(ErrorCode::kUnsupported,
                      "objects of s3:// cannot be replaced as a whole: the sink refuses it before");
}

Task<> ObjectTarget::Commit(Offset position) {
  manifest_.position = position;
  manifest_.files = std::exchange(finished_, {});
  manifest_.begun.clear();
  env_->CrashPoint("sink.commit");
  CO_RETURN_IF_ERROR(co_await PutManifest());
  env_->CrashPoint("sink.committed");
  co_return co_await CompleteFiles();
}

Task<> ObjectTarget::CompleteFiles() {
  std::vector<CommittedUpload> files = manifest_.files;
  for (CommittedUpload& file : files) {
    CO_RETURN_IF_ERROR(co_await Complete(std::move(file)));
    env_->CrashPoint("sink.committed");
  }
  if (files.empty()) co_return Status::OK();
  if (!options_.success_file.empty()) {
    std::set<std::string> folders;
    for (const CommittedUpload& file : manifest_.files) {
      const std::string& key = file.upload.key;
      folders.insert(key.substr(0, key.rfind('/') + 1));
    }
    for (const std::string& folder : folders) {
      CO_RETURN_IF_ERROR(
          co_await options_.store->Put(folder + options_.success_file, "", std::nullopt));
    }
  }
  manifest_.files.clear();
  co_return co_await PutManifest();
}

Task<> ObjectTarget::Complete(CommittedUpload file) {
  Status completed = co_await options_.store->CompleteUpload(file.upload, file.parts);
  if (!Is(completed, ErrorCode::kNotFound)) co_return completed;
  // No such upload: it was completed before, or somebody has aborted it.
  Status there = (co_await options_.store->Describe(file.upload.key)).status();
  if (!Is(there, ErrorCode::kNotFound)) co_return there;
  co_return MakeError(
      ErrorCode::kCorruptStorage,
      {.message = "the upload of " + NameOf(file.upload.key) +
                  ", which was committed, has been aborted by somebody else: its rows are lost",
       .detail = "a rule of the bucket that aborts incomplete uploads must leave them for longer "
                 "than the node may be down",
       .hint = "to go on without it, empty \"files\" in " + NameOf(ManifestKey())});
}

}  // namespace mainstem::sink
