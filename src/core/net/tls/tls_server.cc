#include "core/net/tls/tls_server.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <fmt/format.h>

#include "core/net/tls/tls_stream.h"

namespace mainstem::net {
namespace {

// In HTTP/2's list of what must not be used are all others of TLS 1.2.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
// Ours in the order of liking, as ALPN writes them.
constexpr std::string_view kProtocols("\x02h2\x08http/1.1");

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeX509 {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

Bio BioOf(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

int NoPassword(char*, int, int, void*) { return -1; }

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

Status BadPem(std::string message, std::string hint) {
  std::string detail = TakeTlsError();
  return MakeError(
      ErrorCode::kInvalidArgument,
      {.message = std::move(message), .detail = std::move(detail), .hint = std::move(hint)});
}

Status UseCertificates(SSL_CTX* context, std::string_view text) {
  Bio bio = BioOf(text);
  std::unique_ptr<X509, FreeX509> first(
      PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr));
  if (!first || SSL_CTX_use_certificate(context, first.get()) != 1) {
    return BadPem("the TLS certificate is none", "it must be PEM: -----BEGIN CERTIFICATE-----");
  }
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    if (SSL_CTX_add_extra_chain_cert(context, next) == 1) continue;  // owns it then
    X509_free(next);
    return BadPem("a certificate behind the first can't be used", "");
  }
  ERR_clear_error();  // that nothing more is there
  return Status::OK();
}

Status UseKey(SSL_CTX* context, std::string_view text) {
  Bio bio = BioOf(text);
  std::unique_ptr<EVP_PKEY, FreeKey> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  if (!key) {
    return BadPem("the TLS key can't be read", "it must be PEM, and not locked by a password");
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return BadPem("the TLS key does not belong to the certificate", "");
  }
  return Status::OK();
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
  auto secured = std::make_unique<TlsStream>(std::move(server), std::move(stream), executor);
  secured->PutReceived(input);
  CO_RETURN_IF_ERROR(co_await secured->Handshake(deadline));
  TlsAccepted accepted;
  accepted.protocol = secured->Protocol();
  accepted.stream = std::move(secured);
  co_return accepted;
}

}  // namespace mainstem::net
