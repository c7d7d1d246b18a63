// Files of a lake by their location: "s3://bucket/a/b", "file:///a/b" or "/a/b". Tables' catalogs
// and writers reach both kinds through it. Owned by a table's sink, shared by its writers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "connector/iceberg/table_metadata.h"
#include "connector/s3/object_store.h"
#include "connector/s3/s3_options.h"
#include "core/env.h"

namespace mainstem::connector::iceberg {

// A file in the making. Nobody reads it before something refers to it. Whoever can't finish it
// gives it up, or what is there of it stays.
class LakeFile {
 public:
  virtual ~LakeFile() = default;
  virtual Task<> Append(std::string bytes) = 0;
  // Whole and durable when it returns.
  virtual Task<> Finish() = 0;
  // Removes what is there of it, also after a Finish that has failed.
  virtual Task<> GiveUp() = 0;
};

struct LakeFilesOptions {
  S3Options s3;
  // The table's own options say these: what a catalog hands out does not replace them.
  bool has_own_keys = false;
  bool has_own_endpoint = false;
  // Another kind of store, for tests; by the name of the bucket.
  std::function<std::shared_ptr<ObjectStore>(const std::string&)> make_store = {};
};

// Thread-safe. Errors name the location.
class LakeFiles {
 public:
  LakeFiles(Env* env, LakeFilesOptions options);

  // kInvalidArgument for a location that cannot be reached, with the cure.
  static Status CheckLocation(const std::string& location);

  Task<std::string> Read(std::string location);  // kNotFound
  // Replaces what is there.
  Task<> Write(std::string location, std::string bytes);
  // kAlreadyExists when something is there: of several who try at once, one succeeds.
  Task<> WriteNew(std::string location, std::string bytes);
  // Names of files in a folder, in any order; empty for one that is not there.
  Task<std::vector<std::string>> List(std::string folder);
  struct Entry {
    std::string location;
    int64_t modified_ms = 0;
  };
  // All files below a folder; empty for one that is not there.
  Task<std::vector<Entry>> ListTree(std::string folder);
  Task<> Remove(std::string location);  // fine when there is none
  // A new file, or in place of what is there.
  Task<std::unique_ptr<LakeFile>> Start(std::string location);

  // What a catalog says about how files are reached: keys for a while, endpoint, region.
  void UseConfig(const Properties& config);

 private:
  class LocalFile;
  class StoredFile;
  std::shared_ptr<ObjectStore> StoreOf(const std::string& bucket);
  Task<> MakeFolders(std::string folder);
  // A durable local file under a hidden name in the folder; returns its path.
  Task<std::string> WriteTemporary(std::string folder, std::string bytes);
  Task<std::unique_ptr<File>> OpenNew(std::string path);

  Env* env_;
  std::mutex mutex_;  // guards what follows; never held across a wait
  LakeFilesOptions options_;
  std::map<std::string, std::shared_ptr<ObjectStore>> stores_;
  std::set<std::string> folders_;  // that are there for sure
};

}  // namespace mainstem::connector::iceberg
