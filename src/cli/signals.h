// Waiting for Ctrl-C. Signals are blocked in every thread and taken by one that waits for them.
#pragma once

namespace mainstem::cli {

// Before any thread is made: SIGINT and SIGTERM wait for WaitForStopSignal.
void BlockStopSignals();
// Blocks until SIGINT or SIGTERM comes; returns its number.
int WaitForStopSignal();
// Ends the process at once, with the usual status, when a (further) stop signal comes.
void ExitOnStopSignal();

}  // namespace mainstem::cli
