// "Did you mean ...": the nearest of some known names, for error hints. Pure; any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mainstem {

// Insertions, deletions, replacements and swaps of neighbours that make `b` of `a`; case ignored.
size_t EditDistance(std::string_view a, std::string_view b);

// The candidate nearest to `wrong` by edit distance, or nullopt when none is near enough to be
// meant: at most a third of the length.
std::optional<std::string> NearestName(std::string_view wrong,
                                       std::span<const std::string> candidates);

// "did you mean 'x'?" or, when nothing is near, "known: a, b, c" (at most 12 names); empty when
// there are no candidates.
std::string SuggestionFor(std::string_view wrong, std::span<const std::string> candidates);

}  // namespace mainstem
