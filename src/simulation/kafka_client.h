// A Kafka client of few lines on the simulated network: one connection at a time, opened when it is
// needed and thrown away at the first sign of trouble, as real clients do. Requests are structs of
// the gateway's codec. One task at a time; lives on the shard of its caller.
#pragma once

#include <memory>
#include <string>

#include "gateway/kafka/messages/fetch.h"
#include "gateway/kafka/testing/frames.h"

namespace mainstem::simulation {

namespace kafka = gateway::kafka;

// Codes that clients which do all right may get: storage trouble, a full disk, a stop.
bool IsPassingError(int16_t code);

class KafkaClient {
 public:
  // `env` outlives it. `patience`: how long an answer is waited for.
  KafkaClient(Env* env, std::string name, uint16_t port,
              Duration patience = std::chrono::seconds(8));

  // Sends and waits for the answer. Any error has closed the connection: whether the request was
  // served is not known then, unless `was_sent` says no.
  template <typename Response, typename Request>
  Task<Response> Call(int16_t version, const Request& request) {
    int32_t id = ++last_id_;
    return Answer<Response>(version, id,
                            Exchange(kafka::EncodeCall(name_, version, id, request), id));
  }
  // The same in two steps, for requests that overlap. Answers come in the order of the requests.
  template <typename Request>
  Task<> Send(int16_t version, const Request& request) {
    return SendBytes(kafka::EncodeCall(name_, version, ++last_id_, request));
  }
  template <typename Response>
  Task<Response> Receive(int16_t version) {
    int32_t id = ++last_answered_;
    return Answer<Response>(version, id, ReceiveFrame());
  }
  void Close();
  bool is_connected() const { return stream_ != nullptr; }
  // Grows with each connection: what belongs to one ends with it.
  int64_t connection_number() const { return connection_number_; }
  Env* env() const { return env_; }
  const std::string& name() const { return name_; }

 private:
  template <typename Response>
  Task<Response> Answer(int16_t version, int32_t id, Task<std::string> received) {
    CO_ASSIGN_OR_RETURN(std::string frame, co_await std::move(received));
    Result<Response> response = kafka::DecodeAnswer<Response>(version, id, frame);
    if (!response.ok()) co_return MakeError(ErrorCode::kInternal, TextOf(response.status()));
    co_return std::move(response).ValueUnsafe();
  }

  Task<> Connect();
  Task<> SendBytes(std::string bytes);
  Task<std::string> ReceiveFrame();
  Task<std::string> Exchange(std::string bytes, int32_t id);

  Env* const env_;
  const std::string name_;
  const uint16_t port_;
  const Duration patience_;
  std::unique_ptr<Stream> stream_;
  int64_t connection_number_ = 0;
  int32_t last_id_ = 0;
  int32_t last_answered_ = 0;
};

}  // namespace mainstem::simulation
