// Hints of a SELECT, and the names that its FROM gives.
#include <algorithm>

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include "process/plan/select_binder.h"
#include "process/plan/select_hints.h"

namespace mainstem::process::plan {
namespace {

const std::vector<std::string>& QueryHints() {
  static const auto* const names =
      new std::vector<std::string>{"STATE_TTL",     "LOOKUP",    "BROADCAST",  "SHUFFLE_HASH",
                                   "SHUFFLE_MERGE", "NEST_LOOP", "MULTI_JOIN", "ALIAS"};
  return *names;
}

void CollectNames(const sql::TableRef& table, bool qualifies, std::vector<FromName>* out) {
  if (table.kind == sql::TableRefKind::kJoin) {
    const auto& join = static_cast<const sql::JoinTable&>(table);
    CollectNames(*join.left, qualifies, out);
    CollectNames(*join.right, qualifies, out);
    return;
  }
  if (table.alias.has_value()) {
    out->push_back({table.alias->name.text, table.alias->name.span, qualifies});
    return;
  }
  switch (table.kind) {
    case sql::TableRefKind::kName: {
      const auto& name = static_cast<const sql::NamedTable&>(table).name;
      out->push_back({name.last(), name.span, qualifies});
      break;
    }
    case sql::TableRefKind::kMatch:
      CollectNames(*static_cast<const sql::MatchTable&>(table).input, false, out);
      break;
    case sql::TableRefKind::kFunction: {
      const auto& call = *static_cast<const sql::FunctionTable&>(table).call;
      const auto* function = sql::TryAs<sql::FunctionExpr>(&call);
      if (function == nullptr) break;
      for (const auto& argument : function->arguments) {
        const auto* of = sql::TryAs<sql::TableArgumentExpr>(argument.value.get());
        if (of == nullptr || of->query->body == nullptr) continue;
        const auto* inner = dynamic_cast<const sql::TableQuery*>(of->query->body.get());
        if (inner != nullptr) CollectNames(inner->table, false, out);
      }
      break;
    }
    default: break;
  }
}

}  // namespace

std::vector<FromName> NamesInFrom(const sql::TableRef* from) {
  std::vector<FromName> names;
  if (from != nullptr) CollectNames(*from, true, &names);
  return names;
}

bool IsQueryHint(std::string_view upper_case_name) {
  return std::ranges::find(QueryHints(), upper_case_name) != QueryHints().end();
}

int64_t Binder::StateTtlOf(const sql::TableRef& table) const {
  if (table.kind != sql::TableRefKind::kJoin) {
    for (const FromName& name : NamesInFrom(&table)) {
      const auto found = hints_.state_ttl_ms.find(name.name);
      if (found != hints_.state_ttl_ms.end()) return found->second;
    }
  }
  return StateTtlMillis();
}

Status SelectBinder::CheckFromNames() const {
  const std::vector<FromName> names = NamesInFrom(select_.from.get());
  for (size_t i = 1; i < names.size(); ++i) {
    for (size_t before = 0; before < i; ++before) {
      if (!names[i].qualifies || !names[before].qualifies) continue;
      if (names[before].name != names[i].name) continue;
      return binder_.Error(names[i].span,
                           fmt::format("the table name '{}' is twice in FROM", names[i].name),
                           fmt::format("give one of them an alias: {} AS {}2", names[i].name,
                                       names[i].name.substr(0, 1)));
    }
  }
  return Status::OK();
}

Status SelectBinder::CheckHintName(const sql::Hint& hint, const std::string& name,
                                   const sql::SourceSpan& span) const {
  std::vector<std::string> known;
  for (const FromName& from : NamesInFrom(select_.from.get())) known.push_back(from.name);
  if (std::ranges::find(known, name) != known.end()) return Status::OK();
  std::string help = sql::DidYouMean(name, known);
  if (help.empty() && !known.empty()) {
    help = fmt::format("a table goes by its alias, if it has one; FROM has '{}'",
                       fmt::join(known, "', '"));
  }
  return binder_.Error(
      span, fmt::format("the hint {} names '{}', which is not in FROM", hint.name.text, name),
      std::move(help));
}

Status SelectBinder::ReadHints() {
  for (const sql::Hint& hint : select_.hints) {
    const std::string& name = hint.name.text;
    if (name == "STATE_TTL") {
      RETURN_IF_ERROR(ReadStateTtlHint(hint));
    } else if (name == "LOOKUP") {
      RETURN_IF_ERROR(ReadLookupHint(hint));
    } else if (IsQueryHint(name)) {
      for (size_t i = 0; i < hint.arguments.size(); ++i) {
        RETURN_IF_ERROR(CheckHintName(hint, hint.arguments[i], hint.argument_spans[i]));
      }
    } else {
      std::string help = sql::DidYouMean(name, QueryHints());
      if (name == "OPTIONS") help = "OPTIONS(..) stands behind the table's name";
      return binder_.Error(hint.name.span, fmt::format("there is no hint '{}'", name),
                           std::move(help));
    }
  }
  const std::vector<FromName> names = NamesInFrom(select_.from.get());
  if (names.size() == 1) {
    const auto found = hints_.state_ttl_ms.find(names[0].name);
    if (found != hints_.state_ttl_ms.end()) state_ttl_ms_ = found->second;
  }
  return Status::OK();
}

Status SelectBinder::ReadStateTtlHint(const sql::Hint& hint) {
  if (hint.options.empty() || !hint.arguments.empty()) {
    return binder_.Error(hint.span, "the hint STATE_TTL takes pairs of a table and a duration",
                         "STATE_TTL('orders' = '1d')");
  }
  for (size_t i = 0; i < hint.options.size(); ++i) {
    const auto& [table, duration] = hint.options[i];
    RETURN_IF_ERROR(CheckHintName(hint, table, hint.option_spans[i]));
    const Result<int64_t> ttl = ParseDurationMillis(duration);
    if (!ttl.ok()) return binder_.Locate(ttl.status(), hint.option_spans[i]);
    hints_.state_ttl_ms[table] = *ttl;
  }
  return Status::OK();
}

Status SelectBinder::ReadLookupHint(const sql::Hint& hint) {
  LookupHint out;
  std::map<std::string, std::string> options;
  for (const auto& [key, value] : hint.options) options[key] = value;
  static const std::vector<std::string> kKnown = {
      "table",           "async",          "output-mode", "timeout",
      "retry-predicate", "retry-strategy", "fixed-delay", "max-attempts"};
  for (const auto& [key, value] : options) {
    if (std::find(kKnown.begin(), kKnown.end(), key) != kKnown.end()) continue;
    return binder_.Error(hint.span, fmt::format("the hint LOOKUP has no option '{}'", key),
                         sql::DidYouMean(key, kKnown));
  }
  if (options["table"].empty()) {
    return binder_.Error(hint.span, "the hint LOOKUP needs the option 'table'",
                         "LOOKUP('table' = 'name or alias of the right side', ..)");
  }
  out.table = options["table"];
  for (size_t i = 0; i < hint.options.size(); ++i) {
    if (hint.options[i].first != "table") continue;
    RETURN_IF_ERROR(CheckHintName(hint, out.table, hint.option_spans[i]));
  }
  const std::string predicate = options["retry-predicate"];
  const std::string strategy = options["retry-strategy"];
  if (predicate.empty() && strategy.empty()) {
    hints_.lookups.push_back(std::move(out));
    return Status::OK();
  }
  if (predicate != "lookup_miss" || strategy != "fixed_delay") {
    return binder_.Error(hint.span,
                         "the hint LOOKUP retries by 'retry-predicate' = 'lookup_miss' and "
                         "'retry-strategy' = 'fixed_delay', together");
  }
  const Result<int64_t> delay = ParseDurationMillis(options["fixed-delay"]);
  if (!delay.ok() || *delay <= 0) {
    return binder_.Error(hint.span, "the hint LOOKUP needs 'fixed-delay' to retry",
                         "'fixed-delay' = '1s'");
  }
  out.delay_ms = *delay;
  if (!absl::SimpleAtoi(options["max-attempts"], &out.attempts) || out.attempts < 1) {
    return binder_.Error(hint.span, "the hint LOOKUP needs 'max-attempts' to retry, 1 at least",
                         "'max-attempts' = '3'");
  }
  hints_.lookups.push_back(std::move(out));
  return Status::OK();
}

}  // namespace mainstem::process::plan
