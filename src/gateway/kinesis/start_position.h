// Where reading a shard begins: GetShardIterator's and SubscribeToShard's starting positions.
#pragma once

#include <string>

#include "gateway/kinesis/operations.h"

namespace mainstem::gateway::kinesis {

struct StartPosition {
  std::string type;  // "TRIM_HORIZON" ...
  std::optional<std::string> sequence_number;
  std::optional<int64_t> time_ms;
  std::string_view operation;  // for messages
};

// The shard that a call names; a ResourceNotFoundException when there is none.
Result<const Shard*> FindNamedShard(const Context& context, const Stream& stream,
                                    std::string_view shard_id);
// `shard` is of `stream`.
Task<Offset> ResolveStart(const Context& context, StreamPtr stream, const Shard* shard,
                          StartPosition start);

}  // namespace mainstem::gateway::kinesis
