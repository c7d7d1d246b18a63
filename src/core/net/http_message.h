// What an HTTP handler sees: a parsed request and the response it gives. Plain values without I/O;
// http_parser.h makes requests of bytes, http_server.h carries them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"

namespace mainstem::net {

enum class HttpMethod : uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };
std::string_view ToString(HttpMethod method);

// Header fields in order of arrival; names compare without case.
class HttpHeaders {
 public:
  void Add(std::string name, std::string value);
  // Replaces all fields of that name.
  void Set(std::string name, std::string value);
  // The first of that name, without surrounding blanks.
  std::optional<std::string_view> Find(std::string_view name) const;
  // True when the comma-separated lists of that name hold `token`, without regard to case.
  bool HasToken(std::string_view name, std::string_view token) const;
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

bool EqualsIgnoringCase(std::string_view a, std::string_view b);

struct HttpRequest {
  HttpMethod method = HttpMethod::kGet;
  std::string method_name;
  std::string target;                 // as sent
  std::vector<std::string> segments;  // of the path, percent-decoded: "/a/b%20c" is {"a", "b c"}
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  HttpHeaders headers;
  std::string body;
  bool keep_alive = true;
  bool http_1_0 = false;
  std::string remote_address;
  std::map<std::string, std::string> path_parameters;  // set by the router

  std::string path() const;  // "/a/b c"
  std::optional<std::string_view> Query(std::string_view name) const;
  // "true", "1" or present without value; false when absent.
  bool QueryFlag(std::string_view name) const;
  // kInvalidArgument, naming the parameter, unless absent or an integer within the bounds.
  struct IntegerBounds {
    int64_t fallback;
    int64_t minimum;
    int64_t maximum;
  };
  Result<int64_t> QueryInteger(std::string_view name, IntegerBounds bounds) const;
  // A parameter of the matched route; CHECKs that the route has it.
  const std::string& Parameter(const std::string& name) const;
  // The Content-Type without parameters, in lower case.
  std::string ContentType() const;
  // True when the client's Accept header names `media_type` itself (not only by a wildcard).
  bool Accepts(std::string_view media_type) const;
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;
  std::string body;
};

HttpResponse JsonResponse(int status, std::string json);
HttpResponse TextResponse(int status, std::string_view content_type, std::string body);
// {"error":{"code","message","detail","hint"}} with the code's HTTP status.
HttpResponse ErrorResponse(const Status& error);
HttpResponse ErrorResponse(int status, std::string_view code, const ErrorText& text);
// The body of ErrorResponse, for streams that end in an error.
std::string ErrorJson(std::string_view code, const ErrorText& text);
std::string ErrorJson(const Status& error);

std::string_view ReasonPhrase(int status);

// Status line and fields, ended by the empty line. A field whose name or value could not stand in
// a header (line breaks) is left out.
std::string FormatHead(int status, const HttpHeaders& headers);

}  // namespace mainstem::net
