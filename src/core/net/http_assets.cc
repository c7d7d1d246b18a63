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
  response.headers.Add("ETag", std::string(asset.etag));
  // The file changes with the program: ask each time, which costs one 304.
  response.headers.Add("Cache-Control", "no-cache");
  response.headers.Add("Vary", "Accept-Encoding");
  if (!content_security_policy.empty()) {
    response.headers.Add("Content-Security-Policy", std::string(content_security_policy));
  }
  if (request.headers.HasToken("If-None-Match", asset.etag)) {
    response.status = 304;
    return response;
  }
  response.headers.Add("Content-Type", std::string(asset.content_type));
  bool takes_gzip = !asset.gzip.empty() && request.headers.HasToken("Accept-Encoding", "gzip");
  if (takes_gzip) {
    response.headers.Add("Content-Encoding", "gzip");
    response.body = std::string(asset.gzip);
  } else {
    response.body = std::string(asset.plain);
  }
  return response;
}

}  // namespace mainstem::net
