// Requests to API destinations: what of an event, a target and a connection goes where.
#include "gateway/events/destinations/api_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/aws/body_codec.h"

namespace mainstem::gateway::events {
namespace {

using testing::Contains;
using testing::ElementsAre;

struct RequestCase {
  std::string destination = R"({"InvocationEndpoint":"http://h/a/*/b/*?x=1","HttpMethod":"POST"})";
  std::string connection = "{}";
  std::string parameters = "null";
  std::string event = R"({"id":"e","detail":{"n":3,"s":"a b","evil":"x\r\nInjected: yes"}})";
  std::string input = R"({"k":1})";
};

aws::Document DocumentOf(const std::string& json) {
  auto document = aws::DecodeBody(aws::BodyCodec::kJson, json);
  CHECK_OK(document);
  return *std::move(document);
}

ApiRequest RequestFor(const RequestCase& given) {
  aws::Document destination = DocumentOf(given.destination);
  aws::Document connection = DocumentOf(given.connection);
  aws::Document parameters = DocumentOf(given.parameters);
  aws::Document event = DocumentOf(given.event);
  return MakeApiRequest({.destination = destination.root,
                         .connection = connection.root,
                         .parameters = parameters.root,
                         .event = event.root,
                         .input = given.input,
                         .delivery = "e/t"});
}

TEST(ApiRequestTest, PathsAndQueriesAreEncoded) {
  ApiRequest request = RequestFor({.parameters = R"({"PathParameterValues":["$.detail.s","c/d"],
      "QueryStringParameters":{"n":"$.detail.n","none":"$.detail.absent"}})"});
  EXPECT_EQ(request.url, "http://h/a/a%20b/b/c%2Fd?x=1&n=3&none=");
  EXPECT_EQ(RequestFor({}).url, "http://h/a/*/b/*?x=1");
}

TEST(ApiRequestTest, NoValueEndsAHeader) {
  ApiRequest request =
      RequestFor({.connection = R"({"AuthParameters":{"ApiKeyAuthParameters":
                                   {"ApiKeyName":"X-Key","ApiKeyValue":"k"}}})",
                  .parameters = R"({"HeaderParameters":{"X-Evil":"$.detail.evil"}})"});
  EXPECT_THAT(request.headers,
              ElementsAre("content-type: application/json; charset=utf-8", "idempotency-key: e/t",
                          "user-agent: Amazon/EventBridge/ApiDestinations",
                          "x-evil: x  Injected: yes", "x-key: k"));
  EXPECT_TRUE(IsHeaderName("X-Evil"));
  for (const char* name : {"", "a b", "a:", "a\r\nb", "\xc3\xbc"}) {
    EXPECT_FALSE(IsHeaderName(name)) << name;
  }
}

TEST(ApiRequestTest, ConnectionsAddToABodyThatIsAnObject) {
  const std::string connection = R"({"AuthParameters":{"InvocationHttpParameters":{
      "BodyParameters":[{"Key":"k","Value":"theirs"},{"Key":"l","Value":"more"}]}}})";
  EXPECT_EQ(RequestFor({.connection = connection}).body, R"({"k":"theirs","l":"more"})");
  EXPECT_EQ(RequestFor({.connection = connection, .input = "[1]"}).body, "[1]");
  ApiRequest get = RequestFor({.destination = R"({"InvocationEndpoint":"http://h","HttpMethod":
                                                  "GET"})"});
  EXPECT_EQ(get.body, "");
  EXPECT_THAT(get.headers, testing::Not(Contains(testing::HasSubstr("content-type"))));
}

TEST(ApiRequestTest, BrokenParametersAreRefused) {
  for (const char* parameters :
       {R"({"PathParameterValues":["$.a["]})", R"({"HeaderParameters":{"a b":"c"}})",
        R"({"QueryStringParameters":{"a":"$.b..c"}})"}) {
    EXPECT_TRUE(Is(CheckHttpParameters(DocumentOf(parameters).root), ErrorCode::kInvalidArgument))
        << parameters;
  }
}

}  // namespace
}  // namespace mainstem::gateway::events
