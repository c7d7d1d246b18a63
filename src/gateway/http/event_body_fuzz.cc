// Takes arbitrary bodies for gzip, and as JSON and NDJSON, and checks that every event is a JSON
// text of its own: parsing it again gives one event that is the same.
#include <cstdlib>

#include "gateway/http/body_encoding.h"
#include "gateway/http/event_body.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem::gateway::http;
  std::string_view body(reinterpret_cast<const char*>(data), size);
  constexpr size_t kPlainMax = 4096;
  mainstem::MemoryLease lease;
  auto plain = Gunzip(body, kPlainMax, nullptr, &lease);
  if (plain.ok() && plain->size() > kPlainMax) std::abort();
  for (BodyKind kind : {BodyKind::kJson, BodyKind::kJsonLines}) {
    for (const char* key_field : {"", "k"}) {
      EventBodyParser parser;
      auto events = parser.Parse(body, {.kind = kind, .key_field = key_field, .event_limit = 100});
      if (!events.ok()) continue;
      for (const Event& event : *events) {
        EventBodyParser again;
        auto one = again.Parse(event.value, {.kind = BodyKind::kJsonLines, .key_field = {}});
        bool has_break = event.value.find('\n') != std::string_view::npos;
        if (!has_break && (!one.ok() || one->size() != 1 || (*one)[0].value != event.value)) {
          std::abort();
        }
      }
    }
  }
  return 0;
}
