#include "process/expr/evaluator.h"

#include <numeric>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/hash/hash.h>
#include <arrow/api.h>
#include <fmt/format.h>

#include "process/expr/cast.h"
#include "process/expr/cast_kernels.h"
#include "process/expr/function_registry.h"
#include "process/expr/functions.h"
#include "process/expr/vector.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {
namespace {

// One distinct subexpression; equal deterministic ones share a node.
struct Node {
  ExprPtr expr;
  CallForm form = CallForm::kEager;
  Kernel kernel = {};          // calls of kEager form and casts
  std::vector<int> args = {};  // nodes
  bool can_fail = false;       // it or anything below it
  bool mergeable = true;       // deterministic within a batch
  std::shared_ptr<void> state = nullptr;
  std::optional<Vector> constant = std::nullopt;  // folded value
  Status constant_error = Status::OK();           // why folding failed: said when a row reaches it
};

// The rows that an expression is evaluated for: the batch itself, or those that reach a branch.
struct Frame {
  const Frame* parent = nullptr;
  const std::vector<int32_t>* rows_in_parent = nullptr;  // null for the batch itself
  const int32_t* root_rows = nullptr;                    // row numbers in the batch; null = same
  int64_t row_count = 0;
  absl::flat_hash_map<int, Vector> memo = {};  // by node: few of many in a branch
};

// Equal expressions have one node.
struct HashOfExpr {
  size_t operator()(const std::pair<ExprPtr, int>& node) const {
    return absl::Hash<uint64_t>()(node.first->hash());
  }
};
struct SameExpr {
  bool operator()(const std::pair<ExprPtr, int>& a, const std::pair<ExprPtr, int>& b) const {
    return a.first->Equals(*b.first);
  }
};

}  // namespace

class ExprProgramImpl {
 public:
  Result<int> AddNode(const ExprPtr& expr, const EvalContext& context);
  void AddRoot(int node) { roots_.push_back(node); }
  size_t root_count() const { return roots_.size(); }

  Status Begin(const std::vector<std::shared_ptr<arrow::Array>>& columns, int64_t row_count,
               const EvalContext& context, EvalFailure* failure) {
    columns_ = &columns;
    context_ = &context;
    failure_ = failure;
    frame_ = Frame{.row_count = row_count};
    return Status::OK();
  }
  Result<Vector> EvaluateRoot(size_t root) { return Evaluate(roots_[root], frame_); }
  void End() { frame_.memo.clear(); }

 private:
  Result<int> MakeNode(const ExprPtr& expr, const EvalContext& context);
  Result<int> MakeListNode(const ExprPtr& in, const EvalContext& context);
  Status Fold(int id, const EvalContext& context);
  Result<Vector> Evaluate(int id, Frame& frame);
  Result<Vector> EvaluateHere(int id, Frame& frame);
  Result<Vector> InputColumn(const Node& node) const;
  Result<Vector> RunKernel(Node& node, std::span<const Vector> args, const Frame& frame);
  Result<Vector> EvaluateConnective(int id, Frame& frame);
  Result<Vector> EvaluateCase(int id, Frame& frame);
  Result<Vector> EvaluateCoalesce(int id, Frame& frame);
  Frame SubFrame(const Frame& frame, const std::vector<int32_t>& rows,
                 std::vector<int32_t>* root_rows) const;
  bool AnyCanFail(const Node& node, size_t first) const;
  arrow::MemoryPool* pool() const {
    return context_->pool != nullptr ? context_->pool : arrow::default_memory_pool();
  }

  std::vector<Node> nodes_;
  absl::flat_hash_set<std::pair<ExprPtr, int>, HashOfExpr, SameExpr> shared_;  // the mergeable ones
  std::vector<int> roots_;
  // For the running call.
  const std::vector<std::shared_ptr<arrow::Array>>* columns_ = nullptr;
  const EvalContext* context_ = nullptr;
  EvalFailure* failure_ = nullptr;
  Frame frame_;
};

// ---- Compile
// -------------------------------------------------------------------------------------

Result<int> ExprProgramImpl::AddNode(const ExprPtr& expr, const EvalContext& context) {
  if (const auto known = shared_.find({expr, 0}); known != shared_.end()) return known->second;
  ASSIGN_OR_RETURN(const int id, MakeNode(expr, context));
  if (nodes_[static_cast<size_t>(id)].mergeable) shared_.emplace(expr, id);
  if (IsConstant(*expr)) RETURN_IF_ERROR(Fold(id, context));
  return id;
}

Result<int> ExprProgramImpl::MakeNode(const ExprPtr& expr, const EvalContext& context) {
  Node node{.expr = expr};
  const bool has_list = expr->IsCallTo("IN SET");
  const size_t arg_count = has_list ? 2 : expr->args().size();
  for (size_t i = 0; i < arg_count; ++i) {
    const bool is_list = has_list && i == 1;
    ASSIGN_OR_RETURN(const int id,
                     is_list ? MakeListNode(expr, context) : AddNode(expr->args()[i], context));
    node.args.push_back(id);
    node.can_fail |= nodes_[static_cast<size_t>(id)].can_fail;
    node.mergeable &= nodes_[static_cast<size_t>(id)].mergeable;
  }
  switch (expr->kind()) {
    case ExprKind::kLiteral: {
      ASSIGN_OR_RETURN(node.constant, FromScalar(*expr->value(), expr->type()));
      break;
    }
    case ExprKind::kInputRef: break;
    case ExprKind::kCast: {
      const LogicalType& from = expr->args()[0]->type();
      ASSIGN_OR_RETURN(node.kernel, MakeCastKernel(from, expr->type()));
      node.can_fail |= !expr->is_try() && CastCanFail(from, expr->type());
      break;
    }
    case ExprKind::kCall: {
      const BoundFunction& function = *expr->function();
      node.form = function.form;
      node.kernel = function.kernel;
      node.can_fail |= function.flags.can_fail;
      node.mergeable &= function.flags.deterministic;
      if (node.form == CallForm::kEager && !node.kernel) {
        return MakeError(
            ErrorCode::kUnsupported,
            {.message = fmt::format("function {} cannot be evaluated here", function.name)});
      }
      break;
    }
  }
  nodes_.push_back(std::move(node));
  return static_cast<int>(nodes_.size()) - 1;
}

// The constants of an IN, as one column: there may be many thousands.
Result<int> ExprProgramImpl::MakeListNode(const ExprPtr& in, const EvalContext& context) {
  Node list{.expr = in};
  ExprProgramImpl constants;
  ASSIGN_OR_RETURN(auto builder, arrow::MakeBuilder(ToArrowType(in->args()[1]->type())));
  for (const ExprPtr& arg : std::span(in->args()).subspan(1)) {
    ASSIGN_OR_RETURN(const int id, constants.AddNode(arg, context));
    const Node& node = constants.nodes_[static_cast<size_t>(id)];
    if (!node.constant) {  // said when a row reaches it
      list.constant_error = node.constant_error;
      list.can_fail = true;
      break;
    }
    RETURN_IF_ERROR(builder->AppendArraySlice(arrow::ArraySpan(*node.constant->data), 0, 1));
  }
  if (list.constant_error.ok()) {
    ASSIGN_OR_RETURN(const auto column, builder->Finish());
    list.constant = FromArray(*column);
  }
  nodes_.push_back(std::move(list));
  return static_cast<int>(nodes_.size()) - 1;
}

namespace {

// A constant is a literal of its type: a CHAR(n) that came out longer (UPPER('ß')) is cut, as Flink
// does. Computed from columns it is not.
Status CutToLength(const LogicalType& type, Vector* constant) {
  if (type.root() != TypeRoot::kChar || constant->IsConstantNull()) return Status::OK();
  const arrow::StringArray text(constant->data);
  const std::string_view value = text.GetView(0);
  const size_t at = CharacterOffset(value, type.length());
  if (at == value.size()) return Status::OK();
  ASSIGN_OR_RETURN(*constant,
                   FromScalar(arrow::StringScalar(std::string(value.substr(0, at))), type));
  constant->constant = true;
  return Status::OK();
}

}  // namespace

// Computes a constant expression over one row.
Status ExprProgramImpl::Fold(int id, const EvalContext& context) {
  Node& node = nodes_[static_cast<size_t>(id)];
  if (node.constant) return Status::OK();
  for (int arg : node.args) {
    // A branch that fails only matters if it is reached: leave the decision to run time.
    if (!nodes_[static_cast<size_t>(arg)].constant) {
      if (node.form == CallForm::kEager) {
        node.constant_error = nodes_[static_cast<size_t>(arg)].constant_error;
        return Status::OK();
      }
    }
  }
  static const std::vector<std::shared_ptr<arrow::Array>> kNoColumns;
  EvalFailure failure;
  RETURN_IF_ERROR(Begin(kNoColumns, 1, context, &failure));
  Result<Vector> result = EvaluateHere(id, frame_);
  End();
  if (!result.ok()) {
    node.constant_error = result.status();
    return Status::OK();
  }
  result->constant = true;
  RETURN_IF_ERROR(CutToLength(node.expr->type(), &*result));
  node.constant = *std::move(result);
  node.can_fail = false;
  return Status::OK();
}

// ---- Run
// -----------------------------------------------------------------------------------------

Result<Vector> ExprProgramImpl::Evaluate(int id, Frame& frame) {
  const size_t index = static_cast<size_t>(id);
  if (nodes_[index].constant) return *nodes_[index].constant;
  if (const auto found = frame.memo.find(id); found != frame.memo.end()) return found->second;
  // What an enclosing frame has already computed, or a column, is picked from there.
  const Frame* known = frame.parent;
  while (known != nullptr && !known->memo.contains(id)) known = known->parent;
  const bool is_input = nodes_[index].expr->kind() == ExprKind::kInputRef;
  if (frame.parent != nullptr && (known != nullptr || is_input)) {
    ASSIGN_OR_RETURN(const Vector above, Evaluate(id, const_cast<Frame&>(*frame.parent)));
    ASSIGN_OR_RETURN(Vector picked,
                     Take(above, frame.rows_in_parent->data(), frame.row_count, pool()));
    return frame.memo.emplace(id, std::move(picked)).first->second;
  }
  ASSIGN_OR_RETURN(Vector computed, EvaluateHere(id, frame));
  return frame.memo.emplace(id, std::move(computed)).first->second;
}

Result<Vector> ExprProgramImpl::EvaluateHere(int id, Frame& frame) {
  Node& node = nodes_[static_cast<size_t>(id)];
  if (node.expr->kind() == ExprKind::kInputRef) return InputColumn(node);
  if (!node.constant_error.ok() && frame.row_count > 0 && node.form == CallForm::kEager) {
    if (failure_ != nullptr) {
      *failure_ = {frame.root_rows == nullptr ? 0 : frame.root_rows[0], node.expr->ToString(),
                   TextOf(node.constant_error).message};
    }
    return node.constant_error;
  }
  switch (node.form) {
    case CallForm::kAnd:
    case CallForm::kOr: return EvaluateConnective(id, frame);
    case CallForm::kCase: return EvaluateCase(id, frame);
    case CallForm::kCoalesce: return EvaluateCoalesce(id, frame);
    case CallForm::kEager: break;
  }
  std::vector<Vector> args;
  for (int arg : node.args) {
    ASSIGN_OR_RETURN(Vector value, Evaluate(arg, frame));
    args.push_back(std::move(value));
  }
  return RunKernel(node, args, frame);
}

Result<Vector> ExprProgramImpl::RunKernel(Node& node, std::span<const Vector> args,
                                          const Frame& frame) {
  KernelScope scope(*node.expr, *context_, frame.row_count, &node.state, frame.root_rows, failure_);
  if (frame.row_count == 0) {
    ASSIGN_OR_RETURN(auto empty, arrow::MakeEmptyArray(ToArrowType(node.expr->type()), pool()));
    return FromArray(*empty);
  }
  return node.kernel(scope, args);
}

Result<Vector> ExprProgramImpl::InputColumn(const Node& node) const {
  const size_t index = static_cast<size_t>(node.expr->index());
  if (index >= columns_->size() || (*columns_)[index] == nullptr) {
    return MakeError(ErrorCode::kInternal, {.message = fmt::format("no input column {} for {}",
                                                                   index, node.expr->ToString())});
  }
  return FromArray(*(*columns_)[index]);
}

Frame ExprProgramImpl::SubFrame(const Frame& frame, const std::vector<int32_t>& rows,
                                std::vector<int32_t>* root_rows) const {
  root_rows->resize(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    (*root_rows)[i] = frame.root_rows == nullptr ? rows[i] : frame.root_rows[rows[i]];
  }
  Frame sub{.parent = &frame,
            .rows_in_parent = &rows,
            .root_rows = root_rows->data(),
            .row_count = static_cast<int64_t>(rows.size())};
  return sub;
}

bool ExprProgramImpl::AnyCanFail(const Node& node, size_t first) const {
  for (size_t i = first; i < node.args.size(); ++i) {
    if (nodes_[static_cast<size_t>(node.args[i])].can_fail) return true;
    if (!nodes_[static_cast<size_t>(node.args[i])].constant_error.ok()) return true;
  }
  return false;
}

namespace {

// Three-valued truth of one row.
enum Truth : uint8_t { kFalse, kTrue, kUnknown };

void ReadTruth(const Vector& vector, int64_t count, std::vector<uint8_t>* out) {
  const Validity valid(vector);
  out->resize(static_cast<size_t>(count));
  if (vector.IsConstantNull() || vector.data->type->id() == arrow::Type::NA) {
    std::fill(out->begin(), out->end(), kUnknown);
    return;
  }
  const Column<bool> values(vector);
  for (int64_t row = 0; row < count; ++row) {
    (*out)[static_cast<size_t>(row)] = !valid[row] ? kUnknown : values[row] ? kTrue : kFalse;
  }
}

Result<Vector> WriteTruth(const LogicalType& type, const std::vector<uint8_t>& truth,
                          arrow::MemoryPool* pool) {
  const int64_t count = static_cast<int64_t>(truth.size());
  ASSIGN_OR_RETURN(auto values, AllocateBits(count, false, pool));
  ASSIGN_OR_RETURN(auto validity, AllocateBits(count, false, pool));
  bool any_null = false;
  internal::FillFixed<bool>(values->mutable_data(), count,
                            [&](int64_t row) { return truth[static_cast<size_t>(row)] == kTrue; });
  internal::FillFixed<bool>(validity->mutable_data(), count, [&](int64_t row) {
    const bool valid = truth[static_cast<size_t>(row)] != kUnknown;
    any_null |= !valid;
    return valid;
  });
  return MakeVector(type, count, false, {any_null ? validity : nullptr, values});
}

}  // namespace

// AND stops at FALSE, OR at TRUE; arguments after that are not evaluated for the row.
Result<Vector> ExprProgramImpl::EvaluateConnective(int id, Frame& frame) {
  const Node& node = nodes_[static_cast<size_t>(id)];
  const uint8_t deciding = node.form == CallForm::kAnd ? kFalse : kTrue;
  const uint8_t other = deciding == kFalse ? kTrue : kFalse;
  std::vector<uint8_t> truth(static_cast<size_t>(frame.row_count), other);
  std::vector<uint8_t> next;
  for (size_t i = 0; i < node.args.size(); ++i) {
    const int arg = node.args[i];
    if (i > 0 && AnyCanFail(node, i)) {
      std::vector<int32_t> open;
      for (int64_t row = 0; row < frame.row_count; ++row) {
        if (truth[static_cast<size_t>(row)] != deciding) open.push_back(static_cast<int32_t>(row));
      }
      if (open.empty()) break;
      if (static_cast<int64_t>(open.size()) < frame.row_count) {
        std::vector<int32_t> root_rows;
        Frame sub = SubFrame(frame, open, &root_rows);
        ASSIGN_OR_RETURN(const Vector value, Evaluate(arg, sub));
        ReadTruth(value, sub.row_count, &next);
        for (size_t k = 0; k < open.size(); ++k) {
          uint8_t& row = truth[static_cast<size_t>(open[k])];
          if (next[k] == deciding || row == other) row = next[k];
        }
        continue;
      }
    }
    ASSIGN_OR_RETURN(const Vector value, Evaluate(arg, frame));
    ReadTruth(value, frame.row_count, &next);
    for (size_t row = 0; row < truth.size(); ++row) {
      if (truth[row] != deciding && (next[row] == deciding || truth[row] == other)) {
        truth[row] = next[row];
      }
    }
  }
  return WriteTruth(node.expr->type(), truth, pool());
}

Result<Vector> ExprProgramImpl::EvaluateCase(int id, Frame& frame) {
  const Node& node = nodes_[static_cast<size_t>(id)];
  const size_t branch_count = node.args.size() / 2;  // the ELSE apart
  const bool lazy = AnyCanFail(node, 1);
  std::vector<uint32_t> choice(static_cast<size_t>(frame.row_count));
  std::vector<std::vector<int32_t>> chosen(branch_count + 1);
  std::vector<int32_t> open(static_cast<size_t>(frame.row_count));
  std::iota(open.begin(), open.end(), 0);
  std::vector<uint8_t> truth;
  for (size_t branch = 0; branch < branch_count && !open.empty(); ++branch) {
    const int when = node.args[branch * 2];
    const bool part = lazy && branch > 0 && static_cast<int64_t>(open.size()) < frame.row_count;
    if (part) {
      std::vector<int32_t> root_rows;
      Frame sub = SubFrame(frame, open, &root_rows);
      ASSIGN_OR_RETURN(const Vector condition, Evaluate(when, sub));
      ReadTruth(condition, sub.row_count, &truth);
    } else {
      ASSIGN_OR_RETURN(const Vector condition, Evaluate(when, frame));
      ReadTruth(condition, frame.row_count, &truth);
    }
    size_t kept = 0;
    for (size_t k = 0; k < open.size(); ++k) {
      const int32_t row = open[k];
      if (truth[part ? k : static_cast<size_t>(row)] == kTrue) {
        choice[static_cast<size_t>(row)] = static_cast<uint32_t>(branch);
        chosen[branch].push_back(row);
      } else {
        open[kept++] = row;
      }
    }
    open.resize(kept);
  }
  for (int32_t row : open) choice[static_cast<size_t>(row)] = static_cast<uint32_t>(branch_count);
  chosen[branch_count] = std::move(open);
  // Values: of the rows that chose them, or of all rows where nothing can fail.
  const Vector none = ConstantNull(node.expr->type());
  std::vector<Vector> sources(branch_count + 1, none);
  std::vector<uint8_t> compact(branch_count + 1, 1);
  for (size_t branch = 0; branch <= branch_count; ++branch) {
    const std::vector<int32_t>& rows = chosen[branch];
    if (rows.empty()) continue;
    const int value = branch == branch_count ? node.args.back() : node.args[branch * 2 + 1];
    if (static_cast<int64_t>(rows.size()) == frame.row_count) return Evaluate(value, frame);
    if (lazy) {
      std::vector<int32_t> root_rows;
      Frame sub = SubFrame(frame, rows, &root_rows);
      ASSIGN_OR_RETURN(sources[branch], Evaluate(value, sub));
    } else {
      compact[branch] = 0;
      ASSIGN_OR_RETURN(sources[branch], Evaluate(value, frame));
    }
  }
  return Merge(node.expr->type(), sources, compact, choice, pool());
}

Result<Vector> ExprProgramImpl::EvaluateCoalesce(int id, Frame& frame) {
  const Node& node = nodes_[static_cast<size_t>(id)];
  const size_t count = static_cast<size_t>(frame.row_count);
  std::vector<uint32_t> choice(count, 0);
  std::vector<int32_t> open(count);
  std::iota(open.begin(), open.end(), 0);
  std::vector<Vector> sources;
  std::vector<uint8_t> compact;
  for (size_t i = 0; i < node.args.size() && !open.empty(); ++i) {
    const bool part = open.size() < count;
    Vector source;
    if (part) {
      std::vector<int32_t> root_rows;
      Frame sub = SubFrame(frame, open, &root_rows);
      ASSIGN_OR_RETURN(source, Evaluate(node.args[i], sub));
    } else {
      ASSIGN_OR_RETURN(source, Evaluate(node.args[i], frame));
    }
    const Validity valid(source);
    if (!part && (!valid.may_have_nulls() || i + 1 == node.args.size())) return source;
    // Rows still open keep the source's place in order, so it must be picked from by position.
    std::vector<int32_t> taken;
    size_t kept = 0;
    const bool last = i + 1 == node.args.size();
    for (size_t k = 0; k < open.size(); ++k) {
      if (last || valid[static_cast<int64_t>(k)]) {
        choice[static_cast<size_t>(open[k])] = static_cast<uint32_t>(sources.size());
        taken.push_back(static_cast<int32_t>(k));
      } else {
        open[kept++] = open[k];
      }
    }
    if (!taken.empty()) {
      ASSIGN_OR_RETURN(Vector picked,
                       Take(source, taken.data(), static_cast<int64_t>(taken.size()), pool()));
      sources.push_back(std::move(picked));
      compact.push_back(1);
    }
    open.resize(last ? 0 : kept);
  }
  return Merge(node.expr->type(), sources, compact, choice, pool());
}

// ---- ExprProgram
// ---------------------------------------------------------------------------------

ExprProgram::ExprProgram(std::unique_ptr<ExprProgramImpl> impl) : impl_(std::move(impl)) {}
ExprProgram::~ExprProgram() = default;

Result<std::unique_ptr<ExprProgram>> ExprProgram::Make(std::vector<ExprPtr> expressions,
                                                       const EvalContext& context) {
  auto impl = std::make_unique<ExprProgramImpl>();
  for (const ExprPtr& expr : expressions) {
    ASSIGN_OR_RETURN(const int node, impl->AddNode(expr, context));
    impl->AddRoot(node);
  }
  return std::unique_ptr<ExprProgram>(new ExprProgram(std::move(impl)));
}

Result<std::vector<std::shared_ptr<arrow::Array>>> ExprProgram::Evaluate(
    const std::vector<std::shared_ptr<arrow::Array>>& columns, int64_t row_count,
    const EvalContext& context, EvalFailure* failure) {
  RETURN_IF_ERROR(impl_->Begin(columns, row_count, context, failure));
  std::vector<std::shared_ptr<arrow::Array>> results;
  for (size_t i = 0; i < impl_->root_count(); ++i) {
    Result<Vector> value = impl_->EvaluateRoot(i);
    if (value.ok())
      value = Flatten(*value, row_count,
                      context.pool != nullptr ? context.pool : arrow::default_memory_pool());
    if (!value.ok()) {
      impl_->End();
      return value.status();
    }
    results.push_back(ToArray(*value));
  }
  impl_->End();
  return results;
}

Status ExprProgram::Filter(const std::vector<std::shared_ptr<arrow::Array>>& columns,
                           int64_t row_count, const EvalContext& context,
                           std::vector<int32_t>* rows, EvalFailure* failure) {
  RETURN_IF_ERROR(impl_->Begin(columns, row_count, context, failure));
  Result<Vector> value = impl_->EvaluateRoot(0);
  impl_->End();
  RETURN_IF_ERROR(value.status());
  if (value->IsConstantNull() || value->data->type->id() == arrow::Type::NA) return Status::OK();
  const Validity valid(*value);
  const Column<bool> truth(*value);
  for (int64_t row = 0; row < row_count; ++row) {
    if (truth[row] && valid[row]) rows->push_back(static_cast<int32_t>(row));
  }
  return Status::OK();
}

Result<std::shared_ptr<arrow::Scalar>> EvaluateConstant(const ExprPtr& expr,
                                                        const EvalContext& context) {
  ASSIGN_OR_RETURN(auto program, ExprProgram::Make({expr}, context));
  ASSIGN_OR_RETURN(auto columns, program->Evaluate({}, 1, context));
  return columns[0]->GetScalar(0);
}

Result<std::shared_ptr<arrow::Array>> ToText(const std::shared_ptr<arrow::Array>& column,
                                             const LogicalType& type, const EvalContext& context) {
  arrow::StringBuilder builder;
  const ValueTextOptions options{.time_zone = context.time_zone, .binary_as_hex = true};
  std::string text;
  for (int64_t row = 0; row < column->length(); ++row) {
    if (column->IsNull(row) || type.root() == TypeRoot::kNull) {
      RETURN_IF_ERROR(builder.AppendNull());
      continue;
    }
    text.clear();
    AppendValueText(*column->data(), row, type, options, &text);
    RETURN_IF_ERROR(builder.Append(text));
  }
  return builder.Finish();
}

Result<std::shared_ptr<arrow::Array>> TakeRows(const std::shared_ptr<arrow::Array>& column,
                                               const std::vector<int32_t>& indexes,
                                               arrow::MemoryPool* pool) {
  ASSIGN_OR_RETURN(const Vector taken,
                   Take(FromArray(*column), indexes.data(), static_cast<int64_t>(indexes.size()),
                        pool != nullptr ? pool : arrow::default_memory_pool()));
  return ToArray(taken);
}

}  // namespace mainstem::process
