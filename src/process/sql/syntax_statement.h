// Statements as written. See syntax_expr.h for ownership.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "process/sql/syntax_query.h"

namespace mainstem::process::sql {

enum class StatementKind : uint8_t {
  kCreateTable,
  kCreateView,
  kCreateDatabase,
  kCreateCatalog,
  kCreateFunction,
  kDrop,
  kAlterTable,
  kAlterView,
  kAlterDatabase,
  kInsert,
  kStatementSet,
  kBeginStatementSet,
  kEndStatementSet,
  kQuery,
  kExplain,
  kDescribe,
  kShow,
  kUse,
  kSet,
  kReset,
  kStopJob,
  kModule,
  kJar,
  kAnalyze,
  kTruncate,
  kDelete,
  kUpdate,
  kPlan,
  kCall,
};

struct Statement {
  explicit Statement(StatementKind k) : kind(k) {}
  virtual ~Statement() = default;
  const StatementKind kind;
  SourceSpan span;
  SourceTextPtr source;  // what the spans refer to
};
using StatementPtr = std::unique_ptr<Statement>;
template <typename T>
const T& As(const Statement& statement) {
  return static_cast<const T&>(statement);
}

struct Option {
  std::string key;
  std::string value;
  SourceSpan key_span;
  SourceSpan value_span;
};

enum class ColumnKind : uint8_t { kPhysical, kComputed, kMetadata };
struct ColumnDefinition {
  ColumnKind kind = ColumnKind::kPhysical;
  Identifier name;
  TypeSyntaxPtr type;  // null for computed columns
  ExprPtr expr;        // of computed columns
  std::string metadata_key;
  bool is_virtual = false;
  bool primary_key = false;  // a INT PRIMARY KEY NOT ENFORCED
  std::string comment;
  SourceSpan span;
};
struct WatermarkDefinition {
  std::vector<Identifier> column;  // a path
  ExprPtr expr;
  SourceSpan span;
};
struct PrimaryKeyDefinition {
  std::vector<Identifier> columns;
  SourceSpan span;
};
struct LikeOption {
  std::string merging;  // INCLUDING, EXCLUDING, OVERWRITING
  std::string feature;  // ALL, CONSTRAINTS, DISTRIBUTION, GENERATED, METADATA, OPTIONS, PARTITIONS,
                        // WATERMARKS
  SourceSpan span;
};
struct LikeClause {
  ObjectName table;
  std::vector<LikeOption> options;
};
struct Distribution {
  std::string kind;  // HASH, RANGE or empty
  std::vector<Identifier> columns;
  std::optional<int64_t> buckets;
};

struct CreateTable : Statement {
  CreateTable() : Statement(StatementKind::kCreateTable) {}
  ObjectName name;
  bool temporary = false;
  bool if_not_exists = false;
  bool or_replace = false;
  bool materialized = false;
  // Column names only, without types: CREATE TABLE t (a, b) WITH (..) AS SELECT ..
  std::vector<Identifier> column_order;
  std::vector<ColumnDefinition> columns;
  std::optional<WatermarkDefinition> watermark;
  std::optional<PrimaryKeyDefinition> primary_key;
  std::string comment;
  std::vector<Identifier> partitioned_by;
  std::optional<Distribution> distribution;
  std::vector<Option> options;
  SourceSpan options_span;
  std::optional<LikeClause> like;
  QueryPtr as_query;
};

struct CreateView : Statement {
  CreateView() : Statement(StatementKind::kCreateView) {}
  ObjectName name;
  bool temporary = false;
  bool if_not_exists = false;
  std::vector<Identifier> columns;
  std::string comment;
  // Shared with the catalogue, which keeps it for every later use of the view.
  std::shared_ptr<const Query> query;
};

struct CreateDatabase : Statement {
  CreateDatabase() : Statement(StatementKind::kCreateDatabase) {}
  ObjectName name;
  bool if_not_exists = false;
  std::string comment;
  std::vector<Option> options;
};
struct CreateCatalog : Statement {
  CreateCatalog() : Statement(StatementKind::kCreateCatalog) {}
  Identifier name;
  bool if_not_exists = false;
  std::vector<Option> options;
};
struct CreateFunction : Statement {
  CreateFunction() : Statement(StatementKind::kCreateFunction) {}
  ObjectName name;
  bool temporary = false;
  bool system = false;
  bool if_not_exists = false;
  std::string class_name;
  std::string language;
  std::vector<std::string> jars;
};

enum class ObjectKind : uint8_t { kTable, kView, kDatabase, kCatalog, kFunction, kModel };
struct Drop : Statement {
  Drop() : Statement(StatementKind::kDrop) {}
  ObjectKind object = ObjectKind::kTable;
  ObjectName name;
  bool temporary = false;
  bool if_exists = false;
  bool cascade = false;
};

enum class AlterAction : uint8_t {
  kRenameTable,
  kRenameColumn,
  kSet,
  kReset,
  kAddColumns,
  kModifyColumns,
  kDropColumns,
  kDropPrimaryKey,
  kDropWatermark,
};
struct AlterTable : Statement {
  AlterTable() : Statement(StatementKind::kAlterTable) {}
  struct Position {
    bool first = false;
    std::optional<Identifier> after;
  };
  ObjectName name;
  bool if_exists = false;
  AlterAction action = AlterAction::kSet;
  std::optional<ObjectName> new_name;
  std::optional<Identifier> old_column, new_column;
  std::vector<Option> options;            // SET
  std::vector<Identifier> keys;           // RESET: option keys; DROP: columns
  std::vector<ColumnDefinition> columns;  // ADD, MODIFY
  std::vector<Position> positions;        // one for each of `columns`
  std::optional<WatermarkDefinition> watermark;
  std::optional<PrimaryKeyDefinition> primary_key;
};
struct AlterView : Statement {
  AlterView() : Statement(StatementKind::kAlterView) {}
  ObjectName name;
  std::optional<ObjectName> new_name;
  std::shared_ptr<const Query> query;
};
struct AlterDatabase : Statement {
  AlterDatabase() : Statement(StatementKind::kAlterDatabase) {}
  ObjectName name;
  std::vector<Option> options;
};

enum class ConflictAction : uint8_t { kNone, kError, kNothing, kDeduplicate };
struct Insert : Statement {
  Insert() : Statement(StatementKind::kInsert) {}
  bool overwrite = false;
  ObjectName table;
  std::vector<Hint> hints;
  std::vector<std::pair<Identifier, ExprPtr>> partition;
  std::vector<Identifier> columns;
  QueryPtr query;
  ConflictAction on_conflict = ConflictAction::kNone;
  SourceSpan on_conflict_span;
};

// EXECUTE STATEMENT SET BEGIN .. END. BEGIN STATEMENT SET; .. END; is put together to the same.
struct StatementSet : Statement {
  StatementSet() : Statement(StatementKind::kStatementSet) {}
  std::vector<std::unique_ptr<Insert>> inserts;
};
struct BeginStatementSet : Statement {
  BeginStatementSet() : Statement(StatementKind::kBeginStatementSet) {}
};
struct EndStatementSet : Statement {
  EndStatementSet() : Statement(StatementKind::kEndStatementSet) {}
};

struct QueryStatement : Statement {
  QueryStatement() : Statement(StatementKind::kQuery) {}
  QueryPtr query;
};
struct Explain : Statement {
  Explain() : Statement(StatementKind::kExplain) {}
  std::vector<std::string> details;  // CHANGELOG_MODE, ESTIMATED_COST ...
  StatementPtr statement;
};
struct Describe : Statement {
  Describe() : Statement(StatementKind::kDescribe) {}
  // TABLE, DATABASE, CATALOG, FUNCTION, JOB, WATERMARK (EXPLAIN WATERMARK FOR JOB)
  std::string what = "TABLE";
  bool extended = false;
  ObjectName name;
};
struct Show : Statement {
  Show() : Statement(StatementKind::kShow) {}
  // TABLES, VIEWS, CATALOGS, DATABASES, FUNCTIONS, COLUMNS, CREATE TABLE, CREATE VIEW, JOBS, JARS,
  // MODULES, PARTITIONS, CURRENT CATALOG, CURRENT DATABASE, USER FUNCTIONS, FULL MODULES ...
  std::string what;
  std::optional<ObjectName> name;  // FROM / IN, or the table
  bool negated = false;
  bool ignore_case = false;  // ILIKE
  std::optional<std::string> like;
};
struct Use : Statement {
  Use() : Statement(StatementKind::kUse) {}
  std::string what;  // CATALOG, DATABASE, MODULES
  ObjectName name;
  std::vector<Identifier> modules;
};
struct Set : Statement {
  Set() : Statement(StatementKind::kSet) {}
  std::optional<Option> option;  // none: list all
};
struct Reset : Statement {
  Reset() : Statement(StatementKind::kReset) {}
  std::optional<Option> option;  // key only; none: reset all
};
struct StopJob : Statement {
  StopJob() : Statement(StatementKind::kStopJob) {}
  std::string job_id;
  bool with_savepoint = false;
  bool with_drain = false;
};
// Statements that are recognised so that a whole script parses; the session answers Unsupported.
struct OtherStatement : Statement {
  explicit OtherStatement(StatementKind k) : Statement(k) {}
  std::string words;  // "LOAD MODULE", "ADD JAR", "ANALYZE TABLE" ...
};

struct Script {
  SourceTextPtr source;
  std::vector<StatementPtr> statements;
};

}  // namespace mainstem::process::sql
