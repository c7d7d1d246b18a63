#include "process/operator/match_progress.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace mainstem::process {

int64_t MatchState::row_count() const {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

int64_t MatchState::BeginOf(size_t index) const {
  const auto end = counts.begin() + static_cast<ptrdiff_t>(index);
  return start_id + std::accumulate(counts.begin(), end, int64_t{0});
}

int64_t MatchProgress::NeededFrom() const {
  int64_t first = next_id();
  if (!partial.empty()) first = std::min(first, partial.front().start_id);
  for (const MatchState& match : completed) first = std::min(first, match.start_id);
  return first;
}

void MatchProgress::DropRowsBefore(int64_t id) {
  const auto count = static_cast<size_t>(std::max<int64_t>(0, id - first_id));
  rows.erase(rows.begin(), rows.begin() + static_cast<ptrdiff_t>(std::min(count, rows.size())));
  first_id = std::max(first_id, id);
}

void MatchProgress::Expire(int64_t time_ms, int64_t within_ms) {
  if (within_ms == 0) return;
  std::erase_if(partial, [&](const MatchState& state) {
    int64_t end = 0;
    return !__builtin_add_overflow(state.start_time_ms, within_ms, &end) && time_ms >= end;
  });
}

MatchState MatchAutomaton::Begin(int64_t id, int64_t time_ms) const {
  MatchState state;
  state.start_id = id;
  state.start_time_ms = time_ms;
  state.counts.assign(pattern_.size(), 0);
  return state;
}

void MatchAutomaton::VisitElements(const MatchState& state,
                                   const std::function<void(size_t)>& visit) const {
  for (size_t i = state.element; i < pattern_.size(); ++i) {
    const int32_t count = state.counts[i];
    if (pattern_[i].greedy || pattern_[i].max < 0 || count < pattern_[i].max) visit(i);
    if (count < pattern_[i].min) return;
  }
}

bool MatchAutomaton::IsFinal(const MatchState& state) const {
  const plan::PatternElement& at = pattern_[state.element];
  const int32_t count = state.counts[state.element];
  // The row that was just taken keeps a greedy variable from giving up.
  if (count < at.min || at.greedy) return false;
  return std::all_of(pattern_.begin() + state.element + 1, pattern_.end(),
                     [](const plan::PatternElement& rest) { return rest.min == 0; });
}

bool MatchAutomaton::HasNext(const MatchState& state) const {
  const plan::PatternElement& at = pattern_[state.element];
  return state.element + 1 < pattern_.size() || at.max < 0 || state.counts[state.element] < at.max;
}

void MatchAutomaton::Step(const MatchState& state, const Test& test,
                          std::vector<MatchState>* partial, std::vector<MatchState>* found) const {
  for (size_t i = state.element; i < pattern_.size(); ++i) {
    const int32_t count = state.counts[i];
    const bool has_room = pattern_[i].max < 0 || count < pattern_[i].max;
    const bool fits = (has_room || pattern_[i].greedy) && test(state, i);
    if (fits && has_room) {
      MatchState next = state;
      next.element = static_cast<uint32_t>(i);
      ++next.counts[i];
      if (IsFinal(next)) found->push_back(next);
      if (HasNext(next)) partial->push_back(std::move(next));
    }
    if (count < pattern_[i].min || (pattern_[i].greedy && fits)) return;
  }
}

Result<int64_t> MatchAutomaton::SkipTo(const MatchState& match) const {
  switch (skip_) {
    case plan::MatchSkip::kPastLastRow: return match.start_id + match.row_count();
    case plan::MatchSkip::kToNextRow: return match.start_id + 1;
    case plan::MatchSkip::kToFirst:
    case plan::MatchSkip::kToLast: break;
  }
  const auto element = static_cast<size_t>(skip_element_);
  const int64_t count = match.counts[element];
  const auto fail = [&](std::string message) {
    return MakeError(ErrorCode::kEvaluationError,
                     {.message = std::move(message),
                      .hint = "AFTER MATCH SKIP TO NEXT ROW and PAST LAST ROW always go on"});
  };
  if (count == 0) {
    return fail(fmt::format("AFTER MATCH SKIP TO {0}: a match was found that has no row of {0}",
                            pattern_[element].variable));
  }
  const int64_t first = match.BeginOf(element);
  const int64_t target = skip_ == plan::MatchSkip::kToFirst ? first : first + count - 1;
  if (target == match.start_id) {
    return fail(
        fmt::format("AFTER MATCH SKIP TO {}: that is the first row of the match, which would "
                    "be found again for ever",
                    pattern_[element].variable));
  }
  return target;
}

Status MatchAutomaton::TakeMatches(MatchProgress* progress,
                                   std::vector<MatchState>* matches) const {
  std::vector<MatchState>& completed = progress->completed;
  std::stable_sort(
      completed.begin(), completed.end(),
      [](const MatchState& a, const MatchState& b) { return a.start_id < b.start_id; });
  while (!completed.empty()) {
    const bool is_first = progress->partial.empty() ||
                          completed.front().start_id <= progress->partial.front().start_id;
    if (!is_first) break;
    MatchState match = std::move(completed.front());
    completed.erase(completed.begin());
    ASSIGN_OR_RETURN(const int64_t from, SkipTo(match));
    const auto is_dropped = [&](const MatchState& state) { return state.start_id < from; };
    std::erase_if(progress->partial, is_dropped);
    std::erase_if(completed, is_dropped);
    matches->push_back(std::move(match));
  }
  return Status::OK();
}

}  // namespace mainstem::process
