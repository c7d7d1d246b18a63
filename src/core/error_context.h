// Says where an error arose.
#pragma once

#include <string>

#include "core/status.h"

namespace mainstem {

// The same error, its message behind `place` ("table 'orders': "). Not for OK.
inline Status InContext(const std::string& place, const Status& status) {
  ErrorText text = TextOf(status);
  text.message = place + text.message;
  return MakeError(CodeOf(status), std::move(text));
}

}  // namespace mainstem
