// Waiting for Ctrl-C. Signals are blocked in every thread and taken by one that waits for them.
#pragma once

#include <functional>

namespace mainstem::cli {

// Before any thread is made: SIGINT and SIGTERM wait for WaitForStopSignal.
void BlockStopSignals();
// Blocks until SIGINT or SIGTERM comes; returns its number.
int WaitForStopSignal();
// Calls `stop`, on a thread of its own, when a stop signal comes; a further one ends the process at
// once. `stop` may be called at any time until the process ends.
void OnStopSignal(std::function<void()> stop);
// Ends the process at once, with the usual status, when a (further) stop signal comes.
void ExitOnStopSignal();

}  // namespace mainstem::cli
