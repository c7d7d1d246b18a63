// Requests to HTTP endpoints as Amazon's guide has them, and which answers count.
#include "sink/http/endpoint_request.h"

#include <gtest/gtest.h>

namespace mainstem::sink {
namespace {

const EndpointRequest kRequest{.id = "ed4acda5-034f-9f42-bba1-f29aea6d7d8f",
                               .timestamp_ms = 1578090901599};

Status CheckAnswer(int status, std::string body) {
  connector::HttpAnswer answer;
  answer.status = status;
  answer.body = std::move(body);
  return CheckEndpointAnswer(kRequest, answer);
}

TEST(EndpointRequestTest, HoldsTheRecordsInBase64) {
  const EndpointRecord first{.data = "aGVs", .arrival_ms = 1};
  const EndpointRecord second{.data = std::string("\0\xff", 2), .arrival_ms = 2};
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

TEST(EndpointRequestTest, TellsOfFailedRecords) {
  EXPECT_EQ(FailedRecordLine({.data = "a\n", .arrival_ms = 5},
                             {.attempt_count = 3, .ended_ms = 9, .code = "C", .message = "\"m\""}),
            R"({"attemptsMade":3,"arrivalTimestamp":5,"errorCode":"C","errorMessage":"\"m\"",)"
            R"("attemptEndingTimestamp":9,"rawData":"YQo="})");
}

}  // namespace
}  // namespace mainstem::sink
