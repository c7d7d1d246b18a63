// Requests to HTTP endpoints as Amazon's guide has them, and which answers count.
#include "sink/firehose/endpoint_request.h"

#include <gtest/gtest.h>

namespace mainstem::sink {
namespace {

const RecordRequest kRequest{.id = "ed4acda5-034f-9f42-bba1-f29aea6d7d8f",
                             .timestamp_ms = 1578090901599};

Status CheckAnswer(int status, std::string body) {
  connector::HttpAnswer answer;
  answer.status = status;
  answer.body = std::move(body);
  return EndpointAnswer(kRequest, answer, 1).problem;
}

TEST(EndpointRequestTest, HoldsTheRecordsInBase64) {
  const SentRecord first{.data = "aGVs", .arrival_ms = 1};
  const SentRecord second{.data = std::string("\0\xff", 2), .arrival_ms = 2};
  EXPECT_EQ(EndpointBody(kRequest, {&first, &second}),
            R"({"requestId":"ed4acda5-034f-9f42-bba1-f29aea6d7d8f","timestamp":1578090901599,)"
            R"("records":[{"data":"YUdWcw=="},{"data":"AP8="}]})");
}

TEST(EndpointRequestTest, IsTakenWhenItIsAcknowledged) {
  const std::string id = R"({"requestId": "ed4acda5-034f-9f42-bba1-f29aea6d7d8f")";
  EXPECT_TRUE(CheckAnswer(200, id + R"(, "timestamp": 1578090903599})").ok());
  for (const std::string& body : {std::string(), std::string("ok"), std::string("[]"), id + "}",
                                  id + R"(, "timestamp": "now"})",
                                  std::string(R"({"requestId": "other", "timestamp": 1})")}) {
    Status refused = CheckAnswer(200, body);
    EXPECT_TRUE(Is(refused, ErrorCode::kUnavailable)) << body;
    EXPECT_NE(TextOf(refused).message.find("does not acknowledge"), std::string::npos);
  }
  for (int status : {201, 301, 400, 413, 500}) {
    Status refused = CheckAnswer(status, id + R"(, "timestamp": 1, "errorMessage": "no"})");
    EXPECT_TRUE(Is(refused, ErrorCode::kUnavailable)) << status;
    EXPECT_NE(TextOf(refused).message.find(std::to_string(status)), std::string::npos);
  }
}

TEST(EndpointRequestTest, FailsAsAWhole) {
  connector::HttpAnswer down;
  down.status = 503;
  RecordAnswer answer = EndpointAnswer(kRequest, down, 2);
  EXPECT_TRUE(answer.refused.empty());
  ASSERT_EQ(answer.again.size(), 2u);
  EXPECT_EQ(answer.again[1].index, 1u);
  EXPECT_EQ(answer.again[1].code, "HttpEndpoint.DestinationException");
  down.status = 413;
  answer = EndpointAnswer(kRequest, down, 2);
  EXPECT_EQ(answer.refused.size(), 2u);
  EXPECT_TRUE(answer.again.empty());
  answer = EndpointAnswer(kRequest, MakeError(ErrorCode::kUnavailable, "no answer"), 1);
  ASSERT_EQ(answer.again.size(), 1u);
  EXPECT_EQ(answer.again[0].message, "no answer");
}

TEST(EndpointRequestTest, TellsOfFailedRecords) {
  EXPECT_EQ(FailedRecordLine({.data = "a\n", .arrival_ms = 5}, {.code = "C", .message = "\"m\""},
                             {.count = 3, .ended_ms = 9}),
            R"({"attemptsMade":3,"arrivalTimestamp":5,"errorCode":"C","errorMessage":"\"m\"",)"
            R"("attemptEndingTimestamp":9,"rawData":"YQo="})");
}

}  // namespace
}  // namespace mainstem::sink
