#include "gateway/aws/tags.h"

namespace mainstem::gateway::aws {

bool PutTags(const Value& list, TagMap* tags) {
  for (const Member& tag : list.members) {
    (*tags)[std::string(tag.value["Key"].text)] = tag.value["Value"].text;
  }
  return tags->size() <= kTagsMax;
}

void RemoveTags(const Value& keys, TagMap* tags) {
  for (const Member& key : keys.members) tags->erase(std::string(key.value.text));
}

}  // namespace mainstem::gateway::aws
