// A Kafka client of few lines on the simulated network: one connection at a time, opened when it is
// needed and thrown away at the first sign of trouble, as real clients do. Requests are structs of
// the gateway's codec. One task at a time; lives on the shard of its caller.
#pragma once

#include <memory>
#include <string>

#include "core/env.h"
#include "gateway/kafka/codec/codec.h"
#include "gateway/kafka/messages/fetch.h"

namespace mainstem::simulation {

namespace kafka = gateway::kafka;

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
    return Answer<Response>(version, Exchange(EncodeCall(version, id, request), id));
  }
  // The same in two steps, for requests that overlap. Answers come in the order of the requests.
  template <typename Request>
  Task<> Send(int16_t version, const Request& request) {
    return SendBytes(EncodeCall(version, ++last_id_, request));
  }
  template <typename Response>
  Task<Response> Receive(int16_t version) {
    return Answer<Response>(version, ReceiveFrame(++last_answered_));
  }
  void Close();
  bool is_connected() const { return stream_ != nullptr; }
  // Grows with each connection: what belongs to one ends with it.
  int64_t connection_number() const { return connection_number_; }
  Env* env() const { return env_; }
  const std::string& name() const { return name_; }

 private:
  template <typename Request>
  std::string EncodeCall(int16_t version, int32_t id, const Request& request) {
    kafka::RequestHeader header;
    header.api_key = Request::kApi;
    header.api_version = version;
    header.correlation_id = id;
    header.client_id = name_;
    return kafka::EncodeRequest(header, Request::kSchema, &request).Flatten();
  }
  template <typename Response>
  Task<Response> Answer(int16_t version, Task<std::string> received) {
    CO_ASSIGN_OR_RETURN(std::string frame, co_await std::move(received));
    bool has_tags = kafka::GetApi(Response::kApi).ResponseHeaderVersion(version) >= 1;
    kafka::Reader reader(std::as_bytes(std::span(frame)));
    bool is_whole = reader.Skip(sizeof(int32_t)) && (!has_tags || reader.SkipTags());
    if (!is_whole) co_return MakeError(ErrorCode::kInternal, "an answer without a header");
    Result<Response> response = kafka::Decode<Response>(version, &reader);
    if (!response.ok()) co_return MakeError(ErrorCode::kInternal, "an answer that can't be read");
    co_return std::move(response).ValueUnsafe();
  }

  Task<> Connect();
  Task<> SendBytes(std::string bytes);
  Task<std::string> ReceiveFrame(int32_t expected_id);
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
