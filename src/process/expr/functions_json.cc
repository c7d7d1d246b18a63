// JSON_VALUE, JSON_QUERY, JSON_EXISTS, IS JSON, JSON_STRING, JSON_OBJECT, JSON_ARRAY.
#include <arrow/api.h>
#include <fmt/format.h>

#include "process/expr/cast_kernels.h"
#include "process/expr/functions.h"
#include "process/expr/json_path.h"

namespace mainstem::process {
namespace {

// A call's reader and its last path.
struct JsonState {
  JsonReader reader;
  std::string path_text;
  std::optional<JsonPath> path;
  bool known = false;
  std::vector<JsonItem> items;

  // Null if the path is not valid.
  const JsonPath* Path(Text text) {
    if (!known || path_text != text) {
      path_text = text;
      path = JsonPath::Make(text);
      known = true;
    }
    return path ? &*path : nullptr;
  }
};

// What a document has at a path: `kError` also for a missing value of a strict path.
enum class Outcome : uint8_t { kItems, kEmpty, kError };

Outcome Look(JsonState& state, Text document, Text path_text) {
  const JsonPath* path = state.Path(path_text);
  if (path == nullptr) return Outcome::kError;
  switch (state.reader.Find(document, *path, &state.items)) {
    case JsonReader::Found::kInvalid: return Outcome::kError;
    case JsonReader::Found::kMissing: return path->strict() ? Outcome::kError : Outcome::kEmpty;
    default: break;
  }
  if (path->is_indefinite()) {  // the list of what was found
    JsonItem list{.kind = JsonItem::Kind::kArray, .json = "[", .text = {}};
    for (const JsonItem& item : state.items) {
      if (&item != &state.items.front()) list.json += ',';
      list.json += item.json;
    }
    list.json += ']';
    state.items = {std::move(list)};
  }
  return Outcome::kItems;
}

Text SymbolOr(std::span<const Vector> args, size_t i, Text fallback) {
  return i < args.size() ? Column<Text>(args[i])[0] : fallback;
}

// ---- JSON_EXISTS, IS JSON
// ------------------------------------------------------------------------

Kernel ExistsKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& state = scope.State<JsonState>();
    const Text on_error = SymbolOr(args, 2, "FALSE");
    return RunStrict<bool, Text, Text>(
        scope, args.first(2),
        [&](RowErrors& errors, Text document, Text path) -> std::optional<bool> {
          const Outcome outcome = Look(state, document, path);
          if (outcome != Outcome::kError) return outcome == Outcome::kItems;
          if (on_error == "UNKNOWN") return std::nullopt;
          if (on_error == "ERROR")
            errors.Fail("JSON_EXISTS: no such path in strict mode, or not JSON");
          return on_error == "TRUE";
        });
  };
}

void DefineIsJson(FunctionRegistry* registry, Text what, bool negated) {
  const bool value = what == "VALUE", object = what == "OBJECT", array = what == "ARRAY";
  const auto fits = [=](std::optional<JsonItem::Kind> kind) {
    if (!kind) return false;
    if (value) return true;
    if (object) return *kind == JsonItem::Kind::kObject;
    if (array) return *kind == JsonItem::Kind::kArray;
    return *kind != JsonItem::Kind::kObject && *kind != JsonItem::Kind::kArray;
  };
  const Kernel kernel = [fits, negated](KernelScope& scope,
                                        std::span<const Vector> args) -> Result<Vector> {
    auto& state = scope.State<JsonState>();
    const Vector& arg = args[0];
    const int64_t count = arg.constant ? 1 : scope.row_count();
    ASSIGN_OR_RETURN(auto bits, AllocateBits(count, false, scope.pool()));
    const Validity valid(arg);
    const Column<Text> texts(arg);
    internal::FillFixed<bool>(bits->mutable_data(), count, [&](int64_t row) {
      return (valid[row] && fits(state.reader.KindOf(texts[row]))) != negated;
    });
    return MakeVector(scope.type(), count, arg.constant, {nullptr, bits});
  };
  const std::string name = fmt::format("IS {}JSON", negated ? "NOT " : "");
  if (value) {  // what IS JSON alone means
    Define(registry,
           {.name = name,
            .overloads = {{{Arg::kText}, ReturnsNotNull(LogicalType::Boolean()), kernel}}});
  }
  Define(registry, {.name = fmt::format("{} {}", name, what),
                    .overloads = {{{Arg::kText}, ReturnsNotNull(LogicalType::Boolean()), kernel}}});
}

// ---- JSON_VALUE
// ----------------------------------------------------------------------------------

// The default of DEFAULT ON EMPTY / ERROR at a row.
class DefaultText {
 public:
  DefaultText(std::span<const Vector> args, size_t i) {
    if (i < args.size() && !args[i].IsConstantNull()) {
      valid_.emplace(args[i]);
      values_.emplace(args[i]);
    }
  }
  std::optional<Text> At(int64_t row) const {
    if (!values_ || !(*valid_)[row]) return std::nullopt;
    return (*values_)[row];
  }

 private:
  std::optional<Validity> valid_;
  std::optional<Column<Text>> values_;
};

Kernel ValueKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& state = scope.State<JsonState>();
    const Text on_empty = SymbolOr(args, 2, "NULL"), on_error = SymbolOr(args, 4, "NULL");
    const DefaultText empty_default(args, 3), error_default(args, 5);
    if (AnyConstantNull(args.first(2))) return ConstantNull(scope.type());
    const bool constant = AllConstant(args);
    const int64_t count = constant ? 1 : scope.row_count();
    const Column<Text> documents(args[0]), paths(args[1]);
    const Validity has_document(args[0]), has_path(args[1]);
    arrow::StringBuilder builder(scope.pool());
    for (int64_t row = 0; row < count; ++row) {
      if (!has_document[row] || !has_path[row]) {
        RETURN_IF_ERROR(builder.AppendNull());
        continue;
      }
      Outcome outcome = Look(state, documents[row], paths[row]);
      if (outcome == Outcome::kItems) {
        const JsonItem& item = state.items[0];
        if (item.kind == JsonItem::Kind::kNull) {
          outcome = Outcome::kEmpty;
        } else if (!item.is_scalar()) {
          outcome = Outcome::kError;
        } else {
          RETURN_IF_ERROR(
              builder.Append(item.kind == JsonItem::Kind::kString ? item.text : item.json));
          continue;
        }
      }
      const bool empty = outcome == Outcome::kEmpty;
      const Text behaviour = empty ? on_empty : on_error;
      if (behaviour == "ERROR") {
        return scope.Fail(row, empty
                                   ? "Empty result of JSON_VALUE function is not allowed"
                                   : "JSON_VALUE: strict path without a scalar value, or not JSON");
      }
      const auto text = (empty ? empty_default : error_default).At(row);
      if (behaviour == "DEFAULT" && text) {
        RETURN_IF_ERROR(builder.Append(*text));
      } else {
        RETURN_IF_ERROR(builder.AppendNull());
      }
    }
    return FinishBuilder(&builder, constant);
  };
}

Result<Signature> InferJsonValue(const CallSite& site) {
  if (!MatchesArg(site.type(0), Arg::kText) || !MatchesArg(site.type(1), Arg::kText) ||
      (site.size() != 2 && site.size() != 6)) {
    return site.CannotApply("'JSON_VALUE(<CHARACTER>, <CHARACTER>)'");
  }
  Signature signature{
      .result = LogicalType::String(), .args = site.types(), .kernel = ValueKernel()};
  for (size_t i : {0, 1, 3, 5}) {
    if (i < site.size()) signature.args[i] = LogicalType::String();
  }
  signature.can_fail = AnyErrorSymbol(site);
  return signature;
}

// ---- JSON_QUERY
// ----------------------------------------------------------------------------------

// A missing value of a lax path is NULL whatever ON EMPTY says, except for ERROR: so does the
// dialect.
Kernel QueryKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& state = scope.State<JsonState>();
    const Text wrapper = SymbolOr(args, 2, "WITHOUT");
    const Text on_empty = SymbolOr(args, 3, "NULL"), on_error = SymbolOr(args, 4, "NULL");
    return RunStrict<Text, Text, Text>(
        scope, args.first(2), [&](RowErrors& errors, TextSink& sink, Text document, Text path) {
          const Outcome outcome = Look(state, document, path);
          if (outcome == Outcome::kEmpty) {
            if (on_empty == "ERROR")
              errors.Fail("Empty result of JSON_QUERY function is not allowed");
            return false;
          }
          if (outcome == Outcome::kItems) {
            const JsonItem& item = state.items[0];
            const bool wrap = wrapper == "UNCONDITIONAL" ||
                              (wrapper == "CONDITIONAL" && item.kind != JsonItem::Kind::kArray);
            if (wrap || !item.is_scalar()) {
              if (wrap) sink.Append('[');
              sink.Append(item.json);
              if (wrap) sink.Append(']');
              return true;
            }
          }
          if (on_error == "ERROR") {
            errors.Fail("JSON_QUERY: the path gives no array or object, or the text is not JSON");
          }
          if (on_error == "EMPTY ARRAY") sink.Append("[]");
          if (on_error == "EMPTY OBJECT") sink.Append("{}");
          return on_error == "EMPTY ARRAY" || on_error == "EMPTY OBJECT";
        });
  };
}

// ---- Making JSON
// ---------------------------------------------------------------------------------

void AppendJson(const arrow::ArrayData& data, int64_t row, const LogicalType& type,
                const ValueTextOptions& options, std::string* out);

void AppendJsonNested(const arrow::ArrayData& data, int64_t row, const LogicalType& type,
                      const ValueTextOptions& options, std::string* out) {
  if (type.root() == TypeRoot::kRow) {
    *out += '{';
    for (size_t i = 0; i < type.fields().size(); ++i) {
      if (i > 0) *out += ',';
      AppendJsonString(type.fields()[i].name(), out);
      *out += ':';
      AppendJson(*data.child_data[i], data.offset + row, type.fields()[i].type(), options, out);
    }
    *out += '}';
    return;
  }
  const int32_t* offsets = data.GetValues<int32_t>(1);
  const arrow::ArrayData& items = *data.child_data[0];
  const bool is_array = type.root() == TypeRoot::kArray;
  *out += is_array ? '[' : '{';
  for (int32_t i = offsets[row]; i < offsets[row + 1]; ++i) {
    if (i > offsets[row]) *out += ',';
    if (is_array) {
      AppendJson(items, i, type.element(), options, out);
      continue;
    }
    const bool is_map = type.root() == TypeRoot::kMap;
    std::string key;
    AppendValueText(*items.child_data[0], items.offset + i, is_map ? type.key() : type.element(),
                    options, &key);
    AppendJsonString(key, out);
    *out += ':';
    AppendJson(*items.child_data[1], items.offset + i, is_map ? type.element() : LogicalType::Int(),
               options, out);
  }
  *out += is_array ? ']' : '}';
}

void AppendJson(const arrow::ArrayData& data, int64_t row, const LogicalType& type,
                const ValueTextOptions& options, std::string* out) {
  if (data.type->id() == arrow::Type::NA || data.IsNull(row)) {
    *out += "null";
  } else if (type.IsNested()) {
    AppendJsonNested(data, row, type, options, out);
  } else if (type.root() == TypeRoot::kBoolean) {
    *out += Column<bool>(data)[row] ? "true" : "false";
  } else {
    std::string text;
    AppendValueText(data, row, type, options, &text);
    if (type.IsNumeric()) {
      *out += text;
    } else {
      AppendJsonString(text, out);
    }
  }
}

// An argument that is JSON already (a nested JSON_OBJECT) goes in as it is.
bool IsJsonText(const BoundExpr& expr) {
  return expr.IsCallTo("JSON_OBJECT") || expr.IsCallTo("JSON_ARRAY") || expr.IsCallTo("JSON");
}

Kernel BuildKernel(bool object) {
  return [object](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const bool absent = Column<Text>(args[0])[0] == "ABSENT";
    const ValueTextOptions options{.time_zone = scope.context().time_zone};
    const bool constant = AllConstant(args);
    const int64_t count = constant ? 1 : scope.row_count();
    TextSink sink;
    RETURN_IF_ERROR(sink.Init(count, scope.pool()));
    std::string out;
    for (int64_t row = 0; row < count; ++row) {
      out = object ? "{" : "[";
      for (size_t i = object ? 2 : 1; i < args.size(); i += object ? 2 : 1) {
        const Vector& value = args[i];
        const int64_t at = value.constant ? 0 : row;
        const bool is_null = value.data->type->id() == arrow::Type::NA || value.data->IsNull(at);
        if (is_null && absent) continue;
        if (out.size() > 1) out += ',';
        if (object) {
          const Vector& key = args[i - 1];
          const int64_t key_at = key.constant ? 0 : row;
          if (key.data->IsNull(key_at)) return scope.Fail(row, "JSON_OBJECT: a key is NULL");
          AppendJsonString(Column<Text>(key)[row], &out);
          out += ':';
        }
        if (!is_null && IsJsonText(*scope.expr().args()[i])) {
          out += Column<Text>(value)[row];
        } else {
          AppendJson(*value.data, at, scope.arg_type(i), options, &out);
        }
      }
      out += object ? '}' : ']';
      sink.Append(out);
      sink.EndRow();
    }
    arrow::BufferVector buffers{nullptr};
    RETURN_IF_ERROR(sink.Finish(&buffers));
    return MakeVector(scope.type(), count, constant, std::move(buffers));
  };
}

Infer InferBuild(bool object) {
  return [object](const CallSite& site) -> Result<Signature> {
    bool good = site.type(0).root() == TypeRoot::kSymbol && (!object || site.size() % 2 == 1);
    for (size_t i = 1; object && i < site.size(); i += 2) good &= site.type(i).IsCharacter();
    if (!good) return site.CannotApply(fmt::format("'{}(...)'", site.name()));
    return Signature{.result = LogicalType::String().NotNull(), .kernel = BuildKernel(object)};
  };
}

Kernel JsonStringKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const ValueTextOptions options{.time_zone = scope.context().time_zone};
    std::string out;
    return RunBuilder<arrow::StringBuilder>(
        scope, args, true, [&](int64_t row, arrow::StringBuilder& builder) {
          out.clear();
          AppendJson(*args[0].data, args[0].constant ? 0 : row, scope.arg_type(0), options, &out);
          return builder.Append(out);
        });
  };
}

}  // namespace

void AddJsonFunctions(FunctionRegistry* registry) {
  const ResultType truth = ReturnsNullable(LogicalType::Boolean());
  Define(registry, {.name = "JSON_EXISTS",
                    .overloads = {{{Arg::kText, Arg::kText}, truth, ExistsKernel()},
                                  {{Arg::kText, Arg::kText, Arg::kSymbol}, truth, ExistsKernel()}},
                    .flags = kCanFail,
                    .can_fail = AnyErrorSymbol});
  for (Text what : {"VALUE", "OBJECT", "ARRAY", "SCALAR"}) {
    DefineIsJson(registry, what, false);
    DefineIsJson(registry, what, true);
  }
  DefineInfer(registry, "JSON_VALUE", 2, 6, InferJsonValue, kCanFail);
  Define(registry,
         {.name = "JSON_QUERY",
          .overloads = {{{Arg::kText, Arg::kText}, kTextNullable, QueryKernel()},
                        {{Arg::kText, Arg::kText, Arg::kSymbol, Arg::kSymbol, Arg::kSymbol},
                         kTextNullable,
                         QueryKernel()}},
          .flags = kCanFail,
          .can_fail = AnyErrorSymbol});
  DefineInfer(registry, "JSON_OBJECT", 1, -1, InferBuild(true), kCanFail);
  DefineInfer(registry, "JSON_ARRAY", 1, -1, InferBuild(false), kCanFail);
  Define(registry,
         {.name = "JSON_STRING",
          .overloads = {{{Arg::kAny}, Returns(LogicalType::String()), JsonStringKernel()}}});
}

}  // namespace mainstem::process
