// Objects of one bucket of S3, or of a server that speaks its protocol: requests with Signature
// Version 4 over HttpSession. Owned by a table's source or sink; calls run on the blocking pool,
// one connection each.
//
// Passing faults (no answer, 5xx, SlowDown) are retried for half a minute with growing pauses. Keys
// that have expired or are refused are looked up anew once. A region that nobody named is the one
// that S3 says.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "connector/http/http_session_pool.h"
#include "connector/s3/aws_credentials.h"
#include "connector/s3/object_store.h"
#include "connector/s3/s3_answer.h"

namespace mainstem::connector {

class S3Store final : public ObjectStore {
 public:
  S3Store(Env* env, S3Options options, std::string bucket);

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
  struct Call {
    std::string method;
    std::string right;  // "s3:PutObject"
    std::string key;    // empty: the bucket itself
    std::vector<std::pair<std::string, std::string>> query = {};
    std::vector<std::pair<std::string, std::string>> fields = {};
    std::string body = {};
  };
  // An answer with status 2xx, or an error.
  Task<HttpAnswer> Send(Call call);
  Result<HttpAnswer> SendOnce(const Call& call, const AwsProfileKeys& keys, std::string region);
  Task<AwsProfileKeys> Keys();
  void ForgetKeys();
  std::string Region(const AwsProfileKeys& keys);
  // True when the bucket turned out to be in another region than was guessed.
  bool LearnRegion(const std::string& region);
  std::string NameOf(const Call& call) const;

  Env* env_;
  S3Options options_;
  std::string bucket_;
  HttpSessionPool sessions_;
  std::mutex mutex_;  // guards what follows; never held across a wait
  std::optional<AwsProfileKeys> keys_;
  std::string learned_region_;
};

}  // namespace mainstem::connector
