#include "core/net/http_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mainstem::net {
namespace {

using testing::ElementsAre;
using testing::Pair;

// Feeds `input` in pieces of `step` bytes; what is left over goes to `rest`.
Result<HttpRequest> Parse(std::string_view input, size_t step, size_t body_limit = 1000,
                          std::string* rest = nullptr) {
  HttpRequestParser parser({.head_bytes = 512, .query_parameter_count = 4});
  std::string pending;
  bool limit_set = false;
  while (!parser.done()) {
    size_t count = std::min(step, input.size());
    pending.append(input.substr(0, count));
    input.remove_prefix(count);
    while (true) {
      ASSIGN_OR_RETURN(size_t used, parser.Put(pending));
      pending.erase(0, used);
      if (parser.head_done() && !std::exchange(limit_set, true)) {
        RETURN_IF_ERROR(parser.SetBodyLimit(body_limit));
        continue;
      }
      if (used == 0 || pending.empty()) break;
    }
    if (count == 0 && !parser.done()) return MakeError(ErrorCode::kInternal, "incomplete");
  }
  if (rest != nullptr) *rest = pending + std::string(input);
  return parser.Take();
}

TEST(HttpParser, ReadsARequestWhateverThePieces) {
  std::string input =
      "POST /v1/topics/caf%C3%A9/events?key=a+b&x=%26&flag HTTP/1.1\r\nHost: h\r\n"
      "Content-Type: application/json; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello";
  for (size_t step : {size_t{1}, size_t{7}, input.size()}) {
    auto request = Parse(input, step);
    ASSERT_TRUE(request.ok()) << request.status().ToString();
    EXPECT_EQ(request->method, HttpMethod::kPost);
    EXPECT_THAT(request->segments, ElementsAre("v1", "topics", "caf\xC3\xA9", "events"));
    EXPECT_THAT(request->query, ElementsAre(Pair("key", "a b"), Pair("x", "&"), Pair("flag", "")));
    EXPECT_EQ(request->ContentType(), "application/json");
    EXPECT_TRUE(request->QueryFlag("flag"));
    EXPECT_EQ(request->body, "hello");
    EXPECT_TRUE(request->keep_alive);
  }
}

TEST(HttpParser, ReadsChunkedBodies) {
  std::string input =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\nA;note=1\r\n0123456789\r\n0\r\n\r\nGET";
  for (size_t step : {size_t{1}, size_t{5}, input.size()}) {
    std::string rest;
    auto request = Parse(input, step, 1000, &rest);
    ASSERT_TRUE(request.ok()) << request.status().ToString();
    EXPECT_EQ(request->body, "abc0123456789");
    EXPECT_EQ(rest, "GET");
  }
}

TEST(HttpParser, ReadsAnEmptyChunkedBodyWhateverThePieces) {
  for (size_t step : {1, 2, 3, 4, 5, 100}) {
    std::string rest;
    auto request =
        Parse("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET", step,
              1000, &rest);
    ASSERT_TRUE(request.ok()) << request.status();
    EXPECT_EQ(request->body, "");
    EXPECT_EQ(rest, "GET");
  }
}

TEST(HttpParser, LeavesTheNextRequestOfThePipeline) {
  std::string rest;
  auto request = Parse("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\n", 1000, 1000, &rest);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->path(), "/a");
  EXPECT_EQ(rest, "GET /b HTTP/1.1\r\n");
}

TEST(HttpParser, RefusesADeclaredBodyOverTheLimitBeforeItComes) {
  auto request =
      Parse("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n", 1000, 1000);
  EXPECT_TRUE(Is(request.status(), ErrorCode::kMessageTooLarge)) << request.status().ToString();
}

TEST(HttpParser, RefusesAChunkedBodyThatGrowsOverTheLimit) {
  std::string input = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 4; ++i) input += "4\r\nabcd\r\n";
  EXPECT_TRUE(Is(Parse(input, 9, 10).status(), ErrorCode::kMessageTooLarge));
  EXPECT_TRUE(Is(Parse(input, 1000, 10).status(), ErrorCode::kMessageTooLarge));
}

TEST(HttpParser, RefusesAHeadOverItsLimit) {
  std::string input = "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(2000, 'x');
  EXPECT_TRUE(Is(Parse(input, 100).status(), ErrorCode::kRecordListTooLarge));
}

TEST(HttpParser, RefusesWhatIsNoRequest) {
  for (std::string_view input : {
           "\x16\x03\x01\x02 hello\r\n\r\n",                // TLS
           "GET / HTTP/1.1\r\n\r\n",                        // no Host
           "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",  // two hosts
           "GET / HTTP/9.9\r\nHost: h\r\n\r\n",             // version
           "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n",          // escape
           "GET /a%2F..%2Fb HTTP/1.1\r\nHost: h\r\n\r\n",   // hidden dot segments
           "GET /../etc HTTP/1.1\r\nHost: h\r\n\r\n",       // dot segments
           "GET /?a&b&c&d&e HTTP/1.1\r\nHost: h\r\n\r\n",   // parameters
           "GET http://h/a?#=d HTTP/1.1\r\nHost: h\r\n\r\n",
           "GET http://h/a#d HTTP/1.1\r\nHost: h\r\n\r\n",  // fragments
           "GET p: HTTP/1.1\r\nHost: h\r\n\r\n",            // a scheme only
           "GET p:\xe8 HTTP/1.1\r\nHost: h\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\na",
           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
           "0\r\n\r\n",
           // Bodies whose end others find elsewhere.
           "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked"
           "\r\n\r\n0\r\n\r\n",
           "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       }) {
    auto request = Parse(input, 1000);
    EXPECT_TRUE(Is(request.status(), ErrorCode::kInvalidArgument))
        << input << request.status().ToString();
  }
}

TEST(HttpParser, LeavesAnEscapedSlashInItsSegment) {
  HttpRequest request;
  ASSERT_TRUE(ParseTarget("/groups/a%2Fb/x", 4, &request).ok());
  EXPECT_EQ(request.segments, (std::vector<std::string>{"groups", "a/b", "x"}));
}

TEST(HttpRequest, ChecksIntegerParameters) {
  HttpRequest request;
  ASSERT_TRUE(ParseTarget("/?limit=12&bad=12x", 10, &request).ok());
  HttpRequest::IntegerBounds bounds{.fallback = 5, .minimum = 1, .maximum = 20};
  EXPECT_EQ(*request.QueryInteger("limit", bounds), 12);
  EXPECT_EQ(*request.QueryInteger("other", bounds), 5);
  EXPECT_FALSE(request.QueryInteger("bad", bounds).ok());
  bounds.maximum = 10;
  EXPECT_FALSE(request.QueryInteger("limit", bounds).ok());
}

TEST(HttpHeaders, LeavesOutFieldsThatWouldSplitTheHead) {
  HttpHeaders headers;
  headers.Add("Good", "yes");
  headers.Add("Bad", "a\r\nSet-Cookie: x");
  EXPECT_EQ(FormatHead(200, headers), "HTTP/1.1 200 OK\r\nGood: yes\r\n\r\n");
}

}  // namespace
}  // namespace mainstem::net
