#include "gateway/kafka/testing/message_generator.h"

#include <random>

namespace mainstem::gateway::kafka {
namespace {

storage::SharedBytes MakeShared(const std::string& text) {
  auto owner = std::make_shared<std::string>(text);
  return {owner, std::as_bytes(std::span(*owner))};
}

const MessageGenerator::Vocabulary kNothingKnown;

}  // namespace

MessageGenerator::MessageGenerator(uint32_t seed)
    : MessageGenerator(
          [random = std::mt19937(seed)]() mutable { return static_cast<uint32_t>(random()); },
          &kNothingKnown) {}

void MessageGenerator::Fill(const Schema& schema, int16_t version, void* message) {
  for (const Field& field : schema.fields) {
    if (!field.IsIn(version)) continue;
    FillField(field, version, static_cast<std::byte*>(message) + field.offset);
  }
}

std::string MessageGenerator::Text() {
  if (const std::string* known = Known(vocabulary_->texts)) return *known;
  return Letters();
}

std::string MessageGenerator::Letters() {
  std::string text(Below(8) == 0 ? 200 : Below(6), ' ');
  for (char& letter : text) letter = static_cast<char>('a' + Below(26));
  return text;
}

void MessageGenerator::FillField(const Field& field, int16_t version, void* target) {
  bool may_be_null = version >= field.options.null_from;
  if (field.IsTagged() && Below(3) == 0) return;
  if (may_be_null && field.value.optional != nullptr && Below(3) == 0) {
    field.value.optional->reset(target);
    return;
  }
  if (field.value.optional != nullptr) target = field.value.optional->emplace(target);
  if (field.value.type != WireType::kArray) {
    return FillValue(field.value.type, field.value.schema, version, target);
  }
  size_t count = Below(4);
  auto* element = static_cast<std::byte*>(field.value.array->resize(target, count));
  for (size_t i = 0; i < count; ++i, element += field.value.array->element_bytes) {
    FillValue(field.value.element, field.value.schema, version, element);
  }
}

void MessageGenerator::FillValue(WireType type, const Schema* schema, int16_t version,
                                 void* target) {
  uint64_t bits = (static_cast<uint64_t>(next_()) << 32 | next_()) >> Below(64);
  if (const int64_t* known = Known(vocabulary_->numbers)) bits = static_cast<uint64_t>(*known);
  switch (type) {
    case WireType::kBool: *static_cast<bool*>(target) = Below(2) == 0; return;
    case WireType::kInt8: *static_cast<int8_t*>(target) = static_cast<int8_t>(bits); return;
    case WireType::kInt16: *static_cast<int16_t*>(target) = static_cast<int16_t>(bits); return;
    case WireType::kInt32: *static_cast<int32_t*>(target) = static_cast<int32_t>(bits); return;
    case WireType::kInt64: *static_cast<int64_t*>(target) = static_cast<int64_t>(bits); return;
    case WireType::kUuid:
      if (const Uuid* known = Known(vocabulary_->ids)) {
        *static_cast<Uuid*>(target) = *known;
        return;
      }
      for (uint8_t& byte : *static_cast<Uuid*>(target)) byte = static_cast<uint8_t>(next_());
      return;
    case WireType::kString: *static_cast<std::string*>(target) = Text(); return;
    case WireType::kBytes: static_cast<Bytes*>(target)->data = Text(); return;
    case WireType::kRecordsView: {
      static const std::string kNoBatch = "records as they came";
      const std::string* known = Known(vocabulary_->records);
      const std::string& records = known == nullptr ? kNoBatch : *known;
      static_cast<RecordsView*>(target)->emplace(std::as_bytes(std::span(records)));
      return;
    }
    case WireType::kRecords:
      for (uint32_t i = Below(3); i > 0; --i) {
        static_cast<Records*>(target)->push_back(MakeShared(Text()));
      }
      return;
    case WireType::kStruct: return Fill(*schema, version, target);
    case WireType::kArray: return;  // there are no arrays of arrays
  }
}

}  // namespace mainstem::gateway::kafka
