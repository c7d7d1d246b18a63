// TLS for what listens: a certificate with its key, and streams that speak TLS 1.2 or 1.3 over
// other streams (OpenSSL). Clients choose HTTP/2 or HTTP/1.1 by ALPN. Client certificates are not
// asked for.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/env.h"

typedef struct ssl_ctx_st SSL_CTX;  // NOLINT: OpenSSL's

namespace mainstem::net {

// What all connections share. Immutable; any thread.
class TlsServer {
 public:
  // Both in PEM: the certificate first, then those between it and the authority's; and its key,
  // without a password. kInvalidArgument.
  static Result<std::shared_ptr<const TlsServer>> Make(std::string_view certificates,
                                                       std::string_view key);

  SSL_CTX* context() const { return context_.get(); }

 private:
  TlsServer() = default;
  std::shared_ptr<SSL_CTX> context_;
};

// True when bytes that begin a connection are a TLS handshake's. HTTP never begins so.
inline bool IsTlsHandshake(std::string_view input) { return input.starts_with('\x16'); }

struct TlsAccepted {
  std::unique_ptr<Stream> stream;
  std::string protocol{};  // what was agreed on by ALPN: "h2", "http/1.1", or "" when nothing was
};
// Shakes hands as the server. `input`: what was read from the stream already. The stream is closed
// when it fails: kConnectionClosed, kTimedOut. Its Close sends no close_notify: HTTP frames its
// messages itself.
Task<TlsAccepted> AcceptTls(std::shared_ptr<const TlsServer> server, std::unique_ptr<Stream> stream,
                            std::string input, TimePoint deadline);

}  // namespace mainstem::net
