#include "cli/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

namespace mainstem::cli {
namespace {

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

void BlockStopSignals() {
  sigset_t set = StopSignals();
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

void ExitOnStopSignal() {
  std::thread([] {
    int signal = WaitForStopSignal();
    _exit(128 + signal);
  }).detach();
}

}  // namespace mainstem::cli
