// One request of an HTTP/2 connection and its answer. Internal to core/net.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/net/http2/http2_session.h"
#include "core/net/routed_exchange.h"
#include "core/sync.h"

namespace mainstem::net {

// Made when the head has come. What comes later is told by the connection, from within the
// session's Put; Serve is its task. Everything on the server's executor; `session` and
// `has_output` outlive it.
class Http2Exchange final : public RoutedExchange {
 public:
  struct Place {
    Http2Session* session = nullptr;
    Event* has_output = nullptr;  // the session may have something to send
    int32_t stream = 0;
    std::string remote_address;
  };
  Http2Exchange(HttpServerShared* shared, Place place, Http2Listener::Head head);

  void PutBody(std::string_view bytes);
  void EndRequest();
  void NoteTaken() { moved_.NotifyAll(); }
  void Close(bool whole);

  // Answers, and ends when the client has it, or will never have it.
  Task<> Serve();
  // Until Serve has ended or the client has taken the request back.
  Task<> WaitForEnd();

  Task<> Respond(HttpResponse response) override;
  Task<> StartStream(int status, HttpHeaders headers) override;
  Task<> WriteStream(std::string piece) override;
  Task<std::unique_ptr<WebSocket>> AcceptWebSocket(size_t message_limit) override;

 private:
  void BeginBody();
  Task<> Dispatch();
  Task<> WaitForBody();
  Task<> Drain();
  Task<> WaitUntilTaken(size_t bytes);

  const Place place_;
  const bool expects_body_;
  const std::optional<uint64_t> content_length_;
  std::optional<HttpResponse> refusal_;  // instead of what the handler would say
  size_t dropped_bytes_ = 0;             // of a body that nobody wants
  bool request_done_ = false;
  bool served_ = false;
  bool closed_ = false;
  bool whole_ = false;  // closed, and the answer has gone out
  Event moved_;         // any of these, or pending bytes
  Event ended_;
};

}  // namespace mainstem::net
