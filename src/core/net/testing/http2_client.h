// An HTTP/2 client for tests: libnghttp2's client side over a stream of MakeMemoryStreamPair.
// Speaks only while it is asked to.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/env.h"
#include "core/net/http_message.h"

namespace mainstem::net {

struct Http2Answer {
  int status = 0;
  int interim = 0;  // the 1xx before it
  HttpHeaders headers;
  std::string body;
  bool ended = false;  // as a whole
  bool closed = false;
  uint32_t code = 0;  // of its RST_STREAM, or 0
};

class Http2Client {
 public:
  struct Options {
    uint32_t window = 65535;  // that each answer begins with
  };
  Http2Client(std::unique_ptr<Stream> stream, Options options);
  explicit Http2Client(std::unique_ptr<Stream> stream)
      : Http2Client(std::move(stream), Options()) {}
  ~Http2Client();

  struct Request {
    std::string method = "GET";
    std::string target = "/";
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::string body = {};
    bool ends = true;  // false: more of the body would follow
  };
  // Asks, at the next Exchange.
  int32_t Submit(Request request);
  void Reset(int32_t stream);
  // Sends and receives until `enough` says so, or the server closes.
  Task<> Exchange(std::function<bool()> enough);
  Task<Http2Answer> Call(Request request);
  // Without a body.
  Task<Http2Answer> Ask(std::string method, std::string target);
  const Http2Answer& answer(int32_t stream);
  bool sent_away() const;  // GOAWAY came
  bool closed() const;     // the server closed the connection
  void Close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mainstem::net
