// A stream that speaks TLS over another one, as the server. OpenSSL works on memory; this class
// carries the bytes. Internal to core/net.
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
  TlsStream(std::shared_ptr<const TlsServer> server, std::unique_ptr<Stream> beneath,
            Executor executor);
  ~TlsStream() override;

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

  const std::shared_ptr<const TlsServer> server_;
  const std::unique_ptr<Stream> beneath_;
  SSL* const ssl_;
  bool flushing_ = false;
  Event flushed_;
};

}  // namespace mainstem::net
