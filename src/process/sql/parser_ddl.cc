// CREATE, DROP, ALTER.
#include <algorithm>

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include "process/sql/keywords.h"
#include "process/sql/parser_impl.h"

namespace mainstem::process::sql {

Result<bool> Parser::TakeIfNotExists() {
  if (!TakeWord("IF")) return false;
  RETURN_IF_ERROR(ExpectWords({"NOT", "EXISTS"}));
  return true;
}

Result<bool> Parser::TakeIfExists() {
  if (!TakeWord("IF")) return false;
  RETURN_IF_ERROR(ExpectWord("EXISTS"));
  return true;
}

Result<std::string> Parser::TakeComment() {
  if (!TakeWord("COMMENT")) return std::string();
  ASSIGN_OR_RETURN(Token comment, ParseString("the comment as a string"));
  return comment.text;
}

// ('key' = 'value', ..)
Result<std::vector<Option>> Parser::ParseOptions(SourceSpan* span) {
  std::vector<Option> options;
  const SourceSpan begin = Peek().span;
  RETURN_IF_ERROR(ExpectSymbol("(", "and the options"));
  do {
    Option option;
    ASSIGN_OR_RETURN(Token key, ParseString("an option's name as a string"));
    RETURN_IF_ERROR(ExpectSymbol("=", "and the option's value"));
    ASSIGN_OR_RETURN(Token value, ParseString("the option's value as a string"));
    for (const Option& other : options) {
      if (other.key == key.text) {
        return Fail(key.span, fmt::format("the option '{}' is given twice", key.text));
      }
    }
    options.push_back({key.text, value.text, key.span, value.span});
  } while (TakeSymbol(","));
  RETURN_IF_ERROR(ExpectSymbol(")", "or ','"));
  *span = SpanFrom(begin);
  return options;
}

Result<StatementPtr> Parser::ParseCreate() {
  Take();
  bool or_replace = false;
  if (TakeWord("OR")) {
    if (!TakeWord("REPLACE") && !TakeWord("ALTER")) return Unexpected("REPLACE");
    or_replace = true;
  }
  const bool temporary = TakeWord("TEMPORARY");
  const bool system = TakeWord("SYSTEM");
  if (IsWord("MATERIALIZED")) return NotYet(Peek().span, "CREATE MATERIALIZED TABLE");
  if (IsWord("MODEL")) return NotYet(Peek().span, "CREATE MODEL");
  if (TakeWord("TABLE")) return ParseCreateTable(temporary, or_replace);
  if (TakeWord("VIEW")) return ParseCreateView(temporary);
  if (TakeWord("FUNCTION")) return ParseCreateFunction(temporary, system);
  if (TakeWord("DATABASE")) {
    auto create = std::make_unique<CreateDatabase>();
    ASSIGN_OR_RETURN(create->if_not_exists, TakeIfNotExists());
    ASSIGN_OR_RETURN(create->name, ParseObjectName("a database name"));
    ASSIGN_OR_RETURN(create->comment, TakeComment());
    SourceSpan span;
    if (TakeWord("WITH")) {
      ASSIGN_OR_RETURN(create->options, ParseOptions(&span));
    }
    return StatementPtr(std::move(create));
  }
  if (TakeWord("CATALOG")) {
    auto create = std::make_unique<CreateCatalog>();
    ASSIGN_OR_RETURN(create->if_not_exists, TakeIfNotExists());
    ASSIGN_OR_RETURN(create->name, ParseName("a catalog name"));
    ASSIGN_OR_RETURN(std::string ignored, TakeComment());
    SourceSpan span;
    if (TakeWord("WITH")) {
      ASSIGN_OR_RETURN(create->options, ParseOptions(&span));
    }
    return StatementPtr(std::move(create));
  }
  return Unexpected(
      "TABLE, VIEW, DATABASE, CATALOG or FUNCTION",
      DidYouMean(Peek().upper, {"TABLE", "VIEW", "DATABASE", "CATALOG", "FUNCTION", "TEMPORARY"}));
}

Result<StatementPtr> Parser::ParseCreateTable(bool temporary, bool or_replace) {
  auto table = std::make_unique<CreateTable>();
  table->temporary = temporary;
  table->or_replace = or_replace;
  ASSIGN_OR_RETURN(table->if_not_exists, TakeIfNotExists());
  ASSIGN_OR_RETURN(table->name, ParseObjectName("a table name"));
  if (IsSymbol("(")) RETURN_IF_ERROR(ParseTableElements(table.get()));
  RETURN_IF_ERROR(ParseTableClauses(table.get()));
  RETURN_IF_ERROR(ParseTableSource(table.get()));
  return StatementPtr(std::move(table));
}

Status Parser::ParseTableElements(CreateTable* table) {
  Take();
  // (a, b) without types names the columns of AS SELECT.
  if (CanStartName(Peek()) && (IsSymbol(",", 1) || IsSymbol(")", 1))) {
    ASSIGN_OR_RETURN(table->column_order, ParseNameList("a column name"));
    if (!IsSymbol(")")) return Unexpected("a data type", "give every column a type, or none");
    Take();
    return Status::OK();
  }
  do {
    RETURN_IF_ERROR(ParseTableElement(table));
  } while (TakeSymbol(","));
  return ExpectSymbol(")", "or ','");
}

Status Parser::ParseTableElement(CreateTable* table) {
  const SourceSpan begin = Peek().span;
  if (IsWord("WATERMARK") && IsWord("FOR", 1)) {
    if (table->watermark.has_value()) return Fail(begin, "a table has one WATERMARK at most");
    ASSIGN_OR_RETURN(WatermarkDefinition watermark, ParseWatermark());
    table->watermark = std::move(watermark);
    return Status::OK();
  }
  if (TakeWord("CONSTRAINT")) {
    ASSIGN_OR_RETURN(Identifier ignored, ParseName("the constraint's name"));
    if (!IsWord("PRIMARY") && !IsWord("UNIQUE")) return Unexpected("PRIMARY KEY");
  }
  if (IsWord("UNIQUE")) return Fail(begin, "UNIQUE is not supported", "declare a PRIMARY KEY");
  if (IsWord("PRIMARY")) {
    if (table->primary_key.has_value()) return Fail(begin, "a table has one PRIMARY KEY at most");
    ASSIGN_OR_RETURN(PrimaryKeyDefinition key, ParsePrimaryKey());
    table->primary_key = std::move(key);
    return Status::OK();
  }
  ASSIGN_OR_RETURN(ColumnDefinition column, ParseColumn());
  if (column.primary_key) {
    if (table->primary_key.has_value()) return Fail(begin, "a table has one PRIMARY KEY at most");
    table->primary_key = PrimaryKeyDefinition{{column.name}, column.span};
  }
  table->columns.push_back(std::move(column));
  return Status::OK();
}

Result<WatermarkDefinition> Parser::ParseWatermark() {
  WatermarkDefinition watermark;
  const SourceSpan begin = Take().span;
  RETURN_IF_ERROR(ExpectWord("FOR"));
  do {
    ASSIGN_OR_RETURN(Identifier part, ParseName("the column that carries event time"));
    watermark.column.push_back(std::move(part));
  } while (TakeSymbol("."));
  RETURN_IF_ERROR(ExpectWord("AS"));
  ASSIGN_OR_RETURN(watermark.expr, ParseExpr());
  watermark.span = SpanFrom(begin);
  return watermark;
}

Result<PrimaryKeyDefinition> Parser::ParsePrimaryKey() {
  PrimaryKeyDefinition key;
  const SourceSpan begin = Take().span;
  RETURN_IF_ERROR(ExpectWord("KEY"));
  ASSIGN_OR_RETURN(key.columns, ParseParenthesisedNames("a key column"));
  key.span = SpanFrom(begin);
  if (!TakeWords({"NOT", "ENFORCED"})) {
    return Unexpected("NOT ENFORCED",
                      "the engine does not own the data: write PRIMARY KEY (..) NOT ENFORCED");
  }
  return key;
}

Result<ColumnDefinition> Parser::ParseColumn() {
  ColumnDefinition column;
  const SourceSpan begin = Peek().span;
  ASSIGN_OR_RETURN(column.name, ParseName("a column name"));
  RETURN_IF_ERROR(ParseColumnKind(&column));
  ASSIGN_OR_RETURN(column.comment, TakeComment());
  column.span = SpanFrom(begin);
  return column;
}

Status Parser::ParseColumnKind(ColumnDefinition* column) {
  if (TakeWord("AS")) {
    column->kind = ColumnKind::kComputed;
    ASSIGN_OR_RETURN(column->expr, ParseExpr());
    return Status::OK();
  }
  ASSIGN_OR_RETURN(column->type, ParseType());
  if (IsWord("CONSTRAINT")) {
    Take();
    ASSIGN_OR_RETURN(Identifier ignored, ParseName("the constraint's name"));
  }
  if (TakeWords({"PRIMARY", "KEY"})) {
    column->primary_key = true;
    if (!TakeWords({"NOT", "ENFORCED"})) {
      return Unexpected("NOT ENFORCED",
                        "the engine does not own the data: write PRIMARY KEY NOT ENFORCED");
    }
  }
  if (!TakeWord("METADATA")) return Status::OK();
  column->kind = ColumnKind::kMetadata;
  column->metadata_key = column->name.text;
  if (TakeWord("FROM")) {
    ASSIGN_OR_RETURN(Token key, ParseString("the metadata key as a string"));
    column->metadata_key = key.text;
  }
  column->is_virtual = TakeWord("VIRTUAL");
  return Status::OK();
}

// COMMENT, DISTRIBUTED BY, PARTITIONED BY, WITH
Status Parser::ParseTableClauses(CreateTable* table) {
  ASSIGN_OR_RETURN(table->comment, TakeComment());
  if (IsWord("DISTRIBUTED")) {
    ASSIGN_OR_RETURN(Distribution distribution, ParseDistribution());
    table->distribution = std::move(distribution);
  }
  if (TakeWord("PARTITIONED")) {
    RETURN_IF_ERROR(ExpectWord("BY"));
    ASSIGN_OR_RETURN(table->partitioned_by, ParseParenthesisedNames("a partition column"));
  }
  if (TakeWord("WITH")) {
    if (IsSymbol("(") && IsSymbol(")", 1)) {
      Take();
      Take();
      return Status::OK();
    }
    ASSIGN_OR_RETURN(table->options, ParseOptions(&table->options_span));
  }
  return Status::OK();
}

Result<Distribution> Parser::ParseDistribution() {
  Distribution distribution;
  Take();
  if (TakeWord("BY")) {
    if (IsWord("HASH") || IsWord("RANGE")) distribution.kind = Take().upper;
    ASSIGN_OR_RETURN(distribution.columns, ParseParenthesisedNames("a distribution column"));
  }
  if (TakeWord("INTO")) {
    ASSIGN_OR_RETURN(int buckets, ParseSmallInteger("a number of buckets", 1'000'000));
    distribution.buckets = buckets;
    RETURN_IF_ERROR(ExpectWord("BUCKETS"));
  }
  return distribution;
}

// LIKE other, or AS SELECT
Status Parser::ParseTableSource(CreateTable* table) {
  if (TakeWord("LIKE")) {
    ASSIGN_OR_RETURN(LikeClause like, ParseLikeClause());
    table->like = std::move(like);
    return Status::OK();
  }
  if (TakeWord("AS")) {
    ASSIGN_OR_RETURN(table->as_query, ParseQuery());
    return Status::OK();
  }
  if (!AtEnd() && !IsSymbol(";")) {
    return Unexpected("COMMENT, PARTITIONED BY, WITH, LIKE, AS or the end of the statement");
  }
  return Status::OK();
}

Result<LikeClause> Parser::ParseLikeClause() {
  LikeClause like;
  ASSIGN_OR_RETURN(like.table, ParseObjectName("a table name"));
  if (!TakeSymbol("(")) return like;
  static const std::vector<std::string> kFeatures = {"ALL",        "CONSTRAINTS", "DISTRIBUTION",
                                                     "GENERATED",  "METADATA",    "OPTIONS",
                                                     "PARTITIONS", "WATERMARKS"};
  while (!IsSymbol(")")) {
    LikeOption option;
    const SourceSpan begin = Peek().span;
    if (!IsWord("INCLUDING") && !IsWord("EXCLUDING") && !IsWord("OVERWRITING")) {
      return Unexpected("INCLUDING, EXCLUDING or OVERWRITING");
    }
    option.merging = Take().upper;
    if (Peek().kind != TokenKind::kWord ||
        std::find(kFeatures.begin(), kFeatures.end(), Peek().upper) == kFeatures.end()) {
      return Unexpected("ALL, CONSTRAINTS, GENERATED, METADATA, OPTIONS, PARTITIONS or WATERMARKS",
                        DidYouMean(Peek().upper, kFeatures));
    }
    option.feature = Take().upper;
    option.span = SpanFrom(begin);
    like.options.push_back(std::move(option));
  }
  Take();
  return like;
}

Result<StatementPtr> Parser::ParseCreateView(bool temporary) {
  auto view = std::make_unique<CreateView>();
  view->temporary = temporary;
  ASSIGN_OR_RETURN(view->if_not_exists, TakeIfNotExists());
  ASSIGN_OR_RETURN(view->name, ParseObjectName("a view name"));
  if (IsSymbol("(")) {
    ASSIGN_OR_RETURN(view->columns, ParseParenthesisedNames("a column name"));
  }
  ASSIGN_OR_RETURN(view->comment, TakeComment());
  RETURN_IF_ERROR(ExpectWord("AS"));
  ASSIGN_OR_RETURN(QueryPtr query, ParseQuery());
  view->query = std::move(query);
  return StatementPtr(std::move(view));
}

Result<StatementPtr> Parser::ParseCreateFunction(bool temporary, bool system) {
  auto function = std::make_unique<CreateFunction>();
  function->temporary = temporary;
  function->system = system;
  ASSIGN_OR_RETURN(function->if_not_exists, TakeIfNotExists());
  ASSIGN_OR_RETURN(function->name, ParseObjectName("a function name"));
  RETURN_IF_ERROR(ExpectWord("AS"));
  ASSIGN_OR_RETURN(Token class_name, ParseString("the class name as a string"));
  function->class_name = class_name.text;
  if (TakeWord("LANGUAGE")) {
    if (Peek().kind != TokenKind::kWord) return Unexpected("JAVA, SCALA or PYTHON");
    function->language = Take().upper;
  }
  if (TakeWord("USING")) {
    do {
      RETURN_IF_ERROR(ExpectWord("JAR"));
      ASSIGN_OR_RETURN(Token jar, ParseString("the path as a string"));
      function->jars.push_back(jar.text);
    } while (TakeSymbol(","));
  }
  return StatementPtr(std::move(function));
}

Result<StatementPtr> Parser::ParseDrop() {
  auto drop = std::make_unique<Drop>();
  Take();
  drop->temporary = TakeWord("TEMPORARY");
  TakeWord("SYSTEM");
  if (TakeWord("TABLE"))
    drop->object = ObjectKind::kTable;
  else if (TakeWord("VIEW"))
    drop->object = ObjectKind::kView;
  else if (TakeWord("DATABASE"))
    drop->object = ObjectKind::kDatabase;
  else if (TakeWord("CATALOG"))
    drop->object = ObjectKind::kCatalog;
  else if (TakeWord("FUNCTION"))
    drop->object = ObjectKind::kFunction;
  else if (TakeWord("MODEL"))
    drop->object = ObjectKind::kModel;
  else
    return Unexpected("TABLE, VIEW, DATABASE, CATALOG or FUNCTION");
  ASSIGN_OR_RETURN(drop->if_exists, TakeIfExists());
  ASSIGN_OR_RETURN(drop->name, ParseObjectName("a name"));
  drop->cascade = TakeWord("CASCADE");
  if (!drop->cascade) TakeWord("RESTRICT");
  return StatementPtr(std::move(drop));
}

Result<StatementPtr> Parser::ParseAlter() {
  const SourceSpan begin = Take().span;
  if (TakeWord("TABLE")) return ParseAlterTable();
  if (TakeWord("VIEW")) {
    auto alter = std::make_unique<AlterView>();
    ASSIGN_OR_RETURN(alter->name, ParseObjectName("a view name"));
    if (TakeWords({"RENAME", "TO"})) {
      ASSIGN_OR_RETURN(ObjectName name, ParseObjectName("the new name"));
      alter->new_name = std::move(name);
    } else {
      if (!TakeWord("AS")) return Unexpected("AS or RENAME TO");
      ASSIGN_OR_RETURN(QueryPtr query, ParseQuery());
      alter->query = std::move(query);
    }
    return StatementPtr(std::move(alter));
  }
  if (TakeWord("DATABASE")) {
    auto alter = std::make_unique<AlterDatabase>();
    ASSIGN_OR_RETURN(alter->name, ParseObjectName("a database name"));
    RETURN_IF_ERROR(ExpectWord("SET"));
    SourceSpan span;
    ASSIGN_OR_RETURN(alter->options, ParseOptions(&span));
    return StatementPtr(std::move(alter));
  }
  if (IsWord("FUNCTION") || IsWord("CATALOG") || IsWord("MATERIALIZED") || IsWord("MODEL")) {
    return NotYet(begin, "ALTER " + Peek().upper);
  }
  return Unexpected("TABLE, VIEW or DATABASE");
}

Result<StatementPtr> Parser::ParseAlterTable() {
  auto alter = std::make_unique<AlterTable>();
  ASSIGN_OR_RETURN(alter->if_exists, TakeIfExists());
  ASSIGN_OR_RETURN(alter->name, ParseObjectName("a table name"));
  SourceSpan span;
  if (TakeWord("RENAME")) {
    if (TakeWord("TO")) {
      alter->action = AlterAction::kRenameTable;
      ASSIGN_OR_RETURN(ObjectName name, ParseObjectName("the new name"));
      alter->new_name = std::move(name);
    } else {
      alter->action = AlterAction::kRenameColumn;
      ASSIGN_OR_RETURN(Identifier old_column, ParseName("a column name"));
      RETURN_IF_ERROR(ExpectWord("TO"));
      ASSIGN_OR_RETURN(Identifier new_column, ParseName("the new name"));
      alter->old_column = std::move(old_column);
      alter->new_column = std::move(new_column);
    }
  } else if (TakeWord("SET")) {
    alter->action = AlterAction::kSet;
    ASSIGN_OR_RETURN(alter->options, ParseOptions(&span));
  } else if (TakeWord("RESET")) {
    alter->action = AlterAction::kReset;
    RETURN_IF_ERROR(ExpectSymbol("("));
    do {
      ASSIGN_OR_RETURN(Token key, ParseString("an option's name as a string"));
      alter->keys.push_back({key.text, key.span});
    } while (TakeSymbol(","));
    RETURN_IF_ERROR(ExpectSymbol(")"));
  } else if (IsWord("ADD") || IsWord("MODIFY")) {
    alter->action = IsWord("ADD") ? AlterAction::kAddColumns : AlterAction::kModifyColumns;
    Take();
    RETURN_IF_ERROR(ParseAlterSchema(alter.get()));
  } else if (TakeWord("DROP")) {
    RETURN_IF_ERROR(ParseAlterDrop(alter.get()));
  } else {
    return Unexpected("ADD, MODIFY, DROP, RENAME, SET or RESET");
  }
  return StatementPtr(std::move(alter));
}

// column [FIRST | AFTER c], WATERMARK, PRIMARY KEY: one, or several in parentheses.
Status Parser::ParseAlterSchema(AlterTable* alter) {
  TakeWord("COLUMN");
  const bool list = TakeSymbol("(");
  do {
    if (IsWord("WATERMARK")) {
      ASSIGN_OR_RETURN(WatermarkDefinition watermark, ParseWatermark());
      alter->watermark = std::move(watermark);
    } else if (IsWord("PRIMARY") || IsWord("CONSTRAINT")) {
      if (TakeWord("CONSTRAINT")) RETURN_IF_ERROR(ParseName("a constraint name"));
      ASSIGN_OR_RETURN(PrimaryKeyDefinition key, ParsePrimaryKey());
      alter->primary_key = std::move(key);
    } else {
      ASSIGN_OR_RETURN(ColumnDefinition column, ParseColumn());
      AlterTable::Position position;
      position.first = TakeWord("FIRST");
      if (TakeWord("AFTER")) {
        ASSIGN_OR_RETURN(Identifier after, ParseName("a column name"));
        position.after = std::move(after);
      }
      alter->columns.push_back(std::move(column));
      alter->positions.push_back(std::move(position));
    }
  } while (list && TakeSymbol(","));
  if (list) return ExpectSymbol(")", "or ','");
  return Status::OK();
}

Status Parser::ParseAlterDrop(AlterTable* alter) {
  if (TakeWord("PRIMARY")) {
    alter->action = AlterAction::kDropPrimaryKey;
    return ExpectWord("KEY");
  }
  if (TakeWord("CONSTRAINT")) {
    // The only kind of constraint that there is.
    alter->action = AlterAction::kDropPrimaryKey;
    return ParseName("a constraint name").status();
  }
  if (TakeWord("WATERMARK")) {
    alter->action = AlterAction::kDropWatermark;
    return Status::OK();
  }
  alter->action = AlterAction::kDropColumns;
  TakeWord("COLUMN");
  if (IsSymbol("(")) {
    ASSIGN_OR_RETURN(alter->keys, ParseParenthesisedNames("a column name"));
    return Status::OK();
  }
  ASSIGN_OR_RETURN(Identifier column, ParseName("a column name"));
  alter->keys.push_back(std::move(column));
  return Status::OK();
}

}  // namespace mainstem::process::sql
