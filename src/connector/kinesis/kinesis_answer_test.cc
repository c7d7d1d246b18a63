#include "connector/kinesis/kinesis_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connector/kinesis/kinesis_options.h"

namespace mainstem::connector {
namespace {

using testing::HasSubstr;

TEST(KinesisAnswerTest, ReadsListingsOfShards) {
  auto listing = ParseShardListing(R"({"Shards": [
      {"ShardId": "a",
       "SequenceNumberRange": {"StartingSequenceNumber": "1", "EndingSequenceNumber": "2"}},
      {"ShardId": "b", "ParentShardId": "a", "AdjacentParentShardId": "c",
       "SequenceNumberRange": {"StartingSequenceNumber": "3"}}], "NextToken": "t"})");
  ASSERT_TRUE(listing.ok()) << listing.status();
  ASSERT_EQ(listing->shards.size(), 2u);
  EXPECT_FALSE(listing->shards[0].is_open);
  EXPECT_TRUE(listing->shards[1].is_open);
  EXPECT_EQ(listing->shards[1].parent, "a");
  EXPECT_EQ(listing->shards[1].adjacent_parent, "c");
  EXPECT_EQ(listing->next_token, "t");
}

TEST(KinesisAnswerTest, ReadsRecordsAndTheEndOfAShard) {
  auto records =
      ParseRecords(R"({"Records": [{"Data": "aGk=", "PartitionKey": "k", "SequenceNumber": "9",
      "ApproximateArrivalTimestamp": 1767225600.123}], "MillisBehindLatest": 7})");
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->records.size(), 1u);
  EXPECT_EQ(records->records[0].data, "hi");
  EXPECT_EQ(records->records[0].arrival_ms, 1767225600123);
  EXPECT_EQ(records->millis_behind, 7);
  EXPECT_EQ(records->next_iterator, "");
}

TEST(KinesisAnswerTest, WhatIsCutOffOrSomebodyElsesIsTriedAgain) {
  for (const char* body : {"", "{", "[]", "<html>", R"({"Records": [{"Data": "?"}]})",
                           R"({"Records": [{"Data": "aGk="}]})", R"({"Shards": [{}]})"}) {
    EXPECT_TRUE(Is(ParseRecords(body).status(), ErrorCode::kUnavailable)) << body;
    EXPECT_TRUE(Is(ParseShardListing(body).status(), ErrorCode::kUnavailable)) << body;
    EXPECT_TRUE(Is(ParseIterator(body).status(), ErrorCode::kUnavailable)) << body;
    EXPECT_TRUE(Is(ParsePutOutcomes(body, 1).status(), ErrorCode::kUnavailable)) << body;
  }
}

TEST(KinesisAnswerTest, TellsWhichRecordsOfACallFailed) {
  const std::string body =
      R"({"FailedRecordCount": 1, "Records": [{"SequenceNumber": "1", "ShardId": "a"},
      {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow"}]})";
  auto outcomes = ParsePutOutcomes(body, 2);
  ASSERT_TRUE(outcomes.ok()) << outcomes.status();
  EXPECT_EQ((*outcomes)[0].error_code, "");
  EXPECT_EQ((*outcomes)[1].error_code, "ProvisionedThroughputExceededException");
  EXPECT_FALSE(ParsePutOutcomes(body, 3).ok());
}

TEST(KinesisAnswerTest, ErrorsNameRightAndCure) {
  auto status_of = [](int status, const std::string& type) {
    HttpAnswer answer;
    answer.status = status;
    answer.body = R"({"__type": ")" + type + R"(", "message": "said"})";
    KinesisRequest request{.what = "PutRecords of stream 'clicks'",
                           .right = "kinesis:PutRecords",
                           .stream = "clicks",
                           .arn = "arn:clicks",
                           .endpoint = "http://there"};
    return StatusOfKinesisAnswer(answer, request);
  };
  Status missing = status_of(400, "com.amazonaws.kinesis#ResourceNotFoundException");
  EXPECT_TRUE(Is(missing, ErrorCode::kNotFound));
  EXPECT_THAT(Describe(missing), HasSubstr("create-stream --stream-name clicks"));
  Status denied = status_of(400, "AccessDeniedException");
  EXPECT_TRUE(Is(denied, ErrorCode::kPermissionDenied));
  EXPECT_THAT(Describe(denied), HasSubstr("grant kinesis:PutRecords on arn:clicks"));
  EXPECT_TRUE(Is(status_of(403, "UnrecognizedClientException"), ErrorCode::kPermissionDenied));
  EXPECT_TRUE(
      Is(status_of(400, "ProvisionedThroughputExceededException"), ErrorCode::kResourceExhausted));
  EXPECT_TRUE(Is(status_of(400, "ExpiredIteratorException"), ErrorCode::kOffsetOutOfRange));
  EXPECT_TRUE(Is(status_of(500, "InternalFailureException"), ErrorCode::kUnavailable));
  EXPECT_TRUE(Is(status_of(503, ""), ErrorCode::kUnavailable));
  EXPECT_THAT(Describe(status_of(404, "")), HasSubstr("aws.endpoint"));
}

TEST(KinesisAnswerTest, PositionsAreTextsAndBack) {
  for (const char* text :
       {"TRIM_HORIZON", "AT_TIMESTAMP:1767225600123", "AFTER:4959", "SHARD_END"}) {
    auto position = ShardPosition::Parse(text);
    ASSERT_TRUE(position.ok()) << text;
    EXPECT_EQ(position->ToString(), text);
  }
  for (const char* text : {"", ":", "AFTER:", "AT_TIMESTAMP:x", "LATEST", "SHARD_ENDS"}) {
    EXPECT_FALSE(ShardPosition::Parse(text).ok()) << text;
  }
}

TEST(KinesisOptionsTest, ReachTheServiceThatTableAndVariablesName) {
  TableDescriptor table{.name = "t", .schema = nullptr};
  table.options = {{"stream.arn", "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"},
                   {"aws.region", "eu-west-1"}};
  S3Defaults defaults;
  auto options = KinesisOptionsOf(table, defaults).ValueOrDie();
  EXPECT_EQ(options.stream, "clicks");
  EXPECT_EQ(options.endpoint, "https://kinesis.eu-west-1.amazonaws.com");
  defaults.environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:4567/";
  EXPECT_EQ(KinesisOptionsOf(table, defaults).ValueOrDie().endpoint, "http://127.0.0.1:4567");
  table.options["aws.endpoint"] = "there:1";
  EXPECT_EQ(KinesisOptionsOf(table, defaults).ValueOrDie().endpoint, "https://there:1");
  table.options["aws.credentials.basic.accesskeyid"] = "k";
  Status half = KinesisOptionsOf(table, defaults).status();
  EXPECT_THAT(Describe(half), HasSubstr("aws.credentials.basic.secretkey"));
  table.options["aws.credentials.basic.secretkey"] = "s";
  EXPECT_EQ(KinesisOptionsOf(table, defaults).ValueOrDie().provider, KeyProvider::kBasic);
}

}  // namespace
}  // namespace mainstem::connector
