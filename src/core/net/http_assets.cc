#include "core/net/http_assets.h"

#include <algorithm>

namespace mainstem::net {

const HttpAsset* FindAsset(std::span<const HttpAsset> assets, std::string_view path) {
  auto found = std::find_if(assets.begin(), assets.end(),
                            [&](const HttpAsset& asset) { return asset.path == path; });
  return found == assets.end() ? nullptr : &*found;
}

HttpResponse AssetResponse(const HttpAsset& asset, const HttpRequest& request,
                           std::string_view content_security_policy) {
  HttpResponse response;
  bool takes_gzip = !asset.gzip.empty() && request.headers.HasToken("Accept-Encoding", "gzip");
  // Other bytes have another tag. Who has gone between may have made it a weak one.
  std::string etag(asset.etag);
  if (takes_gzip) etag.insert(etag.size() - 1, "-gzip");
  bool has_it = request.headers.HasToken("If-None-Match", etag) ||
                request.headers.HasToken("If-None-Match", "W/" + etag);
  response.headers.Add("ETag", std::move(etag));
  // The file changes with the program: ask each time, which costs one 304.
  response.headers.Add("Cache-Control", "no-cache");
  response.headers.Add("Vary", "Accept-Encoding");
  if (!content_security_policy.empty()) {
    response.headers.Add("Content-Security-Policy", std::string(content_security_policy));
  }
  if (has_it) {
    response.status = 304;
    return response;
  }
  response.headers.Add("Content-Type", std::string(asset.content_type));
  if (takes_gzip) {
    response.headers.Add("Content-Encoding", "gzip");
    response.body = std::string(asset.gzip);
  } else {
    response.body = std::string(asset.plain);
  }
  return response;
}

}  // namespace mainstem::net
