// Sessions of one service, kept open from call to call. Thread-safe: each call has one alone.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "connector/http/http_session.h"

namespace mainstem::connector {

class HttpSessionPool {
 public:
  // More than `idle_max` are not kept.
  HttpSessionPool(HttpSessionOptions options, size_t idle_max)
      : options_(std::move(options)), idle_max_(idle_max) {}

  // Blocks, as HttpSession::Call. A session that had no answer is not kept.
  Result<HttpAnswer> Call(const HttpCall& call) {
    std::unique_ptr<HttpSession> session = Take();
    if (session == nullptr) session = std::make_unique<HttpSession>(options_);
    Result<HttpAnswer> answer = session->Call(call);
    std::lock_guard lock(mutex_);
    if (answer.ok() && idle_.size() < idle_max_) idle_.push_back(std::move(session));
    return answer;
  }

 private:
  std::unique_ptr<HttpSession> Take() {
    std::lock_guard lock(mutex_);
    if (idle_.empty()) return nullptr;
    std::unique_ptr<HttpSession> session = std::move(idle_.back());
    idle_.pop_back();
    return session;
  }

  HttpSessionOptions options_;
  size_t idle_max_;
  std::mutex mutex_;  // guards idle_
  std::vector<std::unique_ptr<HttpSession>> idle_;
};

}  // namespace mainstem::connector
