// Scripts and all statements but CREATE, DROP and ALTER (parser_ddl.cc).
#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include "process/sql/keywords.h"
#include "process/sql/parser_impl.h"

namespace mainstem::process::sql {

Result<Script> Parser::ParseWholeScript() {
  Script script;
  script.source = source_;
  while (true) {
    while (TakeSymbol(";")) {
    }
    if (AtEnd()) return script;
    const SourceSpan begin = Peek().span;
    ASSIGN_OR_RETURN(StatementPtr statement, ParseOne());
    if (statement->kind == StatementKind::kBeginStatementSet) {
      ASSIGN_OR_RETURN(statement, ParseBegunStatementSet(begin));
    } else if (statement->kind == StatementKind::kEndStatementSet) {
      return Fail(begin, "END without BEGIN STATEMENT SET");
    }
    script.statements.push_back(std::move(statement));
    if (!AtEnd() && !TakeSymbol(";")) return Unexpected("';' or the end of the statement");
  }
}

Result<StatementPtr> Parser::ParseSingleStatement() {
  while (TakeSymbol(";")) {
  }
  ASSIGN_OR_RETURN(StatementPtr statement, ParseOne());
  while (TakeSymbol(";")) {
  }
  if (!AtEnd()) return Unexpected("the end of the statement", "give one statement at a time");
  return statement;
}

// BEGIN STATEMENT SET was read; goes up to END.
Result<StatementPtr> Parser::ParseBegunStatementSet(const SourceSpan& begin) {
  auto set = std::make_unique<StatementSet>();
  set->source = source_;
  while (true) {
    while (TakeSymbol(";")) {
    }
    if (AtEnd()) return Fail(begin, "BEGIN STATEMENT SET without END", "close the set with END;");
    if (TakeWord("END")) break;
    if (!IsWord("INSERT")) return Unexpected("INSERT or END");
    ASSIGN_OR_RETURN(StatementPtr statement, ParseOne());
    set->inserts.emplace_back(static_cast<Insert*>(statement.release()));
    if (!IsSymbol(";")) return Unexpected("';' after the INSERT");
  }
  set->span = SpanFrom(begin);
  return StatementPtr(std::move(set));
}

Result<StatementPtr> Parser::ParseOne() {
  const SourceSpan begin = Peek().span;
  ASSIGN_OR_RETURN(StatementPtr statement, ParseOneUnfinished());
  statement->span = SpanFrom(begin);
  statement->source = source_;
  return statement;
}

Result<StatementPtr> Parser::ParseOneUnfinished() {
  const DepthGuard guard(this);
  RETURN_IF_ERROR(CheckDepth());
  const Token& token = Peek();
  if (IsSymbol("(") || IsWord("SELECT") || IsWord("WITH") || IsWord("VALUES") ||
      (IsWord("TABLE") && CanStartName(Peek(1)))) {
    auto query = std::make_unique<QueryStatement>();
    ASSIGN_OR_RETURN(query->query, ParseQuery());
    return StatementPtr(std::move(query));
  }
  if (token.kind != TokenKind::kWord) return Unexpected("a statement");
  const std::string& word = token.upper;
  if (word == "CREATE") return ParseCreate();
  if (word == "DROP") return ParseDrop();
  if (word == "ALTER") return ParseAlter();
  if (word == "INSERT") return ParseInsert();
  if (word == "EXPLAIN") return ParseExplain();
  if (word == "DESCRIBE" || word == "DESC") return ParseDescribe();
  if (word == "SHOW") return ParseShow();
  if (word == "USE") return ParseUse();
  if (word == "SET") return ParseSet();
  if (word == "RESET") return ParseReset();
  if (word == "STOP") return ParseStop();
  if (word == "EXECUTE" && IsWord("STATEMENT", 1)) return ParseStatementSet();
  if (word == "BEGIN") {
    Take();
    RETURN_IF_ERROR(ExpectWords({"STATEMENT", "SET"}));
    return StatementPtr(std::make_unique<BeginStatementSet>());
  }
  if (word == "END") {
    Take();
    return StatementPtr(std::make_unique<EndStatementSet>());
  }
  if (word == "EXECUTE" || word == "COMPILE") return ParseOther(StatementKind::kPlan, word);
  if (word == "LOAD" || word == "UNLOAD") return ParseOther(StatementKind::kModule, word);
  if (word == "ADD" || word == "REMOVE") return ParseOther(StatementKind::kJar, word);
  if (word == "ANALYZE") return ParseOther(StatementKind::kAnalyze, word);
  if (word == "TRUNCATE") return ParseOther(StatementKind::kTruncate, word);
  if (word == "DELETE") return ParseOther(StatementKind::kDelete, word);
  if (word == "UPDATE") return ParseOther(StatementKind::kUpdate, word);
  if (word == "CALL") return ParseOther(StatementKind::kCall, word);
  return Unexpected("a statement such as SELECT, INSERT or CREATE",
                    DidYouMean(word, StatementWords()));
}

// Known statements that nothing here executes: their words are skipped up to the end.
Result<StatementPtr> Parser::ParseOther(StatementKind kind, std::string words) {
  auto other = std::make_unique<OtherStatement>(kind);
  Take();
  if (Peek().kind == TokenKind::kWord) words += " " + Peek().upper;
  while (!AtEnd() && !IsSymbol(";")) Take();
  other->words = std::move(words);
  return StatementPtr(std::move(other));
}

Result<StatementPtr> Parser::ParseInsert() {
  auto insert = std::make_unique<Insert>();
  Take();
  if (TakeWord("OVERWRITE")) {
    insert->overwrite = true;
    TakeWord("INTO");
  } else {
    if (!IsWord("INTO")) return Unexpected("INTO or OVERWRITE");
    Take();
  }
  TakeWord("TABLE");
  ASSIGN_OR_RETURN(insert->table, ParseObjectName("a table name"));
  ASSIGN_OR_RETURN(insert->hints, ParseHints());
  if (TakeWord("PARTITION")) {
    RETURN_IF_ERROR(ExpectSymbol("("));
    do {
      std::pair<Identifier, ExprPtr> entry;
      ASSIGN_OR_RETURN(entry.first, ParseName("a partition column"));
      if (TakeSymbol("=")) {
        ASSIGN_OR_RETURN(entry.second, ParseExpr());
      }
      insert->partition.push_back(std::move(entry));
    } while (TakeSymbol(","));
    RETURN_IF_ERROR(ExpectSymbol(")"));
  }
  // `(` opens the column list, unless a query in parentheses follows.
  if (IsSymbol("(") && !AtQuery()) {
    ASSIGN_OR_RETURN(insert->columns, ParseParenthesisedNames("a column name"));
  }
  if (!AtQuery() && !IsWord("TABLE")) {
    return Unexpected("SELECT, VALUES, WITH or a list of columns");
  }
  ASSIGN_OR_RETURN(insert->query, ParseQuery());
  if (IsWord("ON")) RETURN_IF_ERROR(ParseOnConflict(insert.get()));
  return StatementPtr(std::move(insert));
}

Status Parser::ParseOnConflict(Insert* insert) {
  const SourceSpan begin = Take().span;
  RETURN_IF_ERROR(ExpectWords({"CONFLICT", "DO"}));
  if (TakeWord("ERROR"))
    insert->on_conflict = ConflictAction::kError;
  else if (TakeWord("NOTHING"))
    insert->on_conflict = ConflictAction::kNothing;
  else if (TakeWord("DEDUPLICATE"))
    insert->on_conflict = ConflictAction::kDeduplicate;
  else
    return Unexpected("ERROR, NOTHING or DEDUPLICATE");
  insert->on_conflict_span = SpanFrom(begin);
  return Status::OK();
}

// EXECUTE STATEMENT SET BEGIN insert; insert; END
Result<StatementPtr> Parser::ParseStatementSet() {
  auto set = std::make_unique<StatementSet>();
  const SourceSpan begin = Take().span;
  RETURN_IF_ERROR(ExpectWords({"STATEMENT", "SET", "BEGIN"}));
  while (true) {
    while (TakeSymbol(";")) {
    }
    if (TakeWord("END")) break;
    if (AtEnd())
      return Fail(SpanFrom(begin), "this statement set has no END", "close it with END;");
    if (!IsWord("INSERT")) return Unexpected("INSERT or END");
    ASSIGN_OR_RETURN(StatementPtr statement, ParseOne());
    set->inserts.emplace_back(static_cast<Insert*>(statement.release()));
    if (!IsSymbol(";") && !IsWord("END")) return Unexpected("';' after the INSERT");
  }
  if (set->inserts.empty()) return Fail(SpanFrom(begin), "this statement set is empty");
  return StatementPtr(std::move(set));
}

// Of a running job; Flink has no such statement.
Result<StatementPtr> Parser::ParseExplainWatermark() {
  auto describe = std::make_unique<Describe>();
  describe->what = Take().upper;
  RETURN_IF_ERROR(ExpectWords({"FOR", "JOB"}));
  return ParseJobToDescribe(std::move(describe));
}

Result<StatementPtr> Parser::ParseJobToDescribe(std::unique_ptr<Describe> describe) {
  ASSIGN_OR_RETURN(Token id, ParseString("the job's id as a string"));
  describe->name = {.parts = {{id.text, id.span}}, .span = id.span};
  return StatementPtr(std::move(describe));
}

Result<StatementPtr> Parser::ParseExplain() {
  auto explain = std::make_unique<Explain>();
  Take();
  if (IsWord("WATERMARK")) return ParseExplainWatermark();
  if (TakeWords({"PLAN", "FOR"})) {
  } else {
    while (IsWord("ESTIMATED_COST") || IsWord("CHANGELOG_MODE") || IsWord("JSON_EXECUTION_PLAN") ||
           IsWord("PLAN_ADVICE")) {
      explain->details.push_back(Take().upper);
      if (!TakeSymbol(",")) break;
    }
  }
  ASSIGN_OR_RETURN(explain->statement, ParseOne());
  const StatementKind kind = explain->statement->kind;
  if (kind != StatementKind::kQuery && kind != StatementKind::kInsert &&
      kind != StatementKind::kStatementSet && kind != StatementKind::kCreateTable) {
    return Fail(explain->statement->span, "only queries and INSERT can be explained");
  }
  return StatementPtr(std::move(explain));
}

Result<StatementPtr> Parser::ParseDescribe() {
  auto describe = std::make_unique<Describe>();
  Take();
  for (const std::string_view what : {"CATALOG", "DATABASE", "FUNCTION", "JOB", "MODEL"}) {
    if (IsWord(what) &&
        (CanStartName(Peek(1)) || Peek(1).kind == TokenKind::kString || IsWord("EXTENDED", 1))) {
      describe->what = Take().upper;
      break;
    }
  }
  describe->extended = TakeWord("EXTENDED");
  if (describe->what == "JOB") return ParseJobToDescribe(std::move(describe));
  TakeWord("TABLE");
  ASSIGN_OR_RETURN(describe->name, ParseObjectName("a table name"));
  return StatementPtr(std::move(describe));
}

Result<StatementPtr> Parser::ParseShow() {
  auto show = std::make_unique<Show>();
  Take();
  if (Peek().kind != TokenKind::kWord) return Unexpected("what to show: TABLES, VIEWS, JOBS ...");
  show->what = Take().upper;
  if (show->what == "CURRENT" || show->what == "FULL" || show->what == "USER") {
    if (Peek().kind != TokenKind::kWord)
      return Unexpected("CATALOG, DATABASE, MODULES or FUNCTIONS");
    show->what += " " + Take().upper;
  } else if (show->what == "CREATE") {
    if (!IsWord("TABLE") && !IsWord("VIEW") && !IsWord("CATALOG") && !IsWord("MODEL")) {
      return Unexpected("TABLE or VIEW");
    }
    show->what += " " + Take().upper;
    ASSIGN_OR_RETURN(ObjectName name, ParseObjectName("a name"));
    show->name = std::move(name);
  } else if (show->what == "PARTITIONS") {
    ASSIGN_OR_RETURN(ObjectName name, ParseObjectName("a table name"));
    show->name = std::move(name);
  } else {
    const std::vector<std::string> known = {"TABLES",    "VIEWS",   "CATALOGS",   "DATABASES",
                                            "FUNCTIONS", "COLUMNS", "JOBS",       "JARS",
                                            "MODULES",   "MODELS",  "PROCEDURES", "CONNECTORS"};
    if (std::find(known.begin(), known.end(), show->what) == known.end()) {
      return Fail(Previous().span, fmt::format("nothing called {} can be shown", show->what),
                  DidYouMean(show->what, known));
    }
  }
  if (TakeWord("FROM") || TakeWord("IN")) {
    ASSIGN_OR_RETURN(ObjectName name, ParseObjectName("a name"));
    show->name = std::move(name);
  }
  show->negated = TakeWord("NOT");
  show->ignore_case = IsWord("ILIKE");
  if (TakeWord("LIKE") || TakeWord("ILIKE")) {
    ASSIGN_OR_RETURN(Token pattern, ParseString("a pattern as a string"));
    show->like = pattern.text;
  } else if (show->negated) {
    return Unexpected("LIKE");
  }
  return StatementPtr(std::move(show));
}

Result<StatementPtr> Parser::ParseUse() {
  auto use = std::make_unique<Use>();
  Take();
  if (TakeWord("MODULES")) {
    use->what = "MODULES";
    ASSIGN_OR_RETURN(use->modules, ParseNameList("a module name"));
    return StatementPtr(std::move(use));
  }
  use->what = "DATABASE";
  if (IsWord("CATALOG") && CanStartName(Peek(1))) {
    Take();
    use->what = "CATALOG";
  }
  ASSIGN_OR_RETURN(use->name, ParseObjectName("a database name"));
  return StatementPtr(std::move(use));
}

// 'key', or a bare dotted key.
Result<Option> Parser::ParseSetKey() {
  Option option;
  option.key_span = Peek().span;
  if (Peek().kind == TokenKind::kString) {
    option.key = Take().text;
    return option;
  }
  if (Peek().kind != TokenKind::kWord) return Unexpected("the setting's name as a string");
  option.key = Take().text;
  while (IsSymbol(".") || IsSymbol("-")) {
    option.key += Take().text;
    if (Peek().kind != TokenKind::kWord) return Unexpected("the rest of the setting's name");
    option.key += Take().text;
  }
  option.key_span = SpanFrom(option.key_span);
  return option;
}

Result<StatementPtr> Parser::ParseSet() {
  auto set = std::make_unique<Set>();
  Take();
  if (AtEnd() || IsSymbol(";")) return StatementPtr(std::move(set));
  ASSIGN_OR_RETURN(Option option, ParseSetKey());
  RETURN_IF_ERROR(ExpectSymbol("=", "and the value"));
  option.value_span = Peek().span;
  if (Peek().kind == TokenKind::kString) {
    option.value = Take().text;
  } else {
    // SET k = v; with a bare value, as older scripts have it.
    while (!AtEnd() && !IsSymbol(";")) {
      if (!option.value.empty() && Peek().span.begin > Previous().span.end) option.value += ' ';
      option.value += Take().text;
    }
    if (option.value.empty()) return Unexpected("the value as a string");
    option.value_span = SpanFrom(option.value_span);
  }
  set->option = std::move(option);
  return StatementPtr(std::move(set));
}

Result<StatementPtr> Parser::ParseReset() {
  auto reset = std::make_unique<Reset>();
  Take();
  if (AtEnd() || IsSymbol(";")) return StatementPtr(std::move(reset));
  ASSIGN_OR_RETURN(Option option, ParseSetKey());
  reset->option = std::move(option);
  return StatementPtr(std::move(reset));
}

Result<StatementPtr> Parser::ParseStop() {
  auto stop = std::make_unique<StopJob>();
  Take();
  RETURN_IF_ERROR(ExpectWord("JOB"));
  ASSIGN_OR_RETURN(Token id, ParseString("the job's id as a string"));
  stop->job_id = id.text;
  stop->with_savepoint = TakeWords({"WITH", "SAVEPOINT"});
  if (IsWord("WITH") && IsWord("DRAIN", 1) && !stop->with_savepoint) {
    return Unexpected("the end of the statement",
                      "WITH DRAIN stands behind WITH SAVEPOINT: STOP JOB '" + id.text +
                          "' WITH SAVEPOINT WITH DRAIN");
  }
  stop->with_drain = TakeWords({"WITH", "DRAIN"});
  return StatementPtr(std::move(stop));
}

}  // namespace mainstem::process::sql
