#include "sink/http/request_signature.h"

#include <absl/strings/escaping.h>

#include "core/net/hmac.h"

namespace mainstem::sink {
Result<RequestSigner> RequestSigner::Make(SignatureScheme scheme, const std::string& secret) {
  const std::string prefix = "whsec_";
  RequestSigner signer;
  signer.scheme_ = scheme;
  signer.key_ = secret;
  if (scheme == SignatureScheme::kStandard && secret.starts_with(prefix)) {
    if (!absl::Base64Unescape(secret.substr(prefix.size()), &signer.key_)) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "a secret that begins with 'whsec_' goes on in base64");
    }
  }
  if (signer.key_.empty()) return MakeError(ErrorCode::kInvalidArgument, "the secret is empty");
  return signer;
}

std::vector<std::string> RequestSigner::Sign(const Request& request) const {
  if (scheme_ == SignatureScheme::kGithub) {
    return {"X-Hub-Signature-256: sha256=" +
            absl::BytesToHexString(net::HmacSha256(key_, request.body))};
  }
  std::string seconds = std::to_string(request.seconds);
  std::string signed_text = std::string(request.id) + "." + seconds + ".";
  signed_text += request.body;
  return {"webhook-id: " + std::string(request.id), "webhook-timestamp: " + seconds,
          "webhook-signature: v1," + absl::Base64Escape(net::HmacSha256(key_, signed_text))};
}

}  // namespace mainstem::sink
