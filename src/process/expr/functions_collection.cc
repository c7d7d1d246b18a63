// Constructors of ARRAY, MAP and ROW, element access, and functions on maps.
#include <optional>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <arrow/api.h>
#include <fmt/format.h>

#include "process/expr/functions.h"
#include "process/expr/value_codec.h"
#include "process/types/arrow_mapping.h"
#include "process/types/type_coercion.h"

namespace mainstem::process {
namespace {

// Map columns cannot hold NULL keys.
constexpr const char* kNullKey = "a key of the MAP is NULL";

int64_t RowOf(const Vector& vector, int64_t row) { return vector.constant ? 0 : row; }

Status AppendFrom(arrow::ArrayBuilder* builder, const arrow::ArrayData& data, int64_t row) {
  return builder->AppendArraySlice(arrow::ArraySpan(data), row, 1);
}

// [begin, end) of a list's or map's row in its child.
std::pair<int64_t, int64_t> RangeOf(const arrow::ArrayData& data, int64_t row) {
  const int32_t* offsets = data.GetValues<int32_t>(1);
  return {offsets[row], offsets[row + 1]};
}
const arrow::ArrayData& KeysOf(const arrow::ArrayData& map) {
  return *map.child_data[0]->child_data[0];
}
const arrow::ArrayData& ItemsOf(const arrow::ArrayData& map) {
  return *map.child_data[0]->child_data[1];
}

// Where entry `i` of the map's ranges stands in its keys and items.
int64_t EntryOf(const arrow::ArrayData& map, int64_t i) { return map.child_data[0]->offset + i; }

std::string Encoded(const arrow::ArrayData& data, int64_t row) {
  std::string bytes;
  EncodeValue(data, row, &bytes);
  return bytes;
}

// ---- Constructors
// --------------------------------------------------------------------------------

Kernel ArrayKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    return RunBuilder<arrow::ListBuilder>(
        scope, args, false, [&](int64_t row, arrow::ListBuilder& builder) -> Status {
          RETURN_IF_ERROR(builder.Append());
          for (const Vector& arg : args) {
            RETURN_IF_ERROR(AppendFrom(builder.value_builder(), *arg.data, RowOf(arg, row)));
          }
          return Status::OK();
        });
  };
}

Result<Signature> InferArray(const CallSite& site) {
  const std::vector<LogicalType> types = site.types();
  const auto common = LeastCommonType(types);
  if (!common) return site.CannotApply("'ARRAY[<ANY>, ...]' of one type");
  return Signature{.result = LogicalType::Array(*common).NotNull(),
                   .args = std::vector<LogicalType>(site.size(), *common),
                   .kernel = ArrayKernel()};
}

// Of equal keys the last one counts.
Kernel MapKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    return RunBuilder<arrow::MapBuilder>(
        scope, args, false, [&](int64_t row, arrow::MapBuilder& builder) -> Status {
          RETURN_IF_ERROR(builder.Append());
          std::vector<bool> is_last(args.size() / 2);
          absl::flat_hash_set<std::string> later;
          for (size_t i = is_last.size(); i-- > 0;) {
            const Vector& key = args[i * 2];
            is_last[i] = later.insert(Encoded(*key.data, RowOf(key, row))).second;
          }
          for (size_t i = 0; i < is_last.size(); ++i) {
            if (!is_last[i]) continue;
            const Vector &key = args[i * 2], &value = args[i * 2 + 1];
            if (key.data->IsNull(RowOf(key, row))) return scope.Fail(row, kNullKey);
            RETURN_IF_ERROR(AppendFrom(builder.key_builder(), *key.data, RowOf(key, row)));
            RETURN_IF_ERROR(AppendFrom(builder.item_builder(), *value.data, RowOf(value, row)));
          }
          return Status::OK();
        });
  };
}

Result<Signature> InferMap(const CallSite& site) {
  if (site.size() % 2 != 0) return site.CannotApply("'MAP[<KEY>, <VALUE>, ...]'");
  std::vector<LogicalType> keys, values;
  for (size_t i = 0; i < site.size(); ++i) (i % 2 == 0 ? keys : values).push_back(site.type(i));
  const auto key = LeastCommonType(keys), value = LeastCommonType(values);
  if (!key || !value) return site.CannotApply("'MAP[<KEY>, <VALUE>, ...]' of one type each");
  Signature signature{.result = LogicalType::Map(*key, *value).NotNull(),
                      .kernel = MapKernel(),
                      .can_fail = key->nullable()};
  for (size_t i = 0; i < site.size(); ++i) signature.args.push_back(i % 2 == 0 ? *key : *value);
  return signature;
}

Kernel RowKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const bool constant = AllConstant(args);
    const int64_t count = constant ? 1 : scope.row_count();
    std::vector<std::shared_ptr<arrow::ArrayData>> children;
    for (const Vector& arg : args) {
      ASSIGN_OR_RETURN(const Vector flat, Flatten(arg, count, scope.pool()));
      children.push_back(flat.data);
    }
    auto data = arrow::ArrayData::Make(ToArrowType(scope.type()), count, {nullptr}, children, 0);
    return Vector{std::move(data), constant};
  };
}

Result<Signature> InferRow(const CallSite& site) {
  std::vector<RowField> fields;
  for (size_t i = 0; i < site.size(); ++i) {
    fields.emplace_back(fmt::format("EXPR${}", i), site.type(i));
  }
  return Signature{.result = LogicalType::Row(std::move(fields)).NotNull(), .kernel = RowKernel()};
}

// ---- Access
// --------------------------------------------------------------------------------------

Result<Signature> InferField(const CallSite& site) {
  const LogicalType& type = site.type(0);
  const std::string name = site.StringLiteral(1).value_or("");
  if (type.root() != TypeRoot::kRow) return site.CannotApply("'<ROW>.<FIELD>'");
  const int index = type.FieldIndex(name);
  if (index < 0) {
    return MakeError(ErrorCode::kSemanticError,
                     fmt::format("Column '{}' not found in {}", name, type.ToErrorString()));
  }
  const LogicalType& field = type.fields()[static_cast<size_t>(index)].type();
  Signature signature{.result = field.WithNullable(field.nullable() || type.nullable())};
  // By name: the planner may have left out other fields of the row since.
  signature.kernel = [name](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const auto array = ToArray(args[0]);
    const auto& structs = static_cast<const arrow::StructArray&>(*array);
    const int index = structs.struct_type()->GetFieldIndex(name);
    CHECK(index >= 0);
    ASSIGN_OR_RETURN(const auto field, structs.GetFlattenedField(index, scope.pool()));
    return Vector{field->data(), args[0].constant};
  };
  return signature;
}

Kernel ArrayItemKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    if (AnyConstantNull(args)) return ConstantNull(scope.type());
    const Column<int64_t> indexes(args[1]);
    const arrow::ArrayData& data = *args[0].data;
    return RunBuilder<arrow::ArrayBuilder>(
        scope, args, true, [&](int64_t row, arrow::ArrayBuilder& builder) -> Status {
          const auto [begin, end] = RangeOf(data, RowOf(args[0], row));
          const int64_t index = indexes[row];
          if (index < 1 || index > end - begin) return builder.AppendNull();
          return AppendFrom(&builder, *data.child_data[0], begin + index - 1);
        });
  };
}

Kernel MapItemKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const arrow::ArrayData& data = *args[0].data;
    return RunBuilder<arrow::ArrayBuilder>(
        scope, args, true, [&](int64_t row, arrow::ArrayBuilder& builder) -> Status {
          const auto [begin, end] = RangeOf(data, RowOf(args[0], row));
          const std::string key = Encoded(*args[1].data, RowOf(args[1], row));
          for (int64_t i = begin; i < end; ++i) {
            const int64_t at = EntryOf(data, i);
            if (Encoded(KeysOf(data), at) == key) return AppendFrom(&builder, ItemsOf(data), at);
          }
          return builder.AppendNull();
        });
  };
}

Result<Signature> InferItem(const CallSite& site) {
  const LogicalType& type = site.type(0);
  if (type.root() == TypeRoot::kArray && MatchesArg(site.type(1), Arg::kInteger)) {
    const auto index = site.IntLiteral(1);
    if (index && *index < 1) {
      return MakeError(
          ErrorCode::kSemanticError,
          fmt::format("Array element access needs an index starting at 1 but was {}", *index));
    }
    return Signature{.result = type.element().WithNullable(true),
                     .args = {type, LogicalType::BigInt()},
                     .kernel = ArrayItemKernel()};
  }
  if (type.root() == TypeRoot::kMap && IsImplicitlyCastable(site.type(1), type.key())) {
    return Signature{.result = type.element().WithNullable(true),
                     .args = {type, type.key()},
                     .kernel = MapItemKernel()};
  }
  return site.CannotApply("'<ARRAY>[<INTEGER>]'\n'<MAP>[<KEY>]'");
}

// Number of elements of an array, map or multiset.
Kernel CardinalityKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const Vector& arg = args[0];
    if (arg.IsConstantNull()) return ConstantNull(scope.type());
    const int64_t count = arg.constant ? 1 : scope.row_count();
    ASSIGN_OR_RETURN(auto validity, CombineValidity(args, count, scope.pool()));
    ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> values,
                     arrow::AllocateBuffer(count * 4, scope.pool()));
    const int32_t* offsets = arg.data->GetValues<int32_t>(1);
    internal::FillFixed<int32_t>(values->mutable_data(), count,
                                 [&](int64_t row) { return offsets[row + 1] - offsets[row]; });
    return MakeVector(scope.type(), count, arg.constant, {validity, values});
  };
}

Result<Signature> InferElement(const CallSite& site) {
  const LogicalType& type = site.type(0);
  if (type.root() != TypeRoot::kArray) return site.CannotApply("'ELEMENT(<ARRAY>)'");
  Signature signature{
      .result = type.element().WithNullable(type.element().nullable() || type.nullable())};
  signature.kernel = [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const arrow::ArrayData& data = *args[0].data;
    return RunBuilder<arrow::ArrayBuilder>(
        scope, args, true, [&](int64_t row, arrow::ArrayBuilder& builder) -> Status {
          const auto [begin, end] = RangeOf(data, RowOf(args[0], row));
          if (end - begin > 1) return scope.Fail(row, "Array has more than one element.");
          if (begin == end) return builder.AppendNull();
          return AppendFrom(&builder, *data.child_data[0], begin);
        });
  };
  return signature;
}

// ---- Maps
// ----------------------------------------------------------------------------------------

enum class MapPart : uint8_t { kKeys, kValues, kEntries };

Infer InferMapPart(MapPart part) {
  return [part](const CallSite& site) -> Result<Signature> {
    const LogicalType& type = site.type(0);
    if (type.root() != TypeRoot::kMap) {
      return site.CannotApply(fmt::format("'{}(<MAP>)'", site.name()));
    }
    LogicalType element = type.key();
    if (part == MapPart::kValues) element = type.element();
    if (part == MapPart::kEntries) {
      element = LogicalType::Row({{"key", type.key()}, {"value", type.element()}}).NotNull();
    }
    Signature signature{.result = LogicalType::Array(element).WithNullable(type.nullable())};
    // The list shares the map's offsets and one of its children.
    signature.kernel = [part](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
      if (args[0].IsConstantNull()) return ConstantNull(scope.type());
      auto data = args[0].data->Copy();
      data->type = ToArrowType(scope.type());
      auto child = args[0].data->child_data[0];
      if (part != MapPart::kEntries) {
        const auto entries = child;
        child = entries->child_data[part == MapPart::kKeys ? 0 : 1];
        if (entries->offset != 0) child = child->Slice(entries->offset, entries->length);
      } else {
        child = child->Copy();
        child->type = data->type->field(0)->type();
      }
      data->child_data = {child};
      return Vector{std::move(data), args[0].constant};
    };
    return signature;
  };
}

Result<Signature> InferMapFromArrays(const CallSite& site) {
  const LogicalType &keys = site.type(0), &values = site.type(1);
  if (keys.root() != TypeRoot::kArray || values.root() != TypeRoot::kArray) {
    return site.CannotApply("'MAP_FROM_ARRAYS(<ARRAY>, <ARRAY>)'");
  }
  Signature signature{
      .result = LogicalType::Map(keys.element(), values.element()).WithNullable(site.AnyNullable()),
      .can_fail = true};
  signature.kernel = [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    return RunBuilder<arrow::MapBuilder>(
        scope, args, true, [&](int64_t row, arrow::MapBuilder& builder) -> Status {
          const auto [key_begin, key_end] = RangeOf(*args[0].data, RowOf(args[0], row));
          const auto [value_begin, value_end] = RangeOf(*args[1].data, RowOf(args[1], row));
          if (key_end - key_begin != value_end - value_begin) {
            return scope.Fail(
                row, fmt::format("Invalid function MAP_FROM_ARRAYS call: The length of the "
                                 "keys array {} is not equal to the length of the values "
                                 "array {}",
                                 key_end - key_begin, value_end - value_begin));
          }
          RETURN_IF_ERROR(builder.Append());
          for (int64_t i = 0; i < key_end - key_begin; ++i) {
            if (args[0].data->child_data[0]->IsNull(key_begin + i))
              return scope.Fail(row, kNullKey);
            RETURN_IF_ERROR(
                AppendFrom(builder.key_builder(), *args[0].data->child_data[0], key_begin + i));
            RETURN_IF_ERROR(
                AppendFrom(builder.item_builder(), *args[1].data->child_data[0], value_begin + i));
          }
          return Status::OK();
        });
  };
  return signature;
}

// Entries of later maps win and come first.
Result<Signature> InferMapUnion(const CallSite& site) {
  const std::vector<LogicalType> types = site.types();
  const auto common = LeastCommonType(types);
  if (!common || common->root() != TypeRoot::kMap)
    return site.CannotApply("'MAP_UNION(<MAP>, ...)'");
  Signature signature{.result = *common, .args = std::vector<LogicalType>(site.size(), *common)};
  signature.kernel = [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    return RunBuilder<arrow::MapBuilder>(
        scope, args, true, [&](int64_t row, arrow::MapBuilder& builder) -> Status {
          RETURN_IF_ERROR(builder.Append());
          absl::flat_hash_set<std::string> seen;
          for (size_t i = args.size(); i-- > 0;) {
            const arrow::ArrayData& map = *args[i].data;
            const auto [begin, end] = RangeOf(map, RowOf(args[i], row));
            for (int64_t at = begin; at < end; ++at) {
              if (!seen.insert(Encoded(KeysOf(map), EntryOf(map, at))).second) continue;
              RETURN_IF_ERROR(AppendFrom(builder.key_builder(), KeysOf(map), EntryOf(map, at)));
              RETURN_IF_ERROR(AppendFrom(builder.item_builder(), ItemsOf(map), EntryOf(map, at)));
            }
          }
          return Status::OK();
        });
  };
  return signature;
}

// STR_TO_MAP('a=1,b=2'[, list separator, pair separator]).
Kernel StrToMapKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    if (AnyConstantNull(args)) return ConstantNull(scope.type());
    std::vector<Column<Text>> columns(args.begin(), args.end());
    return RunBuilder<arrow::MapBuilder>(
        scope, args, true, [&](int64_t row, arrow::MapBuilder& builder) -> Status {
          Text text = columns[0][row];
          const Text list = args.size() == 3 ? columns[1][row] : Text(",");
          const Text pair = args.size() == 3 ? columns[2][row] : Text("=");
          RETURN_IF_ERROR(builder.Append());
          auto* keys = static_cast<arrow::StringBuilder*>(builder.key_builder());
          auto* items = static_cast<arrow::StringBuilder*>(builder.item_builder());
          std::vector<std::pair<Text, std::optional<Text>>> found;
          absl::flat_hash_map<absl::string_view, size_t> places;
          while (!text.empty()) {
            const size_t end = list.empty() ? Text::npos : text.find(list);
            const Text entry = text.substr(0, end);
            const size_t split = pair.empty() ? Text::npos : entry.find(pair);
            const Text key = entry.substr(0, split);
            // Of a key that comes again the last value counts.
            const auto [place, is_new] =
                places.try_emplace(absl::string_view(key.data(), key.size()), found.size());
            if (is_new) found.emplace_back(key, std::nullopt);
            found[place->second].second = split == Text::npos
                                              ? std::nullopt
                                              : std::optional(entry.substr(split + pair.size()));
            if (end == Text::npos) break;
            text.remove_prefix(end + list.size());
          }
          for (const auto& [key, value] : found) {
            RETURN_IF_ERROR(keys->Append(key));
            RETURN_IF_ERROR(value ? items->Append(*value) : items->AppendNull());
          }
          return Status::OK();
        });
  };
}

}  // namespace

void AddCollectionFunctions(FunctionRegistry* registry) {
  DefineInfer(registry, "ARRAY", 1, -1, InferArray);
  DefineInfer(registry, "MAP", 2, -1, InferMap);
  DefineInfer(registry, "ROW", 1, -1, InferRow);
  DefineInfer(registry, "FIELD", 2, 2, InferField);
  DefineInfer(registry, "ITEM", 2, 2, InferItem);
  DefineInfer(registry, "ELEMENT", 1, 1, InferElement, kCanFail);
  const ResultType count = Returns(LogicalType::Int());
  DefineInfer(registry, "CARDINALITY", 1, 1, [](const CallSite& site) -> Result<Signature> {
    const TypeRoot root = site.type(0).root();
    if (root != TypeRoot::kArray && root != TypeRoot::kMap && root != TypeRoot::kMultiset) {
      return site.CannotApply("'CARDINALITY(<ARRAY>)'\n'CARDINALITY(<MAP>)'");
    }
    return Signature{.result = LogicalType::Int().WithNullable(site.AnyNullable()),
                     .kernel = CardinalityKernel()};
  });
  DefineInfer(registry, "MAP_KEYS", 1, 1, InferMapPart(MapPart::kKeys));
  DefineInfer(registry, "MAP_VALUES", 1, 1, InferMapPart(MapPart::kValues));
  DefineInfer(registry, "MAP_ENTRIES", 1, 1, InferMapPart(MapPart::kEntries));
  DefineInfer(registry, "MAP_FROM_ARRAYS", 2, 2, InferMapFromArrays);
  DefineInfer(registry, "MAP_UNION", 1, -1, InferMapUnion);
  const ResultType map =
      ReturnsNullable(LogicalType::Map(LogicalType::String(), LogicalType::String()));
  Define(registry, {.name = "STR_TO_MAP",
                    .overloads = {{{Arg::kText}, map, StrToMapKernel()},
                                  {{Arg::kText, Arg::kText, Arg::kText}, map, StrToMapKernel()}}});
}

}  // namespace mainstem::process
