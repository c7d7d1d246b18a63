// MATCH_RECOGNIZE (ISO 9075-2, row pattern recognition), as far as Flink has it: a pattern is a row
// of variables with quantifiers.
#include <algorithm>

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include "process/sql/parser_impl.h"

namespace mainstem::process::sql {
namespace {

constexpr int kCountMax = 100'000;

}  // namespace

Result<TableRefPtr> Parser::ParseMatch(TableRefPtr input) {
  Take();
  RETURN_IF_ERROR(ExpectSymbol("(", "after MATCH_RECOGNIZE"));
  auto match = std::make_unique<MatchTable>();
  match->height = input->height + 1;
  match->input = std::move(input);
  if (TakeWords({"PARTITION", "BY"})) {
    ASSIGN_OR_RETURN(match->partition_by, ParseExprList());
  }
  if (IsWord("ORDER")) {
    ASSIGN_OR_RETURN(match->order_by, ParseOrderItems());
  }
  if (TakeWord("MEASURES")) RETURN_IF_ERROR(ParseMeasures(match.get()));
  const SourceSpan rows_span = Peek().span;
  if (TakeWords({"ALL", "ROWS", "PER", "MATCH"})) {
    return Fail(SpanFrom(rows_span), "ALL ROWS PER MATCH is not supported on a stream",
                "write ONE ROW PER MATCH, and put what you need of the rows into MEASURES");
  }
  if (TakeWord("ONE")) RETURN_IF_ERROR(ExpectWords({"ROW", "PER", "MATCH"}));
  RETURN_IF_ERROR(ParseSkip(match.get()));
  RETURN_IF_ERROR(ParsePattern(match.get()));
  if (TakeWord("WITHIN")) {
    ASSIGN_OR_RETURN(match->within, ParsePrimary());
  }
  if (IsWord("SUBSET")) {
    return Fail(Peek().span, "SUBSET is not supported", "write the condition of each variable out");
  }
  RETURN_IF_ERROR(ExpectWord("DEFINE"));
  RETURN_IF_ERROR(ParseDefinitions(match.get()));
  RETURN_IF_ERROR(ExpectSymbol(")", "at the end of MATCH_RECOGNIZE"));
  if (match->height > kNestingMax) return Fail(rows_span, "MATCH_RECOGNIZE is nested too deep");
  return TableRefPtr(std::move(match));
}

Status Parser::ParseMeasures(MatchTable* match) {
  do {
    SelectItem item;
    // Of the one row of a match both say the same.
    if ((IsWord("FINAL") || IsWord("RUNNING")) && IsSymbol("(", 2)) Take();
    ASSIGN_OR_RETURN(item.expr, ParseExpr());
    if (!TakeWord("AS")) return Unexpected("AS and the name of the measure");
    ASSIGN_OR_RETURN(item.alias, ParseName("the name of the measure"));
    match->height = std::max(match->height, item.expr->height + 1);
    match->measures.push_back(std::move(item));
  } while (TakeSymbol(","));
  return Status::OK();
}

Status Parser::ParseSkip(MatchTable* match) {
  const SourceSpan begin = Peek().span;
  if (!TakeWord("AFTER")) return Status::OK();
  RETURN_IF_ERROR(ExpectWords({"MATCH", "SKIP"}));
  if (TakeWords({"PAST", "LAST", "ROW"})) {
    match->skip = MatchTable::Skip::kPastLastRow;
  } else if (TakeWords({"TO", "NEXT", "ROW"})) {
    match->skip = MatchTable::Skip::kToNextRow;
  } else if (TakeWord("TO")) {
    if (TakeWord("FIRST")) {
      match->skip = MatchTable::Skip::kToFirst;
    } else {  // TO LAST v, or TO v, which means the same
      TakeWord("LAST");
      match->skip = MatchTable::Skip::kToLast;
    }
    ASSIGN_OR_RETURN(match->skip_to, ParseName("a pattern variable"));
  } else {
    return Unexpected("PAST LAST ROW, TO NEXT ROW, TO FIRST or TO LAST and a variable");
  }
  match->skip_span = SpanFrom(begin);
  return Status::OK();
}

Status Parser::ParsePattern(MatchTable* match) {
  const SourceSpan begin = Peek().span;
  RETURN_IF_ERROR(ExpectWord("PATTERN"));
  RETURN_IF_ERROR(ExpectSymbol("(", "after PATTERN"));
  while (!IsSymbol(")")) {
    const SourceSpan at = Peek().span;
    const auto unsupported = [&](std::string_view what) {
      return Fail(at, fmt::format("{} in a pattern are not supported", what),
                  "a pattern is a row of variables: A B+ C*? D{2,5}");
    };
    if (IsSymbol("(")) return unsupported("groups");
    if (IsSymbol("|")) return unsupported("alternatives");
    if (IsSymbol("^") || IsSymbol("$")) return unsupported("anchors");
    if (IsSymbol("{")) return unsupported("exclusions");
    if (IsWord("PERMUTE")) return unsupported("permutations");
    MatchTable::Element element;
    ASSIGN_OR_RETURN(element.variable, ParseName("a pattern variable"));
    RETURN_IF_ERROR(ParseQuantifier(&element));
    match->pattern.push_back(std::move(element));
  }
  if (match->pattern.empty()) return Unexpected("a pattern variable");
  Take();
  match->pattern_span = SpanFrom(begin);
  return Status::OK();
}

Status Parser::ParseQuantifier(MatchTable::Element* element) {
  if (TakeSymbol("*")) {
    element->min = 0;
    element->max = -1;
  } else if (TakeSymbol("+")) {
    element->max = -1;
  } else if (TakeSymbol("?")) {
    element->min = 0;
  } else if (TakeSymbol("{")) {
    element->min = 0;
    if (!IsSymbol(",")) {
      ASSIGN_OR_RETURN(element->min, ParseSmallInteger("how often", kCountMax));
    }
    element->max = element->min;
    if (TakeSymbol(",")) {
      element->max = -1;
      if (!IsSymbol("}")) {
        ASSIGN_OR_RETURN(element->max, ParseSmallInteger("how often at most", kCountMax));
      }
    }
    RETURN_IF_ERROR(ExpectSymbol("}", "after the count"));
    if (element->max == 0 || (element->max > 0 && element->max < element->min)) {
      return Fail(SpanFrom(element->variable.span), "this quantifier allows no rows",
                  "write {at least, at most}");
    }
  } else {
    return Status::OK();
  }
  element->is_quantified = true;
  element->is_reluctant = TakeSymbol("?");
  return Status::OK();
}

Status Parser::ParseDefinitions(MatchTable* match) {
  do {
    MatchTable::Definition definition;
    ASSIGN_OR_RETURN(definition.variable, ParseName("a pattern variable"));
    RETURN_IF_ERROR(ExpectWord("AS"));
    ASSIGN_OR_RETURN(definition.condition, ParseExpr());
    match->height = std::max(match->height, definition.condition->height + 1);
    match->definitions.push_back(std::move(definition));
  } while (TakeSymbol(","));
  return Status::OK();
}

}  // namespace mainstem::process::sql
