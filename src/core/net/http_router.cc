#include "core/net/http_router.h"

#include <fmt/format.h>

namespace mainstem::net {
namespace {

using Parameters = std::map<std::string, std::string>;

bool IsParameter(const std::string& piece) { return piece.starts_with('{'); }
bool IsRest(const std::string& piece) { return piece.ends_with("...}"); }

std::string NameOf(const std::string& piece) {
  return piece.substr(1, piece.size() - (IsRest(piece) ? 5 : 2));
}

std::optional<Parameters> Bind(const std::vector<std::string>& pattern,
                               const std::vector<std::string>& segments) {
  Parameters parameters;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (IsRest(pattern[i])) {
      std::string rest;
      for (size_t j = i; j < segments.size(); ++j) {
        if (segments[j].find('/') != std::string::npos)
          return std::nullopt;  // not a way to spell '/'
        if (j > i) rest.push_back('/');
        rest.append(segments[j]);
      }
      parameters[NameOf(pattern[i])] = std::move(rest);
      return parameters;
    }
    if (i >= segments.size()) return std::nullopt;
    if (IsParameter(pattern[i])) {
      if (segments[i].empty()) return std::nullopt;
      parameters[NameOf(pattern[i])] = segments[i];
    } else if (pattern[i] != segments[i]) {
      return std::nullopt;
    }
  }
  if (pattern.size() != segments.size()) return std::nullopt;
  return parameters;
}

// Position by position: literal before parameter before rest.
bool IsMoreSpecific(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  auto rank = [](const std::vector<std::string>& pattern, size_t i) {
    if (i >= pattern.size()) return 0;
    return IsRest(pattern[i]) ? 2 : IsParameter(pattern[i]) ? 1 : 0;
  };
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    if (rank(a, i) != rank(b, i)) return rank(a, i) < rank(b, i);
  }
  return false;
}

std::vector<std::string> SplitPattern(std::string_view pattern) {
  CHECK(pattern.starts_with('/'));
  std::vector<std::string> pieces;
  pattern.remove_prefix(1);
  while (!pattern.empty()) {
    size_t slash = std::min(pattern.find('/'), pattern.size());
    pieces.emplace_back(pattern.substr(0, slash));
    CHECK(!IsRest(pieces.back()) || slash == pattern.size());
    if (slash == pattern.size()) break;
    pattern.remove_prefix(slash + 1);
    if (pattern.empty()) pieces.emplace_back();  // a trailing slash is an empty segment
  }
  return pieces;
}

Task<> AnswerWith(std::function<Result<HttpResponse>(const HttpRequest&)> function,
                  HttpExchange* exchange) {
  CO_ASSIGN_OR_RETURN(HttpResponse response, function(exchange->request()));
  co_return co_await exchange->Respond(std::move(response));
}

}  // namespace

void HttpRouter::Add(HttpMethod method, std::string_view pattern, HttpHandler handler,
                     HttpRouteOptions options) {
  HttpRoute route{method, SplitPattern(pattern), std::string(pattern), std::move(handler), options};
  for (const HttpRoute& other : routes_) {
    CHECK(other.method != method || other.pattern != route.pattern);
  }
  auto position = std::find_if(routes_.begin(), routes_.end(), [&](const HttpRoute& other) {
    return IsMoreSpecific(route.pattern, other.pattern);
  });
  routes_.insert(position, std::move(route));
}

HttpRouter::Match HttpRouter::Find(HttpRequest* request) const {
  Match match;
  HttpMethod wanted = request->method == HttpMethod::kHead ? HttpMethod::kGet : request->method;
  const std::vector<std::string>* path_pattern = nullptr;
  for (const HttpRoute& route : routes_) {
    auto parameters = Bind(route.pattern, request->segments);
    if (!parameters) continue;
    // Only the most specific pattern of a path counts, so that a catch-all does not answer for a
    // known path with another method.
    if (path_pattern != nullptr && *path_pattern != route.pattern) continue;
    path_pattern = &route.pattern;
    if (!match.allowed_methods.empty()) match.allowed_methods.append(", ");
    match.allowed_methods.append(ToString(route.method));
    if (route.method == HttpMethod::kGet) match.allowed_methods.append(", HEAD");
    match.allow_cross_origin |= route.options.allow_cross_origin;
    if (route.method == wanted) {
      match.route = &route;
      request->path_parameters = std::move(*parameters);
    }
  }
  return match;
}

HttpHandler Answering(std::function<Result<HttpResponse>(const HttpRequest&)> function) {
  return [function = std::move(function)](HttpExchange* exchange) {
    return AnswerWith(function, exchange);
  };
}

}  // namespace mainstem::net
