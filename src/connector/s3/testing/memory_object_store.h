// An object store in memory for tests, with faults: the Nth call fails before it does anything,
// after it has done it (the answer is lost), or does it only later (the request lingered on its
// way). Uploads, conditions and reads after writes behave as S3's. Single thread.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "connector/s3/object_store.h"

namespace mainstem::connector {

enum class ObjectFault : uint8_t { kNothingDone, kAnswerLost, kDoneLater };

class MemoryObjectStore final : public ObjectStore {
 public:
  // The `index`th call from now (0: the next) fails with kUnavailable. Negative: none.
  void FailCall(int64_t index, ObjectFault fault) {
    fail_in_ = index;
    fault_ = fault;
    fault_fired_ = false;
  }
  bool fault_fired() const { return fault_fired_; }
  const std::map<std::string, std::string>& objects() const { return objects_; }
  // Parts of uploads that are neither completed nor aborted: what an owner of a bucket pays for.
  size_t waiting_part_count() const;
  int64_t modified_ms(const std::string& key) const { return times_.at(key); }
  // Milliseconds since 1970, for when objects were written; without it they are all very old.
  void set_clock(std::function<int64_t()> clock) { clock_ = std::move(clock); }
  // Gone without having been aborted by who began it: as a bucket's rules do.
  void ForgetUploads() { uploads_.clear(); }

  Task<ObjectPage> List(std::string prefix, std::string next) override;
  Task<ObjectInfo> Describe(std::string key) override;
  Task<ObjectContent> Read(std::string key, ObjectRange range) override;
  Task<std::string> Put(std::string key, std::string bytes,
                        std::optional<std::string> replaces) override;
  Task<> Remove(std::string key) override;
  Task<ObjectUpload> BeginUpload(std::string key) override;
  Task<std::string> UploadPart(ObjectUpload upload, int64_t number, std::string bytes) override;
  Task<> CompleteUpload(ObjectUpload upload, std::vector<std::string> part_etags) override;
  Task<> AbortUpload(ObjectUpload upload) override;

 private:
  // Does `change` now or later, or never, as the fault says.
  Task<> Do(std::function<Status()> change);
  Status PutNow(const std::string& key, const std::string& bytes,
                const std::optional<std::string>& replaces);
  std::string EtagOf(const std::string& key) const;

  std::map<std::string, std::string> objects_;
  std::map<std::string, int64_t> versions_;  // of keys that exist, for their etags
  std::map<std::string, int64_t> times_;     // when they were written
  std::function<int64_t()> clock_;
  struct Upload {
    std::string key;
    std::map<int64_t, std::string> parts;
  };
  std::map<std::string, Upload> uploads_;
  int64_t next_number_ = 1;
  int64_t fail_in_ = -1;
  ObjectFault fault_ = ObjectFault::kNothingDone;
  bool fault_fired_ = false;
  std::vector<std::pair<int64_t, std::function<Status()>>> late_;  // calls to go, what is done then
};

}  // namespace mainstem::connector
