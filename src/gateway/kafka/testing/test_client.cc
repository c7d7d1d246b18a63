#include "gateway/kafka/testing/test_client.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr Duration kPatience = std::chrono::seconds(20);

Task<> Connect(Env* env, uint16_t port, std::unique_ptr<Stream>* stream) {
  CO_ASSIGN_OR_RETURN(*stream,
                      co_await env->network().Connect("127.0.0.1", port, env->Now() + kPatience));
  co_return Status::OK();
}

Task<> SendAll(Env* env, Stream* stream, const std::string* bytes) {
  std::vector<std::span<const std::byte>> pieces = {std::as_bytes(std::span(*bytes))};
  co_return co_await stream->Write(std::move(pieces), env->Now() + kPatience);
}

Task<> ReceiveInto(Env* env, Stream* stream, std::string* frame) {
  CO_ASSIGN_OR_RETURN(*frame, co_await ReadFrame(stream, env->Now() + kPatience));
  co_return Status::OK();
}

Task<> CloseStream(std::unique_ptr<Stream>* stream) {
  if (*stream != nullptr) (*stream)->Close();
  stream->reset();
  co_return Status::OK();
}

}  // namespace

TestClient::TestClient(Env* env, uint16_t port) : env_(env) {
  CHECK_OK(RunBlocking(env->shard(0), Connect(env, port, &stream_)));
}

TestClient::~TestClient() { Close(); }

void TestClient::Close() { CHECK_OK(RunBlocking(env_->shard(0), CloseStream(&stream_))); }

Status TestClient::Send(const std::string& bytes) {
  return RunBlocking(env_->shard(0), SendAll(env_, stream_.get(), &bytes));
}

Result<std::string> TestClient::ReceiveFrame() {
  std::string frame;
  RETURN_IF_ERROR(RunBlocking(env_->shard(0), ReceiveInto(env_, stream_.get(), &frame)));
  return frame;
}

bool TestClient::IsClosed() { return Is(ReceiveFrame().status(), ErrorCode::kConnectionClosed); }

}  // namespace mainstem::gateway::kafka
