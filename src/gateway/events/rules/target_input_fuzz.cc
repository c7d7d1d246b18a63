// Feeds texts as targets' inputs, templates and paths, over an event that is the same text. What a
// template with JSON makes of an event must be JSON, too.
#include <cstdlib>

#include "core/json_writer.h"
#include "gateway/aws/body_codec.h"
#include "gateway/events/rules/target_input.h"

namespace {

using namespace mainstem;
using namespace mainstem::gateway;

void Try(const std::string& definition, const std::string& text) {
  auto target = aws::DecodeBody(aws::BodyCodec::kJson, definition);
  auto event = aws::DecodeBody(aws::BodyCodec::kJson, text);
  if (!target.ok() || !event.ok()) return;
  auto input = events::TargetInput::Parse(target->root);
  if (!input.ok()) return;
  auto made = input->Make({.text = text, .root = event->root}, {.arn = "a\"rn", .name = "r"});
  if (!made.ok() || made->size() > events::kInputBytesMax + text.size()) return;
  bool is_json = target->root["InputTransformer"]["InputTemplate"].text.starts_with('{');
  if (is_json && !aws::DecodeBody(aws::BodyCodec::kJson, *made).ok()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  std::string event = text.substr(0, text.find('\0'));
  std::string words = JsonQuote(text.substr(std::min(event.size() + 1, text.size())));
  Try(R"({"Id":"t","InputPath":)" + words + "}", event);
  Try(R"({"Id":"t","Input":)" + words + "}", event);
  Try(R"({"Id":"t","InputTransformer":{"InputPathsMap":{"a":"$.a","b":"$.b[*]","c":)" + words +
          R"(},"InputTemplate":)" + words + "}}",
      event);
  Try(R"({"Id":"t","InputTransformer":{"InputPathsMap":{"a":"$.a","b":"$.b[*]"},"InputTemplate":)" +
          words + "}}",
      event);
  return 0;
}
