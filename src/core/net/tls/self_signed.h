// A certificate that vouches for itself, and its key: for machines on which clients are told to
// trust exactly this one. Pure but for OpenSSL's random numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/status.h"

namespace mainstem::net {

struct SelfSignedOptions {
  std::vector<std::string> hosts;  // names and IP addresses of the server; one at least
  int64_t now_ms = 0;              // valid from a day before, for clocks that differ
  int32_t days = 825;              // and for so many days; some clients refuse more
};
struct CertificateAndKey {
  std::string certificate;  // PEM
  std::string key;          // PEM, PKCS #8
};
// ECDSA on P-256. kInvalidArgument when a host can't stand in a certificate.
Result<CertificateAndKey> MakeSelfSigned(const SelfSignedOptions& options);

}  // namespace mainstem::net
