// AWS Signature Version 4: what a signed HTTP request says about itself, and the signature that it
// should have: to check what others signed, and to sign. Pure functions; who may sign with which
// key is the caller's business.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/net/http_message.h"

namespace mainstem::net {

// "AWS4-HMAC-SHA256 Credential=AK/20260131/us-east-1/kinesis/aws4_request, SignedHeaders=host;...,
// Signature=..." taken apart. What is missing is empty.
struct SigV4Authorization {
  std::string access_key;
  std::string date;  // "20260131"
  std::string region;
  std::string service;
  std::vector<std::string> signed_headers;  // in lower case, as sent
  std::string signature;

  bool has_credential = false;  // well-formed, with all five parts
  bool has_signed_headers = false;
  bool has_signature = false;
  std::string scope() const;  // "20260131/us-east-1/kinesis/aws4_request"
};
// Never fails: a header of another kind has no parts.
SigV4Authorization ParseSigV4(std::string_view authorization);
// The other way round: the value of the field "Authorization".
std::string FormatSigV4(const SigV4Authorization& authorization);

struct SigV4Input {
  const HttpRequest* request = nullptr;
  std::string_view body_hash;  // in hex, or "UNSIGNED-PAYLOAD"
  std::string_view timestamp;  // "20260131T120000Z"
  // The path of `target` counts as it stands (S3), not percent-encoded once more (all others).
  bool path_as_is = false;
};
// Signed headers that the request lacks count as empty. The query's parameters are part of it.
std::string CanonicalRequest(const SigV4Input& input, const SigV4Authorization& authorization);
// In lower-case hex.
std::string SigV4Signature(const SigV4Input& input, const SigV4Authorization& authorization,
                           std::string_view secret_key);

// "20260131T120000Z" in milliseconds since 1970; -1 when it is no such time.
int64_t ParseSigV4Time(std::string_view text);
std::string FormatSigV4Time(int64_t ms);

std::string Sha256Hex(std::string_view bytes);
// Without telling by its time where they differ.
bool EqualsInConstantTime(std::string_view a, std::string_view b);

}  // namespace mainstem::net
