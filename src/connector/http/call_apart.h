// Calls of servers that may take a minute to answer, or never do: each on a thread of its own, so
// that they hold up nothing but their caller. The blocking pool has few threads, and the engine
// needs them.
#pragma once

#include <functional>

#include "connector/http/http_session.h"

namespace mainstem::connector {

// Blocks; calls HttpSession as often as it likes.
using BlockingCall = std::function<Result<HttpAnswer>()>;

// Resumes on the caller's executor. Cancelling the calling task gives the call up within about a
// second: HttpSession then says kCancelled. It has ended when this returns, whatever came of it.
Task<HttpAnswer> CallApart(BlockingCall call);

// Of the call that this thread was made for: nobody waits for its answer any more. False elsewhere.
bool IsCallGivenUp();

}  // namespace mainstem::connector
