#include "simulation/kafka_client.h"

#include <set>

namespace mainstem::simulation {

bool IsPassingError(int16_t code) {
  static const std::set<int16_t> kCodes = {7, 13, 15, 56, 89};
  return kCodes.contains(code);
}

KafkaClient::KafkaClient(Env* env, std::string name, uint16_t port, Duration patience)
    : env_(env), name_(std::move(name)), port_(port), patience_(patience) {}

void KafkaClient::Close() {
  if (stream_ != nullptr) stream_->Close();
  stream_.reset();
}

Task<> KafkaClient::Connect() {
  if (stream_ != nullptr) co_return Status::OK();
  TimePoint deadline = env_->Now() + patience_;
  CO_ASSIGN_OR_RETURN(stream_, co_await env_->network().Connect("127.0.0.1", port_, deadline));
  ++connection_number_;
  co_return Status::OK();
}

Task<> KafkaClient::SendBytes(std::string bytes) {
  bool is_first = stream_ == nullptr;
  CO_RETURN_IF_ERROR(co_await Connect());
  if (is_first) last_answered_ = last_id_ - 1;
  std::vector<std::span<const std::byte>> pieces = {std::as_bytes(std::span(bytes))};
  Status sent = co_await stream_->Write(std::move(pieces), env_->Now() + patience_);
  if (!sent.ok()) Close();
  co_return sent;
}

Task<std::string> KafkaClient::ReceiveFrame() {
  if (stream_ == nullptr) co_return MakeError(ErrorCode::kConnectionClosed, "not connected");
  Result<std::string> frame = co_await kafka::ReadFrame(stream_.get(), env_->Now() + patience_);
  if (!frame.ok()) Close();
  co_return frame;
}

Task<std::string> KafkaClient::Exchange(std::string bytes, int32_t id) {
  CO_RETURN_IF_ERROR(co_await SendBytes(std::move(bytes)));
  last_answered_ = id;
  co_return co_await ReceiveFrame();
}

}  // namespace mainstem::simulation
