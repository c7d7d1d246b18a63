// A value as JSON text, and as a part of an answer. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "gateway/aws/body_codec.h"
#include "gateway/aws/value.h"

namespace mainstem::gateway::aws {

// Compact, members in their order. Numbers are written anew: by value, not as they were spelled.
// Bytes are base64, times seconds.
std::string ToJson(const Value& value);
// The members of `before`, a JSON object, those of `changes` instead of or beside them. Objects
// down to `levels` below are merged in the same way instead of being replaced.
Result<std::string> MergedJson(std::string_view before, const Value& changes, int levels = 0);
// The same into an answer. Members that are null are left out: AWS's shapes have none.
void CopyValue(const Value& value, BodyWriter* writer);

}  // namespace mainstem::gateway::aws
