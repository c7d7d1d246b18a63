// Tags of a resource, as most services take them.
#pragma once

#include <map>
#include <string>

#include "gateway/aws/value.h"

namespace mainstem::gateway::aws {

using TagMap = std::map<std::string, std::string>;

// Amazon's limit for a resource.
inline constexpr size_t kTagsMax = 50;

// Puts those of a list of {Key, Value}. False: there are more than kTagsMax then.
bool PutTags(const Value& list, TagMap* tags);
// Takes away those of a list of keys.
void RemoveTags(const Value& keys, TagMap* tags);

}  // namespace mainstem::gateway::aws
