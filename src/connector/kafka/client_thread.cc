#include "connector/kafka/client_thread.h"

namespace mainstem::connector {

ClientThread::ClientThread() : thread_([this] { Work(); }) {}

ClientThread::~ClientThread() {
  {
    std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  has_work_.notify_one();
  thread_.join();
}

void ClientThread::Submit(UniqueFunction function) {
  {
    std::lock_guard lock(mutex_);
    functions_.push_back(std::move(function));
  }
  has_work_.notify_one();
}

void ClientThread::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    has_work_.wait(lock, [this] { return is_ending_ || !functions_.empty(); });
    if (functions_.empty()) return;
    UniqueFunction function = std::move(functions_.front());
    functions_.pop_front();
    lock.unlock();
    function();
    lock.lock();
  }
}

}  // namespace mainstem::connector
