// What S3 answers, taken apart: XML bodies, and errors with their cure. Pure.
#pragma once

#include <string>
#include <string_view>

#include "connector/http/http_session.h"
#include "connector/s3/object_store.h"

namespace mainstem::connector {

struct S3Problem {
  std::string code;     // "NoSuchBucket"; empty: the body names none
  std::string message;  // S3's own
  bool is_wrong_region = false;
  std::string region;  // where the bucket is then, if S3 tells
};
// Of an answer that is an error; a code is empty when it is none (completing an upload may fail
// with status 200).
S3Problem ProblemOfS3Answer(const HttpAnswer& answer);

// Whether the same request may do better in a while.
bool IsPassingS3Problem(int status, const S3Problem& problem);

struct S3Request {
  std::string what;   // "PUT s3://bucket/key", for messages
  std::string right;  // "s3:PutObject": what to grant
  std::string bucket;
  std::string region;  // as it was asked
};
Status StatusOfS3Problem(const HttpAnswer& answer, const S3Problem& problem,
                         const S3Request& request);

// kUnavailable for what is no such answer.
Result<ObjectPage> ParseListAnswer(const std::string& body);
Result<std::string> ParseUploadId(const std::string& body);
// Body of the request that completes an upload.
std::string CompleteUploadBody(const std::vector<std::string>& part_etags);

// "2026-01-31T12:00:00.000Z" or "Sat, 31 Jan 2026 12:00:00 GMT" in milliseconds; 0 when it is none.
int64_t ParseS3Time(const std::string& text);

}  // namespace mainstem::connector
