// JOIN: two relations side by side under a condition. Which keys it has is found later (rules.h:
// PlanJoins), when WHERE has been seen, too.
#include <algorithm>

#include <fmt/format.h>

#include "process/plan/binder.h"
#include "process/plan/rules.h"

namespace mainstem::process::plan {
namespace {

JoinType TypeOf(sql::JoinKind kind) {
  switch (kind) {
    case sql::JoinKind::kLeft: return JoinType::kLeft;
    case sql::JoinKind::kRight: return JoinType::kRight;
    case sql::JoinKind::kFull: return JoinType::kFull;
    case sql::JoinKind::kInner:
    case sql::JoinKind::kCross:
    case sql::JoinKind::kComma: break;
  }
  return JoinType::kInner;
}

// The columns that a name alone means: one, if all is well.
std::vector<int> IndexesOf(const Relation& relation, std::string_view name) {
  std::vector<int> found;
  for (size_t i = 0; i < relation.scope.size(); ++i) {
    const ScopeColumn& column = relation.scope[i];
    if (column.name == name && !column.only_qualified) found.push_back(static_cast<int>(i));
  }
  return found;
}

}  // namespace

void MakeJoinNullable(JoinType type, size_t left_count, Columns* columns) {
  const bool left = type == JoinType::kRight || type == JoinType::kFull;
  const bool right = type == JoinType::kLeft || type == JoinType::kFull;
  for (size_t i = 0; i < columns->size(); ++i) {
    if (!(i < left_count ? left : right)) continue;
    RowField& column = (*columns)[i];
    column = RowField(column.name(), column.type().WithNullable(true));
  }
}

Result<Relation> Binder::BindJoin(const sql::JoinTable& table) {
  if (table.right->kind == sql::TableRefKind::kSubquery) {
    const auto& subquery = static_cast<const sql::SubqueryTable&>(*table.right);
    if (subquery.lateral) return BindLateralJoin(table, subquery);
  }
  ASSIGN_OR_RETURN(Relation left, BindTableRef(*table.left));
  auto join = std::make_shared<JoinNode>();
  join->type = TypeOf(table.join);
  const auto* named = table.right->kind == sql::TableRefKind::kName
                          ? static_cast<const sql::NamedTable*>(table.right.get())
                          : nullptr;
  const bool is_temporal = named != nullptr && named->system_time != nullptr;
  Relation right;
  if (is_temporal) {
    RETURN_IF_ERROR(BindSystemTime(*named->system_time, left, join.get()));
    ASSIGN_OR_RETURN(right, BindNamedTable(*named));
    RETURN_IF_ERROR(ApplyAlias(*named, &right));
    RETURN_IF_ERROR(join->time == JoinTime::kLookup ? CheckLookup(table, right, join.get())
                                                    : FindVersionTime(table, right, join.get()));
  } else {
    ASSIGN_OR_RETURN(right, BindTableRef(*table.right));
  }
  join->span = ToSpan(table.join_span);
  join->state_ttl_ms = {StateTtlOf(*table.left), StateTtlOf(*table.right)};
  join->inputs = {left.node, right.node};
  join->columns = left.node->columns;
  join->columns.insert(join->columns.end(), right.node->columns.begin(), right.node->columns.end());
  Relation out;
  out.scope = left.scope;
  out.scope.insert(out.scope.end(), right.scope.begin(), right.scope.end());
  if (table.natural || !table.using_columns.empty()) {
    return MergeUsing(table, left, right, std::move(join));
  }
  if (table.on != nullptr) {
    const ExprScope scope{&out.scope, &join->columns, nullptr, "ON"};
    ASSIGN_OR_RETURN(ExprPtr condition, BindPredicate(*table.on, scope));
    SplitConjunction(condition, &join->conditions);
  }
  MakeJoinNullable(join->type, left.node->columns.size(), &join->columns);
  out.node = std::move(join);
  return out;
}

Status Binder::BindSystemTime(const sql::Expr& time, const Relation& left, JoinNode* join) {
  const ExprScope scope{&left.scope, &left.node->columns, nullptr, "FOR SYSTEM_TIME AS OF"};
  ASSIGN_OR_RETURN(const ExprPtr bound, BindExpr(time, scope));
  if (bound->kind() != ExprKind::kInputRef ||
      bound->type().time_attribute() == TimeAttribute::kNone) {
    return Error(time.span, "FOR SYSTEM_TIME AS OF takes a time attribute of the left side",
                 "give the left table a WATERMARK on that column, or a column AS PROCTIME()");
  }
  if (bound->type().time_attribute() == TimeAttribute::kProctime) {
    join->time = JoinTime::kLookup;
    return Status::OK();
  }
  join->time = JoinTime::kTemporal;
  join->left_time = bound->index();
  return Status::OK();
}

Status Binder::CheckLookup(const sql::JoinTable& table, const Relation& right, JoinNode* join) {
  if (join->type != JoinType::kInner && join->type != JoinType::kLeft) {
    return Error(table.join_span, "a look-up join is an INNER or a LEFT JOIN",
                 "the right table is asked for each row of the left side");
  }
  const auto* scan = dynamic_cast<const ScanNode*>(right.node.get());
  if (scan == nullptr) {
    return Error(table.right->span,
                 "the right side of a look-up join is a table without computed columns",
                 "compute them in the SELECT list");
  }
  if (scan->can_look_up) {
    const std::string& name = right.scope.empty() || right.scope[0].qualifier.empty()
                                  ? scan->table.name
                                  : right.scope[0].qualifier.back();
    for (const LookupHint& hint : hints_.lookups) {
      if (hint.table != name) continue;
      join->attempts = hint.attempts;
      join->retry_delay_ms = hint.delay_ms;
    }
    return Status::OK();
  }
  return Error(table.right->span,
               fmt::format("rows of table '{}' can't be looked up by key", scan->table.name),
               "a join by processing time takes a table that can, such as one of connector "
               "'jdbc'; for others join by event time");
}

Status Binder::FindVersionTime(const sql::JoinTable& table, const Relation& right, JoinNode* join) {
  if (join->type != JoinType::kInner && join->type != JoinType::kLeft) {
    return Error(table.join_span, "a temporal join is an INNER or a LEFT JOIN",
                 "the versioned table is looked up for each row of the left side");
  }
  const Columns& columns = right.node->columns;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].type().time_attribute() != TimeAttribute::kRowtime) continue;
    join->right_time = static_cast<int>(i);
    return Status::OK();
  }
  return Error(table.right->span, "the versioned table of a temporal join needs an event time",
               "give it a WATERMARK, which says when a version begins");
}

Result<Relation> Binder::MergeUsing(const sql::JoinTable& table, const Relation& left,
                                    const Relation& right, std::shared_ptr<JoinNode> join) {
  std::vector<sql::Identifier> names = table.using_columns;
  if (table.natural) {
    for (const ScopeColumn& column : left.scope) {
      if (column.only_qualified || IndexesOf(right, column.name).empty()) continue;
      names.push_back({column.name, table.join_span});
    }
  }
  const auto left_count = static_cast<int>(left.scope.size());
  std::vector<int> left_merged, right_merged;
  for (const sql::Identifier& name : names) {
    const std::vector<int> at_left = IndexesOf(left, name.text);
    const std::vector<int> at_right = IndexesOf(right, name.text);
    if (at_left.empty() || at_right.empty()) {
      return Error(name.span, fmt::format("column '{}' is not on the {} side of the join",
                                          name.text, at_left.empty() ? "left" : "right"));
    }
    if (at_left.size() > 1 || at_right.size() > 1) {
      return Error(name.span,
                   fmt::format("column '{}' is there several times on the {} side of the join",
                               name.text, at_left.size() > 1 ? "left" : "right"),
                   "join with ON, and the table's name or alias and a dot before the column");
    }
    if (std::find(left_merged.begin(), left_merged.end(), at_left[0]) != left_merged.end()) {
      return Error(name.span, fmt::format("column '{}' is named twice", name.text));
    }
    left_merged.push_back(at_left[0]);
    right_merged.push_back(at_right[0] + left_count);
    ASSIGN_OR_RETURN(ExprPtr equal, CallFunction("=",
                                                 {RefTo(join->columns, left_merged.back()),
                                                  RefTo(join->columns, right_merged.back())},
                                                 name.span));
    join->conditions.push_back(std::move(equal));
  }
  MakeJoinNullable(join->type, left.scope.size(), &join->columns);
  const Columns& in = join->columns;
  std::vector<ExprPtr> exprs;
  Columns columns;
  Relation out;
  const auto add = [&](ExprPtr expr, ScopeColumn name) {
    columns.emplace_back(name.name, expr->type());
    exprs.push_back(std::move(expr));
    out.scope.push_back(std::move(name));
  };
  // What each of them is called with its table before it.
  const auto own_name = [&](int i) {
    const bool is_left = i < left_count;
    const int at = is_left ? i : i - left_count;
    ScopeColumn name = (is_left ? left : right).scope[static_cast<size_t>(at)];
    if (name.place < 0) name.place = at;
    return name;
  };
  // Before version 3 the merged columns took the place of both, under the left one's name.
  const bool keeps_own = context_.settings->Integer(kPlanVersionKey) >= 3;
  // First the merged columns. Where every row has the one of a side, it is that one.
  const bool is_full = join->type == JoinType::kFull;
  const std::vector<int>& kept = join->type == JoinType::kRight ? right_merged : left_merged;
  for (size_t i = 0; i < names.size(); ++i) {
    ExprPtr merged = RefTo(in, kept[i]);
    if (is_full) {
      ASSIGN_OR_RETURN(merged,
                       CallFunction("COALESCE", {std::move(merged), RefTo(in, right_merged[i])},
                                    table.join_span));
    }
    ScopeColumn name = own_name(keeps_own ? kept[i] : left_merged[i]);
    if (keeps_own && is_full) name = {{}, names[i].text};
    add(std::move(merged), std::move(name));
  }
  const auto holds = [](const std::vector<int>& some, int i) {
    return std::find(some.begin(), some.end(), i) != some.end();
  };
  for (int i = 0; i < static_cast<int>(in.size()); ++i) {
    const bool is_merged = holds(left_merged, i) || holds(right_merged, i);
    if (keeps_own ? !is_full && holds(kept, i) : is_merged) continue;
    ScopeColumn name = own_name(i);
    name.only_qualified = name.only_qualified || is_merged;
    add(RefTo(in, i), std::move(name));
  }
  const SourceSpan span = join->span;
  out.node = MakeProject(std::move(join), std::move(exprs), std::move(columns), span);
  return out;
}

}  // namespace mainstem::process::plan
