#include "gateway/aws/value.h"

namespace mainstem::gateway::aws {

const Value& Value::operator[](std::string_view name) const {
  static const Value kNothing;
  for (auto it = members.rbegin(); it != members.rend(); ++it) {
    if (it->name == name) return it->value;
  }
  return kNothing;
}

}  // namespace mainstem::gateway::aws
