// The server's side of one HTTP/2 connection as a codec: bytes in, requests out; answers in, bytes
// out. No I/O, no waiting. libnghttp2 does framing, HPACK, flow control and the order of frames;
// this class makes requests of it and adds the limits. Fuzzed by http2_session_fuzz.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/net/http_parser.h"

namespace mainstem::net {

inline constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct Http2Limits {
  HttpParserLimits head;
  uint32_t streams = 256;             // at a time; more are refused (REFUSED_STREAM)
  uint32_t stream_window = 1 << 20;   // of a request's body on its way
  uint32_t session_window = 4 << 20;  // of all together
  uint64_t resets_at_once = 500;      // by the client; more end the connection
  uint64_t resets_per_second = 50;    // what of them is forgiven
};

// What comes of the bytes; called within Put and TakeOutput. May answer, but not Put or take
// output.
class Http2Listener {
 public:
  struct Head {
    HttpRequest request;                     // without a body
    std::optional<uint64_t> content_length;  // as declared
    bool expects_body = false;
    Status problem;  // why it can't be served: kRecordListTooLarge, kInvalidArgument
  };

  virtual ~Http2Listener() = default;
  virtual void OnHead(int32_t stream, Head head) = 0;
  virtual void OnBody(int32_t stream, std::string_view bytes) = 0;
  virtual void OnRequestEnd(int32_t stream) = 0;
  // Some of the answer went to the output.
  virtual void OnTaken(int32_t stream) = 0;
  // Nothing comes from the stream any more, and nothing goes. `whole`: its answer had ended.
  virtual void OnClosed(int32_t stream, bool whole) = 0;
};

// Not thread-safe. `listener` must outlive it.
class Http2Session {
 public:
  Http2Session(Http2Limits limits, Http2Listener* listener);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;

  // All of the connection's bytes in order, the preface with them. kInvalidArgument: this is no
  // HTTP/2, or not in a way that can be gone on with. What the client did wrong within HTTP/2 is
  // answered (RST_STREAM, GOAWAY) and no error.
  Status Put(std::string_view input);

  // What is to be sent now: about `limit` bytes at most, none when there is nothing to say, or the
  // client's flow control allows no more.
  std::string TakeOutput(size_t limit);
  // Neither side has anything to say any more: close, after the output.
  bool finished() const;

  // ---- answers. A stream that is closed swallows them.
  void Continue(int32_t stream);  // 100
  // A whole answer. `body` is left out when there is to be none.
  void Respond(int32_t stream, int status, const HttpHeaders& headers,
               std::optional<std::string> body);
  // An answer in pieces: Begin, Append, End.
  void Begin(int32_t stream, int status, const HttpHeaders& headers);
  void Append(int32_t stream, std::string piece);
  void End(int32_t stream);
  // Bytes that were given and not taken to the output yet.
  size_t pending_bytes(int32_t stream) const;
  // kNoMoreBody: the answer has ended, the rest of the request is not wanted.
  enum class Reset : uint8_t { kNoMoreBody, kCancel, kInternalError, kRefused, kTooSlow };
  void ResetStream(int32_t stream, Reset why);
  // GOAWAY: no new streams, and those that are open end now.
  void GoAway();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mainstem::net
