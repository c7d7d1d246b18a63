// One HTTP/2 connection of an HttpServer: what it reads goes through an Http2Session, each request
// is a task, one more writes. Internal to core/net.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "core/net/http2/http2_exchange.h"
#include "core/net/http2/http2_session.h"
#include "core/sync.h"

namespace mainstem::net {

// Owns its stream. Run() is its whole life; on the server's executor.
class Http2Connection final : private Http2Listener {
 public:
  // `input`: what was read from the stream already, from the preface on.
  Http2Connection(HttpServerShared* shared, std::unique_ptr<Stream> stream, std::string input);
  ~Http2Connection() override;

  // Until the client goes away, is idle for too long or breaks the rules; all of that is OK. When
  // it is cancelled, handlers are, too, and the client is told (GOAWAY).
  Task<> Run();

 private:
  void OnHead(int32_t stream, Head head) override;
  void OnBody(int32_t stream, std::string_view bytes) override;
  void OnRequestEnd(int32_t stream) override;
  void OnTaken(int32_t stream) override;
  void OnClosed(int32_t stream, bool whole) override;

  Task<> ReadLoop();
  Task<> WriteLoop();
  Task<> WriteAll();
  Task<> ServeStream(std::shared_ptr<Http2Exchange> exchange, int32_t stream);
  Http2Exchange* Find(int32_t stream) const;
  // When the connection has been idle for too long; none while something runs.
  TimePoint IdleEnd() const;
  void NoteUse() { last_use_ = shared_->executor.scheduler()->Now(); }

  HttpServerShared* const shared_;
  const std::unique_ptr<Stream> stream_;
  std::string input_;
  Http2Session session_;
  std::unordered_map<int32_t, std::shared_ptr<Http2Exchange>> exchanges_;  // that run
  TimePoint last_use_;
  bool writer_ended_ = false;
  Event has_output_;
  Event writer_end_;
  TaskScope streams_;
  TaskScope writer_;
};

}  // namespace mainstem::net
