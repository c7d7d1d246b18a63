#include "simulation/kafka_client.h"

namespace mainstem::simulation {

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

Task<std::string> KafkaClient::ReceiveFrame(int32_t expected_id) {
  if (stream_ == nullptr) co_return MakeError(ErrorCode::kConnectionClosed, "not connected");
  TimePoint deadline = env_->Now() + patience_;
  std::byte prefix[sizeof(int32_t)];
  Status status = co_await stream_->ReadExactly(prefix, deadline);
  std::string frame;
  int32_t id = expected_id;
  if (status.ok()) {
    kafka::Reader reader(prefix);
    int32_t size = 0;
    CHECK(reader.ReadInt(&size));
    frame.resize(static_cast<size_t>(std::max(0, size)));
    std::span<std::byte> into = std::as_writable_bytes(std::span(frame));
    status = co_await stream_->ReadExactly(into, deadline);
  }
  if (!status.ok()) {
    Close();
    co_return status;
  }
  kafka::Reader reader(std::as_bytes(std::span(frame)));
  if (!reader.ReadInt(&id) || id != expected_id) {
    co_return MakeError(ErrorCode::kInternal,
                        fmt::format("answer {} instead of {}", id, expected_id));
  }
  co_return frame;
}

Task<std::string> KafkaClient::Exchange(std::string bytes, int32_t id) {
  CO_RETURN_IF_ERROR(co_await SendBytes(std::move(bytes)));
  last_answered_ = id;
  co_return co_await ReceiveFrame(id);
}

}  // namespace mainstem::simulation
