// One HTTP/1.1 connection of an HttpServer, from its first byte to its last. Internal to core/net.
#pragma once

#include <memory>
#include <string>

#include "core/net/routed_exchange.h"

namespace mainstem::net {

// Owns its stream. Run() is its whole life.
class HttpConnection final : public RoutedExchange {
 public:
  // `input`: what was read from the stream already.
  HttpConnection(HttpServerShared* shared, std::unique_ptr<Stream> stream, std::string input);
  ~HttpConnection() override;

  // Serves requests until either side ends the connection. What goes wrong on the wire is no error
  // of the server: it ends with OK.
  Task<> Run();

  Task<> Respond(HttpResponse response) override;
  Task<> StartStream(int status, HttpHeaders headers) override;
  Task<> WriteStream(std::string piece) override;
  Task<std::unique_ptr<WebSocket>> AcceptWebSocket(size_t message_limit) override;

 private:
  // One request and its answer; false when the connection shall end.
  Task<bool> ServeOne();
  Task<bool> ReadHead(HttpRequestParser* parser);
  Task<> ReadBody(HttpRequestParser* parser);
  Task<size_t> ReadMore(TimePoint deadline);
  Task<> Dispatch(HttpRequestParser* parser);
  Task<> EndAnswer(Status outcome);
  // Answers a request that cannot be read on, then reads a little of what still comes: closing a
  // socket with unread input would reset it, and the client would never see the answer.
  Task<> Refuse(HttpResponse response);
  Task<> Drain();
  void AddConnectionHeaders(HttpHeaders* headers) const;
  Task<> Write(std::vector<std::span<const std::byte>> pieces);

  std::unique_ptr<Stream> stream_;
  std::string input_;  // read, not yet parsed
  bool keep_alive_ = true;
  bool chunked_ = false;
};

}  // namespace mainstem::net
