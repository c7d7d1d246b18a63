// Functions on arrays. Most choose elements of their arguments: a Picker names them for a row.
#include <absl/container/flat_hash_set.h>
#include <arrow/api.h>
#include <fmt/format.h>

#include "process/expr/functions.h"
#include "process/expr/value_codec.h"
#include "process/types/type_coercion.h"

namespace mainstem::process {
namespace {

// Element `index` of the child of argument `arg`, or of the argument itself if it is no array.
struct Pick {
  size_t arg;
  int64_t index;
};

// The arguments at one row.
class RowView {
 public:
  RowView(std::span<const Vector> args, int64_t row) : args_(args), row_(row) {}
  int64_t RowIn(size_t arg) const { return args_[arg].constant ? 0 : row_; }
  bool IsNull(size_t arg) const {
    return args_[arg].data->type->id() == arrow::Type::NA || args_[arg].data->IsNull(RowIn(arg));
  }
  int64_t Begin(size_t arg) const { return args_[arg].data->GetValues<int32_t>(1)[RowIn(arg)]; }
  int64_t End(size_t arg) const { return args_[arg].data->GetValues<int32_t>(1)[RowIn(arg) + 1]; }
  bool IsArray(size_t arg) const { return args_[arg].data->type->id() == arrow::Type::LIST; }
  // What Pick::index counts in.
  const arrow::ArrayData& Elements(size_t arg) const {
    return IsArray(arg) ? *args_[arg].data->child_data[0] : *args_[arg].data;
  }
  std::string Encoded(size_t arg, int64_t index) const {
    std::string bytes;
    EncodeValue(Elements(arg), index, &bytes);
    return bytes;
  }
  // The value of an argument that is no array.
  std::string EncodedArgument(size_t arg) const { return Encoded(arg, RowIn(arg)); }
  int64_t Number(size_t arg) const { return Column<int64_t>(args_[arg])[row_]; }
  bool Truth(size_t arg) const { return Column<bool>(args_[arg])[row_]; }
  Text String(size_t arg) const { return Column<Text>(args_[arg])[row_]; }

 private:
  std::span<const Vector> args_;
  int64_t row_;
};

using Picks = std::vector<Pick>;
using Picker = std::function<void(const RowView&, Picks*)>;

void PickAll(const RowView& row, size_t arg, Picks* picks) {
  for (int64_t i = row.Begin(arg); i < row.End(arg); ++i) picks->push_back({arg, i});
}

// Arrays must not be NULL; whether scalar arguments may is the picker's matter.
Kernel PickerKernel(Picker picker) {
  return [picker](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    Picks picks;
    return RunBuilder<arrow::ListBuilder>(
        scope, args, false, [&](int64_t row, arrow::ListBuilder& builder) -> Status {
          const RowView view(args, row);
          for (size_t i = 0; i < args.size(); ++i) {
            if (scope.arg_type(i).root() == TypeRoot::kArray && view.IsNull(i))
              return builder.AppendNull();
          }
          picks.clear();
          picker(view, &picks);
          RETURN_IF_ERROR(builder.Append());
          for (const Pick& pick : picks) {
            RETURN_IF_ERROR(builder.value_builder()->AppendArraySlice(
                arrow::ArraySpan(view.Elements(pick.arg)), pick.index, 1));
          }
          return Status::OK();
        });
  };
}

// Which argument must be of the array's element type.
enum class Shape : uint8_t { kArrays, kArrayAndElement, kArrayAndOthers };

Result<Signature> InferArrays(const CallSite& site, Shape shape, Kernel kernel) {
  const auto wrong = [&] {
    return site.CannotApply(fmt::format("'{}(<ARRAY>, ...)'", site.name()));
  };
  if (site.type(0).root() != TypeRoot::kArray) return wrong();
  Signature signature{.args = site.types(), .kernel = std::move(kernel)};
  bool nullable = site.type(0).nullable();
  LogicalType result = site.type(0);
  if (shape == Shape::kArrays) {
    const std::vector<LogicalType> types = site.types();
    const auto common = LeastCommonType(types);
    if (!common) return wrong();
    nullable = site.AnyNullable();
    result = *common;
    signature.args.assign(site.size(), *common);
  } else if (shape == Shape::kArrayAndElement) {
    // The array's elements may become wider for an INT beside BIGINT, not another kind of number.
    const LogicalType& have = site.type(0).element();
    const bool both_integers = have.IsInteger() && site.type(1).IsInteger();
    const auto element = LeastCommonType(have, site.type(1));
    if (!element || (have.IsNumeric() && !both_integers && element->root() != have.root())) {
      return wrong();
    }
    result = LogicalType::Array(*element);
    signature.args = {result, *element};
  }
  signature.result = result.WithNullable(nullable);
  return signature;
}

void DefinePicker(FunctionRegistry* registry, std::string name, int args_min, int args_max,
                  Shape shape, Picker picker) {
  DefineInfer(registry, std::move(name), args_min, args_max,
              [=](const CallSite& site) { return InferArrays(site, shape, PickerKernel(picker)); });
}

using EncodedSet = absl::flat_hash_set<std::string>;

void AddSetPickers(FunctionRegistry* registry) {
  const Picker distinct = [](const RowView& row, Picks* picks) {
    EncodedSet seen;
    for (size_t arg = 0; arg < 2; ++arg) {
      for (int64_t i = row.Begin(arg); i < row.End(arg); ++i) {
        if (seen.insert(row.Encoded(arg, i)).second) picks->push_back({arg, i});
      }
    }
  };
  DefinePicker(registry, "ARRAY_UNION", 2, 2, Shape::kArrays, distinct);
  DefinePicker(registry, "ARRAY_DISTINCT", 1, 1, Shape::kArrays,
               [](const RowView& row, Picks* picks) {
                 EncodedSet seen;
                 for (int64_t i = row.Begin(0); i < row.End(0); ++i) {
                   if (seen.insert(row.Encoded(0, i)).second) picks->push_back({0, i});
                 }
               });
  for (bool keep : {true, false}) {
    DefinePicker(registry, keep ? "ARRAY_INTERSECT" : "ARRAY_EXCEPT", 2, 2, Shape::kArrays,
                 [keep](const RowView& row, Picks* picks) {
                   EncodedSet other, given;
                   for (int64_t i = row.Begin(1); i < row.End(1); ++i) {
                     other.insert(row.Encoded(1, i));
                   }
                   for (int64_t i = row.Begin(0); i < row.End(0); ++i) {
                     std::string value = row.Encoded(0, i);
                     if (other.contains(value) == keep && given.insert(std::move(value)).second) {
                       picks->push_back({0, i});
                     }
                   }
                 });
  }
}

void AddElementPickers(FunctionRegistry* registry) {
  DefinePicker(registry, "ARRAY_APPEND", 2, 2, Shape::kArrayAndElement,
               [](const RowView& row, Picks* picks) {
                 PickAll(row, 0, picks);
                 picks->push_back({1, row.RowIn(1)});
               });
  DefinePicker(registry, "ARRAY_PREPEND", 2, 2, Shape::kArrayAndElement,
               [](const RowView& row, Picks* picks) {
                 picks->push_back({1, row.RowIn(1)});
                 PickAll(row, 0, picks);
               });
  DefinePicker(registry, "ARRAY_REMOVE", 2, 2, Shape::kArrayAndElement,
               [](const RowView& row, Picks* picks) {
                 const std::string removed = row.EncodedArgument(1);
                 for (int64_t i = row.Begin(0); i < row.End(0); ++i) {
                   if (row.Encoded(0, i) != removed) picks->push_back({0, i});
                 }
               });
  DefinePicker(registry, "ARRAY_REVERSE", 1, 1, Shape::kArrays,
               [](const RowView& row, Picks* picks) {
                 for (int64_t i = row.End(0); i-- > row.Begin(0);) picks->push_back({0, i});
               });
}

// ---- Order
// ---------------------------------------------------------------------------------------

template <typename T>
int CompareAs(const arrow::ArrayData& data, int64_t a, int64_t b) {
  const Column<T> values(data);
  const T x = values[a], y = values[b];
  return x < y ? -1 : y < x ? 1 : 0;
}

// Neither is NULL.
int Compare(const arrow::ArrayData& data, int64_t a, int64_t b) {
  switch (data.type->id()) {
    case arrow::Type::BOOL: return CompareAs<bool>(data, a, b);
    case arrow::Type::INT8: return CompareAs<int8_t>(data, a, b);
    case arrow::Type::INT16: return CompareAs<int16_t>(data, a, b);
    case arrow::Type::FLOAT: return CompareAs<float>(data, a, b);
    case arrow::Type::DOUBLE: return CompareAs<double>(data, a, b);
    case arrow::Type::INT64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::DURATION: return CompareAs<int64_t>(data, a, b);
    case arrow::Type::DECIMAL128: return CompareAs<Int128>(data, a, b);
    case arrow::Type::STRING:
    case arrow::Type::BINARY: return CompareAs<Text>(data, a, b);
    default: return CompareAs<int32_t>(data, a, b);
  }
}

bool HasOrder(const LogicalType& type) {
  return !type.IsNested() && type.root() != TypeRoot::kBoolean;
}

// ARRAY_SORT(array[, ascending[, nulls first]]).
void PickSorted(const RowView& row, Picks* picks, size_t arg_count) {
  const bool ascending = arg_count < 2 || row.Truth(1);
  const bool nulls_first = arg_count < 3 ? ascending : row.Truth(2);
  PickAll(row, 0, picks);
  const arrow::ArrayData& data = row.Elements(0);
  std::stable_sort(picks->begin(), picks->end(), [&](const Pick& a, const Pick& b) {
    const bool a_null = data.IsNull(a.index), b_null = data.IsNull(b.index);
    if (a_null || b_null) return a_null != b_null && a_null == nulls_first;
    const int order = Compare(data, a.index, b.index);
    return ascending ? order < 0 : order > 0;
  });
}

Infer InferSort() {
  return [](const CallSite& site) -> Result<Signature> {
    const size_t count = site.size();
    if (site.type(0).root() == TypeRoot::kArray && !HasOrder(site.type(0).element())) {
      return site.CannotApply("'ARRAY_SORT(<ARRAY of COMPARABLE_TYPE>, ...)'");
    }
    for (size_t i = 1; i < count; ++i) {
      if (site.type(i).root() != TypeRoot::kBoolean || site.type(i).nullable()) {
        return site.CannotApply(
            "'ARRAY_SORT(<ARRAY>[, <BOOLEAN NOT NULL>[, <BOOLEAN NOT NULL>]])'");
      }
    }
    return InferArrays(
        site, Shape::kArrayAndOthers,
        PickerKernel([count](const RowView& row, Picks* picks) { PickSorted(row, picks, count); }));
  };
}

Infer InferExtremeElement(bool max) {
  return [max](const CallSite& site) -> Result<Signature> {
    const LogicalType& type = site.type(0);
    if (type.root() != TypeRoot::kArray || !HasOrder(type.element())) {
      return site.CannotApply(fmt::format("'{}(<ARRAY of COMPARABLE_TYPE>)'", site.name()));
    }
    Signature signature{.result = type.element().WithNullable(true)};
    signature.kernel = [max](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
      return RunBuilder<arrow::ArrayBuilder>(
          scope, args, true, [&](int64_t row, arrow::ArrayBuilder& builder) -> Status {
            const RowView view(args, row);
            const arrow::ArrayData& data = view.Elements(0);
            int64_t best = -1;
            for (int64_t i = view.Begin(0); i < view.End(0); ++i) {
              if (data.IsNull(i)) continue;
              if (best < 0 || (Compare(data, i, best) > 0) == max) best = i;
            }
            if (best < 0) return builder.AppendNull();
            return builder.AppendArraySlice(arrow::ArraySpan(data), best, 1);
          });
    };
    return signature;
  };
}

// ---- Slices
// --------------------------------------------------------------------------------------

// 1-based, both ends inclusive, negative from the end.
void PickSlice(const RowView& row, Picks* picks, bool has_end) {
  const int64_t size = row.End(0) - row.Begin(0);
  const auto place = [size](int64_t position) {
    return position < 0 ? size + position + 1 : position;
  };
  const int64_t first = std::max<int64_t>(place(row.Number(1)), 1);
  const int64_t last = std::min(has_end ? place(row.Number(2)) : size, size);
  for (int64_t i = first; i <= last; ++i) picks->push_back({0, row.Begin(0) + i - 1});
}

Result<Signature> InferSlice(const CallSite& site) {
  for (size_t i = 1; i < site.size(); ++i) {
    if (!MatchesArg(site.type(i), Arg::kInteger)) {
      return site.CannotApply("'ARRAY_SLICE(<ARRAY>, <INTEGER>[, <INTEGER>])'");
    }
  }
  const bool has_end = site.size() == 3;
  ASSIGN_OR_RETURN(Signature signature,
                   InferArrays(site, Shape::kArrayAndOthers,
                               PickerKernel([has_end](const RowView& row, Picks* picks) {
                                 PickSlice(row, picks, has_end);
                               })));
  for (size_t i = 1; i < site.size(); ++i) signature.args[i] = LogicalType::BigInt();
  signature.result = signature.result.WithNullable(site.AnyNullable());
  return signature;
}

// ---- Search, join, split
// -------------------------------------------------------------------------

// f(view) -> the value, run where none of the first `strict` arguments is NULL.
template <typename R, typename F>
Kernel SearchKernel(size_t strict, F f) {
  return [strict, f](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const bool constant = AllConstant(args);
    const int64_t count = constant ? 1 : scope.row_count();
    if (AnyConstantNull(args.first(strict))) return ConstantNull(scope.type());
    ASSIGN_OR_RETURN(auto validity, CombineValidity(args.first(strict), count, scope.pool()));
    ASSIGN_OR_RETURN(auto values,
                     AllocateBits(internal::BytesFor<R>(count) * 8, false, scope.pool()));
    internal::FillFixed<R>(values->mutable_data(), count, [&](int64_t row) -> R {
      const RowView view(args, row);
      return view.IsNull(0) ? R{} : f(view);
    });
    return MakeVector(scope.type(), count, constant, {validity, values});
  };
}

int32_t PositionOf(const RowView& row) {
  const std::string wanted = row.EncodedArgument(1);
  for (int64_t i = row.Begin(0); i < row.End(0); ++i) {
    if (row.Encoded(0, i) == wanted) return static_cast<int32_t>(i - row.Begin(0)) + 1;
  }
  return 0;
}

Kernel JoinKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    if (AnyConstantNull(args)) return ConstantNull(scope.type());
    const std::vector<Validity> valid(args.begin(), args.end());
    return RunText(scope, args, [&](int64_t row, TextSink& sink) -> Result<bool> {
      for (const Validity& argument : valid) {
        if (!argument[row]) return false;
      }
      const RowView view(args, row);
      const arrow::ArrayData& data = view.Elements(0);
      const Column<Text> texts(data);
      bool first = true;
      for (int64_t i = view.Begin(0); i < view.End(0); ++i) {
        if (data.IsNull(i) && args.size() < 3) continue;
        if (!first) sink.Append(view.String(1));
        first = false;
        sink.Append(data.IsNull(i) ? view.String(2) : texts[i]);
      }
      return true;
    });
  };
}

Kernel SplitKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    return RunBuilder<arrow::ListBuilder>(
        scope, args, true, [&](int64_t row, arrow::ListBuilder& builder) -> Status {
          const RowView view(args, row);
          Text text = view.String(0);
          const Text separator = view.String(1);
          auto* parts = static_cast<arrow::StringBuilder*>(builder.value_builder());
          RETURN_IF_ERROR(builder.Append());
          if (text.empty()) return Status::OK();  // no part at all
          while (true) {
            // Without a separator every character is a part.
            const size_t end = separator.empty() ? CharacterOffset(text, 1) : text.find(separator);
            const bool last = separator.empty() ? end >= text.size() : end == Text::npos;
            RETURN_IF_ERROR(parts->Append(last ? text : text.substr(0, end)));
            if (last) return Status::OK();
            text.remove_prefix(end + separator.size());
          }
        });
  };
}

Result<Signature> InferConcat(const CallSite& site) {
  return InferArrays(site, Shape::kArrays,
                     PickerKernel([count = site.size()](const RowView& row, Picks* picks) {
                       for (size_t arg = 0; arg < count; ++arg) PickAll(row, arg, picks);
                     }));
}

Infer InferSearch(LogicalType result, size_t strict, Kernel kernel) {
  return [result, strict, kernel](const CallSite& site) -> Result<Signature> {
    ASSIGN_OR_RETURN(Signature signature, InferArrays(site, Shape::kArrayAndElement, kernel));
    signature.result =
        result.WithNullable(strict > 1 ? site.AnyNullable() : site.type(0).nullable());
    return signature;
  };
}

}  // namespace

void AddArrayFunctions(FunctionRegistry* registry) {
  AddSetPickers(registry);
  AddElementPickers(registry);
  DefineInfer(registry, "ARRAY_CONCAT", 1, -1, InferConcat);
  DefineInfer(registry, "ARRAY_SORT", 1, 3, InferSort());
  DefineInfer(registry, "ARRAY_MAX", 1, 1, InferExtremeElement(true));
  DefineInfer(registry, "ARRAY_MIN", 1, 1, InferExtremeElement(false));
  DefineInfer(registry, "ARRAY_SLICE", 2, 3, InferSlice);
  DefineInfer(registry, "ARRAY_POSITION", 2, 2,
              InferSearch(LogicalType::Int(), 2, SearchKernel<int32_t>(2, PositionOf)));
  DefineInfer(registry, "ARRAY_CONTAINS", 2, 2,
              InferSearch(LogicalType::Boolean(), 1, SearchKernel<bool>(1, [](const RowView& row) {
                            return PositionOf(row) > 0;
                          })));
  DefineInfer(registry, "ARRAY_JOIN", 2, 3, [](const CallSite& site) -> Result<Signature> {
    if (site.type(0).root() != TypeRoot::kArray || !site.type(0).element().IsCharacter()) {
      return site.CannotApply("'ARRAY_JOIN(<ARRAY of CHARACTER>, <CHARACTER>[, <CHARACTER>])'");
    }
    Signature signature{.result = LogicalType::String().WithNullable(site.AnyNullable()),
                        .args = site.types(),
                        .kernel = JoinKernel()};
    for (size_t i = 1; i < site.size(); ++i)
      signature.args[i] = WantedType(site.type(i), Arg::kText);
    return signature;
  });
  const ResultType list = Returns(LogicalType::Array(LogicalType::String()));
  Define(registry,
         {.name = "SPLIT", .overloads = {{{Arg::kText, Arg::kText}, list, SplitKernel()}}});
}

}  // namespace mainstem::process
