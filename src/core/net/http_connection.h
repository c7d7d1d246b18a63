// One HTTP connection of an HttpServer, from its first byte to its last. Internal to core/net.
#pragma once

#include <memory>
#include <string>

#include "core/net/http_server.h"

namespace mainstem::net {

// What all connections of a server share. Lives longer than they do; executor's thread only, but
// for the counters.
struct HttpServerShared {
  Executor executor;
  HttpServerOptions options;
  const HttpRouter* router = nullptr;
  HttpServerStats stats;
  size_t body_bytes_used = 0;
};

// Owns its stream. Run() is its whole life.
class HttpConnection final : public HttpExchange {
 public:
  HttpConnection(HttpServerShared* shared, std::unique_ptr<Stream> stream);
  ~HttpConnection() override;

  // Serves requests until either side ends the connection. What goes wrong on the wire is no error
  // of the server: it ends with OK.
  Task<> Run();

  const HttpRequest& request() const override { return request_; }
  std::string TakeBody() override { return std::move(request_.body); }
  Task<> Respond(HttpResponse response) override;
  Task<> StartStream(int status, HttpHeaders headers) override;
  Task<> WriteStream(std::string piece) override;
  Task<std::unique_ptr<WebSocket>> AcceptWebSocket(size_t message_limit) override;

 private:
  enum class Answered { kNo, kWhole, kStream, kWebSocket };

  // One request and its answer; false when the connection shall end.
  Task<bool> ServeOne();
  Task<bool> ReadHead(HttpRequestParser* parser);
  Task<> ReadBody(HttpRequestParser* parser, size_t limit);
  Task<size_t> ReadMore(TimePoint deadline);
  Task<> Dispatch(HttpRequestParser* parser);
  Task<> RunHandler(const HttpRoute* route);
  HttpResponse Tell(const Status& error) const;
  Task<> AnswerPreflight(const HttpRouter::Match& match);
  // Answers a request that cannot be read on, then reads a little of what still comes: closing a
  // socket with unread input would reset it, and the client would never see the answer.
  Task<> Refuse(HttpResponse response);
  Task<> Drain();
  Status ReserveBody(size_t bytes);
  bool LeaseBody(size_t bytes);
  void ReleaseBody();
  void TellAnswer(TimePoint began) const;
  void AddCommonHeaders(HttpHeaders* headers) const;
  Task<> Write(std::vector<std::span<const std::byte>> pieces);
  TimePoint After(Duration duration) const {
    return shared_->executor.scheduler()->Now() + duration;
  }

  HttpServerShared* shared_;
  std::unique_ptr<Stream> stream_;
  std::string input_;  // read, not yet parsed
  HttpRequest request_;
  bool cross_origin_route_ = false;
  bool keep_alive_ = true;
  Answered answered_ = Answered::kNo;
  int status_ = 0;  // that was answered
  std::string_view route_;
  bool chunked_ = false;
  size_t body_reserved_ = 0;
  MemoryLease body_lease_;
};

}  // namespace mainstem::net
