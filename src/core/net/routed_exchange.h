// One request and its answer, as far as HTTP/1.1 and HTTP/2 do it alike: who answers, who may call,
// memory for the body, errors, counting. Each version adds how bytes come and go. Internal to
// core/net.
#pragma once

#include <optional>
#include <string>

#include "core/net/http_server.h"
#include "core/net/steady_write.h"

namespace mainstem::net {

// What all connections of a server share. Lives longer than they do; executor's thread only, but
// for the counters.
struct HttpServerShared {
  Executor executor;
  HttpServerOptions options;
  const HttpRouter* router = nullptr;
  HttpServerStats stats;
  size_t body_bytes_used = 0;

  TimePoint After(Duration duration) const { return executor.scheduler()->Now() + duration; }
};

// What a request gets that can't be understood.
HttpResponse ParseFailure(const Status& error, bool in_head);
// 304, 204 and 1xx have no body and no Content-Length.
bool HasNoBody(int status);

// Used by one task at a time. `shared` outlives it.
class RoutedExchange : public HttpExchange {
 public:
  const HttpRequest& request() const override { return request_; }
  std::string TakeBody() override { return std::move(request_.body); }

 protected:
  enum class Answered : uint8_t { kNo, kWhole, kStream, kWebSocket };

  explicit RoutedExchange(HttpServerShared* shared) : shared_(shared) {}
  ~RoutedExchange() override { ReleaseBody(); }

  // Ready for the next request.
  void Reset();
  // Looks for who answers request_, whose head has come. What is to be answered at once when nobody
  // may or can: without a body being read.
  std::optional<HttpResponse> FindRoute();
  size_t body_limit() const { return match_.route ? match_.route->options.body_limit : 0; }
  // Makes room for so many bytes more of the body; kResourceExhausted.
  Status ReserveBody(size_t bytes);
  void ReleaseBody();
  // Has the handler answer, or tells its error when it has not. Its error, when the answer had
  // begun.
  Task<> RunHandler();
  HttpResponse Tell(const Status& error) const;
  void BeginAnswer(Answered how, int status);
  // Before each piece of a stream. kConnectionClosed for a HEAD: who follows something without end
  // must hear that nobody reads it.
  Status CheckStream() const;
  void AddCommonHeaders(HttpHeaders* headers) const;
  void TellAnswer(TimePoint began) const;

  HttpServerShared* const shared_;
  HttpRequest request_;
  Answered answered_ = Answered::kNo;
  size_t body_reserved_ = 0;

 private:
  HttpResponse NoRoute() const;
  HttpResponse AnswerToOptions() const;
  bool LeaseBody(size_t bytes);

  HttpRouter::Match match_;
  int status_ = 0;  // that was answered
  MemoryLease body_lease_;
};

}  // namespace mainstem::net
