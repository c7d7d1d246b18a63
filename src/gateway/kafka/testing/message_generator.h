// Fills any message with seeded random values that are legal in a version, by walking its schema.
// For property tests and the golden file; not part of the node.
#pragma once

#include <cstdint>
#include <random>

#include "gateway/kafka/codec/schema.h"

namespace mainstem::gateway::kafka {

class MessageGenerator {
 public:
  explicit MessageGenerator(uint32_t seed) : random_(seed) {}
  // `message` is a default-initialised struct of this schema.
  void Fill(const Schema& schema, int16_t version, void* message);

 private:
  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(random_()) % bound; }
  std::string Text();
  void FillField(const Field& field, int16_t version, void* target);
  void FillValue(WireType type, const Schema* schema, int16_t version, void* target);

  std::mt19937 random_;
};

}  // namespace mainstem::gateway::kafka
