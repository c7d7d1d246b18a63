#include "core/net/sigv4.h"

#include <algorithm>

#include <absl/strings/escaping.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/time/time.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/net/hmac.h"
#include "core/net/percent_encoding.h"

namespace mainstem::net {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kTerminator = "aws4_request";

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::string CanonicalQuery(const HttpRequest& request) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [name, value] : request.query) {
    pairs.emplace_back(PercentEncode(name), PercentEncode(value));
  }
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const auto& [name, value] : pairs) {
    if (!out.empty()) out.push_back('&');
    out.append(name).append("=").append(value);
  }
  return out;
}

// Values of a repeated field are joined; runs of blanks count as one.
std::string CanonicalValue(const HttpHeaders& headers, std::string_view name) {
  std::string out;
  bool first = true;
  for (const auto& [field, value] : headers.fields()) {
    if (!EqualsIgnoringCase(field, name)) continue;
    if (!first) out.push_back(',');
    first = false;
    bool after_blank = false;
    for (char c : TrimBlanks(value)) {
      if (c != ' ' || !after_blank) out.push_back(c);
      after_blank = c == ' ';
    }
  }
  return out;
}

void TakeCredential(std::string_view value, SigV4Authorization* out) {
  std::vector<std::string> parts = absl::StrSplit(std::string(value), '/');
  // An access key may hold slashes, as far as the format goes; the scope is the last four.
  if (parts.size() < 5 || parts.back() != kTerminator) return;
  size_t scope = parts.size() - 4;
  for (size_t i = 0; i < scope; ++i) {
    if (i > 0) out->access_key.push_back('/');
    out->access_key += parts[i];
  }
  out->date = parts[scope];
  out->region = parts[scope + 1];
  out->service = parts[scope + 2];
  out->has_credential = !out->access_key.empty();
}

}  // namespace

std::string SigV4Authorization::scope() const {
  return fmt::format("{}/{}/{}/{}", date, region, service, kTerminator);
}

SigV4Authorization ParseSigV4(std::string_view authorization) {
  SigV4Authorization out;
  authorization = TrimBlanks(authorization);
  if (!authorization.starts_with(kAlgorithm)) return out;
  const std::vector<std::string> pieces =
      absl::StrSplit(std::string(authorization.substr(kAlgorithm.size())), ',');
  for (const std::string& piece : pieces) {
    std::string_view text = TrimBlanks(piece);
    size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    std::string_view name = text.substr(0, equals);
    std::string_view value = text.substr(equals + 1);
    if (name == "Credential") TakeCredential(value, &out);
    if (name == "SignedHeaders" && !value.empty()) {
      out.signed_headers = absl::StrSplit(std::string(value), ';');
      out.has_signed_headers = true;
    }
    if (name == "Signature" && !value.empty()) {
      out.signature = value;
      out.has_signature = true;
    }
  }
  return out;
}

std::string FormatSigV4(const SigV4Authorization& authorization) {
  return fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                     authorization.access_key, authorization.scope(),
                     absl::StrJoin(authorization.signed_headers, ";"), authorization.signature);
}

std::string CanonicalRequest(const SigV4Input& input, const SigV4Authorization& authorization) {
  const HttpRequest& request = *input.request;
  std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
  std::string canonical_path = "/";
  if (!path.empty()) {
    canonical_path = input.path_as_is ? std::string(path) : PercentEncode(path, "/");
  }
  std::string out =
      fmt::format("{}\n{}\n{}\n", request.method_name, canonical_path, CanonicalQuery(request));
  for (const std::string& name : authorization.signed_headers) {
    out += fmt::format("{}:{}\n", name, CanonicalValue(request.headers, name));
  }
  out += fmt::format("\n{}\n{}", absl::StrJoin(authorization.signed_headers, ";"), input.body_hash);
  return out;
}

std::string SigV4Signature(const SigV4Input& input, const SigV4Authorization& authorization,
                           std::string_view secret_key) {
  std::string to_sign =
      fmt::format("{}\n{}\n{}\n{}", kAlgorithm, input.timestamp, authorization.scope(),
                  Sha256Hex(CanonicalRequest(input, authorization)));
  std::string key = HmacSha256("AWS4" + std::string(secret_key), authorization.date);
  key = HmacSha256(key, authorization.region);
  key = HmacSha256(key, authorization.service);
  key = HmacSha256(key, kTerminator);
  return absl::BytesToHexString(HmacSha256(key, to_sign));
}

int64_t ParseSigV4Time(std::string_view text) {
  if (text.size() != 16) return -1;
  // With separators, because ParseTime takes as many digits as a year could have.
  std::string spaced =
      fmt::format("{}-{}-{}:{}:{}{}", text.substr(0, 4), text.substr(4, 2), text.substr(6, 5),
                  text.substr(11, 2), text.substr(13, 2), text.substr(15));
  absl::Time time;
  std::string ignored;
  bool good = absl::ParseTime("%Y-%m-%dT%H:%M:%SZ", spaced, &time, &ignored);
  return good ? absl::ToUnixMillis(time) : -1;
}

std::string FormatSigV4Time(int64_t ms) {
  return absl::FormatTime("%Y%m%dT%H%M%SZ", absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

std::string Sha256Hex(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr) == 1);
  return absl::BytesToHexString({reinterpret_cast<char*>(digest), size});
}

bool EqualsInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace mainstem::net
