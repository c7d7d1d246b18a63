#include "core/net/tls/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include <fmt/format.h>

namespace mainstem::net {
namespace {

constexpr size_t kCipherBytes = 16 * 1024;
constexpr size_t kUnsentBytesMax = 32 * 1024;
constexpr size_t kRecordBytes = 16 * 1024;

}  // namespace

std::string TakeTlsError() {
  char text[256] = "";
  unsigned long code = ERR_get_error();
  if (code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

TlsStream::TlsStream(SSL_CTX* context, Role role, std::unique_ptr<Stream> beneath,
                     Executor executor)
    : beneath_(std::move(beneath)), ssl_(SSL_new(context)), flushed_(executor) {
  CHECK(ssl_ != nullptr);
  SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));  // owns both
  if (role == Role::kServer) {
    SSL_set_accept_state(ssl_);
  } else {
    SSL_set_connect_state(ssl_);
  }
}

TlsStream::~TlsStream() {
  beneath_->Close();
  SSL_free(ssl_);
}

Status TlsStream::SetHost(const std::string& host) {
  X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl_);
  if (X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1) return Status::OK();
  ERR_clear_error();
  // Names only are told to the server (RFC 6066, section 3).
  if (SSL_set1_host(ssl_, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl_, host.c_str()) == 1) {
    return Status::OK();
  }
  TakeTlsError();
  return MakeError(ErrorCode::kInvalidArgument, "'" + host + "' is no name of a TLS server");
}

void TlsStream::PutReceived(std::string_view bytes) {
  int written = BIO_write(SSL_get_rbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
  CHECK(bytes.empty() || written == static_cast<int>(bytes.size()));
}

std::string_view TlsStream::Protocol() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

size_t TlsStream::unsent_bytes() const { return BIO_ctrl_pending(SSL_get_wbio(ssl_)); }

Status TlsStream::Failure(const char* action) {
  std::string detail = TakeTlsError();
  Close();
  return MakeError(ErrorCode::kConnectionClosed,
                   {.message = fmt::format("TLS {} with {} failed", action, remote_address()),
                    .detail = std::move(detail)});
}

Task<> TlsStream::Flush(TimePoint deadline) {
  while (flushing_) {
    CO_ASSIGN_OR_RETURN(bool flushed, co_await flushed_.Wait(deadline));
    if (flushed) continue;
    Close();
    co_return MakeError(ErrorCode::kTimedOut, "the stream's deadline passed");
  }
  size_t size = unsent_bytes();
  if (size == 0) co_return Status::OK();
  std::string bytes(size, '\0');
  CHECK(BIO_read(SSL_get_wbio(ssl_), bytes.data(), static_cast<int>(size)) ==
        static_cast<int>(size));
  flushing_ = true;
  std::vector<std::span<const std::byte>> pieces{std::as_bytes(std::span(bytes))};
  Status written = co_await beneath_->Write(std::move(pieces), deadline);
  flushing_ = false;
  flushed_.NotifyAll();
  co_return written;
}

Task<bool> TlsStream::Receive(TimePoint deadline) {
  std::array<std::byte, kCipherBytes> buffer;
  CO_ASSIGN_OR_RETURN(size_t count, co_await beneath_->ReadSome(buffer, deadline));
  PutReceived({reinterpret_cast<const char*>(buffer.data()), count});
  co_return count > 0;
}

Status TlsStream::HandshakeFailure() {
  std::string detail = TakeTlsError();
  long verified = SSL_get_verify_result(ssl_);
  if (verified == X509_V_OK) {
    return MakeError(ErrorCode::kConnectionClosed,
                     {.message = "TLS handshake failed", .detail = std::move(detail)});
  }
  return MakeError(
      ErrorCode::kPermissionDenied,
      {.message = fmt::format("the certificate of {} is not trusted: {}", remote_address(),
                              X509_verify_cert_error_string(verified))});
}

Task<> TlsStream::Handshake(TimePoint deadline) {
  while (true) {
    ERR_clear_error();
    int outcome = SSL_do_handshake(ssl_);
    int error = SSL_get_error(ssl_, outcome);
    if (outcome != 1 && error != SSL_ERROR_WANT_READ) {
      Status failure = HandshakeFailure();
      IgnoreError(co_await Flush(deadline), "the alert that tells the peer why");
      Close();
      co_return failure;
    }
    CO_RETURN_IF_ERROR(co_await Flush(deadline));
    if (outcome == 1) co_return Status::OK();
    CO_ASSIGN_OR_RETURN(bool more, co_await Receive(deadline));
    if (!more) co_return MakeError(ErrorCode::kConnectionClosed, "the peer ended the handshake");
  }
}

Task<size_t> TlsStream::ReadSome(std::span<std::byte> into, TimePoint deadline) {
  while (true) {
    ERR_clear_error();
    size_t count = 0;
    int outcome = SSL_read_ex(ssl_, into.data(), into.size(), &count);
    int error = SSL_get_error(ssl_, outcome);
    // Answers to what the peer asks beneath the data: new keys, for one.
    if (unsent_bytes() > 0) CO_RETURN_IF_ERROR(co_await Flush(deadline));
    if (outcome == 1) co_return count;
    if (error == SSL_ERROR_ZERO_RETURN) co_return size_t{0};
    if (error != SSL_ERROR_WANT_READ) co_return Failure("read");
    CO_ASSIGN_OR_RETURN(bool more, co_await Receive(deadline));
    if (!more) co_return size_t{0};
  }
}

Task<> TlsStream::Write(std::vector<std::span<const std::byte>> pieces, TimePoint deadline) {
  for (std::span<const std::byte> piece : pieces) {
    while (!piece.empty()) {
      ERR_clear_error();
      size_t count = 0;
      size_t size = std::min(piece.size(), kRecordBytes);
      if (SSL_write_ex(ssl_, piece.data(), size, &count) != 1) co_return Failure("write");
      piece = piece.subspan(count);
      if (unsent_bytes() >= kUnsentBytesMax) CO_RETURN_IF_ERROR(co_await Flush(deadline));
    }
  }
  co_return co_await Flush(deadline);
}

}  // namespace mainstem::net
