// How a message struct lies on the wire: a Schema is a constant table with one row per field (its
// versions, since when it may be null, its tag), written next to the struct in messages/*.cc. One
// encoder and one decoder (codec.h) walk these tables for every message and version; there is no
// code per message. Types of members and their encoding:
//
//   bool, int8_t .. int64_t, Uuid          big-endian, 1/1/2/4/8/16 bytes
//   std::string, Bytes                     int16 / int32 length, or uvarint(length + 1) when
//   flexible RecordsView (requests)                 a view of the frame: valid as long as the frame
//   Records (responses)                    shared batches, sent without copying them
//   std::vector<T>                         int32 count, or uvarint(count + 1) when flexible
//   std::optional<T> of the above          nullable from the version that the row says; before that
//                                          nothing is written as empty
//   a struct with kSchema, optional<it>    its fields; nullable ones have a leading int8 (-1: null)
//
// In a flexible version every struct ends with its tagged fields. Constant data; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "storage/log.h"

namespace mainstem::gateway::kafka {

using Uuid = std::array<uint8_t, 16>;

struct Bytes {
  std::string data;
  bool operator==(const Bytes&) const = default;
};
using RecordsView = std::optional<std::span<const std::byte>>;
using Records = std::vector<storage::SharedBytes>;

enum class WireType : uint8_t {
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUuid,
  kString,
  kBytes,
  kRecordsView,
  kRecords,
  kStruct,
  kArray,
};

struct Schema;

// Reach into a std::vector or std::optional whose type only the table knows.
struct ArrayAccess {
  size_t element_bytes;
  size_t (*size)(const void* array);
  void* (*resize)(void* array, size_t size);  // returns the first element
  const void* (*data)(const void* array);
};
struct OptionalAccess {
  const void* (*value)(const void* optional);  // null when it holds nothing
  void* (*emplace)(void* optional);
  void (*reset)(void* optional);
};

struct ValueType {
  WireType type;
  const Schema* schema = nullptr;      // kStruct, or kArray of structs
  const ArrayAccess* array = nullptr;  // kArray
  WireType element = WireType::kBool;  // kArray
  const OptionalAccess* optional = nullptr;
};

inline constexpr int16_t kNoVersion = INT16_MAX;
inline constexpr int16_t kNoTag = -1;

struct FieldOptions {
  int16_t from = 0;                // first version that has the field
  int16_t until = kNoVersion - 1;  // last version that has it
  int16_t null_from = kNoVersion;  // first version in which it may be null
  int16_t tag = kNoTag;            // sent only when it differs from the struct's default
};

struct Field {
  const char* name;
  size_t offset;  // within the struct
  ValueType value;
  FieldOptions options;
  bool (*is_default)(const void* field);  // tagged fields only

  constexpr Field(const char* name, size_t offset, ValueType value, FieldOptions options,
                  bool (*is_default)(const void* field) = nullptr)
      : name(name), offset(offset), value(value), options(options), is_default(is_default) {}
  bool IsIn(int16_t version) const { return version >= options.from && version <= options.until; }
  bool IsTagged() const { return options.tag != kNoTag; }
};

struct Schema {
  const char* name;
  std::span<const Field> fields;  // tagged ones last, in ascending order of the tag
};

namespace internal {

template <typename T>
inline constexpr bool kIsOptional = false;
template <typename T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <typename T>
inline constexpr bool kIsVector = false;
template <typename T>
inline constexpr bool kIsVector<std::vector<T>> = true;

template <typename V>
inline constexpr ArrayAccess kArrayAccess = {
    sizeof(typename V::value_type),
    [](const void* array) { return static_cast<const V*>(array)->size(); },
    [](void* array, size_t size) -> void* {
      static_cast<V*>(array)->resize(size);
      return static_cast<V*>(array)->data();
    },
    [](const void* array) -> const void* { return static_cast<const V*>(array)->data(); }};

template <typename O>
inline constexpr OptionalAccess kOptionalAccess = {
    [](const void* optional) -> const void* {
      auto& typed = *static_cast<const O*>(optional);
      return typed ? &*typed : nullptr;
    },
    [](void* optional) -> void* {
      return &static_cast<O*>(optional)->emplace(typename O::value_type{});
    },
    [](void* optional) { static_cast<O*>(optional)->reset(); }};

template <typename T>
constexpr ValueType ValueTypeOf() {
  if constexpr (std::is_same_v<T, bool>) {
    return {.type = WireType::kBool};
  } else if constexpr (std::is_same_v<T, int8_t>) {
    return {.type = WireType::kInt8};
  } else if constexpr (std::is_same_v<T, int16_t>) {
    return {.type = WireType::kInt16};
  } else if constexpr (std::is_same_v<T, int32_t>) {
    return {.type = WireType::kInt32};
  } else if constexpr (std::is_same_v<T, int64_t>) {
    return {.type = WireType::kInt64};
  } else if constexpr (std::is_same_v<T, Uuid>) {
    return {.type = WireType::kUuid};
  } else if constexpr (std::is_same_v<T, std::string>) {
    return {.type = WireType::kString};
  } else if constexpr (std::is_same_v<T, Bytes>) {
    return {.type = WireType::kBytes};
  } else if constexpr (std::is_same_v<T, RecordsView>) {
    return {.type = WireType::kRecordsView};
  } else if constexpr (std::is_same_v<T, Records>) {
    return {.type = WireType::kRecords};
  } else if constexpr (kIsOptional<T>) {
    ValueType inner = ValueTypeOf<typename T::value_type>();
    inner.optional = &kOptionalAccess<T>;
    return inner;
  } else if constexpr (kIsVector<T>) {
    ValueType element = ValueTypeOf<typename T::value_type>();
    return {.type = WireType::kArray,
            .schema = element.schema,
            .array = &kArrayAccess<T>,
            .element = element.type};
  } else {
    return {.type = WireType::kStruct, .schema = &T::kSchema};
  }
}

}  // namespace internal

// Defines T::kSchema. `Self` is T inside the rows.
#define KAFKA_SCHEMA(T, ...)                                                     \
  const Schema T::kSchema = {#T, [] {                                            \
                               using Self = T;                                   \
                               static constexpr Field kFields[] = {__VA_ARGS__}; \
                               return std::span<const Field>(kFields);           \
                             }()}
// A row: FIELD(member, .from = 3, .null_from = 5).
#define FIELD(member, ...)                                                           \
  Field(#member, offsetof(Self, member),                                             \
        ::mainstem::gateway::kafka::internal::ValueTypeOf<decltype(Self::member)>(), \
        FieldOptions{__VA_ARGS__})
// The row of a tagged field: TAGGED(tag, member, .from = 12).
#define TAGGED(number, member, ...)                                                   \
  Field(#member, offsetof(Self, member),                                              \
        ::mainstem::gateway::kafka::internal::ValueTypeOf<decltype(Self::member)>(),  \
        FieldOptions{__VA_ARGS__, .tag = number}, [](const void* field) {             \
          return *static_cast<const decltype(Self::member)*>(field) == Self{}.member; \
        })

}  // namespace mainstem::gateway::kafka
