// Gives a file its name unless something has that name already: the step that decides between two
// processes that both want to write the next version of something. Blocks: call it on the pool.
#pragma once

#include <string>

#include "core/status.h"

namespace mainstem {

// `from`, which is synced and in the same file system, becomes `to`, and `from` goes.
// kAlreadyExists when `to` is there, whoever made it. Durable after a sync of the folder.
Status PublishFile(const std::string& from, const std::string& to);

}  // namespace mainstem
