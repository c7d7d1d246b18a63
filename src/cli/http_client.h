// The CLI's way to a running node: blocking HTTP through libcurl. One thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace simdjson::dom {
class element;
}

namespace mainstem::cli {

struct HttpRequest {
  std::string method = "GET";
  std::string path;  // "/api/v1/topics", query included
  std::string body = {};
  std::string content_type = "application/json";
  std::vector<std::string> headers = {};  // "Accept: text/event-stream"
};

// The error that a node tells as {"code":..,"message":..,"detail":..,"hint":..}. `fallback`: for a
// code of another version, and for kCancelled, which is what a command is when its user ends it.
Status ToldError(const simdjson::dom::element& error, ErrorCode fallback);

class HttpClient {
 public:
  // `base_url`: "http://127.0.0.1:8080".
  explicit HttpClient(std::string base_url);
  ~HttpClient();

  // The body of a 2xx answer. Others: the error that the node sent, with its hint; no connection:
  // kUnavailable that says how to start a node.
  Result<std::string> Call(const HttpRequest& request);
  // Gives each line of a streamed answer as it comes; stops early when `on_line` returns false.
  Status Stream(const HttpRequest& request, const std::function<bool(std::string_view)>& on_line);
  // Calls end with kCancelled soon after it becomes true. Borrowed.
  void set_cancelled(const std::atomic<bool>* cancelled) { cancelled_ = cancelled; }
  const std::string& base_url() const { return base_url_; }

 private:
  struct Curl;
  std::string base_url_;
  std::unique_ptr<Curl> curl_;
  const std::atomic<bool>* cancelled_ = nullptr;
};

}  // namespace mainstem::cli
