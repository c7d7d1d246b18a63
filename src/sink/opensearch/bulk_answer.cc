#include "sink/opensearch/bulk_answer.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <simdjson.h>

namespace mainstem::sink {
namespace {

namespace dom = simdjson::dom;
constexpr size_t kProblemBytesMax = 1000;

std::string_view TextMember(dom::element object, const char* name) {
  std::string_view text;
  if (object[name].get(text)) return {};
  return text;
}

// The reason and those beneath it, outermost first.
ServerProblem ProblemOf(dom::element error) {
  std::string_view plain;
  if (!error.get(plain)) return {.type = "", .text = std::string(plain)};
  ServerProblem problem{.type = std::string(TextMember(error, "type")), .text = ""};
  problem.text = problem.type;
  dom::element at = error;
  for (int depth = 0; depth < 5; ++depth) {
    std::string_view reason = TextMember(at, "reason");
    if (!reason.empty()) {
      problem.text += (depth == 0 ? ": " : "; ") + std::string(reason);
    }
    dom::element beneath;
    if (at["caused_by"].get(beneath)) break;
    at = beneath;
  }
  std::replace(problem.text.begin(), problem.text.end(), '\n', ' ');
  if (problem.text.size() > kProblemBytesMax) problem.text.resize(kProblemBytesMax);
  return problem;
}

// "... current version [10] is higher or equal to the one provided [9]"
std::optional<int64_t> CurrentVersionIn(std::string_view reason) {
  constexpr std::string_view kBefore = "current version [";
  size_t begin = reason.find(kBefore);
  if (begin == std::string_view::npos) return std::nullopt;
  begin += kBefore.size();
  int64_t version;
  std::string digits(reason.substr(begin, reason.find(']', begin) - begin));
  if (!absl::SimpleAtoi(digits, &version)) {
    return std::nullopt;
  }
  return version;
}

ItemOutcome OutcomeOfError(int64_t status, ServerProblem problem) {
  ItemOutcome outcome{
      .fate = ItemFate::kRefused, .status = status, .problem = std::move(problem.text)};
  bool is_blocked = problem.type == "cluster_block_exception";
  if (status == 409) {
    outcome.fate = ItemFate::kConflict;
    outcome.current_version = CurrentVersionIn(outcome.problem);
  } else if (status == 429 || status == 408 || status >= 500 || is_blocked) {
    outcome.fate = ItemFate::kRetry;
    outcome.code = ErrorCode::kUnavailable;
  } else if (problem.type == "validation_exception") {
    // Too many shards in the cluster: no fault of the document.
    outcome.fate = ItemFate::kRetry;
    outcome.code = ErrorCode::kResourceExhausted;
  } else if (status == 401 || status == 403) {
    outcome.fate = ItemFate::kFailed;
    outcome.code = ErrorCode::kPermissionDenied;
  } else if (status == 404) {
    outcome.fate = ItemFate::kFailed;
    outcome.code = ErrorCode::kNotFound;
  }
  return outcome;
}

// {"index":{"status":201}}
Result<ItemOutcome> OutcomeOf(dom::element item) {
  dom::object actions;
  if (item.get(actions) || actions.begin() == actions.end()) {
    return MakeError(ErrorCode::kUnavailable, "an item of the answer to _bulk has no action");
  }
  dom::element action = (*actions.begin()).value;
  int64_t status;
  if (action["status"].get(status)) {
    return MakeError(ErrorCode::kUnavailable, "an item of the answer to _bulk has no status");
  }
  dom::element error;
  // A deletion of what is not there is 404 without an error.
  if (action["error"].get(error)) return ItemOutcome{};
  return OutcomeOfError(status, ProblemOf(error));
}

}  // namespace

Result<std::vector<ItemOutcome>> ParseBulkAnswer(std::string_view json, size_t action_count) {
  dom::parser parser;
  dom::element answer;
  bool has_errors;
  dom::array items;
  if (parser.parse(json.data(), json.size()).get(answer) || answer["errors"].get(has_errors) ||
      answer["items"].get(items)) {
    return MakeError(ErrorCode::kUnavailable,
                     {.message = "the answer to _bulk is not what a server gives",
                      .detail = std::string(json.substr(0, 200))});
  }
  std::vector<ItemOutcome> outcomes;
  outcomes.reserve(action_count);
  for (dom::element item : items) {
    ASSIGN_OR_RETURN(ItemOutcome outcome, OutcomeOf(item));
    outcomes.push_back(std::move(outcome));
  }
  if (outcomes.size() == action_count) return outcomes;
  return MakeError(ErrorCode::kUnavailable, "the answer to _bulk has " +
                                                std::to_string(outcomes.size()) + " items for " +
                                                std::to_string(action_count) + " actions");
}

ServerProblem ProblemOfAnswer(std::string_view json) {
  dom::parser parser;
  dom::element answer, error;
  if (parser.parse(json.data(), json.size()).get(answer) || answer["error"].get(error)) {
    return {.type = "", .text = std::string(json.substr(0, 200))};
  }
  return ProblemOf(error);
}

}  // namespace mainstem::sink
