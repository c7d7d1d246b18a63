#include "gateway/aws/credentials.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "core/net/sigv4.h"
#include "gateway/aws/aws_error.h"

namespace mainstem::gateway::aws {
namespace {

constexpr int64_t kClockSkewMaxMs = 5 * 60 * 1000;
constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

std::string_view StripBlanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

Status BadLine(int line, std::string_view why) {
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = fmt::format("aws.credentials: line {}: {}", line, why),
                    .hint = "write it like ~/.aws/credentials: [name], aws_access_key_id = .., "
                            "aws_secret_access_key = .."});
}

struct Profile {
  std::string key;
  std::string secret;
  int line = 0;
};

Status AddProfile(const Profile& profile, std::map<std::string, std::string, std::less<>>* out) {
  if (profile.key.empty() && profile.secret.empty()) return Status::OK();
  if (profile.key.empty()) return BadLine(profile.line, "a profile without aws_access_key_id");
  if (profile.secret.empty()) {
    return BadLine(profile.line, "a profile without aws_secret_access_key");
  }
  (*out)[profile.key] = profile.secret;
  return Status::OK();
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
  Credentials credentials;
  Profile profile;
  int number = 0;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = StripBlanks(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      if (line.back() != ']') return BadLine(number, "a name without ]");
      RETURN_IF_ERROR(AddProfile(profile, &credentials.secrets_));
      profile = {.key = {}, .secret = {}, .line = number};
      continue;
    }
    size_t equals = line.find('=');
    if (equals == std::string_view::npos) return BadLine(number, "no name = value");
    std::string_view name = StripBlanks(line.substr(0, equals));
    std::string_view value = StripBlanks(line.substr(equals + 1));
    if (name == "aws_access_key_id") profile.key = value;
    if (name == "aws_secret_access_key") profile.secret = value;
  }
  RETURN_IF_ERROR(AddProfile(profile, &credentials.secrets_));
  if (!credentials.checks()) return BadLine(number, "there is no access key");
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
