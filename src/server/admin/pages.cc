#include "server/admin/pages.h"

#include <fmt/format.h>

#include "core/net/http_assets.h"

namespace mainstem::server {

// Made of console/dist and examples/clickstream/page by cmake/embed_assets.cmake.
std::span<const net::HttpAsset> ConsoleAssets();
std::span<const net::HttpAsset> ClickstreamAssets();

namespace {

// Nothing from elsewhere, no inline scripts; styles may be set on elements.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' "
    "data:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

using Assets = std::span<const net::HttpAsset> (*)();

net::HttpHandler Serving(Assets assets, std::string_view fixed_path) {
  return net::Answering(
      [assets, fixed_path](const net::HttpRequest& request) -> Result<net::HttpResponse> {
        std::string path(fixed_path);
        if (path.empty()) path = request.Parameter("file");
        if (path.empty()) path = "index.html";
        const net::HttpAsset* asset = net::FindAsset(assets(), path);
        if (asset == nullptr) {
          return MakeError(ErrorCode::kNotFound, fmt::format("no such page: {}", request.path()));
        }
        return net::AssetResponse(*asset, request, kPolicy);
      });
}

}  // namespace

void AddPageRoutes(net::HttpRouter* router) {
  router->Add(net::HttpMethod::kGet, "/", Serving(ConsoleAssets, "index.html"));
  for (const net::HttpAsset& asset : ConsoleAssets()) {
    router->Add(net::HttpMethod::kGet, "/" + std::string(asset.path),
                Serving(ConsoleAssets, asset.path));
  }
  router->Add(net::HttpMethod::kGet, "/examples/clickstream/{file...}",
              Serving(ClickstreamAssets, ""));
}

}  // namespace mainstem::server
