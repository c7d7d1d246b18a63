// FROM t CROSS JOIN UNNEST(t.a): each row once for each element of its collection.
#include <fmt/format.h>

#include "process/plan/binder.h"
#include "process/plan/ordered_nodes.h"

namespace mainstem::process::plan {
namespace {

// What an element is as columns.
Columns ElementColumns(const LogicalType& collection) {
  Columns out;
  if (collection.root() == TypeRoot::kMap) {
    out.emplace_back("KEY", collection.key());
    out.emplace_back("VALUE", collection.element());
    return out;
  }
  const LogicalType& element = collection.element();
  if (element.root() != TypeRoot::kRow) {
    out.emplace_back("EXPR$0", element);
    return out;
  }
  for (const RowField& field : element.fields()) {
    out.emplace_back(field.name(),
                     field.type().WithNullable(field.type().nullable() || element.nullable()));
  }
  return out;
}

bool IsTrue(const sql::Expr* expr) {
  const auto* literal = sql::TryAs<sql::LiteralExpr>(expr);
  return literal != nullptr && literal->literal == sql::LiteralKind::kBoolean &&
         literal->text == "TRUE";
}

}  // namespace

Result<Relation> Binder::BindUnnestJoin(const sql::JoinTable& join) {
  ASSIGN_OR_RETURN(Relation left, BindTableRef(*join.left));
  const bool is_left = join.join == sql::JoinKind::kLeft;
  if (join.join == sql::JoinKind::kRight || join.join == sql::JoinKind::kFull || join.natural ||
      !join.using_columns.empty()) {
    return Error(join.join_span, "UNNEST can be joined by CROSS JOIN or LEFT JOIN .. ON only");
  }
  ASSIGN_OR_RETURN(Relation joined, BindUnnest(static_cast<const sql::UnnestTable&>(*join.right),
                                               std::move(left), is_left));
  if (join.on == nullptr || IsTrue(join.on.get())) return joined;
  const ExprScope scope{&joined.scope, &joined.node->columns, nullptr, "ON"};
  ASSIGN_OR_RETURN(ExprPtr predicate, BindPredicate(*join.on, scope));
  if (is_left) {
    const auto& project = static_cast<const ProjectNode&>(*joined.node);
    static_cast<UnnestNode&>(*project.inputs[0]).condition = ReplaceInputRefs(
        predicate,
        [&](const BoundExpr& ref) { return project.exprs[static_cast<size_t>(ref.index())]; });
    return joined;
  }
  joined.node = MakeFilter(joined.node, std::move(predicate), ToSpan(join.on->span));
  return joined;
}

Result<Relation> Binder::BindUnnest(const sql::UnnestTable& table, Relation left, bool keep_empty) {
  if (table.collections.size() != 1) return NotYet(table.span, "UNNEST of several collections");
  const sql::Expr& syntax = *table.collections[0];
  const ExprScope scope{&left.scope, &left.node->columns, nullptr, "UNNEST"};
  ASSIGN_OR_RETURN(const ExprPtr collection, BindExpr(syntax, scope));
  const LogicalType& type = collection->type();
  if (type.root() != TypeRoot::kArray && type.root() != TypeRoot::kMap &&
      type.root() != TypeRoot::kMultiset) {
    return Error(syntax.span, fmt::format("UNNEST takes an ARRAY, MAP or MULTISET, not {}",
                                          type.ToErrorString()));
  }
  const size_t left_count = left.node->columns.size();
  auto node = std::make_shared<UnnestNode>();
  node->keep_empty = keep_empty;
  node->with_ordinality = table.with_ordinality;
  node->span = ToSpan(table.span);
  // The collection as a column of its own behind the others.
  Columns below_columns = left.node->columns;
  std::vector<ExprPtr> below;
  for (size_t i = 0; i < left_count; ++i) {
    below.push_back(RefTo(below_columns, static_cast<int>(i)));
  }
  below.push_back(collection);
  below_columns.emplace_back("$unnest", type);
  node->collection = static_cast<int>(left_count);
  node->columns = below_columns;
  node->inputs = {MakeProject(left.node, std::move(below), below_columns, node->span)};

  Columns own = ElementColumns(type);
  if (table.with_ordinality) own.emplace_back("ORDINALITY", LogicalType::Int().NotNull());
  Relation element;
  element.node = node;
  for (const RowField& column : own) {
    const LogicalType& own_type = column.type();
    node->columns.emplace_back(column.name(), keep_empty ? own_type.WithNullable(true) : own_type);
    element.scope.push_back({{}, column.name()});
  }
  // UNNEST(a) AS x of single values: x names the column too.
  if (own.size() == 1 && type.root() != TypeRoot::kMap && table.alias.has_value() &&
      type.element().root() != TypeRoot::kRow) {
    element.scope[0].name = table.alias->name.text;
  }
  node->own_columns = own.size();
  RETURN_IF_ERROR(ApplyAlias(table, &element));

  std::vector<ExprPtr> exprs;
  Columns columns;
  Relation out;
  for (size_t i = 0; i < node->columns.size(); ++i) {
    if (i == left_count) continue;
    exprs.push_back(RefTo(node->columns, static_cast<int>(i)));
    columns.push_back(node->columns[i]);
    out.scope.push_back(i < left_count ? left.scope[i] : element.scope[i - left_count - 1]);
  }
  out.window = left.window;
  out.node = MakeProject(node, std::move(exprs), std::move(columns), node->span);
  return out;
}

}  // namespace mainstem::process::plan
