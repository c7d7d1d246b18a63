// Fills any message with values that are legal in a version, by walking its schema. The choices
// come from a seed or from the caller. For property tests, the golden file and fuzzing; not part of
// the node.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gateway/kafka/codec/schema.h"

namespace mainstem::gateway::kafka {

class MessageGenerator {
 public:
  // What values are to be besides made-up ones: what the receiver knows leads deeper into it.
  struct Vocabulary {
    std::vector<std::string> texts;
    std::vector<int64_t> numbers;  // cut to the field's size
    std::vector<Uuid> ids;
    std::vector<std::string> records;
  };

  explicit MessageGenerator(uint32_t seed);
  // `next` gives a number for each choice. Borrows the vocabulary, which must also outlive what is
  // filled: records are views.
  MessageGenerator(std::function<uint32_t()> next, const Vocabulary* vocabulary)
      : next_(std::move(next)), vocabulary_(vocabulary) {}

  // `message` is a default-initialised struct of this schema.
  void Fill(const Schema& schema, int16_t version, void* message);

 private:
  uint32_t Below(uint32_t bound) { return next_() % bound; }
  // One of the known values, or null for a made-up one.
  template <typename T>
  const T* Known(const std::vector<T>& values) {
    if (values.empty()) return nullptr;
    uint32_t chosen = Below(static_cast<uint32_t>(values.size()) + 1);
    return chosen < values.size() ? &values[chosen] : nullptr;
  }
  std::string Text();
  std::string Letters();
  void FillField(const Field& field, int16_t version, void* target);
  void FillValue(WireType type, const Schema* schema, int16_t version, void* target);

  const std::function<uint32_t()> next_;
  const Vocabulary* const vocabulary_;
};

}  // namespace mainstem::gateway::kafka
