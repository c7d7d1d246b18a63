#include "core/net/http_message.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "core/json_writer.h"

namespace mainstem::net {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Calls `visit` with each trimmed piece; stops when it returns true.
template <typename F>
bool AnyPiece(std::string_view list, F visit) {
  while (true) {
    size_t comma = list.find(',');
    if (visit(Trim(list.substr(0, comma)))) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

bool FitsInHeader(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

}  // namespace

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

std::string_view ToString(HttpMethod method) {
  switch (method) {
    case HttpMethod::kGet: return "GET";
    case HttpMethod::kHead: return "HEAD";
    case HttpMethod::kPost: return "POST";
    case HttpMethod::kPut: return "PUT";
    case HttpMethod::kPatch: return "PATCH";
    case HttpMethod::kDelete: return "DELETE";
    case HttpMethod::kOptions: return "OPTIONS";
    case HttpMethod::kOther: break;
  }
  return "other";
}

void HttpHeaders::Add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
}

void HttpHeaders::Set(std::string name, std::string value) {
  std::erase_if(fields_, [&](const auto& field) { return EqualsIgnoringCase(field.first, name); });
  Add(std::move(name), std::move(value));
}

std::optional<std::string_view> HttpHeaders::Find(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (EqualsIgnoringCase(key, name)) return Trim(value);
  }
  return std::nullopt;
}

bool HttpHeaders::HasToken(std::string_view name, std::string_view token) const {
  for (const auto& [key, value] : fields_) {
    if (!EqualsIgnoringCase(key, name)) continue;
    if (AnyPiece(value, [&](auto piece) { return EqualsIgnoringCase(piece, token); })) return true;
  }
  return false;
}

std::string HttpRequest::path() const {
  std::string out;
  for (const std::string& segment : segments) out.append("/").append(segment);
  return out.empty() ? "/" : out;
}

std::optional<std::string_view> HttpRequest::Query(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

bool HttpRequest::QueryFlag(std::string_view name) const {
  auto value = Query(name);
  return value && (value->empty() || *value == "1" || *value == "true");
}

Result<int64_t> HttpRequest::QueryInteger(std::string_view name, IntegerBounds bounds) const {
  auto text = Query(name);
  if (!text) return bounds.fallback;
  int64_t value = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < bounds.minimum ||
      value > bounds.maximum) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = fmt::format("query parameter '{}' is '{}'", name, *text),
                      .detail = fmt::format("expected an integer from {} to {}", bounds.minimum,
                                            bounds.maximum)});
  }
  return value;
}

const std::string& HttpRequest::Parameter(const std::string& name) const {
  auto found = path_parameters.find(name);
  CHECK(found != path_parameters.end());
  return found->second;
}

std::string HttpRequest::ContentType() const {
  std::string_view value = headers.Find("Content-Type").value_or("");
  std::string out(Trim(value.substr(0, value.find(';'))));
  std::transform(out.begin(), out.end(), out.begin(), Lower);
  return out;
}

bool HttpRequest::Accepts(std::string_view media_type) const {
  for (const auto& [key, value] : headers.fields()) {
    if (!EqualsIgnoringCase(key, "Accept")) continue;
    bool found = AnyPiece(value, [&](std::string_view piece) {
      return EqualsIgnoringCase(Trim(piece.substr(0, piece.find(';'))), media_type);
    });
    if (found) return true;
  }
  return false;
}

HttpResponse JsonResponse(int status, std::string json) {
  return TextResponse(status, "application/json", std::move(json));
}

HttpResponse TextResponse(int status, std::string_view content_type, std::string body) {
  HttpResponse response{.status = status, .headers = {}, .body = std::move(body)};
  response.headers.Add("Content-Type", std::string(content_type));
  return response;
}

std::string ErrorJson(std::string_view code, const ErrorText& text) {
  JsonWriter json;
  json.BeginObject().Key("error").BeginObject();
  json.Field("code", code).Field("message", text.message);
  if (!text.detail.empty()) json.Field("detail", text.detail);
  if (!text.hint.empty()) json.Field("hint", text.hint);
  json.EndObject().EndObject();
  return json.Take();
}

std::string ErrorJson(const Status& error) {
  return ErrorJson(TraitsOf(CodeOf(error)).name, TextOf(error));
}

HttpResponse ErrorResponse(int status, std::string_view code, const ErrorText& text) {
  return JsonResponse(status, ErrorJson(code, text) + "\n");
}

HttpResponse ErrorResponse(const Status& error) {
  const ErrorTraits& traits = TraitsOf(CodeOf(error));
  HttpResponse response = ErrorResponse(traits.http_status, traits.name, TextOf(error));
  // What Retry-After is for: the client is not at fault and may come again.
  if (traits.http_status == 429 || traits.http_status == 503) {
    response.headers.Add("Retry-After", "1");
  }
  return response;
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return status < 400 ? "OK" : "Error";
  }
}

std::string FormatHead(int status, const HttpHeaders& headers) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", status, ReasonPhrase(status));
  for (const auto& [name, value] : headers.fields()) {
    if (!FitsInHeader(name) || !FitsInHeader(value)) continue;
    head.append(name).append(": ").append(value).append("\r\n");
  }
  head.append("\r\n");
  return head;
}

}  // namespace mainstem::net
