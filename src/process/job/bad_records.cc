#include "process/job/bad_records.h"

#include <charconv>

namespace mainstem::process {
namespace {

Status WrongOption(const connector::TableDescriptor& table, const std::string& option,
                   const std::string& value, std::string hint) {
  return MakeError(ErrorCode::kInvalidConfig, {.message = "table '" + table.name + "': '" + option +
                                                          "' = '" + value + "' is not possible",
                                               .hint = std::move(hint)});
}

Result<RejectPolicy> PolicyOf(const connector::TableDescriptor& table, const std::string& option,
                              RejectPolicy fallback) {
  auto found = table.options.find(option);
  if (found == table.options.end()) return fallback;
  if (found->second == "fail") return RejectPolicy::kFail;
  if (found->second == "skip") return RejectPolicy::kSkip;
  if (found->second == "quarantine") return RejectPolicy::kQuarantine;
  return WrongOption(table, option, found->second, "use fail, skip or quarantine");
}

Result<int64_t> MaxOf(const connector::TableDescriptor& table, const std::string& option,
                      int64_t fallback) {
  auto found = table.options.find(option);
  if (found == table.options.end()) return fallback;
  const std::string& text = found->second;
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= 0) return value;
  return WrongOption(table, option, text, "give a number of records, from 0");
}

}  // namespace

Result<RejectRule> RejectRuleOf(const connector::TableDescriptor& table, const std::string& option,
                                RejectRule fallback) {
  RejectRule rule = std::move(fallback);
  ASSIGN_OR_RETURN(rule.policy, PolicyOf(table, option, rule.policy));
  ASSIGN_OR_RETURN(rule.max, MaxOf(table, option + ".max", rule.max));
  return rule;
}

}  // namespace mainstem::process
