// Feeds bytes to the server's side of an HTTP/2 session, whole and in pieces, with a listener that
// answers all it is asked in one of several ways. Heads and bodies must keep to the limits, a
// stream must be told of in order, and what is told must not depend on how the bytes are cut.
#include <cstdlib>
#include <map>

#include "core/net/http2/http2_session.h"

namespace {

using mainstem::net::Http2Limits;
using mainstem::net::Http2Listener;
using mainstem::net::Http2Session;
using mainstem::net::HttpHeaders;

constexpr size_t kHeadBytes = 2048;
constexpr size_t kStreams = 8;

struct Answering final : Http2Listener {
  void OnHead(int32_t stream, Head head) override {
    if (bodies.contains(stream)) std::abort();
    bodies[stream] = 0;
    if (bodies.size() > kStreams) std::abort();
    size_t bytes = head.request.target.size();
    for (const auto& [name, value] : head.request.headers.fields()) {
      bytes += name.size() + value.size();
    }
    if (head.problem.ok() && bytes > kHeadBytes) std::abort();
    told += head.request.method_name + " " + head.request.path() + "\n";
    HttpHeaders headers;
    headers.Add("content-type", "text/plain");
    switch (stream % 7) {
      case 1: session->Respond(stream, 200, headers, std::string(100'000, 'a')); break;
      case 3:
        session->Begin(stream, 200, headers);
        session->Append(stream, "piece");
        break;
      case 5: session->ResetStream(stream, Http2Session::Reset::kRefused); break;
      default: session->Respond(stream, 204, headers, std::nullopt); break;
    }
  }
  void OnBody(int32_t stream, std::string_view bytes) override {
    auto found = bodies.find(stream);
    if (found == bodies.end()) std::abort();
    found->second += bytes.size();
    told.append(bytes);
  }
  void OnRequestEnd(int32_t stream) override {
    if (!bodies.contains(stream)) std::abort();
    session->End(stream);
  }
  void OnTaken(int32_t stream) override {
    if (!bodies.contains(stream)) std::abort();
  }
  void OnClosed(int32_t stream, bool) override {
    if (bodies.erase(stream) == 0) std::abort();
    if (session->pending_bytes(stream) != 0) std::abort();
  }

  Http2Session* session = nullptr;
  std::map<int32_t, size_t> bodies;
  std::string told;
};

std::string Serve(std::string_view input, size_t split) {
  Http2Limits limits;
  limits.head = {.head_bytes = kHeadBytes, .query_parameter_count = 16};
  limits.streams = kStreams;
  Answering listener;
  Http2Session session(limits, &listener);
  listener.session = &session;
  for (std::string_view piece :
       {mainstem::net::kHttp2Preface, input.substr(0, split), input.substr(split)}) {
    if (!session.Put(piece).ok()) break;
  }
  for (int i = 0; i < 100 && !session.TakeOutput(65536).empty(); ++i) continue;
  session.GoAway();
  session.TakeOutput(1 << 20);
  return listener.told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  size_t split = size == 0 ? 0 : data[0] % (size + 1);
  if (Serve(input, size) != Serve(input, split)) std::abort();
  return 0;
}
