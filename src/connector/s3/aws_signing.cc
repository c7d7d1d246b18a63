#include "connector/s3/aws_signing.h"

namespace mainstem::connector {

std::vector<std::string> SignedHeaderLines(const net::HttpRequest& request, const AwsKeys& keys,
                                           const AwsSigning& signing) {
  net::SigV4Authorization authorization;
  authorization.access_key = keys.access_key;
  authorization.date = signing.time.substr(0, 8);
  authorization.region = signing.region;
  authorization.service = signing.service;
  std::vector<std::string> lines;
  for (const auto& [name, value] : request.headers.fields()) {
    authorization.signed_headers.push_back(name);
    if (name != "host") lines.push_back(name + ": " + value);
  }
  net::SigV4Input input{.request = &request,
                        .body_hash = signing.body_hash,
                        .timestamp = signing.time,
                        .path_as_is = signing.path_as_is};
  authorization.signature = net::SigV4Signature(input, authorization, keys.secret_key);
  lines.push_back("Authorization: " + net::FormatSigV4(authorization));
  return lines;
}

}  // namespace mainstem::connector
