// TLS for what connects: whom to trust, an own certificate if the server asks for one, and streams
// that speak TLS 1.2 or 1.3 over other streams (OpenSSL). The server's certificate is always
// checked, and that it is of the host that was meant. Servers are in tls_server.h.
#pragma once

#include <memory>
#include <string>

#include "core/env.h"

typedef struct ssl_ctx_st SSL_CTX;  // NOLINT: OpenSSL's

namespace mainstem::net {

struct TlsClientOptions {
  std::string authorities = {};   // PEM; empty: the system's
  std::string certificates = {};  // PEM, the own one first; empty: none
  std::string key = {};           // its key, without a password
};

// What connections share. Immutable; any thread.
class TlsClient {
 public:
  // kInvalidArgument.
  static Result<std::shared_ptr<const TlsClient>> Make(const TlsClientOptions& options);

  SSL_CTX* context() const { return context_.get(); }

 private:
  TlsClient() = default;
  std::shared_ptr<SSL_CTX> context_;
};

// Shakes hands as the client of `host`, a name or an IP address. The stream is closed when it
// fails: kPermissionDenied when the server's certificate is not trusted, kConnectionClosed,
// kTimedOut. In TLS 1.3 a server that does not like the client's certificate tells at the first
// read only.
Task<std::unique_ptr<Stream>> ConnectTls(std::shared_ptr<const TlsClient> client,
                                         std::unique_ptr<Stream> stream, std::string host,
                                         TimePoint deadline);

}  // namespace mainstem::net
