// Files that are part of the program (the console) served from memory: prepared gzip bodies,
// ETags, HEAD and If-None-Match.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/net/http_router.h"

namespace mainstem::net {

// One embedded file. Views point into the program image.
struct HttpAsset {
  std::string_view path;  // "index.html", "assets/app.js"
  std::string_view content_type;
  std::string_view etag;  // quoted, of the plain content
  std::string_view plain;
  std::string_view gzip;  // empty: not worth it
};

// The answer with one asset; `content_security_policy` may be empty.
HttpResponse AssetResponse(const HttpAsset& asset, const HttpRequest& request,
                           std::string_view content_security_policy);

const HttpAsset* FindAsset(std::span<const HttpAsset> assets, std::string_view path);

}  // namespace mainstem::net
