// The seam to object stores: objects of one bucket by key, and uploads in parts that become an
// object at one moment. S3Store is the real one, testing/memory_object_store.h its twin with
// faults. Sources read through it, sinks commit through it.
//
// What every implementation promises: an object that was put or completed is there for all who ask
// from then on, whole; a failed call may have had its effect all the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/executor.h"
#include "core/status.h"

namespace mainstem::connector {

struct ObjectInfo {
  std::string key;
  int64_t size = 0;
  std::string etag;  // another one for other contents; opaque
  int64_t modified_ms = 0;
};

struct ObjectPage {
  std::vector<ObjectInfo> objects;  // sorted by key
  std::string next;                 // for the next page; empty: this is the last one
};

struct ObjectContent {
  std::string bytes;
  std::string etag;
};

struct ObjectRange {
  int64_t offset = 0;
  int64_t size = -1;      // -1: all that follows
  std::string etag = {};  // of the object as it must still be; empty: whatever is there
};

// An upload in parts, from BeginUpload to CompleteUpload or AbortUpload, over any number of
// restarts of who does it.
struct ObjectUpload {
  std::string key;
  std::string id;
  bool operator==(const ObjectUpload&) const = default;
};

// Thread-safe. Errors name bucket and key; passing ones have been retried for a while and are
// IsRetriable. Calls of coroutines go on with the caller's executor.
class ObjectStore {
 public:
  // Parts but the last one are at least so great, and no more than so many make an object.
  static constexpr int64_t kMinPartBytes = int64_t{5} << 20;
  static constexpr int64_t kMaxParts = 10000;

  virtual ~ObjectStore() = default;
  // Objects whose key begins with `prefix`, a page at a time; `next` of the page before or empty.
  virtual Task<ObjectPage> List(std::string prefix, std::string next) = 0;
  // kNotFound when there is none.
  virtual Task<ObjectInfo> Describe(std::string key) = 0;
  // Less than asked only at the object's end. kNotFound; kUnavailable when the etag does not fit.
  virtual Task<ObjectContent> Read(std::string key, ObjectRange range) = 0;
  // Returns the etag. `replaces`: what must be there, "" nothing at all; else kAlreadyExists.
  virtual Task<std::string> Put(std::string key, std::string bytes,
                                std::optional<std::string> replaces) = 0;
  virtual Task<> Remove(std::string key) = 0;  // fine when there is none

  virtual Task<ObjectUpload> BeginUpload(std::string key) = 0;
  // Numbers from 1 on. Returns the part's etag, which CompleteUpload asks for.
  virtual Task<std::string> UploadPart(ObjectUpload upload, int64_t number, std::string bytes) = 0;
  // kNotFound when there is no such upload: it was completed or aborted before.
  virtual Task<> CompleteUpload(ObjectUpload upload, std::vector<std::string> part_etags) = 0;
  virtual Task<> AbortUpload(ObjectUpload upload) = 0;  // fine when there is none
};

}  // namespace mainstem::connector
