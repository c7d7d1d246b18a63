// A Kinesis service over HTTP: signed calls of its JSON protocol, tried again with growing pauses
// while that may help. Methods may be called from any shard; each call is on a thread of its own.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "connector/http/http_session_pool.h"
#include "connector/kinesis/kinesis_options.h"
#include "connector/kinesis/kinesis_stream.h"
#include "core/env.h"

namespace mainstem::connector {

class KinesisClient final : public KinesisStream {
 public:
  // `env` outlives it.
  KinesisClient(Env* env, KinesisOptions options);

  Task<std::vector<KinesisShard>> ListShards() override;
  Task<std::string> GetIterator(std::string shard, ShardPosition position) override;
  Task<KinesisRecords> GetRecords(std::string iterator, int64_t limit) override;
  Task<std::vector<KinesisPutOutcome>> PutRecords(std::vector<KinesisPut> records) override;
  Task<int64_t> RecordBytesMax() override;
  int64_t NowMs() const override;

 private:
  struct Call {
    std::string operation;  // "GetRecords"
    std::string body;
  };
  // The body of a 200.
  Task<std::string> Send(Call call);
  Task<AwsKeys> Keys();
  // Blocks.
  Result<HttpAnswer> SendOnce(const Call& call, const AwsKeys& keys);
  void LearnTime(const HttpAnswer& answer);

  Env* env_;
  const KinesisOptions options_;
  std::atomic<int64_t> clock_skew_ms_{0};  // what the server's clock is ahead
  HttpSessionPool sessions_;
  std::mutex mutex_;  // guards keys_
  std::optional<AwsKeys> keys_;
};

}  // namespace mainstem::connector
