// What a Kinesis service answers, read: listings of shards, records, outcomes of puts, errors.
// Pure; any thread. Fuzzed.
#pragma once

#include <string>
#include <vector>

#include "connector/http/http_session.h"
#include "connector/kinesis/kinesis_stream.h"

namespace mainstem::connector {

struct ShardListing {
  std::vector<KinesisShard> shards;
  std::string next_token;  // empty: that was all
};

// kUnavailable for what is no such answer: it was cut off, or somebody else answers.
Result<ShardListing> ParseShardListing(const std::string& body);
Result<std::string> ParseIterator(const std::string& body);
Result<KinesisRecords> ParseRecords(const std::string& body);
Result<std::vector<KinesisPutOutcome>> ParsePutOutcomes(const std::string& body, size_t count);
Result<int64_t> ParseRecordBytesMax(const std::string& body);

struct KinesisRequest {
  std::string what;    // "GetRecords of stream 'clicks'"
  std::string right;   // "kinesis:GetRecords"
  std::string stream;  // name
  std::string arn;
  std::string endpoint;
};
// The name of the error, without what stands before '#'; empty: it is none of Kinesis's.
std::string ErrorNameOf(const HttpAnswer& answer);
// Of an answer that is no 200. kInvalidArgument is about what was asked for, nothing else.
Status StatusOfKinesisAnswer(const HttpAnswer& answer, const KinesisRequest& request);
// Whether others keys may count by now.
bool IsKeyRefusal(const std::string& error_name);

}  // namespace mainstem::connector
