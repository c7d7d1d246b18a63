// A client of few lines for tests: one connection, requests as structs, blocking calls. Use from
// the test's own thread.
#pragma once

#include <memory>
#include <string>

#include "gateway/kafka/testing/frames.h"

namespace mainstem::gateway::kafka {

class TestClient {
 public:
  // Connects to loopback; ends the process when it can't.
  TestClient(Env* env, uint16_t port);
  ~TestClient();

  // Bytes as they are.
  Status Send(const std::string& bytes);
  // Requests without waiting for the answer.
  template <typename Request>
  Status SendRequest(int16_t version, int32_t correlation_id, const Request& request) {
    return Send(EncodeCall("test", version, correlation_id, request));
  }
  // The next frame without its length; kConnectionClosed when the node closed the connection.
  Result<std::string> ReceiveFrame();
  template <typename Response>
  Result<Response> Receive(int16_t version, int32_t correlation_id) {
    ASSIGN_OR_RETURN(frame_, ReceiveFrame());
    return DecodeAnswer<Response>(version, correlation_id, frame_);
  }
  template <typename Response, typename Request>
  Result<Response> Call(int16_t version, const Request& request) {
    int32_t correlation_id = ++next_correlation_id_;
    RETURN_IF_ERROR(SendRequest(version, correlation_id, request));
    return Receive<Response>(version, correlation_id);
  }
  void Close();
  // True when the node has closed the connection, waiting for that.
  bool IsClosed();

 private:
  Env* const env_;
  std::unique_ptr<Stream> stream_;
  std::string frame_;
  int32_t next_correlation_id_ = 0;
};

}  // namespace mainstem::gateway::kafka
