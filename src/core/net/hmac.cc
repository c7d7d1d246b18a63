#include "core/net/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/status.h"

namespace mainstem::net {

std::string HmacSha256(std::string_view key, std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const auto* begin = reinterpret_cast<const unsigned char*>(text.data());
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), begin, text.size(), digest,
             &size) != nullptr);
  return std::string(reinterpret_cast<char*>(digest), size);
}

}  // namespace mainstem::net
