#include <span>

#include "core/net/http_assets.h"
#include "gateway/http/http_gateway.h"

namespace mainstem::gateway::http {

std::span<const net::HttpAsset> ApiDocuments();  // made of web/ by cmake/embed_assets.cmake

std::string_view OpenApiDocument() { return FindAsset(ApiDocuments(), "openapi.json")->plain; }
std::string_view ApiPage() { return FindAsset(ApiDocuments(), "api.html")->plain; }

}  // namespace mainstem::gateway::http
