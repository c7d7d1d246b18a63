// Bodies that somebody's server might send.
#include <cstdlib>

#include "connector/kinesis/kinesis_answer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem::connector;
  HttpAnswer answer;
  answer.status = 400;
  answer.body.assign(reinterpret_cast<const char*>(data), size);
  mainstem::IgnoreError(StatusOfKinesisAnswer(answer, {}), "only that it ends");
  mainstem::IgnoreError(ParseShardListing(answer.body), "only that it ends");
  mainstem::IgnoreError(ParseIterator(answer.body), "only that it ends");
  mainstem::IgnoreError(ParseRecords(answer.body), "only that it ends");
  mainstem::IgnoreError(ParsePutOutcomes(answer.body, 1), "only that it ends");
  mainstem::IgnoreError(ParseRecordBytesMax(answer.body), "only that it ends");
  auto position = ShardPosition::Parse(answer.body);
  if (position.ok() && position->ToString() != answer.body &&
      position->kind != ShardPosition::Kind::kTimestamp) {
    std::abort();
  }
  return 0;
}
