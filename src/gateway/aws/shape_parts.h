// Words to say what an operation's input may be (shape.h). For services' shapes.cc. Pure.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "gateway/aws/shape.h"

namespace mainstem::gateway::aws::parts {

inline Shape Text(int64_t minimum, int64_t maximum) {
  return {.type = ShapeType::kString, .minimum = minimum, .maximum = maximum};
}
inline Shape AnyText() { return {.type = ShapeType::kString}; }
inline Shape Matching(const Pattern* pattern, Shape shape) {
  shape.pattern = pattern;
  return shape;
}
inline Shape OneOf(std::vector<std::string_view> values) {
  return {.type = ShapeType::kString, .values = std::move(values)};
}
inline Shape Whole(int64_t minimum, int64_t maximum) {
  return {.type = ShapeType::kInteger, .minimum = minimum, .maximum = maximum};
}
inline Shape Long(int64_t minimum) { return {.type = ShapeType::kLong, .minimum = minimum}; }
inline Shape Flag() { return {.type = ShapeType::kBoolean}; }
inline Shape Time() { return {.type = ShapeType::kTimestamp}; }
inline Shape Required(Shape shape) {
  shape.required = true;
  return shape;
}
inline Shape Structure(std::vector<Field> fields) {
  return {.type = ShapeType::kStructure, .fields = std::move(fields)};
}
inline Shape List(Shape item, int64_t minimum, int64_t maximum) {
  Shape shape{.type = ShapeType::kList, .minimum = minimum, .maximum = maximum};
  shape.element.push_back(std::move(item));
  return shape;
}
inline Shape Map(Shape item, int64_t minimum, int64_t maximum) {
  Shape shape{.type = ShapeType::kMap, .minimum = minimum, .maximum = maximum};
  shape.element.push_back(std::move(item));
  return shape;
}

}  // namespace mainstem::gateway::aws::parts
