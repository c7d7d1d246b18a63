#include "core/net/http_access.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/asio/ip/address.hpp>

namespace mainstem::net {
namespace {

// "[::1]:8080" is "::1", "localhost:8080" is "localhost".
std::string_view HostWithoutPort(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  return authority.substr(0, authority.find(':'));
}

bool IsAddress(std::string_view host) {
  boost::system::error_code error;
  boost::asio::ip::make_address(std::string(host), error);
  return !error;
}

bool Holds(const std::vector<std::string>& list, std::string_view item) {
  return std::any_of(list.begin(), list.end(), [&](const std::string& entry) {
    return entry == "*" || EqualsIgnoringCase(entry, item);
  });
}

bool IsSameOrigin(std::string_view origin, std::string_view host) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (origin.starts_with(scheme) && EqualsIgnoringCase(origin.substr(scheme.size()), host)) {
      return true;
    }
  }
  return false;
}

}  // namespace

Status HttpAccessPolicy::Check(const HttpRequest& request, bool allow_cross_origin) const {
  std::string_view authority = request.headers.Find("Host").value_or("");
  std::string_view host = HostWithoutPort(authority);
  bool host_allowed = (request.http_1_0 && authority.empty()) || IsAddress(host) ||
                      EqualsIgnoringCase(host, "localhost") || host.ends_with(".localhost") ||
                      Holds(allowed_hosts, host);
  if (!host_allowed) {
    return MakeError(ErrorCode::kPermissionDenied,
                     {.message = fmt::format("this node is not called '{}'", host),
                      .detail = "requests must name it by an IP address, 'localhost' or an allowed "
                                "name, so that foreign web pages cannot reach it",
                      .hint = "use its IP address, or set http.allow-remote-admin"});
  }
  auto origin = request.headers.Find("Origin");
  if (!origin || IsSameOrigin(*origin, authority)) return Status::OK();
  if (allow_cross_origin && Holds(allowed_origins, *origin)) return Status::OK();
  return MakeError(ErrorCode::kPermissionDenied,
                   {.message = fmt::format("pages of '{}' may not call this path", *origin),
                    .hint = "event paths can be opened with the setting http.cors-origin"});
}

std::string HttpAccessPolicy::AllowedOrigin(const HttpRequest& request) const {
  auto origin = request.headers.Find("Origin");
  if (!origin || !Holds(allowed_origins, *origin)) return {};
  return std::string(*origin);
}

}  // namespace mainstem::net
