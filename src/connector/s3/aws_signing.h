// Requests to AWS-like services, signed (Signature Version 4). Pure.
#pragma once

#include <string>
#include <vector>

#include "connector/s3/s3_options.h"
#include "core/net/sigv4.h"

namespace mainstem::connector {

struct AwsSigning {
  std::string region;
  std::string service;      // "kinesis"
  std::string time;         // as FormatSigV4Time gives it, and as the field x-amz-date has it
  std::string body_hash;    // in hex
  bool path_as_is = false;  // see net::SigV4Input
};

// The header lines to send: all fields of `request` but the host, each of them signed, and
// "Authorization". The fields must be sorted by name, in lower case, the host among them.
std::vector<std::string> SignedHeaderLines(const net::HttpRequest& request, const AwsKeys& keys,
                                           const AwsSigning& signing);

}  // namespace mainstem::connector
