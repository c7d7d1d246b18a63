#include "gateway/aws/random_id.h"

#include "core/random_uuid.h"

namespace mainstem::gateway::aws {

std::string RandomId(Env* env) { return RandomUuid(env); }

}  // namespace mainstem::gateway::aws
