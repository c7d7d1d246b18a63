// An HTTP client for tests: writes bytes as given and reads what comes, over a stream of
// MakeMemoryStreamPair. Understands just enough of a response to cut it out of the stream.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/env.h"

namespace mainstem::net {

struct RawResponse {
  int status = 0;
  std::string head;
  std::string body;
};

class RawClient {
 public:
  explicit RawClient(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}

  Task<> Send(std::string text);
  // Everything up to and with `end`.
  Task<std::string> ReadUntil(std::string end);
  Task<std::string> ReadToEnd();
  // One request with Host: localhost and Content-Length, and its whole answer.
  struct Request {
    std::string method = "GET";
    std::string target;
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::string body = {};
  };
  Task<RawResponse> Call(Request request);
  void Close() { stream_->Close(); }

 private:
  Task<std::string> ReadCount(size_t count);
  Task<std::string> ReadChunks();

  std::unique_ptr<Stream> stream_;
  std::string received_;
};

}  // namespace mainstem::net
