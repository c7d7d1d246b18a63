#include "core/net/tls/tls_server.h"

#include <openssl/ssl.h>

#include "core/net/tls/tls_pem.h"
#include "core/net/tls/tls_stream.h"

namespace mainstem::net {
namespace {

// In HTTP/2's list of what must not be used are all others of TLS 1.2.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
// Ours in the order of liking, as ALPN writes them.
constexpr std::string_view kProtocols("\x02h2\x08http/1.1");

int ChooseProtocol(SSL*, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* in, unsigned int in_size, void*) {
  auto* ours = reinterpret_cast<const unsigned char*>(kProtocols.data());
  unsigned char* chosen = nullptr;
  int outcome = SSL_select_next_proto(&chosen, out_size, ours,
                                      static_cast<unsigned int>(kProtocols.size()), in, in_size);
  if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<std::shared_ptr<const TlsServer>> TlsServer::Make(std::string_view certificates,
                                                         std::string_view key) {
  auto server = std::shared_ptr<TlsServer>(new TlsServer());
  server->context_ = std::shared_ptr<SSL_CTX>(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX* context = server->context_.get();
  CHECK(context != nullptr);
  CHECK(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
  CHECK(SSL_CTX_set_cipher_list(context, kCiphers) == 1);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context, ChooseProtocol, nullptr);
  RETURN_IF_ERROR(UseCertificates(context, certificates));
  RETURN_IF_ERROR(UseKey(context, key));
  return server;
}

Task<TlsAccepted> AcceptTls(std::shared_ptr<const TlsServer> server, std::unique_ptr<Stream> stream,
                            std::string input, TimePoint deadline) {
  Executor executor = co_await asio::this_coro::executor;
  auto secured = std::make_unique<TlsStream>(server->context(), TlsStream::Role::kServer,
                                             std::move(stream), executor);
  secured->PutReceived(input);
  CO_RETURN_IF_ERROR(co_await secured->Handshake(deadline));
  TlsAccepted accepted;
  accepted.protocol = secured->Protocol();
  accepted.stream = std::move(secured);
  co_return accepted;
}

}  // namespace mainstem::net
