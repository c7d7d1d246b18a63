#include "core/net/http_router.h"

#include <gtest/gtest.h>

#include "core/net/http_access.h"

namespace mainstem::net {
namespace {

HttpHandler Nothing() {
  return Answering([](const HttpRequest&) -> Result<HttpResponse> { return HttpResponse(); });
}

HttpRequest Request(HttpMethod method, std::vector<std::string> segments) {
  HttpRequest request;
  request.method = method;
  request.segments = std::move(segments);
  return request;
}

TEST(HttpRouter, FindsByMethodAndPattern) {
  HttpRouter router;
  router.Add(HttpMethod::kGet, "/topics/{topic}/events", Nothing());
  router.Add(HttpMethod::kPost, "/topics/{topic}/events", Nothing(), {.body_limit = 7});
  router.Add(HttpMethod::kGet, "/{rest...}", Nothing());
  auto request = Request(HttpMethod::kPost, {"topics", "a", "events"});
  auto match = router.Find(&request);
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.route->options.body_limit, 7u);
  EXPECT_EQ(request.Parameter("topic"), "a");

  request = Request(HttpMethod::kDelete, {"topics", "a", "events"});
  match = router.Find(&request);
  EXPECT_EQ(match.route, nullptr);
  EXPECT_EQ(match.allowed_methods, "GET, HEAD, POST");

  request = Request(HttpMethod::kHead, {"x", "y"});
  match = router.Find(&request);
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(request.Parameter("rest"), "x/y");

  request = Request(HttpMethod::kGet, {"topics", "a/b", "events"});
  ASSERT_NE(router.Find(&request).route, nullptr);
  EXPECT_EQ(request.Parameter("topic"), "a/b");
  request = Request(HttpMethod::kGet, {"x/y"});
  EXPECT_EQ(router.Find(&request).route, nullptr);
}

TEST(HttpRouter, PrefersLiteralsWhateverTheOrder) {
  HttpRouter router;
  router.Add(HttpMethod::kGet, "/{name}", Nothing(), {.body_limit = 1});
  router.Add(HttpMethod::kGet, "/healthz", Nothing(), {.body_limit = 2});
  router.Add(HttpMethod::kGet, "/", Nothing(), {.body_limit = 3});
  auto request = Request(HttpMethod::kGet, {"healthz"});
  EXPECT_EQ(router.Find(&request).route->options.body_limit, 2u);
  request = Request(HttpMethod::kGet, {"other"});
  EXPECT_EQ(router.Find(&request).route->options.body_limit, 1u);
  request = Request(HttpMethod::kGet, {});
  EXPECT_EQ(router.Find(&request).route->options.body_limit, 3u);
}

HttpRequest From(std::string host, std::string origin) {
  HttpRequest request;
  if (!host.empty()) request.headers.Add("Host", std::move(host));
  if (!origin.empty()) request.headers.Add("Origin", std::move(origin));
  return request;
}

TEST(HttpAccess, RefusesForeignNamesOfThisNode) {
  HttpAccessPolicy policy;
  for (const char* host : {"127.0.0.1:8080", "localhost:8080", "[::1]:80", "10.0.0.7"}) {
    EXPECT_TRUE(policy.Check(From(host, ""), false).ok()) << host;
  }
  for (const char* host :
       {"evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.io", ""}) {
    EXPECT_TRUE(Is(policy.Check(From(host, ""), false), ErrorCode::kPermissionDenied)) << host;
  }
  policy.allowed_hosts = {"stream.example"};
  EXPECT_TRUE(policy.Check(From("Stream.example:8080", ""), false).ok());
}

TEST(HttpAccess, RefusesPagesOfOtherOrigins) {
  HttpAccessPolicy policy;
  EXPECT_TRUE(policy.Check(From("localhost:1", "http://localhost:1"), false).ok());
  EXPECT_FALSE(policy.Check(From("localhost:1", "http://localhost:2"), true).ok());
  EXPECT_FALSE(policy.Check(From("localhost:1", "null"), true).ok());
  policy.allowed_origins = {"https://shop.example"};
  EXPECT_TRUE(policy.Check(From("localhost:1", "https://shop.example"), true).ok());
  EXPECT_FALSE(policy.Check(From("localhost:1", "https://shop.example"), false).ok());
}

}  // namespace
}  // namespace mainstem::net
