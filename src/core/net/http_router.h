// Finds the handler of a request: method and path pattern, "/v1/topics/{topic}/events", where
// "{name}" takes one segment and "{name...}" at the end the rest of the path, possibly empty.
// Literal segments win over parameters, in the order of the segments.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/executor.h"
#include "core/net/http_message.h"

namespace mainstem::net {

class WebSocket;

// One request being answered. A handler calls exactly one of Respond, StartStream and
// AcceptWebSocket, once; when it returns an error before that, the server answers with that error,
// after that it closes the connection. Valid until the handler ends; used only by its task.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  virtual const HttpRequest& request() const = 0;
  // Moves the body out of request(), for who would copy it otherwise.
  virtual std::string TakeBody() = 0;

  virtual Task<> Respond(HttpResponse response) = 0;
  // A body of unknown length, sent piece by piece: chunked, or up to the end of the connection for
  // HTTP/1.0 clients. Ends when the handler returns OK.
  virtual Task<> StartStream(int status, HttpHeaders headers) = 0;
  // Waits until the connection took it: a slow reader slows its writer, and one that takes nothing
  // for the write deadline is closed (kTimedOut).
  virtual Task<> WriteStream(std::string piece) = 0;
  // Answers the upgrade request; kInvalidArgument when it is none. The socket must not outlive the
  // handler.
  virtual Task<std::unique_ptr<WebSocket>> AcceptWebSocket(size_t message_limit) = 0;
};

using HttpHandler = std::function<Task<>(HttpExchange* exchange)>;

struct HttpRouteOptions {
  size_t body_limit = 64 * 1024;
  bool allow_cross_origin = false;  // for the origins of HttpAccessPolicy
};

struct HttpRoute {
  HttpMethod method;
  std::vector<std::string> pattern;
  std::string pattern_text;
  HttpHandler handler;
  HttpRouteOptions options;
};

// Built once at start, then read by all connections. Borrowed by HttpServer.
class HttpRouter {
 public:
  // CHECKs the pattern and that it is new. GET answers HEAD, too.
  void Add(HttpMethod method, std::string_view pattern, HttpHandler handler,
           HttpRouteOptions options = {});

  struct Match {
    const HttpRoute* route = nullptr;  // null: no such path, or not with this method
    std::string allowed_methods;       // of the path, "GET, HEAD, POST"; empty: no such path
    bool allow_cross_origin = false;   // any route of the path does
  };
  // Fills request->path_parameters when a route is found.
  Match Find(HttpRequest* request) const;

 private:
  std::vector<HttpRoute> routes_;
};

// A handler for what needs no waiting.
HttpHandler Answering(std::function<Result<HttpResponse>(const HttpRequest&)> function);

}  // namespace mainstem::net
