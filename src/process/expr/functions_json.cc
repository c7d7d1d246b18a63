// JSON_VALUE, JSON_QUERY, JSON_EXISTS, IS JSON, JSON_STRING, JSON_OBJECT, JSON_ARRAY.
#include <absl/strings/escaping.h>
#include <arrow/api.h>
#include <fmt/format.h>

#include "process/expr/cast_kernels.h"
#include "process/expr/functions.h"
#include "process/expr/json_path.h"
#include "process/expr/text.h"

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
          if (outcome == Outcome::kItems) return state.items[0].kind != JsonItem::Kind::kNull;
          if (outcome == Outcome::kEmpty) return false;
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
  JsonMembers members;
  if (type.root() == TypeRoot::kRow) {
    for (size_t i = 0; i < type.fields().size(); ++i) {
      AppendJson(*data.child_data[i], data.offset + row, type.fields()[i].type(), options,
                 &members[type.fields()[i].name()]);
    }
    return AppendJsonObject(members, out);
  }
  const int32_t* offsets = data.GetValues<int32_t>(1);
  const arrow::ArrayData& items = *data.child_data[0];
  if (type.root() == TypeRoot::kArray) {
    *out += '[';
    for (int32_t i = offsets[row]; i < offsets[row + 1]; ++i) {
      if (i > offsets[row]) *out += ',';
      AppendJson(items, i, type.element(), options, out);
    }
    *out += ']';
    return;
  }
  const bool is_map = type.root() == TypeRoot::kMap;
  for (int32_t i = offsets[row]; i < offsets[row + 1]; ++i) {
    std::string key;
    AppendValueText(*items.child_data[0], items.offset + i, is_map ? type.key() : type.element(),
                    options, &key);
    std::string& value = members[std::move(key)];
    value.clear();
    AppendJson(*items.child_data[1], items.offset + i, is_map ? type.element() : LogicalType::Int(),
               options, &value);
  }
  AppendJsonObject(members, out);
}

// 2026-01-02T03:04:05.600[Z]: seconds with 0, 3, 6 or 9 digits behind the point.
std::string IsoTime(std::string text, bool is_instant) {
  if (const size_t space = text.find(' '); space != std::string::npos) text[space] = 'T';
  if (const size_t point = text.find('.'); point != std::string::npos) {
    while (text.back() == '0') text.pop_back();
    while (text.size() > point + 1 && (text.size() - point - 1) % 3 != 0) text += '0';
    if (text.back() == '.') text.pop_back();
  }
  return is_instant ? text + "Z" : text;
}

std::string ScalarJson(const arrow::ArrayData& data, int64_t row, const LogicalType& type,
                       const ValueTextOptions& options) {
  std::string text;
  if (type.IsTimestamp()) {
    const bool is_instant = type.root() == TypeRoot::kTimestampLtz;
    ValueTextOptions utc = options;
    utc.time_zone = absl::UTCTimeZone();
    AppendValueText(data, row, type, utc, &text);
    return IsoTime(std::move(text), is_instant);
  }
  if (type.IsBinary()) {
    const Text bytes = Column<Text>(data)[row];
    absl::Base64Escape(absl::string_view(bytes.data(), bytes.size()), &text);
    return text;
  }
  if (type.root() == TypeRoot::kFloat) {
    char wide[kTextMax];
    text.assign(wide, FormatDouble(Column<float>(data)[row], wide));
    return JavaNumber(text);
  }
  AppendValueText(data, row, type, options, &text);
  return type.root() == TypeRoot::kDouble ? JavaNumber(text) : text;
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
    const std::string text = ScalarJson(data, row, type, options);
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
    std::string out;
    JsonMembers members;
    return RunText(scope, args, [&](int64_t row, TextSink& sink) -> Result<bool> {
      out = object ? "" : "[";
      members.clear();
      for (size_t i = object ? 2 : 1; i < args.size(); i += object ? 2 : 1) {
        const Vector& value = args[i];
        const int64_t at = value.constant ? 0 : row;
        const bool is_null = value.data->type->id() == arrow::Type::NA || value.data->IsNull(at);
        if (is_null && absent) continue;
        std::string* member = &out;
        if (object) {
          const Vector& key = args[i - 1];
          const int64_t key_at = key.constant ? 0 : row;
          if (key.data->IsNull(key_at)) return scope.Fail(row, "JSON_OBJECT: a key is NULL");
          member = &members[std::string(Column<Text>(key)[row])];
          member->clear();
        } else if (out.size() > 1) {
          out += ',';
        }
        if (!is_null && IsJsonText(*scope.expr().args()[i])) {
          *member += Column<Text>(value)[row];
        } else {
          AppendJson(*value.data, at, scope.arg_type(i), options, member);
        }
      }
      if (object) {
        AppendJsonObject(members, &out);
      } else {
        out += ']';
      }
      sink.Append(out);
      return true;
    });
  };
}

// Days, times, intervals and maps by something else than text have no form in JSON.
Status CheckHasJson(const LogicalType& type) {
  bool has = true;
  switch (type.root()) {
    case TypeRoot::kNull:
    case TypeRoot::kDate:
    case TypeRoot::kTime:
    case TypeRoot::kIntervalYearMonth:
    case TypeRoot::kIntervalDayTime: has = false; break;
    case TypeRoot::kMap: has = type.key().IsCharacter(); [[fallthrough]];
    case TypeRoot::kArray:
    case TypeRoot::kMultiset: RETURN_IF_ERROR(CheckHasJson(type.element())); break;
    case TypeRoot::kRow:
      for (const RowField& field : type.fields()) RETURN_IF_ERROR(CheckHasJson(field.type()));
      break;
    default: break;
  }
  if (has) return Status::OK();
  return MakeError(
      ErrorCode::kSemanticError,
      {.message = fmt::format("{} cannot be converted into JSON", type.ToErrorString()),
       .hint = "CAST it to STRING"});
}

// An array or object as ARRAY<STRING>: strings as their characters, other elements as JSON.
Kernel QueryArrayKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    if (AnyConstantNull(args.first(2))) return ConstantNull(scope.type());
    auto& state = scope.State<JsonState>();
    const Text wrapper = SymbolOr(args, 2, "WITHOUT");
    const Text on_empty = SymbolOr(args, 3, "NULL"), on_error = SymbolOr(args, 4, "NULL");
    const Column<Text> documents(args[0]), paths(args[1]);
    const JsonPath elements = *JsonPath::Make("$[*]");
    JsonReader reader;
    std::vector<JsonItem> found;
    return RunBuilder<arrow::ListBuilder>(
        scope, args.first(2), true, [&](int64_t row, arrow::ListBuilder& builder) -> Status {
          const Outcome outcome = Look(state, documents[row], paths[row]);
          bool good = outcome == Outcome::kItems;
          found.clear();
          if (good) {
            const JsonItem& item = state.items[0];
            const bool is_array = item.kind == JsonItem::Kind::kArray;
            if (wrapper == "UNCONDITIONAL" || (wrapper == "CONDITIONAL" && !is_array)) {
              found = {item};
            } else if (is_array) {
              reader.Find(item.json, elements, &found);
            } else {
              good = false;
            }
          }
          if (!good) {
            const Text behaviour = outcome == Outcome::kEmpty ? on_empty : on_error;
            if (behaviour == "ERROR") return scope.Fail(row, "JSON_QUERY: the path gives no array");
            return behaviour == "EMPTY ARRAY" ? builder.Append() : builder.AppendNull();
          }
          RETURN_IF_ERROR(builder.Append());
          auto* texts = static_cast<arrow::StringBuilder*>(builder.value_builder());
          for (const JsonItem& item : found) {
            if (item.kind == JsonItem::Kind::kNull) {
              RETURN_IF_ERROR(texts->AppendNull());
            } else {
              RETURN_IF_ERROR(
                  texts->Append(item.kind == JsonItem::Kind::kString ? item.text : item.json));
            }
          }
          return Status::OK();
        });
  };
}

// JSON(text): a text that is JSON, to go into JSON_OBJECT or JSON_ARRAY as it is.
Kernel JsonTextKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& state = scope.State<JsonState>();
    return RunStrict<Text, Text>(
        scope, args, [&](RowErrors& errors, TextSink& sink, Text document) -> bool {
          const bool is_json = Look(state, document, "$") == Outcome::kItems;
          if (!is_json) errors.Fail(fmt::format("'{}' is not JSON", document.substr(0, 100)));
          if (is_json) sink.Append(state.items[0].json);
          return is_json;
        });
  };
}

Infer InferBuild(bool object) {
  return [object](const CallSite& site) -> Result<Signature> {
    bool good = site.type(0).root() == TypeRoot::kSymbol && (!object || site.size() % 2 == 1);
    for (size_t i = 1; object && i < site.size(); i += 2) good &= site.type(i).IsCharacter();
    if (!good) return site.CannotApply(fmt::format("'{}(...)'", site.name()));
    for (size_t i = object ? 2 : 1; i < site.size(); i += object ? 2 : 1) {
      RETURN_IF_ERROR(CheckHasJson(site.type(i)));
    }
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
  const Overload in_array = {{Arg::kText, Arg::kText, Arg::kSymbol, Arg::kSymbol, Arg::kSymbol},
                             ReturnsNullable(LogicalType::Array(LogicalType::String())),
                             QueryArrayKernel()};
  Define(registry, {.name = "$JSON_QUERY_ARRAY",
                    .overloads = {in_array},
                    .flags = kCanFail,
                    .can_fail = AnyErrorSymbol});
  Define(
      registry,
      {.name = "JSON", .overloads = {{{Arg::kText}, kText, JsonTextKernel()}}, .flags = kCanFail});
  DefineInfer(registry, "JSON_OBJECT", 1, -1, InferBuild(true), kCanFail);
  DefineInfer(registry, "JSON_ARRAY", 1, -1, InferBuild(false), kCanFail);
  DefineInfer(registry, "JSON_STRING", 1, 1, [](const CallSite& site) -> Result<Signature> {
    RETURN_IF_ERROR(CheckHasJson(site.type(0)));
    return Signature{.result = LogicalType::String().WithNullable(site.AnyNullable()),
                     .kernel = JsonStringKernel()};
  });
}

}  // namespace mainstem::process
