// How files appear in a bucket exactly once. A file is an upload in parts, which nobody sees until
// it is completed. Every (delivery, partition of its internal topic) has one manifest, an object
// that is replaced as a whole:
//
//   <path>/_mainstem/<delivery>-<partition>.json
//     {"version":1, "delivery_id":"...", "partition":0, "position":123, "writer":"9f3c..",
//      "sequence":7,
//      "files":[{"key":"a/part-x.parquet", "id":"<upload>", "parts":["<etag>", ..]}],
//      "begun":[{"key":"a/part-y.parquet", "id":"<upload>"}]}
//
// valid iff it is such JSON with version 1 and the id of the delivery that reads it; "position" is
// absent before the first commit.
//
// A file: the upload is begun; the manifest names it in "begun"; only then parts are sent. A
// commit: (1) all parts are there; (2) the manifest names the files with their parts, and the
// position: this is the commit; (3) the uploads are completed; (4) a manifest without files says
// so. Recovery first replaces the manifest by one with its own "writer", then completes "files",
// aborts "begun" and does (4). Each replacement is conditional on the version that was seen last,
// so a request that lingers, or a second writer, changes nothing any more once recovery has begun.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connector/s3/object_store.h"
#include "core/env.h"
#include "sink/filesystem/file_target.h"

namespace mainstem::sink {

struct CommittedUpload {
  connector::ObjectUpload upload;
  std::vector<std::string> parts;  // etags
  bool operator==(const CommittedUpload&) const = default;
};

struct ObjectManifest {
  std::string delivery_id;
  PartitionId partition;
  std::optional<Offset> position;
  std::string writer;
  int64_t sequence = 0;  // of this writer's manifests
  std::vector<CommittedUpload> files;
  std::vector<connector::ObjectUpload> begun;
};
std::string ObjectManifestText(const ObjectManifest& manifest);
// CorruptStorage when it is not one.
Result<ObjectManifest> ParseObjectManifest(std::string_view text);

struct ObjectTargetOptions {
  std::shared_ptr<connector::ObjectStore> store;
  std::string bucket;             // for messages
  std::string prefix;             // of the table's keys: "a/b/" or empty
  int64_t part_bytes = 0;         // a part is sent when there is so much of it
  std::string success_file = {};  // as FileCommitter's
};

class ObjectTarget final : public FileTarget {
 public:
  ObjectTarget(Env* env, ObjectTargetOptions options, std::string delivery_id,
               PartitionId partition);
  Task<std::optional<Offset>> Recover() override;
  Task<std::unique_ptr<PendingFile>> Start(NewFile file) override;
  Task<> Commit(Offset position) override;
  Task<> Replace(Offset position, std::vector<std::string> folders) override;

 private:
  class ObjectFile;
  std::string ManifestKey() const { return options_.prefix + "_mainstem/" + tag_ + ".json"; }
  std::string NameOf(const std::string& key) const { return "s3://" + options_.bucket + "/" + key; }
  Task<> PutManifest();
  // What was begun is in the manifest, so that a successor aborts it.
  Task<> RecordBegun();
  Task<> CompleteFiles();
  Task<> Complete(CommittedUpload file);

  Env* env_;
  ObjectTargetOptions options_;
  std::string tag_;
  ObjectManifest manifest_;    // as it was put last, but for what is begun since
  std::string manifest_etag_;  // empty: there is none yet
  bool has_unrecorded_ = false;
  std::vector<CommittedUpload> finished_;
};

}  // namespace mainstem::sink
