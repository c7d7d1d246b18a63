// Queries: WITH, set operations, VALUES, DISTINCT.
#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "process/expr/cast.h"
#include "process/plan/binder.h"
#include "process/plan/ordered_nodes.h"
#include "process/types/type_coercion.h"

namespace mainstem::process::plan {
namespace {

// Bounds the recursion of the binder and the depth of plans.
constexpr int kQueryDepthMax = 200;

}  // namespace

PlanNodePtr MakeProject(PlanNodePtr input, std::vector<ExprPtr> exprs, Columns columns,
                        SourceSpan span) {
  auto node = std::make_shared<ProjectNode>();
  node->inputs = {std::move(input)};
  node->exprs = std::move(exprs);
  node->columns = std::move(columns);
  node->span = span;
  return node;
}

PlanNodePtr MakeFilter(PlanNodePtr input, ExprPtr predicate, SourceSpan span) {
  auto node = std::make_shared<FilterNode>();
  node->columns = input->columns;
  node->inputs = {std::move(input)};
  node->predicate = std::move(predicate);
  node->span = span;
  return node;
}

void MakeNamesUnique(std::vector<std::string>* names) {
  std::set<std::string> taken;
  for (std::string& name : *names) {
    std::string candidate = name;
    for (int i = 0; !taken.insert(candidate).second; ++i) candidate = fmt::format("{}{}", name, i);
    name = candidate;
  }
}

Result<Relation> Binder::BindQuery(const sql::Query& query) {
  if (query_depth_ >= kQueryDepthMax) {
    return Error(query.span, fmt::format("queries are nested more than {} deep, views and common "
                                         "tables counted",
                                         kQueryDepthMax));
  }
  ++query_depth_;
  Result<Relation> bound = BindNestedQuery(query);
  --query_depth_;
  return bound;
}

Result<Relation> Binder::BindNestedQuery(const sql::Query& query) {
  const size_t outer_tables = common_tables_.size();
  for (const sql::CommonTable& table : query.with) {
    common_tables_.emplace_back(table.name.text, &table);
  }
  const bool is_plain = query.order_by.empty() && query.limit == nullptr && query.offset == nullptr;
  Result<Relation> bound = is_plain ? BindBody(*query.body) : BindOrdered(query);
  common_tables_.resize(outer_tables);
  return bound;
}

Result<Relation> Binder::BindBody(const sql::QueryBody& body) {
  switch (body.kind) {
    case sql::BodyKind::kSelect: return BindSelect(static_cast<const sql::Select&>(body));
    case sql::BodyKind::kValues: return BindValues(static_cast<const sql::Values&>(body));
    case sql::BodyKind::kSetOperation:
      return BindSetOperation(static_cast<const sql::SetOperation&>(body));
    case sql::BodyKind::kNested:
      return BindQuery(*static_cast<const sql::NestedQuery&>(body).query);
    case sql::BodyKind::kTable:
      return BindNamedTable(static_cast<const sql::TableQuery&>(body).table);
  }
  return Error(body.span, "this query is not understood");
}

Result<Relation> Binder::BindValues(const sql::Values& values) {
  const bool allow_untyped_null = std::exchange(allow_untyped_null_, false);
  auto node = std::make_shared<ValuesNode>();
  node->span = ToSpan(values.span);
  const std::vector<ScopeColumn> no_names;
  const Columns no_columns;
  const ExprScope scope{&no_names, &no_columns, nullptr, "VALUES"};
  std::vector<std::vector<LogicalType>> types;  // by column
  for (size_t r = 0; r < values.rows.size(); ++r) {
    ASSIGN_OR_RETURN(std::vector<ExprPtr> row, BindAll(values.rows[r], scope));
    if (r > 0 && row.size() != node->rows[0].size()) {
      return Error(values.row_spans[r], fmt::format("this row has {} values, the first one {}",
                                                    row.size(), node->rows[0].size()));
    }
    types.resize(row.size());
    for (size_t c = 0; c < row.size(); ++c) types[c].push_back(row[c]->type());
    node->rows.push_back(std::move(row));
  }
  Relation relation;
  for (size_t c = 0; c < types.size(); ++c) {
    const std::optional<LogicalType> common = LeastCommonType(types[c]);
    if (!common.has_value()) {
      return Error(values.span, fmt::format("the values of column {} have no common type", c + 1),
                   "cast them to one type");
    }
    const auto untyped = std::ranges::find_if(
        types[c], [](const LogicalType& type) { return type.root() == TypeRoot::kNull; });
    if (untyped != types[c].end() && !allow_untyped_null) {
      const auto row = static_cast<size_t>(untyped - types[c].begin());
      return Error(values.rows[row][c]->span, "illegal use of NULL: its type is not known",
                   "write CAST(NULL AS type)");
    }
    for (std::vector<ExprPtr>& row : node->rows) {
      if (row[c]->type().EqualsIgnoreNullability(*common)) continue;
      Result<ExprPtr> cast = row[c]->IsNullLiteral()
                                 ? Result<ExprPtr>(MakeNullLiteral(*common, row[c]->span()))
                                 : BindImplicitCast(row[c], *common);
      if (!cast.ok()) return Locate(cast.status(), values.span);
      row[c] = *cast;
    }
    const std::string name = fmt::format("EXPR${}", c);
    node->columns.emplace_back(name, *common);
    relation.scope.push_back({{}, name});
  }
  relation.node = std::move(node);
  return relation;
}

Result<PlanNodePtr> Binder::CastColumns(PlanNodePtr node, const std::vector<LogicalType>& types,
                                        const sql::SourceSpan& span) {
  std::vector<ExprPtr> exprs;
  Columns columns;
  bool changed = false;
  for (size_t i = 0; i < types.size(); ++i) {
    ExprPtr expr = RefTo(node->columns, static_cast<int>(i));
    if (!expr->type().EqualsIgnoreNullability(types[i])) {
      Result<ExprPtr> cast = BindImplicitCast(expr, types[i]);
      if (!cast.ok()) return Locate(cast.status(), span);
      expr = *cast;
      changed = true;
    }
    columns.emplace_back(node->columns[i].name(), expr->type());
    exprs.push_back(std::move(expr));
  }
  if (!changed) return node;
  return MakeProject(std::move(node), std::move(exprs), std::move(columns), ToSpan(span));
}

Result<Relation> Binder::BindSetOperation(const sql::SetOperation& set) {
  ASSIGN_OR_RETURN(Relation left, BindBody(*set.left));
  ASSIGN_OR_RETURN(Relation right, BindBody(*set.right));
  const std::string word = std::string(sql::NameOf(set.op)) + (set.all ? " ALL" : "");
  const size_t count = left.node->columns.size();
  if (count != right.node->columns.size()) {
    return Error(set.op_span,
                 fmt::format("column count mismatch in {}: {} on the left, {} on the right", word,
                             count, right.node->columns.size()));
  }
  std::vector<LogicalType> types;
  for (size_t i = 0; i < count; ++i) {
    const LogicalType& a = left.node->columns[i].type();
    const LogicalType& b = right.node->columns[i].type();
    const std::optional<LogicalType> common = LeastCommonType(a, b);
    if (!common.has_value()) {
      return Error(set.op_span,
                   fmt::format("column {} of {} has type {} on the left and {} on the "
                               "right, which have no common type",
                               i + 1, word, a.ToErrorString(), b.ToErrorString()),
                   "cast one of them");
    }
    // Time stays time only if both sides agree, and all rows go through.
    types.push_back(common->WithTimeAttribute(
        a.time_attribute() == b.time_attribute() ? a.time_attribute() : TimeAttribute::kNone));
  }
  if (set.op != sql::SetOperator::kUnion) {
    return IntersectOrExcept(set, types, std::move(left), std::move(right));
  }
  auto node = std::make_shared<UnionNode>();
  node->span = ToSpan(set.op_span);
  for (size_t i = 0; i < count; ++i) {
    node->columns.emplace_back(left.node->columns[i].name(), types[i]);
  }
  ASSIGN_OR_RETURN(PlanNodePtr left_node, CastColumns(left.node, types, set.left->span));
  ASSIGN_OR_RETURN(PlanNodePtr right_node, CastColumns(right.node, types, set.right->span));
  for (PlanNodePtr& side : std::vector<PlanNodePtr>{left_node, right_node}) {
    // a UNION ALL b UNION ALL c is one node.
    if (set.all && side->kind == NodeKind::kUnion) {
      node->inputs.insert(node->inputs.end(), side->inputs.begin(), side->inputs.end());
    } else {
      node->inputs.push_back(side);
    }
  }
  Relation out;
  for (const ScopeColumn& column : left.scope) out.scope.push_back({{}, column.name});
  out.node = std::move(node);
  return set.all ? out : Distinct(std::move(out), set.op_span);
}

// Both sides in one stream, each row with its side: what a row of the result needs is how often it
// came from the left and from the right.
Result<Relation> Binder::IntersectOrExcept(const sql::SetOperation& set,
                                           const std::vector<LogicalType>& types, Relation left,
                                           Relation right) {
  auto both = std::make_shared<UnionNode>();
  both->span = ToSpan(set.op_span);
  for (const Relation* side : {&left, &right}) {
    ASSIGN_OR_RETURN(PlanNodePtr cast, CastColumns(side->node, types, set.op_span));
    std::vector<ExprPtr> exprs;
    Columns columns;
    for (size_t i = 0; i < types.size(); ++i) {
      exprs.push_back(RefTo(cast->columns, static_cast<int>(i)));
      columns.emplace_back(left.node->columns[i].name(),
                           types[i].WithTimeAttribute(TimeAttribute::kNone));
    }
    exprs.push_back(MakeIntLiteral(side == &left ? 1 : -1));
    columns.emplace_back("$side", LogicalType::Int().NotNull());
    both->columns = columns;
    both->inputs.push_back(
        MakeProject(std::move(cast), std::move(exprs), std::move(columns), both->span));
  }
  auto node = std::make_shared<SetOperationNode>();
  node->set = set.op == sql::SetOperator::kIntersect ? SetKind::kIntersect : SetKind::kExcept;
  node->all = set.all;
  node->state_ttl_ms = StateTtlMillis();
  node->span = both->span;
  node->columns.assign(both->columns.begin(), both->columns.end() - 1);
  node->inputs = {std::move(both)};
  Relation out;
  for (const ScopeColumn& column : left.scope) out.scope.push_back({{}, column.name});
  out.node = std::move(node);
  return out;
}

Relation Binder::Distinct(Relation input, const sql::SourceSpan& span) {
  auto node = std::make_shared<GroupAggregateNode>();
  node->span = ToSpan(span);
  node->state_ttl_ms = StateTtlMillis();
  for (size_t i = 0; i < input.node->columns.size(); ++i) {
    node->keys.push_back(static_cast<int>(i));
    const RowField& column = input.node->columns[i];
    node->columns.emplace_back(column.name(),
                               column.type().WithTimeAttribute(TimeAttribute::kNone));
  }
  node->inputs = {input.node};
  input.node = std::move(node);
  input.window.reset();
  return input;
}

Result<CatalogView> Binder::BindView(const sql::CreateView& create) {
  ASSIGN_OR_RETURN(Relation relation, BindQuery(*create.query));
  CatalogView view;
  if (!create.columns.empty() && create.columns.size() != relation.scope.size()) {
    return Error(create.columns.front().span,
                 fmt::format("{} column names are given for {} columns", create.columns.size(),
                             relation.scope.size()));
  }
  for (size_t i = 0; i < relation.scope.size(); ++i) {
    view.columns.emplace_back(
        create.columns.empty() ? relation.scope[i].name : create.columns[i].text,
        relation.node->columns[i].type());
  }
  view.query = create.query;
  view.source = source_;
  view.query_sql = std::string(source_->Slice(create.query->span));
  view.catalog = context_.catalog->current_catalog();
  view.database = context_.catalog->current_database();
  view.comment = create.comment;
  view.temporary = create.temporary;
  return view;
}

}  // namespace mainstem::process::plan
