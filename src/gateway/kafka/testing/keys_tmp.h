#include "storage/log.h"
namespace mainstem::storage {
const std::vector<ConfigKey>& TopicConfigKeys() {
  static const std::vector<ConfigKey> k = {{"cleanup.policy", ConfigKind::kList, "delete", "d"}, {"max.message.bytes", ConfigKind::kInt, "1048588", "m"}, {"retention.ms", ConfigKind::kLong, "604800000", "r"}};
  return k;
}
}
