#include "core/scheduler.h"

#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace mainstem {

TimerId TimerQueue::Add(TimePoint when, UniqueFunction function) {
  TimerId id = next_id_++;
  by_time_.emplace(std::pair(when, id), std::move(function));
  by_id_.emplace(id, when);
  return id;
}

void TimerQueue::Cancel(TimerId id) {
  auto it = by_id_.find(id);
  if (it == by_id_.end()) return;
  by_time_.erase({it->second, id});
  by_id_.erase(it);
}

TimePoint TimerQueue::next() const {
  return by_time_.empty() ? kNoDeadline : by_time_.begin()->first.first;
}

UniqueFunction TimerQueue::PopDue(TimePoint now) {
  if (by_time_.empty() || by_time_.begin()->first.first > now) return UniqueFunction();
  auto node = by_time_.extract(by_time_.begin());
  by_id_.erase(node.key().second);
  return std::move(node.mapped());
}

struct ShardScheduler::Loop {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{io.get_executor()};
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>,
                             asio::io_context::executor_type>
      timer{io.get_executor()};
  TimePoint armed = kNoDeadline;
};

ShardScheduler::ShardScheduler(std::string name)
    : name_(std::move(name)), loop_(std::make_unique<Loop>()) {}

ShardScheduler::~ShardScheduler() { Stop(); }

void ShardScheduler::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
    loop_->io.run();
  });
}

void ShardScheduler::Stop() {
  loop_->guard.reset();
  loop_->io.stop();
  if (thread_.joinable()) thread_.join();
}

void ShardScheduler::Post(UniqueFunction function) {
  asio::post(loop_->io.get_executor(), [function = std::move(function)]() mutable { function(); });
}

bool ShardScheduler::RunsInThisThread() const {
  return loop_->io.get_executor().running_in_this_thread();
}

TimePoint ShardScheduler::Now() const {
  return TimePoint(std::chrono::steady_clock::now().time_since_epoch());
}

TimerId ShardScheduler::AddTimer(TimePoint when, UniqueFunction function) {
  TimerId id = timers_.Add(when, std::move(function));
  ArmTimer();
  return id;
}

void ShardScheduler::CancelTimer(TimerId id) { timers_.Cancel(id); }

asio::io_context& ShardScheduler::io() { return loop_->io; }

// Keeps the one Asio timer set to the earliest deadline; a later one that is cancelled just wakes
// the loop once for nothing.
void ShardScheduler::ArmTimer() {
  TimePoint next = timers_.next();
  if (next >= loop_->armed) return;
  loop_->armed = next;
  loop_->timer.expires_at(std::chrono::steady_clock::time_point(next.time_since_epoch()));
  loop_->timer.async_wait([this](boost::system::error_code error) {
    if (error) return;
    loop_->armed = kNoDeadline;
    while (UniqueFunction due = timers_.PopDue(Now())) due();
    ArmTimer();
  });
}

}  // namespace mainstem
