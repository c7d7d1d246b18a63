// Leaves out the fields of ROW columns that nobody downstream asks for, at scans whose connector
// finds fields by name. Runs after PruneColumns. A column's uses are followed through projections,
// filters and watermarks; any other node wants its columns whole.
#include <set>
#include <unordered_map>

#include <arrow/api.h>

#include "process/plan/binder.h"
#include "process/plan/rules.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process::plan {
namespace {

using FieldPath = std::vector<std::string>;

// What is asked of a column. The empty path is the whole of it.
using FieldUses = std::set<FieldPath>;

// The column that a chain of field accesses begins at, and the path; null: no such chain.
const BoundExpr* RootOfAccess(const BoundExpr& expr, FieldPath* path) {
  if (expr.kind() == ExprKind::kInputRef) return &expr;
  if (!expr.IsCallTo("FIELD")) return nullptr;
  const BoundExpr* root = RootOfAccess(*expr.args()[0], path);
  const auto& name = static_cast<const arrow::StringScalar&>(*expr.args()[1]->value());
  if (root != nullptr) path->emplace_back(name.view());
  return root;
}

// `type` with only the fields that `uses` name.
LogicalType Narrow(const LogicalType& type, const FieldUses& uses) {
  if (type.root() != TypeRoot::kRow || uses.empty() || uses.contains(FieldPath())) return type;
  std::vector<RowField> kept;
  for (const RowField& field : type.fields()) {
    FieldUses of_field;
    for (const FieldPath& path : uses) {
      if (path[0] == field.name()) of_field.emplace(path.begin() + 1, path.end());
    }
    if (!of_field.empty()) kept.emplace_back(field.name(), Narrow(field.type(), of_field));
  }
  return LogicalType::Row(std::move(kept)).WithNullable(type.nullable());
}

class RowNarrower {
 public:
  explicit RowNarrower(const Plan& plan) : order_(InTopologicalOrder(plan)) {}

  void Run() {
    for (PlanNode* node : order_) uses_[node].resize(node->columns.size());
    for (auto node = order_.rbegin(); node != order_.rend(); ++node) Ask(**node);
    for (PlanNode* node : order_) Shrink(*node);
  }

 private:
  void Use(const PlanNodePtr& input, int column, FieldPath path) {
    uses_.at(input.get())[static_cast<size_t>(column)].insert(std::move(path));
  }
  void UseAll(const PlanNodePtr& input) {
    for (FieldUses& uses : uses_.at(input.get())) uses.insert(FieldPath());
  }
  void UseIn(const PlanNodePtr& input, const BoundExpr& expr) {
    FieldPath path;
    if (const BoundExpr* root = RootOfAccess(expr, &path)) {
      return Use(input, root->index(), std::move(path));
    }
    for (const ExprPtr& arg : expr.args()) UseIn(input, *arg);
  }
  void PassOn(const PlanNode& node, const PlanNodePtr& input) {
    const std::vector<FieldUses>& uses = uses_.at(&node);
    for (size_t i = 0; i < uses.size(); ++i) {
      for (const FieldPath& path : uses[i]) Use(input, static_cast<int>(i), path);
    }
  }

  void Ask(const PlanNode& node) {
    if (node.inputs.empty()) return;
    const PlanNodePtr& input = node.inputs[0];
    switch (node.kind) {
      case NodeKind::kProject: return AskProject(static_cast<const ProjectNode&>(node), input);
      case NodeKind::kFilter:
        PassOn(node, input);
        return UseIn(input, *static_cast<const FilterNode&>(node).predicate);
      case NodeKind::kWatermark:
        PassOn(node, input);
        return UseIn(input, *static_cast<const WatermarkNode&>(node).watermark);
      default:
        for (const PlanNodePtr& each : node.inputs) UseAll(each);
    }
  }

  void AskProject(const ProjectNode& node, const PlanNodePtr& input) {
    for (size_t i = 0; i < node.exprs.size(); ++i) {
      FieldPath path;
      const BoundExpr* root = RootOfAccess(*node.exprs[i], &path);
      if (root == nullptr) {
        UseIn(input, *node.exprs[i]);
        continue;
      }
      for (const FieldPath& rest : uses_.at(&node)[i]) {
        FieldPath whole = path;
        whole.insert(whole.end(), rest.begin(), rest.end());
        Use(input, root->index(), std::move(whole));
      }
    }
  }

  // ---- second pass: inputs first

  // The same over the input's columns as they are now.
  static ExprPtr Retyped(const Columns& input, const ExprPtr& expr) {
    if (expr->kind() == ExprKind::kInputRef) {
      const LogicalType& type = input[static_cast<size_t>(expr->index())].type();
      if (type.root() != TypeRoot::kRow) return expr;
      return MakeInputRef(expr->index(), type, expr->name(), expr->span());
    }
    std::vector<ExprPtr> args;
    for (const ExprPtr& arg : expr->args()) args.push_back(Retyped(input, arg));
    if (args == expr->args()) return expr;
    if (!expr->IsCallTo("FIELD") || expr->type().root() != TypeRoot::kRow) {
      return WithArgs(*expr, std::move(args));
    }
    // A field that is a ROW of which fields were left out.
    const auto& name = static_cast<const arrow::StringScalar&>(*args[1]->value());
    const LogicalType& row = args[0]->type();
    const int index = row.FieldIndex(name.view());
    LogicalType type =
        row.fields()[static_cast<size_t>(index)].type().WithNullable(expr->type().nullable());
    return MakeCall(expr->function(), std::move(type), std::move(args), expr->span());
  }

  static void TakeInputTypes(PlanNode& node) {
    const Columns& input = node.inputs[0]->columns;
    for (size_t i = 0; i < node.columns.size(); ++i) {
      if (node.columns[i].type().root() != TypeRoot::kRow) continue;
      node.columns[i] = RowField(node.columns[i].name(), input[i].type());
    }
  }

  void ShrinkScan(ScanNode& scan) {
    if (!scan.reads_rows_by_name) return;
    for (size_t i = 0; i < scan.columns.size(); ++i) {
      LogicalType type = Narrow(scan.columns[i].type(), uses_.at(&scan)[i]);
      if (type == scan.columns[i].type()) continue;
      const int at = scan.projection[i];
      auto field = scan.table.schema->field(at)->WithType(ToArrowType(type));
      scan.table.schema = *scan.table.schema->SetField(at, std::move(field));
      scan.columns[i] = RowField(scan.columns[i].name(), std::move(type));
      scan.is_narrowed = true;
    }
  }

  void Shrink(PlanNode& node) {
    if (node.kind == NodeKind::kScan) return ShrinkScan(static_cast<ScanNode&>(node));
    if (node.inputs.empty()) return;
    const Columns& input = node.inputs[0]->columns;
    if (node.kind == NodeKind::kProject) {
      auto& project = static_cast<ProjectNode&>(node);
      for (size_t i = 0; i < project.exprs.size(); ++i) {
        project.exprs[i] = Retyped(input, project.exprs[i]);
        if (node.columns[i].type().root() != TypeRoot::kRow) continue;
        node.columns[i] = RowField(node.columns[i].name(), project.exprs[i]->type());
      }
    } else if (node.kind == NodeKind::kFilter) {
      ExprPtr& predicate = static_cast<FilterNode&>(node).predicate;
      predicate = Retyped(input, predicate);
      TakeInputTypes(node);
    } else if (node.kind == NodeKind::kWatermark) {
      ExprPtr& watermark = static_cast<WatermarkNode&>(node).watermark;
      watermark = Retyped(input, watermark);
      TakeInputTypes(node);
    }
  }

  std::vector<PlanNode*> order_;
  std::unordered_map<const PlanNode*, std::vector<FieldUses>> uses_;
};

}  // namespace

void NarrowRows(Plan* plan) { RowNarrower(*plan).Run(); }

}  // namespace mainstem::process::plan
