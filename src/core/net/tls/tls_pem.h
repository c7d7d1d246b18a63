// Certificates and keys in PEM, put into a context of OpenSSL. Internal to core/net.
#pragma once

#include <string_view>

#include "core/status.h"

typedef struct ssl_ctx_st SSL_CTX;  // NOLINT: OpenSSL's

namespace mainstem::net {

// kInvalidArgument for what is none. The peer's own first, then those between it and an authority.
Status UseCertificates(SSL_CTX* context, std::string_view text);
// Without a password, and of the certificate that is used.
Status UseKey(SSL_CTX* context, std::string_view text);
// Those whose word counts about the other side.
Status UseAuthorities(SSL_CTX* context, std::string_view text);

}  // namespace mainstem::net
