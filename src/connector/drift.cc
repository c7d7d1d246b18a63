#include "connector/drift.h"

#include <algorithm>

namespace mainstem::connector {

std::string_view ToString(DifferenceKind kind) {
  switch (kind) {
    case DifferenceKind::kTable: return "table";
    case DifferenceKind::kColumn: return "column";
    case DifferenceKind::kType: return "type";
    case DifferenceKind::kNull: return "null";
    case DifferenceKind::kRequired: return "required";
    case DifferenceKind::kKey: return "key";
  }
  return "";
}

Status DriftError(const std::string& place, const Differences& differences) {
  const Difference* first = nullptr;
  std::string others;
  for (const Difference& difference : differences) {
    if (!difference.blocks) continue;
    if (first == nullptr) {
      first = &difference;
    } else {
      others += (others.empty() ? "also: " : "; ") + difference.problem;
    }
  }
  if (first == nullptr) return Status::OK();
  return MakeError(
      first->kind == DifferenceKind::kTable ? ErrorCode::kNotFound : ErrorCode::kInvalidArgument,
      {.message = place + first->problem, .detail = others, .hint = first->cure});
}

Status RunStatements(const std::string& table, const std::function<Result<Differences>()>& find,
                     const std::function<Status(const std::string&)>& run) {
  ASSIGN_OR_RETURN(Differences before, find());
  bool cannot_fit = std::any_of(before.begin(), before.end(), [](const Difference& difference) {
    return difference.blocks && difference.statement.empty();
  });
  if (cannot_fit) return Status::OK();
  for (const Difference& difference : before) {
    if (difference.statement.empty()) continue;
    Status changed = run(difference.statement);
    if (changed.ok() || !difference.blocks) continue;
    ASSIGN_OR_RETURN(Differences now, find());
    bool is_left = std::any_of(now.begin(), now.end(), [&](const Difference& other) {
      return other.statement == difference.statement;
    });
    if (!is_left) continue;
    ErrorText text = TextOf(changed);
    text.message =
        "table '" + table + "' cannot be changed by " + difference.statement + ": " + text.message;
    if (Is(changed, ErrorCode::kPermissionDenied)) text.hint = "let somebody run it who may";
    return MakeError(CodeOf(changed), std::move(text));
  }
  return Status::OK();
}

Task<> EvolveDestination(TableSink* sink) {
  auto* drifting = dynamic_cast<DriftingSink*>(sink);
  if (drifting == nullptr || drifting->drift_policy() != DriftPolicy::kEvolve) {
    co_return Status::OK();
  }
  co_return co_await drifting->Evolve();
}

OptionSpec DriftOptionSpec() {
  return {.name = "drift",
          .default_value = "fail",
          .documentation =
              "When the destination's table does not fit: 'fail' is an error, 'park' "
              "waits until it does, 'evolve' adds columns and widens numbers (ours)."};
}

DriftPolicy DriftPolicyOf(TableOptions* options) {
  return static_cast<DriftPolicy>(options->Choice("drift", {"fail", "park", "evolve"}, 0));
}

}  // namespace mainstem::connector
