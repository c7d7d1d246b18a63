#include "gateway/aws/credentials.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "core/error_context.h"
#include "core/net/aws_profiles.h"
#include "core/net/sigv4.h"
#include "gateway/aws/aws_error.h"

namespace mainstem::gateway::aws {
namespace {

constexpr int64_t kClockSkewMaxMs = 5 * 60 * 1000;
constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

Status InCredentialsFile(const Status& status) { return InContext("aws.credentials: ", status); }

Status BadProfile(const net::AwsProfile& profile, std::string_view why) {
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = fmt::format("aws.credentials: line {}: {}", profile.line, why),
                    .hint = net::kAwsProfileHint});
}

Status Mismatch() {
  return MakeAwsError(
      "InvalidSignatureException",
      "The request signature we calculated does not match the signature you provided. Check your "
      "AWS Secret Access Key and signing method. Consult the service documentation for details.");
}

Status CheckParts(const net::SigV4Authorization& authorization, std::string_view header,
                  bool has_date) {
  std::string missing;
  auto require = [&missing](bool there, std::string_view name) {
    if (!there) missing += fmt::format("Authorization header requires '{}' parameter. ", name);
  };
  require(authorization.has_credential, "Credential");
  require(authorization.has_signature, "Signature");
  require(authorization.has_signed_headers, "SignedHeaders");
  if (!has_date) {
    missing +=
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
  }
  if (missing.empty()) return Status::OK();
  return MakeAwsError("IncompleteSignatureException",
                      fmt::format("{}Authorization={}", missing, header));
}

// What is not signed could be changed on the way: which operation it is, above all.
Status CheckSignedHeaders(const net::HttpRequest& request,
                          const net::SigV4Authorization& authorization) {
  for (const auto& [name, value] : request.headers.fields()) {
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (lower != "host" && !lower.starts_with("x-amz-")) continue;
    const auto& names = authorization.signed_headers;
    if (std::find(names.begin(), names.end(), lower) != names.end()) continue;
    return MakeAwsError(
        "InvalidSignatureException",
        fmt::format("'{}' must be a 'SignedHeader' in the AWS Authorization.", name));
  }
  return Status::OK();
}

// The hash that the body must have; what the client says about it must be true.
Result<std::string> BodyHash(const net::HttpRequest& request) {
  auto said = request.headers.Find("X-Amz-Content-Sha256");
  if (said == kUnsignedPayload) return std::string(kUnsignedPayload);
  std::string hash = net::Sha256Hex(request.body);
  if (said && *said != hash) return Mismatch();
  return hash;
}

}  // namespace

Result<Credentials> Credentials::Parse(std::string_view text) {
  Result<std::vector<net::AwsProfile>> profiles = net::ParseAwsProfiles(text);
  if (!profiles.ok()) return InCredentialsFile(profiles.status());
  Credentials credentials;
  for (const net::AwsProfile& profile : *profiles) {
    std::string key = profile.Find("aws_access_key_id");
    std::string secret = profile.Find("aws_secret_access_key");
    if (key.empty() && secret.empty()) continue;
    if (key.empty()) return BadProfile(profile, "a profile without aws_access_key_id");
    if (secret.empty()) return BadProfile(profile, "a profile without aws_secret_access_key");
    credentials.secrets_[key] = secret;
  }
  if (!credentials.checks()) return BadProfile(profiles->back(), "there is no access key");
  return credentials;
}

Status Credentials::Check(const net::HttpRequest& request, const Expected& expected) const {
  if (!checks()) return Status::OK();
  auto header = request.headers.Find("Authorization");
  if (!header) {
    return MakeAwsError("MissingAuthenticationTokenException", "Missing Authentication Token");
  }
  if (request.Query("X-Amz-Algorithm")) {
    return MakeAwsError("InvalidSignatureException",
                        "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' "
                        "as HTTP header.");
  }
  net::SigV4Authorization authorization = net::ParseSigV4(*header);
  auto date = request.headers.Find("X-Amz-Date");
  if (!date) date = request.headers.Find("Date");
  RETURN_IF_ERROR(CheckParts(authorization, *header, date.has_value()));
  auto secret = secrets_.find(authorization.access_key);
  if (secret == secrets_.end()) {
    return MakeAwsError("UnrecognizedClientException",
                        "The security token included in the request is invalid.");
  }
  int64_t signed_ms = net::ParseSigV4Time(*date);
  if (signed_ms < 0 || !date->starts_with(authorization.date)) {
    return MakeAwsError("IncompleteSignatureException",
                        "Date must be in ISO-8601 'basic format'. Got '" + std::string(*date) +
                            "'. See http://en.wikipedia.org/wiki/ISO_8601");
  }
  if (std::llabs(expected.now_ms - signed_ms) > kClockSkewMaxMs) {
    return MakeAwsError("InvalidSignatureException",
                        fmt::format("Signature expired: {} is not within 5 minutes of the time of "
                                    "this node",
                                    *date));
  }
  if (authorization.service != expected.service) {
    return MakeAwsError(
        "InvalidSignatureException",
        fmt::format("Credential should be scoped to correct service: '{}'. ", expected.service));
  }
  RETURN_IF_ERROR(CheckSignedHeaders(request, authorization));
  ASSIGN_OR_RETURN(std::string hash, BodyHash(request));
  net::SigV4Input input{.request = &request, .body_hash = hash, .timestamp = *date};
  std::string right = net::SigV4Signature(input, authorization, secret->second);
  if (!net::EqualsInConstantTime(right, authorization.signature)) return Mismatch();
  return Status::OK();
}

}  // namespace mainstem::gateway::aws
