// What a server answered to each action of a _bulk request, in terms of what to do about it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace mainstem::sink {

enum class ItemFate : uint8_t {
  kDone,
  kConflict,  // the document has this version or a later one: see current_version
  kRetry,     // overload, a shard that moves, a full disk: the same action may succeed later
  kRefused,   // this document will never be taken: mapping, name of the index
  kFailed,    // no document will be taken until somebody changes something: rights, no index
};

struct ItemOutcome {
  ItemFate fate = ItemFate::kDone;
  int64_t status = 200;
  ErrorCode code = ErrorCode::kInternal;        // of kRetry and kFailed
  std::string problem = {};                     // in the server's words; empty when done
  std::optional<int64_t> current_version = {};  // of a conflict, when the server tells
};

// One for each action. kUnavailable when the answer is not what a server gives: try again.
Result<std::vector<ItemOutcome>> ParseBulkAnswer(std::string_view json, size_t action_count);

// "mapper_parsing_exception: failed to parse; For input string: \"abc\"" of any error answer; its
// beginning when it is not JSON.
struct ServerProblem {
  std::string type;
  std::string text;
};
ServerProblem ProblemOfAnswer(std::string_view json);

}  // namespace mainstem::sink
