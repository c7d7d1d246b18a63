#include "cli/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace mainstem::cli {
namespace {

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  // A terminal that is closed ends the program in order; nohup has it ignored.
  struct sigaction hangup {};
  if (sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) {
    sigaddset(&set, SIGHUP);
  }
  return set;
}

}  // namespace

void BlockStopSignals() {
  sigset_t set = StopSignals();
  signal(SIGUSR1, SIG_IGN);
  signal(SIGUSR2, SIG_IGN);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

int WaitForStopSignal() {
  sigset_t set = StopSignals();
  int signal = 0;
  sigwait(&set, &signal);
  return signal;
}

void OnStopSignal(std::function<void()> stop) {
  std::thread([stop = std::move(stop)] {
    WaitForStopSignal();
    stop();
    _exit(128 + WaitForStopSignal());
  }).detach();
}

namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // set by a signal's handler

}  // namespace

InterruptFlag::InterruptFlag() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  sigaction(SIGINT, &action, nullptr);  // without SA_RESTART: what waits is woken
}

InterruptFlag::~InterruptFlag() { signal(SIGINT, SIG_DFL); }

const std::atomic<bool>* InterruptFlag::flag() const { return &interrupted; }

bool InterruptFlag::Take() { return interrupted.exchange(false); }

struct StopWatch::State {
  std::mutex mutex;  // guards the rest
  std::condition_variable changed;
  bool is_expected = false;
  bool has_come = false;
};

StopWatch::StopWatch() : state_(std::make_shared<State>()) {
  BlockStopSignals();
  std::thread([state = state_] {
    int signal = WaitForStopSignal();
    {
      std::lock_guard lock(state->mutex);
      if (!state->is_expected) _exit(128 + signal);
      state->has_come = true;
    }
    state->changed.notify_all();
    _exit(128 + WaitForStopSignal());
  }).detach();
}

void StopWatch::Expect() {
  std::lock_guard lock(state_->mutex);
  state_->is_expected = true;
}

void StopWatch::Wait() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [this] { return state_->has_come; });
}

}  // namespace mainstem::cli
