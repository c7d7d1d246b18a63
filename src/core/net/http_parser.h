// The HTTP/1.1 request codec: bytes in, HttpRequest out, no I/O. Boost.Beast reads the message
// syntax and Boost.URL the target; this class adds the limits. Fuzzed by http_parser_fuzz.cc.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "core/net/http_message.h"

namespace mainstem::net {

struct HttpParserLimits {
  size_t head_bytes = 64 * 1024;
  size_t query_parameter_count = 256;
};

// Parses one request: Put until head_done, then SetBodyLimit, then Put until done, then Take. Use a
// new parser for the next request. Not thread-safe.
class HttpRequestParser {
 public:
  explicit HttpRequestParser(HttpParserLimits limits = {});
  ~HttpRequestParser();
  HttpRequestParser(HttpRequestParser&&) noexcept;

  // Takes bytes of the connection's input, and returns how many it used: the caller offers the rest
  // again, with more behind it. Stops after the head, and at the end of the request (what follows
  // belongs to the next one). kRecordListTooLarge: the head is over its limit; kMessageTooLarge:
  // the body is; kInvalidArgument: not HTTP. After a failure the rest of the connection is lost.
  Result<size_t> Put(std::string_view input);

  bool head_done() const;
  bool done() const;
  // After head_done. Nothing when the body is chunked.
  std::optional<uint64_t> content_length() const;
  bool expects_continue() const;
  // Refuses a body of more bytes: at once with kMessageTooLarge when its length is declared, else
  // when it grows past the limit. Nothing is allocated for a body before this call.
  Status SetBodyLimit(size_t limit);
  // Bytes of the body held so far.
  size_t body_bytes() const;

  // Head, without the body, as soon as head_done.
  const HttpRequest& head() const;
  HttpRequest Take();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// kMessageTooLarge: what a body over its route's limit gets.
Status BodyTooLarge(size_t limit);

// Splits an origin-form target ("/a/b?x=1") into decoded segments and parameters. A malformed
// escape, a NUL, or an encoded slash inside a segment is kInvalidArgument.
Status ParseTarget(std::string_view target, size_t parameter_limit, HttpRequest* request);

}  // namespace mainstem::net
