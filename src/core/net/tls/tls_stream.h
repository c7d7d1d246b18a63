// A stream that speaks TLS over another one, as the server or the client. OpenSSL works on memory;
// this class carries the bytes. Internal to core/net.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/net/tls/tls_server.h"
#include "core/sync.h"

typedef struct ssl_st SSL;  // NOLINT: OpenSSL's

namespace mainstem::net {

// What OpenSSL has to say about the last failure; forgets it.
std::string TakeTlsError();

// On the executor of the stream beneath; one reader and one writer at a time, as any Stream.
class TlsStream final : public Stream {
 public:
  enum class Role : uint8_t { kServer, kClient };
  // `context` may go before the stream does.
  TlsStream(SSL_CTX* context, Role role, std::unique_ptr<Stream> beneath, Executor executor);
  ~TlsStream() override;

  // The client's, before it shakes hands: who the server must be, by its certificate; a name or an
  // IP address.
  Status SetHost(const std::string& host);
  // Bytes of the peer that were read already.
  void PutReceived(std::string_view bytes);
  Task<> Handshake(TimePoint deadline);
  std::string_view Protocol() const;  // of ALPN; "" when none was agreed on

  Task<size_t> ReadSome(std::span<std::byte> into, TimePoint deadline) override;
  Task<> Write(std::vector<std::span<const std::byte>> pieces, TimePoint deadline) override;
  void Close() override { beneath_->Close(); }
  std::string local_address() const override { return beneath_->local_address(); }
  std::string remote_address() const override { return beneath_->remote_address(); }

 private:
  // Sends what OpenSSL has put out. Reader and writer both come here: one at a time.
  Task<> Flush(TimePoint deadline);
  // False when the peer has ended.
  Task<bool> Receive(TimePoint deadline);
  size_t unsent_bytes() const;
  Status Failure(const char* action);
  Status HandshakeFailure();

  const std::unique_ptr<Stream> beneath_;
  SSL* const ssl_;
  bool flushing_ = false;
  Event flushed_;
};

}  // namespace mainstem::net
