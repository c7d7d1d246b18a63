// Syntax trees as SQL on one line. Compound expressions are parenthesised, so the text shows the
// tree; it parses back to the same tree.
#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include "process/sql/keywords.h"
#include "process/sql/syntax_query.h"

namespace mainstem::process::sql {
namespace {

std::string QuoteString(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + "'";
}

std::string Name(const Identifier& name) { return QuoteIfNeeded(name.text); }

template <typename List, typename Function>
std::string Join(const List& list, Function&& print, std::string_view separator = ", ") {
  std::string out;
  for (const auto& item : list) {
    if (!out.empty()) out += separator;
    out += print(item);
  }
  return out;
}

std::string Names(const std::vector<Identifier>& names, std::string_view separator = ", ") {
  return Join(names, Name, separator);
}
std::string List(const std::vector<ExprPtr>& list) {
  return Join(list, [](const ExprPtr& item) { return ToSql(*item); });
}

std::string Print(const LiteralExpr& literal) {
  switch (literal.literal) {
    case LiteralKind::kString: return QuoteString(literal.text);
    case LiteralKind::kBinary: return "X" + QuoteString(literal.text);
    case LiteralKind::kDate: return "DATE " + QuoteString(literal.text);
    case LiteralKind::kTime: return "TIME " + QuoteString(literal.text);
    case LiteralKind::kTimestamp: return "TIMESTAMP " + QuoteString(literal.text);
    default: return literal.text;
  }
}

std::string Print(const IntervalQualifier& qualifier) {
  std::string out = qualifier.from;
  if (qualifier.precision.has_value()) {
    out += fmt::format("({}", *qualifier.precision);
    if (qualifier.to.empty() && qualifier.fraction) out += fmt::format(", {}", *qualifier.fraction);
    out += ")";
  }
  if (!qualifier.to.empty()) {
    out += " TO " + qualifier.to;
    if (qualifier.fraction.has_value()) out += fmt::format("({})", *qualifier.fraction);
  }
  return out;
}

std::string Print(const OrderItem& item) {
  std::string out = ToSql(*item.expr);
  if (item.descending) out += " DESC";
  if (item.nulls_first.has_value()) out += *item.nulls_first ? " NULLS FIRST" : " NULLS LAST";
  return out;
}
std::string OrderBy(const std::vector<OrderItem>& items) {
  return "ORDER BY " + Join(items, [](const OrderItem& item) { return Print(item); });
}

std::string Print(const FrameBound& bound) {
  switch (bound.kind) {
    case FrameBoundKind::kUnboundedPreceding: return "UNBOUNDED PRECEDING";
    case FrameBoundKind::kPreceding: return ToSql(*bound.distance) + " PRECEDING";
    case FrameBoundKind::kCurrentRow: return "CURRENT ROW";
    case FrameBoundKind::kFollowing: return ToSql(*bound.distance) + " FOLLOWING";
    case FrameBoundKind::kUnboundedFollowing: return "UNBOUNDED FOLLOWING";
  }
  return {};
}

std::string Print(const WindowSpec& spec) {
  std::string out;
  const auto add = [&out](const std::string& part) {
    if (!out.empty()) out += ' ';
    out += part;
  };
  if (spec.base.has_value()) add(Name(*spec.base));
  if (!spec.partition_by.empty()) add("PARTITION BY " + List(spec.partition_by));
  if (!spec.order_by.empty()) add(OrderBy(spec.order_by));
  if (spec.frame.has_value()) {
    const std::string unit = spec.frame->rows ? "ROWS " : "RANGE ";
    add(spec.frame->end.has_value()
            ? unit + "BETWEEN " + Print(spec.frame->begin) + " AND " + Print(*spec.frame->end)
            : unit + Print(spec.frame->begin));
  }
  return "(" + out + ")";
}

std::string Print(const FunctionExpr& call) {
  std::string out =
      call.name.parts.size() == 1 && IsReservedFunction(absl::AsciiStrToUpper(call.name.last()))
          ? call.name.last()
          : Names(call.name.parts, ".");
  if (call.niladic) return call.name.last();
  out += call.distinct ? "(DISTINCT " : "(";
  if (call.star) out += "*";
  out += Join(call.arguments, [](const FunctionExpr::Argument& argument) {
    const std::string value = ToSql(*argument.value);
    return argument.name.has_value() ? argument.name->text + " => " + value : value;
  });
  if (call.returning != nullptr) out += " RETURNING " + ToSql(*call.returning);
  size_t next_value = 0;
  for (const std::string& clause : call.clauses) {
    out += " " + clause;
    if (clause.rfind("DEFAULT", 0) == 0 && next_value < call.clause_values.size()) {
      out.insert(out.size() - clause.size() + 7, " " + ToSql(*call.clause_values[next_value++]));
    }
  }
  out += ")";
  if (!call.within_group.empty()) out += " WITHIN GROUP (" + OrderBy(call.within_group) + ")";
  if (call.ignore_nulls) out += " IGNORE NULLS";
  if (call.filter != nullptr) out += " FILTER (WHERE " + ToSql(*call.filter) + ")";
  if (call.over != nullptr) out += " OVER " + Print(*call.over);
  return out;
}

std::string Print(const IsExpr& is) {
  static constexpr std::string_view kTests[] = {"NULL",        "TRUE",           "FALSE",
                                                "UNKNOWN",     "DISTINCT FROM ", "JSON",
                                                "JSON OBJECT", "JSON ARRAY",     "JSON SCALAR"};
  return fmt::format("({} IS {}{}{})", ToSql(*is.operand), is.negated ? "NOT " : "",
                     kTests[static_cast<size_t>(is.test)],
                     is.other != nullptr ? ToSql(*is.other) : "");
}

std::string Print(const CaseExpr& node) {
  std::string out = "CASE";
  if (node.operand != nullptr) out += " " + ToSql(*node.operand);
  for (const CaseExpr::Branch& branch : node.branches) {
    out += " WHEN " + ToSql(*branch.when) + " THEN " + ToSql(*branch.then);
  }
  if (node.otherwise != nullptr) out += " ELSE " + ToSql(*node.otherwise);
  return out + " END";
}

std::string Print(const ConstructorExpr& node) {
  switch (node.constructor) {
    case ConstructorKind::kArray: return "ARRAY[" + List(node.elements) + "]";
    case ConstructorKind::kMap: return "MAP[" + List(node.elements) + "]";
    case ConstructorKind::kMultiset: return "MULTISET[" + List(node.elements) + "]";
    case ConstructorKind::kRow: return "ROW(" + List(node.elements) + ")";
  }
  return {};
}

std::string Print(const SubqueryExpr& node) {
  static constexpr std::string_view kWords[] = {"", "EXISTS ", "ARRAY", "MAP", "MULTISET"};
  return fmt::format("{}({})", kWords[static_cast<size_t>(node.subquery)], ToSql(*node.query));
}

std::string Print(const TableArgumentExpr& node) {
  const QueryBody& body = *node.query->body;
  std::string out =
      body.kind == BodyKind::kTable ? ToSql(*node.query) : "TABLE (" + ToSql(*node.query) + ")";
  if (!node.partition_by.empty()) out += " PARTITION BY (" + List(node.partition_by) + ")";
  if (!node.order_by.empty()) out += " " + OrderBy(node.order_by);
  return out;
}

std::string Print(const Hint& hint) {
  std::string out = hint.name.text + "(";
  out += Join(hint.options, [](const auto& option) {
    return QuoteString(option.first) + "=" + QuoteString(option.second);
  });
  out += Join(hint.arguments, [](const std::string& argument) { return QuoteString(argument); });
  return out + ")";
}
std::string Print(const std::vector<Hint>& hints) {
  if (hints.empty()) return {};
  return " /*+ " + Join(hints, [](const Hint& hint) { return Print(hint); }) + " */";
}

std::string Print(const TableRef& table);

std::string PrintJoin(const JoinTable& join) {
  static constexpr std::string_view kWords[] = {" JOIN ",      " LEFT JOIN ",  " RIGHT JOIN ",
                                                " FULL JOIN ", " CROSS JOIN ", ", "};
  std::string out = "(" + Print(*join.left) + (join.natural ? " NATURAL" : "") +
                    std::string(kWords[static_cast<size_t>(join.join)]) + Print(*join.right);
  if (join.on != nullptr) out += " ON " + ToSql(*join.on);
  if (!join.using_columns.empty()) out += " USING (" + Names(join.using_columns) + ")";
  return out + ")";
}

std::string PrintQuantifier(const MatchTable::Element& element) {
  if (!element.is_quantified) return "";
  std::string out = fmt::format("{{{},{}}}", element.min, element.max);
  if (element.max < 0) out = fmt::format("{{{},}}", element.min);
  return out + (element.is_reluctant ? "?" : "");
}

std::string PrintMatch(const MatchTable& match) {
  std::string out = Print(*match.input) + " MATCH_RECOGNIZE (";
  if (!match.partition_by.empty()) out += "PARTITION BY " + List(match.partition_by) + " ";
  if (!match.order_by.empty()) out += OrderBy(match.order_by) + " ";
  if (!match.measures.empty()) {
    out += "MEASURES " +
           Join(match.measures,
                [](const SelectItem& item) {
                  return ToSql(*item.expr) + " AS " + Name(*item.alias);
                }) +
           " ";
  }
  out += "ONE ROW PER MATCH AFTER MATCH SKIP ";
  switch (match.skip) {
    case MatchTable::Skip::kPastLastRow: out += "PAST LAST ROW"; break;
    case MatchTable::Skip::kToNextRow: out += "TO NEXT ROW"; break;
    case MatchTable::Skip::kToFirst: out += "TO FIRST " + Name(*match.skip_to); break;
    case MatchTable::Skip::kToLast: out += "TO LAST " + Name(*match.skip_to); break;
  }
  out += " PATTERN (";
  for (const MatchTable::Element& element : match.pattern) {
    out += (out.back() == '(' ? "" : " ") + Name(element.variable) + PrintQuantifier(element);
  }
  out += ")";
  if (match.within != nullptr) out += " WITHIN " + ToSql(*match.within);
  return out + " DEFINE " +
         Join(match.definitions,
              [](const MatchTable::Definition& definition) {
                return Name(definition.variable) + " AS " + ToSql(*definition.condition);
              }) +
         ")";
}

std::string Print(const TableRef& table) {
  std::string out;
  switch (table.kind) {
    case TableRefKind::kName: {
      const auto& named = static_cast<const NamedTable&>(table);
      out = named.name.ToString() + Print(named.hints);
      if (named.system_time != nullptr) {
        out += " FOR SYSTEM_TIME AS OF " + ToSql(*named.system_time);
      }
      break;
    }
    case TableRefKind::kSubquery: {
      const auto& subquery = static_cast<const SubqueryTable&>(table);
      out = std::string(subquery.lateral ? "LATERAL " : "") + "(" + ToSql(*subquery.query) + ")";
      break;
    }
    case TableRefKind::kFunction: {
      const auto& function = static_cast<const FunctionTable&>(table);
      out =
          std::string(function.lateral ? "LATERAL " : "") + "TABLE(" + ToSql(*function.call) + ")";
      break;
    }
    case TableRefKind::kUnnest: {
      const auto& unnest = static_cast<const UnnestTable&>(table);
      out = "UNNEST(" + List(unnest.collections) + ")";
      if (unnest.with_ordinality) out += " WITH ORDINALITY";
      break;
    }
    case TableRefKind::kJoin: out = PrintJoin(static_cast<const JoinTable&>(table)); break;
    case TableRefKind::kMatch: out = PrintMatch(static_cast<const MatchTable&>(table)); break;
  }
  if (table.alias.has_value()) {
    out += " AS " + Name(table.alias->name);
    if (!table.alias->columns.empty()) out += " (" + Names(table.alias->columns) + ")";
  }
  return out;
}

std::string Print(const GroupingElement& element) {
  const auto members = [&element] {
    return "(" + Join(element.elements, [](const GroupingElement& e) { return Print(e); }) + ")";
  };
  switch (element.kind) {
    case GroupingKind::kExpr: return ToSql(*element.expr);
    case GroupingKind::kSet: return members();
    case GroupingKind::kSets: return "GROUPING SETS " + members();
    case GroupingKind::kCube: return "CUBE " + members();
    case GroupingKind::kRollup: return "ROLLUP " + members();
  }
  return {};
}

std::string PrintSelect(const Select& select) {
  std::string out = "SELECT" + Print(select.hints) + (select.distinct ? " DISTINCT " : " ");
  out += Join(select.items, [](const SelectItem& item) {
    return ToSql(*item.expr) + (item.alias.has_value() ? " AS " + Name(*item.alias) : "");
  });
  if (select.from != nullptr) out += " FROM " + Print(*select.from);
  if (select.where != nullptr) out += " WHERE " + ToSql(*select.where);
  if (!select.group_by.empty()) {
    out += " GROUP BY " +
           Join(select.group_by, [](const GroupingElement& element) { return Print(element); });
  }
  if (select.having != nullptr) out += " HAVING " + ToSql(*select.having);
  if (!select.windows.empty()) {
    out += " WINDOW " + Join(select.windows, [](const NamedWindow& window) {
             return Name(window.name) + " AS " + Print(window.spec);
           });
  }
  if (select.qualify != nullptr) out += " QUALIFY " + ToSql(*select.qualify);
  return out;
}

std::string PrintBody(const QueryBody& body) {
  switch (body.kind) {
    case BodyKind::kSelect: return PrintSelect(static_cast<const Select&>(body));
    case BodyKind::kValues:
      return "VALUES " + Join(static_cast<const Values&>(body).rows,
                              [](const auto& row) { return "(" + List(row) + ")"; });
    case BodyKind::kSetOperation: {
      const auto& set = static_cast<const SetOperation&>(body);
      return fmt::format("({} {}{} {})", PrintBody(*set.left), NameOf(set.op),
                         set.all ? " ALL" : "", PrintBody(*set.right));
    }
    case BodyKind::kNested: return "(" + ToSql(*static_cast<const NestedQuery&>(body).query) + ")";
    case BodyKind::kTable: return "TABLE " + Print(static_cast<const TableQuery&>(body).table);
  }
  return {};
}

std::string Print(const BinaryExpr& node) {
  std::string out =
      fmt::format("({} {} {})", ToSql(*node.left), SymbolOf(node.op), ToSql(*node.right));
  if (node.difference_unit.has_value()) out += " " + Print(*node.difference_unit);
  return out;
}

std::string Print(const LikeExpr& node) {
  std::string out = fmt::format("({} {}{} {}", ToSql(*node.operand), node.negated ? "NOT " : "",
                                node.similar ? "SIMILAR TO" : "LIKE", ToSql(*node.pattern));
  if (node.escape != nullptr) out += " ESCAPE " + ToSql(*node.escape);
  return out + ")";
}

std::string Print(const InExpr& node) {
  return fmt::format("({} {}IN ({}))", ToSql(*node.operand), node.negated ? "NOT " : "",
                     node.query != nullptr ? ToSql(*node.query) : List(node.list));
}

std::string Print(const BetweenExpr& node) {
  return fmt::format("({} {}BETWEEN {}{} AND {})", ToSql(*node.operand), node.negated ? "NOT " : "",
                     node.symmetric ? "SYMMETRIC " : "", ToSql(*node.low), ToSql(*node.high));
}

std::string Print(const UnaryExpr& node) {
  static constexpr std::string_view kWords[] = {"+", "-", "NOT "};
  return fmt::format("({}{})", kWords[static_cast<size_t>(node.op)], ToSql(*node.operand));
}

std::string Print(const QuantifiedExpr& node) {
  return fmt::format("({} {} {} ({}))", ToSql(*node.operand), SymbolOf(node.op),
                     node.all ? "ALL" : "ANY",
                     node.query != nullptr ? ToSql(*node.query) : List(node.list));
}

}  // namespace

std::string ToSql(const TypeSyntax& type) {
  std::string out = type.name;
  if (type.name == "INTERVAL") {
    out += " " + Print(IntervalQualifier{type.interval_from, type.interval_to, type.precision,
                                         type.scale});
  } else if (!type.elements.empty()) {
    out += "<" + Join(type.elements, [](const TypeSyntaxPtr& e) { return ToSql(*e); }) + ">";
  } else if (type.name == "ROW") {
    out += "<" +
           Join(type.fields,
                [](const TypeSyntax::Field& field) {
                  return Name(field.name) + " " + ToSql(*field.type);
                }) +
           ">";
  } else if (type.precision.has_value()) {
    out += fmt::format("({}", *type.precision);
    if (type.scale.has_value()) out += fmt::format(", {}", *type.scale);
    out += ")";
  }
  return type.nullable ? out : out + " NOT NULL";
}

std::string ToSql(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kLiteral: return Print(As<LiteralExpr>(expr));
    case ExprKind::kInterval: {
      const auto& interval = As<IntervalExpr>(expr);
      return fmt::format("INTERVAL {}{} {}", interval.negative ? "-" : "",
                         QuoteString(interval.text), Print(interval.qualifier));
    }
    case ExprKind::kColumn: return Names(As<ColumnExpr>(expr).parts, ".");
    case ExprKind::kStar: {
      const auto& star = As<StarExpr>(expr);
      return star.qualifier.empty() ? "*" : Names(star.qualifier, ".") + ".*";
    }
    case ExprKind::kUnary: return Print(As<UnaryExpr>(expr));
    case ExprKind::kBinary: return Print(As<BinaryExpr>(expr));
    case ExprKind::kBetween: return Print(As<BetweenExpr>(expr));
    case ExprKind::kIn: return Print(As<InExpr>(expr));
    case ExprKind::kLike: return Print(As<LikeExpr>(expr));
    case ExprKind::kIs: return Print(As<IsExpr>(expr));
    case ExprKind::kCase: return Print(As<CaseExpr>(expr));
    case ExprKind::kCast: {
      const auto& cast = As<CastExpr>(expr);
      return fmt::format("{}({} AS {})", cast.is_try ? "TRY_CAST" : "CAST", ToSql(*cast.operand),
                         ToSql(*cast.type));
    }
    case ExprKind::kFunction: return Print(As<FunctionExpr>(expr));
    case ExprKind::kSymbol: return "<" + As<SymbolExpr>(expr).symbol + ">";
    case ExprKind::kConstructor: return Print(As<ConstructorExpr>(expr));
    case ExprKind::kSubscript:
      return fmt::format("{}[{}]", ToSql(*As<SubscriptExpr>(expr).base),
                         ToSql(*As<SubscriptExpr>(expr).index));
    case ExprKind::kField:
      return fmt::format("({}).{}", ToSql(*As<FieldExpr>(expr).base),
                         Name(As<FieldExpr>(expr).field));
    case ExprKind::kSubquery: return Print(As<SubqueryExpr>(expr));
    case ExprKind::kQuantified: return Print(As<QuantifiedExpr>(expr));
    case ExprKind::kDescriptor:
      return "DESCRIPTOR(" + Names(As<DescriptorExpr>(expr).columns) + ")";
    case ExprKind::kTableArgument: return Print(As<TableArgumentExpr>(expr));
    case ExprKind::kDefault: return "DEFAULT";
  }
  return {};
}

std::string ToSql(const Query& query) {
  std::string out;
  if (!query.with.empty()) {
    out += "WITH " +
           Join(query.with,
                [](const CommonTable& table) {
                  const std::string columns =
                      table.columns.empty() ? "" : " (" + Names(table.columns) + ")";
                  return Name(table.name) + columns + " AS (" + ToSql(*table.query) + ")";
                }) +
           " ";
  }
  out += PrintBody(*query.body);
  if (!query.order_by.empty()) out += " " + OrderBy(query.order_by);
  if (query.limit != nullptr) out += " LIMIT " + ToSql(*query.limit);
  if (query.offset != nullptr) out += " OFFSET " + ToSql(*query.offset);
  return out;
}

}  // namespace mainstem::process::sql
