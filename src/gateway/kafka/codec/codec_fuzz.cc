// Any bytes as any message: the decoder must not crash, read outside or take much memory, and what
// it accepts must survive being written and read again. Input: api index, version, direction, body.
#include <cstdint>

#include "core/status.h"
#include "gateway/kafka/codec/codec.h"
#include "gateway/kafka/messages/registry.h"

namespace mainstem::gateway::kafka {
namespace {

std::string Body(const MessageType& type, int16_t version, const void* message) {
  Writer writer;
  EncodeBody(*type.schema, version, GetApi(type.api).IsFlexible(version), message, &writer);
  return std::move(writer).FinishFrame().Flatten().substr(sizeof(int32_t));
}

void Check(std::span<const std::byte> input) {
  if (input.size() < 2) return;
  auto types = AllMessageTypes();
  const MessageType& type = types[static_cast<uint8_t>(input[0]) % types.size()];
  const ApiInfo& api = GetApi(type.api);
  int versions = api.max_version - api.min_version + 1;
  auto version = static_cast<int16_t>(api.min_version + static_cast<uint8_t>(input[1]) % versions);

  Reader header(input.subspan(2));
  Result<RequestPrefix> prefix = DecodeRequestPrefix(input.subspan(2));
  if (prefix.ok() && FindApi(prefix->api_key) != nullptr) {
    IgnoreError(DecodeRequestHeader(&header), "any outcome but a crash is right");
  }
  Reader reader(input.subspan(2));
  std::shared_ptr<void> message = type.make();
  if (!DecodeBody(*type.schema, version, api.IsFlexible(version), &reader, message.get()).ok()) {
    return;
  }
  std::string once = Body(type, version, message.get());
  Reader again(std::as_bytes(std::span(once)));
  std::shared_ptr<void> copy = type.make();
  CHECK_OK(DecodeBody(*type.schema, version, api.IsFlexible(version), &again, copy.get()));
  CHECK(Body(type, version, copy.get()) == once);
}

}  // namespace
}  // namespace mainstem::gateway::kafka

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  mainstem::gateway::kafka::Check(std::as_bytes(std::span(data, size)));
  return 0;
}
