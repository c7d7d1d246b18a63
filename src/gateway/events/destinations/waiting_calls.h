// The events whose calls of an API destination are to be tried again, as they lie in the note of
// their target's commits (rules/bus_reader.h). Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/ids.h"

namespace mainstem::gateway::events {

struct WaitingCall {
  int64_t tries = 0;
  int64_t due_ms = 0;
};
using WaitingCalls = std::map<Offset, WaitingCall>;

// "OFFSET:TRIES:DUE" each, with blanks between; empty of none.
std::string FormatWaiting(const WaitingCalls& waiting);
// Of such a text; nothing else may come.
WaitingCalls ParseWaiting(const std::string& text);

}  // namespace mainstem::gateway::events
