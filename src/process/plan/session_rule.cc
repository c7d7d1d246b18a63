// TABLE(SESSION(..)) whose rows are wanted themselves: which session a row is in is known when the
// session closes, so its rows are collected by an aggregate of it, and told apart again behind it.
#include "process/plan/binder.h"
#include "process/plan/ordered_nodes.h"
#include "process/plan/rules.h"

namespace mainstem::process::plan {
namespace {

bool IsSession(const PlanNode& node) {
  return node.kind == NodeKind::kWindowTable &&
         static_cast<const WindowTableNode&>(node).window.kind == WindowKind::kSession &&
         static_cast<const WindowTableNode&>(node).window.event_time;
}

Result<PlanNodePtr> CollectRows(const WindowTableNode& table, const FunctionRegistry& functions) {
  const Columns& rows = table.inputs[0]->columns;
  std::vector<ExprPtr> exprs;
  std::vector<ExprPtr> fields;
  Columns below = rows;
  for (size_t i = 0; i < rows.size(); ++i) {
    exprs.push_back(RefTo(rows, static_cast<int>(i)));
    fields.push_back(MakeInputRef(static_cast<int>(i),
                                  rows[i].type().WithTimeAttribute(TimeAttribute::kNone),
                                  rows[i].name(), table.span));
  }
  ASSIGN_OR_RETURN(ExprPtr row, functions.Bind("ROW", std::move(fields), table.span));
  below.emplace_back("$row", row->type());
  exprs.push_back(row);

  auto session = std::make_shared<WindowAggregateNode>();
  session->span = table.span;
  session->window = table.window;
  session->keys = table.window.partition_keys;
  AggregateSpec& spec = session->aggregates.emplace_back();
  spec.call.name = "ARRAY_AGG";
  spec.call.args = {row->type()};
  spec.args = {static_cast<int>(rows.size())};
  ASSIGN_OR_RETURN(spec.result, Aggregate::ResultType(spec.call));
  session->properties = {WindowProperty::kStart, WindowProperty::kEnd, WindowProperty::kTime};
  session->inputs = {MakeProject(table.inputs[0], std::move(exprs), below, table.span)};
  for (const int key : session->keys) session->columns.push_back(rows[static_cast<size_t>(key)]);
  session->columns.emplace_back("$rows", spec.result);
  const auto first_property = static_cast<int>(session->columns.size());
  session->columns.insert(session->columns.end(), table.columns.end() - 3, table.columns.end());

  auto unnest = std::make_shared<UnnestNode>();
  unnest->span = table.span;
  unnest->collection = first_property - 1;
  unnest->own_columns = rows.size();
  unnest->columns = session->columns;
  const auto first_field = static_cast<int>(unnest->columns.size());
  unnest->columns.insert(unnest->columns.end(), rows.begin(), rows.end());
  unnest->inputs = {std::move(session)};

  std::vector<ExprPtr> out;
  for (size_t i = 0; i < rows.size(); ++i) {
    out.push_back(RefTo(unnest->columns, first_field + static_cast<int>(i)));
  }
  for (int i = 0; i < 3; ++i) out.push_back(RefTo(unnest->columns, first_property + i));
  return MakeProject(std::move(unnest), std::move(out), table.columns, table.span);
}

}  // namespace

Status ExpandSessions(Plan* plan, const FunctionRegistry& functions) {
  std::map<const PlanNode*, PlanNodePtr> collected;
  for (PlanNode* node : InTopologicalOrder(*plan)) {
    for (PlanNodePtr& input : node->inputs) {
      if (!IsSession(*input)) continue;
      PlanNodePtr& made = collected[input.get()];
      if (made == nullptr) {
        ASSIGN_OR_RETURN(made, CollectRows(static_cast<const WindowTableNode&>(*input), functions));
      }
      input = made;
    }
  }
  return Status::OK();
}

}  // namespace mainstem::process::plan
