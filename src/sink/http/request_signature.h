// Signatures by which a receiver knows that a request is ours and whole. Pure.
//   standard: the headers webhook-id, webhook-timestamp (seconds since 1970) and webhook-signature,
//             "v1," and base64 of HMAC-SHA256 over "<id>.<timestamp>.<body>"; a secret "whsec_.."
//             is base64 of the key (Standard Webhooks 1.0)
//   github:   the header X-Hub-Signature-256, "sha256=" and hexadecimal digits of HMAC-SHA256 over
//             the body
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace mainstem::sink {

enum class SignatureScheme : uint8_t { kStandard, kGithub };

class RequestSigner {
 public:
  // kInvalidArgument: a secret that begins with "whsec_" and is not base64, or an empty one.
  static Result<RequestSigner> Make(SignatureScheme scheme, const std::string& secret);
  // Header lines, "Name: value".
  struct Request {
    std::string_view id;
    int64_t seconds;  // since 1970
    std::string_view body;
  };
  std::vector<std::string> Sign(const Request& request) const;

 private:
  RequestSigner() = default;
  SignatureScheme scheme_ = SignatureScheme::kStandard;
  std::string key_;
};

}  // namespace mainstem::sink
