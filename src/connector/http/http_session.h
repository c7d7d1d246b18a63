// One HTTP conversation with a server outside, for connectors: libcurl behind Status, with TLS and
// connections that stay open between calls. Everything blocks: call it on the blocking pool only.
// Not thread-safe; one call at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/executor.h"
#include "core/net/http_message.h"
#include "core/status.h"

namespace mainstem::connector {

struct HttpSessionOptions {
  std::string username;  // basic authentication; empty: none
  std::string password;
  std::string ca_file;           // PEM; empty: the system's
  std::string certificate_file;  // of the client, PEM, with its key when there is no key_file
  std::string key_file;
  bool verifies_peer = true;
  Duration connect_timeout = std::chrono::seconds(10);
  Duration call_timeout = std::chrono::seconds(60);
  size_t answer_bytes_max = size_t{64} << 20;
  // Of a longer answer the rest is not read, and its status decides. Else it counts as none.
  bool cuts_long_answers = false;
  // A path may be a secret, as those of many webhooks are: errors name the host alone.
  bool hides_paths = false;
};

struct HttpCall {
  std::string method = "GET";
  std::string url;                        // as a whole, already percent-encoded
  std::vector<std::string> headers = {};  // "Content-Type: application/json"
  std::string_view body = {};             // lives until the call has ended
};

struct HttpAnswer {
  int status = 0;
  net::HttpHeaders headers;
  std::string body;
  std::optional<Duration> retry_after;  // what the server asked for, in seconds
};

class HttpSession {
 public:
  explicit HttpSession(HttpSessionOptions options);
  ~HttpSession();
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;

  // Any answer is an answer, whatever its status. kUnavailable: none came, or not all of it;
  // kPermissionDenied: the two do not trust each other's certificates; kInvalidArgument: no URL.
  // Errors name the URL without its query, never a credential.
  Result<HttpAnswer> Call(const HttpCall& call);
  // Connects to the URL's host, and knows it where TLS asks for that; sends nothing. Errors as
  // above.
  Status TryToConnect(const std::string& url);

 private:
  struct Curl;
  void SetConnection(const std::string& url, char* error);
  std::string Shown(const std::string& url) const;
  HttpSessionOptions options_;
  std::unique_ptr<Curl> curl_;
};

// 'https://a:9200/' or 'http://b' to the same without slashes at its end. kInvalidArgument when it
// is none, or holds a user or password, which would be shown in messages.
Result<std::string> CheckHttpUrl(const std::string& url);

// Whether an answer of this status may be different in a while: 408, 425, 429 and 5xx but 501.
bool IsPassingHttpStatus(int status);

}  // namespace mainstem::connector
