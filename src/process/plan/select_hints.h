// Hints of a SELECT (/*+ STATE_TTL('o' = '1d') */) and the names of its FROM, which they go by.
// Made by SelectBinder (bind_hints.cc), read where joins are bound.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "process/sql/syntax_query.h"

namespace mainstem::process::plan {

// LOOKUP('table' = 't', 'retry-predicate' = 'lookup_miss', ..)
struct LookupHint {
  std::string table;
  int attempts = 1;
  int64_t delay_ms = 0;
};

struct SelectHints {
  std::map<std::string, int64_t> state_ttl_ms;  // by the table's name in FROM
  std::vector<LookupHint> lookups;
};

// A name that FROM gives to a table, view or subquery: its alias, or else the last part of its own.
struct FromName {
  std::string name;
  sql::SourceSpan span;
  bool qualifies;  // columns are called by it; false: a table inside of TABLE(f(TABLE t, ..))
};
// In their order. Null: there is no FROM.
std::vector<FromName> NamesInFrom(const sql::TableRef* from);

// STATE_TTL, LOOKUP and those that choose the way of a join in a batch.
bool IsQueryHint(std::string_view upper_case_name);

}  // namespace mainstem::process::plan
