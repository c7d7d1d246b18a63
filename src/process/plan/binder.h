// Names to columns, types to everything: syntax trees become plan nodes. One Binder binds one
// statement and is then dropped; it is used by one thread. The catalogue, registry, settings and
// syntax trees are borrowed and must outlive it. Plans it makes are correct but naive; rules.h
// improves them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "process/expr/function_registry.h"
#include "process/plan/bound_subquery.h"
#include "process/plan/catalog.h"
#include "process/plan/logical_plan.h"
#include "process/plan/relation.h"
#include "process/plan/select_hints.h"
#include "process/plan/settings.h"
#include "process/plan/table_facts.h"
#include "process/sql/diagnostic.h"
#include "process/sql/syntax_statement.h"

namespace mainstem::process::plan {

struct BinderContext {
  const Catalog* catalog = nullptr;
  const FunctionRegistry* functions = nullptr;
  const TableFacts* facts = nullptr;
  const Settings* settings = nullptr;
};

struct AggregateScope;
struct MatchScope;
struct BoundOver;
struct MatchNode;
struct SortKey;

class Binder {
 public:
  Binder(BinderContext context, sql::SourceTextPtr source);

  Result<Relation> BindQuery(const sql::Query& query);
  // One INSERT of `query`, which is insert.query, or comes with CREATE TABLE .. AS. The sink's
  // input has been cast to the table's columns.
  Result<std::shared_ptr<SinkNode>> BindInsert(const sql::Insert& insert, const sql::Query& query);
  // A query whose rows go to the caller.
  Result<std::shared_ptr<SinkNode>> BindCollect(const sql::Query& query);
  Result<CatalogView> BindView(const sql::CreateView& create);
  Result<LogicalType> BindType(const sql::TypeSyntax& type);
  Result<TablePath> BindPath(const sql::ObjectName& name);

 private:
  friend class SelectBinder;
  friend class TableBinder;

  // ---- expressions (bind_expr.cc, bind_function.cc)
  struct ExprScope {
    const std::vector<ScopeColumn>* names = nullptr;
    const Columns* columns = nullptr;
    AggregateScope* aggregates = nullptr;  // null: aggregates are refused
    std::string_view clause;               // "WHERE", for messages
    MatchScope* match = nullptr;           // in MEASURES and DEFINE: names are of pattern variables
    // Takes the subqueries in the expression, which may read `around`; null: they are refused.
    std::vector<ScalarSubquery>* scalars = nullptr;
    std::vector<ScalarSubquery>* argument_scalars = nullptr;  // those in arguments of aggregates
    const Relation* around = nullptr;
    bool only_true_counts =
        false;  // FALSE and NULL are the same: a condition, or an AND or OR in it
  };
  Result<ExprPtr> BindExpr(const sql::Expr& expr, const ExprScope& scope);
  Result<ExprPtr> BindPredicate(const sql::Expr& expr, const ExprScope& scope);
  Result<ExprPtr> BindLiteral(const sql::LiteralExpr& literal);
  Result<ExprPtr> BindInterval(const sql::IntervalExpr& interval);
  Result<ExprPtr> BindColumn(const sql::ColumnExpr& column, const ExprScope& scope);
  Result<ExprPtr> BindUnary(const sql::UnaryExpr& unary, const ExprScope& scope);
  Result<ExprPtr> BindBinary(const sql::BinaryExpr& binary, const ExprScope& scope);
  Result<ExprPtr> BindBetween(const sql::BetweenExpr& node, const ExprScope& scope);
  Result<ExprPtr> BindIs(const sql::IsExpr& is, const ExprScope& scope);
  Result<ExprPtr> BindCase(const sql::CaseExpr& node, const ExprScope& scope);
  Result<ExprPtr> BindCastExpr(const sql::CastExpr& cast, const ExprScope& scope);
  Result<ExprPtr> BindFunction(const sql::FunctionExpr& call, const ExprScope& scope);
  Result<ExprPtr> BindAggregate(const sql::FunctionExpr& call, const std::string& name,
                                const ExprScope& scope);
  // PERCENTILE: takes the percentages out of the arguments.
  Status BindPercentages(const sql::FunctionExpr& call, std::vector<ExprPtr>* args,
                         AggregateCall* out) const;
  Result<ExprPtr> BindGroupingCall(const sql::FunctionExpr& call, const std::string& name,
                                   const ExprScope& scope);
  // ---- OVER (bind_over.cc)
  static constexpr int kNamedWindowDepthMax = 100;
  Result<ExprPtr> BindOver(const sql::FunctionExpr& call, const std::string& name,
                           const ExprScope& scope);
  Result<const sql::WindowSpec*> NamedWindow(const sql::Identifier& name, const ExprScope& scope);
  Status BindWindowSpec(const sql::WindowSpec& spec, const ExprScope& scope, int depth,
                        BoundOver* over, const sql::WindowFrame** frame);
  Status BindFrame(const sql::WindowFrame& frame, const sql::SourceSpan& span, BoundOver* over);
  Result<LogicalType> BindOverCall(const sql::FunctionExpr& call, BoundOver* over);
  // A literal >= 0; `what` begins the message.
  Result<int64_t> BindCount(const sql::Expr& expr, std::string_view what);

  Result<ExprPtr> BindWindowAuxiliary(const sql::FunctionExpr& call, const std::string& name,
                                      const ExprScope& scope);
  Result<ExprPtr> BindJson(const sql::FunctionExpr& call, const std::string& name,
                           const ExprScope& scope);
  Status CheckReturning(const sql::FunctionExpr& call, const std::string& name,
                        const LogicalType& type) const;
  Result<ExprPtr> BindConstructor(const sql::ConstructorExpr& node, const ExprScope& scope);
  Result<ExprPtr> BindField(ExprPtr base, const sql::Identifier& field);
  Result<std::vector<ExprPtr>> BindAll(const std::vector<sql::ExprPtr>& list,
                                       const ExprScope& scope);
  // FunctionRegistry::Bind with the place added to its errors.
  Result<ExprPtr> CallFunction(std::string_view name, std::vector<ExprPtr> args,
                               const sql::SourceSpan& span);
  Result<int64_t> BindIntervalMillis(const sql::Expr& expr, std::string_view what);

  // ---- FROM (bind_from.cc, bind_window.cc)
  Result<Relation> BindFrom(const sql::TableRef* from);
  Result<Relation> BindUnnestJoin(const sql::JoinTable& join);
  // `left` with the elements of a collection of its; `keep_empty`: rows without elements stay.
  Result<Relation> BindUnnest(const sql::UnnestTable& table, Relation left, bool keep_empty);
  Result<Relation> BindTableRef(const sql::TableRef& table);
  Result<Relation> BindNamedTable(const sql::NamedTable& table);
  Result<Relation> ScanTable(const TablePath& path, const CatalogTable& table,
                             const std::vector<sql::Hint>& hints, const sql::SourceSpan& span);
  // Over a table whose source tells no old rows: the whole changelog.
  PlanNodePtr AddOldRows(const CatalogTable& table, PlanNodePtr node);
  Result<PlanNodePtr> AddComputedColumns(const CatalogTable& table, PlanNodePtr scan);
  Result<PlanNodePtr> AddWatermark(const CatalogTable& table,
                                   const std::map<std::string, std::string>& options,
                                   PlanNodePtr input, const sql::SourceSpan& span);
  Result<Relation> ExpandView(const TablePath& path, const CatalogView& view,
                              const sql::SourceSpan& span);
  Status ApplyAlias(const sql::TableRef& table, Relation* relation);
  Result<Relation> BindJoin(const sql::JoinTable& table);
  // FOR SYSTEM_TIME AS OF: the left side's time, the time at which the right side's versions begin,
  // and whether by a processing time the right side can be asked by key.
  Status BindSystemTime(const sql::Expr& time, const Relation& left, JoinNode* join);
  Status FindVersionTime(const sql::JoinTable& table, const Relation& right, JoinNode* join);
  Status CheckLookup(const sql::JoinTable& table, const Relation& right, JoinNode* join);
  // The columns of USING or NATURAL: they come once, in front. `join` is bound without condition.
  Result<Relation> MergeUsing(const sql::JoinTable& table, const Relation& left,
                              const Relation& right, std::shared_ptr<JoinNode> join);
  Result<Relation> BindWindowTable(const sql::FunctionTable& table);
  Result<Relation> BindWindowInput(const sql::Expr& data, std::vector<sql::ExprPtr> const** keys);
  Status BindTimeColumn(const sql::Expr& descriptor, const Relation& input,
                        std::string_view function, Window* window);
  Status CheckWindow(const Window& window, const sql::SourceSpan& span);

  // ---- MATCH_RECOGNIZE (bind_match.cc)
  Result<Relation> BindMatch(const sql::MatchTable& table);
  Status BindPattern(const sql::MatchTable& table, MatchNode* node);
  Status BindDefinitions(const sql::MatchTable& table, const ExprScope& scope, MatchNode* node);
  Result<ExprPtr> BindMatchColumn(const sql::ColumnExpr& column, const ExprScope& scope);
  // FIRST, LAST, aggregates and what else has a meaning of its own in a pattern; null: nothing.
  Result<ExprPtr> BindMatchFunction(const sql::FunctionExpr& call, const std::string& name,
                                    const ExprScope& scope);
  Result<ExprPtr> BindMatchAggregate(const sql::FunctionExpr& call, const std::string& name,
                                     const ExprScope& scope);
  Result<ExprPtr> BindMatchTime(const sql::FunctionExpr& call, const std::string& name,
                                const ExprScope& scope);
  // An expression over the rows of one variable, which it tells.
  Result<ExprPtr> BindOfVariable(const sql::Expr& expr, const ExprScope& scope, int* variable);

  // ---- subqueries in WHERE (bind_subquery.cc)
  static std::optional<SubqueryTest> AsSubqueryTest(const sql::Expr& conjunct);
  // Keeps the rows of `input` that pass: a SEMI or ANTI join.
  Status ApplySubqueryTest(const SubqueryTest& test, Relation* input);
  Result<SubquerySource> BindSubquerySource(const sql::Query& query);
  Result<SubquerySource> BindSelectSource(const sql::Select& select);

  // ---- subqueries elsewhere (bind_scalar.cc)
  // Adds the subquery to scope.scalars and refers to it.
  Result<ExprPtr> BindScalarSubquery(const sql::SubqueryExpr& subquery, const ExprScope& scope);
  Result<ScalarSubquery> BindScalarSource(const sql::Query& query, bool exists);
  ExprPtr AddScalar(ScalarSubquery scalar, const LogicalType& type, const ExprScope& scope);
  Status OneColumnWanted(const sql::SourceSpan& span, size_t columns) const;
  // The column of the node that is column `index` of the query around.
  using OuterColumn = std::function<Result<ExprPtr>(int index, SourceSpan span)>;
  // Joins `node` with the values and puts them into the expressions over it (may be null).
  Status ApplyScalars(std::vector<ScalarSubquery> scalars, const OuterColumn& outer_column,
                      PlanNodePtr* node, std::vector<ExprPtr*> exprs);
  Result<ExprPtr> ScalarValue(const ScalarSubquery& scalar, const Columns& columns, int left_count);

  // ---- LATERAL subqueries (bind_lateral.cc)
  Result<Relation> BindLateralJoin(const sql::JoinTable& table, const sql::SubqueryTable& lateral);
  Result<LateralSource> BindLateralSource(const sql::Query& query);

  // ---- IN, ANY and ALL with a subquery elsewhere (bind_quantified.cc)
  Result<ExprPtr> BindInSubquery(const sql::InExpr& in, const ExprScope& scope);
  Result<ExprPtr> BindQuantified(const sql::QuantifiedExpr& node, const ExprScope& scope);
  Result<ExprPtr> InSubquery(const sql::Expr& operand, const sql::Query& query,
                             const ExprScope& scope, const sql::SourceSpan& span);
  // A subquery of so many columns, which reads nothing of the query around.
  Result<Relation> BindSetSubquery(const sql::Query& query, const ExprScope& scope, size_t columns,
                                   const sql::SourceSpan& span);
  // ROW(1 if there is a NULL in the first column, else 0, NULL where there are no rows [, its least
  // and its greatest value]), and a field of that.
  Result<ExprPtr> SetFacts(const Relation& rows, const ExprScope& scope,
                           const sql::SourceSpan& span, bool bounds);
  Result<ExprPtr> SetFact(const ExprPtr& facts, int field, const sql::SourceSpan& span);

  // ---- queries (bind_query.cc, bind_select.cc)
  Result<Relation> BindNestedQuery(const sql::Query& query);
  Result<Relation> BindBody(const sql::QueryBody& body);
  Result<Relation> BindSelect(const sql::Select& select);
  Result<Relation> BindValues(const sql::Values& values);
  Result<Relation> BindSetOperation(const sql::SetOperation& set);
  // ---- ORDER BY and LIMIT (bind_order.cc)
  Result<Relation> BindOrdered(const sql::Query& query);
  Result<int> OrdinalOf(const sql::Expr& expr, size_t column_count) const;
  Result<PlanNodePtr> SortAndLimit(const sql::Query& query, const std::vector<SortKey>& order,
                                   PlanNodePtr input);
  Result<PlanNodePtr> Sort(const sql::Query& query, const std::vector<SortKey>& order,
                           PlanNodePtr input);
  Result<Relation> IntersectOrExcept(const sql::SetOperation& set,
                                     const std::vector<LogicalType>& types, Relation left,
                                     Relation right);
  Relation Distinct(Relation input, const sql::SourceSpan& span);
  // Casts the relation's columns to `types` where they differ.
  Result<PlanNodePtr> CastColumns(PlanNodePtr node, const std::vector<LogicalType>& types,
                                  const sql::SourceSpan& span);

  // ---- INSERT and tables (bind_insert.cc, bind_table.cc)
  // By column of the table.
  using StaticPartition = std::map<int, ExprPtr>;
  Result<StaticPartition> BindStaticPartition(const sql::Insert& insert, const CatalogTable& table);
  Status RefuseOverwrite(const sql::Insert& insert, const CatalogTable& table) const;
  Result<std::vector<int>> BindTargets(const sql::Insert& insert, const CatalogTable& table,
                                       const StaticPartition& fixed);
  Result<ExprPtr> CoerceColumn(const sql::Insert& insert, const sql::SourceSpan& query_span,
                               const TableColumn& column, ExprPtr value);
  Result<PlanNodePtr> CoerceToSink(const sql::Insert& insert, const sql::SourceSpan& query_span,
                                   const CatalogTable& table, const std::vector<int>& targets,
                                   const StaticPartition& fixed, Relation query);
  Status DescribeSink(const sql::Insert& insert, const CatalogTable& table, SinkNode* sink) const;
  void ApplySinkSettings(SinkNode* sink) const;

  Status Error(const sql::SourceSpan& span, std::string message, std::string hint = {}) const;
  Status NotYet(const sql::SourceSpan& span, std::string what, std::string hint = {}) const;
  // Adds the place to an error that has none yet.
  Status Locate(const Status& status, const sql::SourceSpan& span) const;
  int64_t StateTtlMillis() const { return context_.settings->Millis("table.exec.state.ttl"); }
  int64_t StateTtlOf(const sql::TableRef& table) const;  // of a side of a join
  bool batch() const { return context_.settings->Text("execution.runtime-mode") == "batch"; }

  BinderContext context_;
  sql::SourceTextPtr source_;
  // Common tables in scope, innermost last.
  std::vector<std::pair<std::string, const sql::CommonTable*>> common_tables_;
  // Tables already read by this statement: a source is read once for all who need it.
  std::map<std::string, Relation> scans_;
  // Views that keep state, likewise: each is computed once for all who need it.
  struct BoundView {
    Relation relation;
    int query_depth = 0;  // at which it was bound
  };
  std::map<std::string, BoundView> views_;
  // NULL without a type may stand where the sink's column gives it one: in the top SELECT or VALUES
  // of an INSERT.
  bool allow_untyped_null_ = false;
  // While a subquery of `around` is being bound (null: one that reads nothing around it).
  class InSubqueryOf {
   public:
    InSubqueryOf(Binder* binder, const Relation* around)
        : binder_(*binder), was_around_(binder->outer_), was_allowed_(binder->outer_allowed_) {
      binder_.further_out_.push_back(was_around_);
      binder_.outer_ = around;
      binder_.outer_allowed_ = false;
    }
    ~InSubqueryOf() {
      binder_.further_out_.pop_back();
      binder_.outer_ = was_around_;
      binder_.outer_allowed_ = was_allowed_;
    }
    InSubqueryOf(const InSubqueryOf&) = delete;
    InSubqueryOf& operator=(const InSubqueryOf&) = delete;

   private:
    Binder& binder_;
    const Relation* was_around_;
    bool was_allowed_;
  };
  // The relation around the subquery that is being bound; its columns are kOuterBase and up.
  const Relation* outer_ = nullptr;
  // Those around that, outermost first; may be null.
  std::vector<const Relation*> further_out_;
  // Only a plain conjunct of the subquery's own WHERE can become a condition of the join: elsewhere
  // outer_ is known for the sake of the error.
  bool outer_allowed_ = false;
  SelectHints hints_;  // of the SELECT whose FROM is being bound
  int view_depth_ = 0;
  int query_depth_ = 0;  // through subqueries, common tables and views
  // Set when views are expanded: names resolve against the view's own database.
  const CatalogView* current_view_ = nullptr;
};

}  // namespace mainstem::process::plan
