#include "core/net/tls/self_signed.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <boost/asio/ip/address.hpp>

namespace mainstem::net {
namespace {

constexpr int64_t kSecondsOfDay = 86400;
constexpr size_t kHostBytesMax = 253;
constexpr size_t kCommonNameMax = 64;  // X.520

template <auto kFree>
struct OpensslFree {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Certificate = std::unique_ptr<X509, OpensslFree<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, OpensslFree<X509_EXTENSION_free>>;
using MemoryBio = std::unique_ptr<BIO, OpensslFree<BIO_vfree>>;

bool IsHostName(std::string_view host) {
  auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '*' || c == '_';
  };
  return !host.empty() && host.size() <= kHostBytesMax &&
         std::all_of(host.begin(), host.end(), fits);
}

// "DNS:localhost,IP:127.0.0.1", as OpenSSL reads it.
Result<std::string> AlternativeNames(const std::vector<std::string>& hosts) {
  std::string names;
  for (const std::string& host : hosts) {
    boost::system::error_code error;
    auto address = boost::asio::ip::make_address(host, error);
    if (error && !IsHostName(host)) {
      return MakeError(ErrorCode::kInvalidArgument,
                       {.message = fmt::format("'{}' is no host", host),
                        .hint = "give names and IP addresses without port"});
    }
    if (!names.empty()) names += ",";
    names += error ? "DNS:" + host : "IP:" + address.to_string();
  }
  if (names.empty()) return MakeError(ErrorCode::kInvalidArgument, "a certificate needs a host");
  return names;
}

void AddExtension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  CHECK(extension != nullptr);
  CHECK(X509_add_ext(certificate, extension.get(), -1) == 1);
}

std::string PemOf(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

}  // namespace

Result<CertificateAndKey> MakeSelfSigned(const SelfSignedOptions& options) {
  ASSIGN_OR_RETURN(std::string names, AlternativeNames(options.hosts));
  PrivateKey key(EVP_EC_gen("P-256"));
  CHECK(key != nullptr);
  Certificate certificate(X509_new());
  X509* x509 = certificate.get();
  CHECK(X509_set_version(x509, X509_VERSION_3) == 1);
  unsigned char serial[8];
  CHECK(RAND_bytes(serial, sizeof serial) == 1);
  serial[0] &= 0x7F;
  uint64_t number = 0;
  for (unsigned char byte : serial) number = number << 8 | byte;
  CHECK(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), number) == 1);
  int64_t now_s = options.now_ms / 1000;
  ASN1_TIME_set(X509_getm_notBefore(x509), now_s - kSecondsOfDay);
  ASN1_TIME_set(X509_getm_notAfter(x509), now_s + options.days * kSecondsOfDay);
  X509_NAME* subject = X509_get_subject_name(x509);
  std::string common_name = options.hosts[0].substr(0, kCommonNameMax);
  CHECK(X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common_name.data()),
                                   static_cast<int>(common_name.size()), -1, 0) == 1);
  CHECK(X509_set_issuer_name(x509, subject) == 1);
  CHECK(X509_set_pubkey(x509, key.get()) == 1);
  // Its own authority, so that it can stand in a list of trusted ones.
  AddExtension(x509, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(x509, NID_key_usage, "critical,digitalSignature,keyCertSign");
  AddExtension(x509, NID_ext_key_usage, "serverAuth");
  AddExtension(x509, NID_subject_key_identifier, "hash");
  AddExtension(x509, NID_subject_alt_name, names);
  CHECK(X509_sign(x509, key.get(), EVP_sha256()) > 0);
  MemoryBio certificate_bio(BIO_new(BIO_s_mem()));
  MemoryBio key_bio(BIO_new(BIO_s_mem()));
  CHECK(PEM_write_bio_X509(certificate_bio.get(), x509) == 1);
  CHECK(PEM_write_bio_PKCS8PrivateKey(key_bio.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                      nullptr) == 1);
  return CertificateAndKey{.certificate = PemOf(certificate_bio.get()),
                           .key = PemOf(key_bio.get())};
}

}  // namespace mainstem::net
