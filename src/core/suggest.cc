#include "core/suggest.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mainstem {
namespace {

constexpr size_t kLongestName = 128;  // longer names are not compared: the cost is quadratic
constexpr size_t kMostListed = 12;

char Lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

}  // namespace

// Optimal string alignment distance (Damerau-Levenshtein without repeated edits).
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before_previous, previous(b.size() + 1), current(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t cost = Lower(a[i - 1]) == Lower(b[j - 1]) ? 0 : 1;
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + cost});
      if (i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) &&
          Lower(a[i - 2]) == Lower(b[j - 1])) {
        current[j] = std::min(current[j], before_previous[j - 2] + 1);
      }
    }
    before_previous = previous;
    std::swap(previous, current);
  }
  return previous[b.size()];
}

std::optional<std::string> NearestName(std::string_view wrong,
                                       std::span<const std::string> candidates) {
  if (wrong.empty() || wrong.size() > kLongestName) return std::nullopt;
  const std::string* best = nullptr;
  size_t best_distance = std::max<size_t>(1, wrong.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLongestName) continue;
    size_t distance = EditDistance(wrong, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = &candidate;
    }
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

std::string SuggestionFor(std::string_view wrong, std::span<const std::string> candidates) {
  if (auto nearest = NearestName(wrong, candidates)) {
    return fmt::format("did you mean '{}'?", *nearest);
  }
  if (candidates.empty()) return {};
  std::vector<std::string> listed(candidates.begin(), candidates.end());
  std::sort(listed.begin(), listed.end());
  bool cut = listed.size() > kMostListed;
  if (cut) listed.resize(kMostListed);
  return fmt::format("known: {}{}", fmt::join(listed, ", "), cut ? ", ..." : "");
}

}  // namespace mainstem
