#include "core/net/tls/tls_pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <memory>

#include "core/net/tls/tls_stream.h"

namespace mainstem::net {
namespace {

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

Status BadPem(std::string message, std::string hint) {
  std::string detail = TakeTlsError();
  return MakeError(
      ErrorCode::kInvalidArgument,
      {.message = std::move(message), .detail = std::move(detail), .hint = std::move(hint)});
}

}  // namespace

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

Status UseAuthorities(SSL_CTX* context, std::string_view text) {
  Bio bio = BioOf(text);
  int count = 0;
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    std::unique_ptr<X509, FreeX509> authority(next);
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), next) != 1) {
      return BadPem("a certificate of an authority can't be used", "");
    }
    ++count;
  }
  if (count == 0) {
    return BadPem("the certificates of authorities are none",
                  "it must be PEM: -----BEGIN CERTIFICATE-----");
  }
  ERR_clear_error();  // that nothing more is there
  return Status::OK();
}

}  // namespace mainstem::net
