// The connector 'redis' as a sink: rows as hashes, strings, members of sorted sets, or entries of
// streams; exactly once. A transaction (MULTI ... EXEC) holds the commands of some rows and moves
// the position, which is the key "mainstem:delivery:<job and sink>:<partition>"; it is watched, so
// that of two writers one goes on and the other begins anew from what is stored. What a server
// forgets in a crash (`appendfsync`) it forgets of both.
#pragma once

#include "connector/registry.h"

namespace mainstem::sink {

connector::ConnectorSpec RedisSinkConnector();

}  // namespace mainstem::sink
