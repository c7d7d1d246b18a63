#include "core/net/tls/tls_client.h"

#include <openssl/ssl.h>

#include "core/net/tls/tls_pem.h"
#include "core/net/tls/tls_stream.h"

namespace mainstem::net {

Result<std::shared_ptr<const TlsClient>> TlsClient::Make(const TlsClientOptions& options) {
  auto client = std::shared_ptr<TlsClient>(new TlsClient());
  client->context_ = std::shared_ptr<SSL_CTX>(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  SSL_CTX* context = client->context_.get();
  CHECK(context != nullptr);
  CHECK(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (options.authorities.empty()) {
    CHECK(SSL_CTX_set_default_verify_paths(context) == 1);
  } else {
    RETURN_IF_ERROR(UseAuthorities(context, options.authorities));
  }
  if (!options.certificates.empty()) {
    RETURN_IF_ERROR(UseCertificates(context, options.certificates));
    RETURN_IF_ERROR(UseKey(context, options.key));
  }
  return client;
}

Task<std::unique_ptr<Stream>> ConnectTls(std::shared_ptr<const TlsClient> client,
                                         std::unique_ptr<Stream> stream, std::string host,
                                         TimePoint deadline) {
  Executor executor = co_await asio::this_coro::executor;
  auto secured = std::make_unique<TlsStream>(client->context(), TlsStream::Role::kClient,
                                             std::move(stream), executor);
  CO_RETURN_IF_ERROR(secured->SetHost(host));
  CO_RETURN_IF_ERROR(co_await secured->Handshake(deadline));
  std::unique_ptr<Stream> ready = std::move(secured);
  co_return ready;
}

}  // namespace mainstem::net
