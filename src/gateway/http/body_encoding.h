// The Content-Encoding of a posted body: gzip is undone, within the same limit as other bodies.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/memory_budget.h"
#include "core/net/http_message.h"

namespace mainstem::gateway::http {

enum class BodyEncoding : uint8_t { kNone, kGzip };
// Nothing for an encoding, or several, that is not understood.
std::optional<BodyEncoding> BodyEncodingOf(const net::HttpHeaders& headers);

// What was compressed. `lease` grows in `memory`, which may be null, by what it takes.
// kDecodeError, kMessageTooLarge over `limit`, kResourceExhausted. About 5 ms a MiB.
Result<std::string> Gunzip(std::string_view body, size_t limit, MemoryBudget* memory,
                           MemoryLease* lease);

}  // namespace mainstem::gateway::http
