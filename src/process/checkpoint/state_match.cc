#include "process/checkpoint/state_match.h"

#include <functional>
#include <set>

#include <fmt/format.h>

namespace mainstem::process {
namespace {

using Name = CheckpointManifest::Name;
using KeyOf = std::function<std::string(const Name&)>;
using Places = std::vector<size_t>;

std::string OwnKey(const Name& name) { return name.what + "\n" + name.layout; }

// The names that have no partner yet, by key.
std::map<std::string, Places> PlacesByKey(const StateNames& names, const std::set<size_t>& taken,
                                          const KeyOf& key_of) {
  std::map<std::string, Places> places;
  for (size_t i = 0; i < names.size(); ++i) {
    if (!taken.contains(i)) places[key_of(names[i])].push_back(i);
  }
  return places;
}

std::string Hint(const Name& lost, const StateNames& wanted) {
  for (const Name& name : wanted) {
    if (name.what == lost.what && name.layout != lost.layout) {
      return fmt::format(" (its columns were [{}], now they are [{}])", lost.layout, name.layout);
    }
  }
  return "";
}

Status Unclaimed(const std::vector<std::string>& lost, const FitOptions& options) {
  std::string detail;
  for (const std::string& text : lost) detail += (detail.empty() ? "" : "; ") + text;
  return MakeError(
      ErrorCode::kInvalidArgument,
      {.message = "the " + options.what + " does not fit the plan: nobody takes over some of it",
       .detail = std::move(detail),
       .hint = "'execution.state-recovery.ignore-unclaimed-state' = 'true' leaves it out; "
               "'mainstem.plan.version' = '1' or '2' plans as before 2026-12"});
}

// Ids of `kept` without a partner, in words.
void AddLost(const StateNames& kept, const std::map<std::string, std::string>& partner,
             const StateNames& wanted, std::vector<std::string>* lost) {
  for (const Name& name : kept) {
    if (!partner.contains(name.node_id)) lost->push_back(name.what + Hint(name, wanted));
  }
}

Status CheckAllHaveState(const std::map<std::string, std::string>& owners, const StateNames& states,
                         const FitOptions& options) {
  std::set<std::string> served;
  for (const auto& [before, now] : owners) served.insert(now);
  for (const Name& name : states) {
    if (served.contains(name.node_id)) continue;
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "the " + options.what + " does not fit: the plan has changed",
                      .detail = "it holds nothing for " + name.what,
                      .hint = "submit the script as a new job"});
  }
  return Status::OK();
}

// The items whose node has a partner, under its id.
template <typename Item>
std::vector<Item> HandedOver(std::vector<Item> items,
                             const std::map<std::string, std::string>& partner) {
  std::vector<Item> kept;
  for (Item& item : items) {
    const auto now = partner.find(item.node_id);
    if (now == partner.end()) continue;
    item.node_id = now->second;
    kept.push_back(std::move(item));
  }
  return kept;
}

}  // namespace

std::map<std::string, std::string> MatchNames(const StateNames& kept, const StateNames& wanted) {
  const KeyOf keys[] = {
      [](const Name& n) { return fmt::format("{}\n{}\n{}", OwnKey(n), n.upstream, n.sinks); },
      [](const Name& n) { return fmt::format("{}\n{}", OwnKey(n), n.upstream); },
      [](const Name& n) { return fmt::format("{}\n{}", OwnKey(n), n.sinks); }, OwnKey};
  std::map<std::string, std::string> partner;
  std::set<size_t> kept_taken, wanted_taken;
  bool is_exact = true;
  for (const KeyOf& key_of : keys) {
    const auto from = PlacesByKey(kept, kept_taken, key_of);
    const auto to = PlacesByKey(wanted, wanted_taken, key_of);
    for (const auto& [key, places] : from) {
      const auto found = to.find(key);
      if (found == to.end() || found->second.size() != places.size()) continue;
      // Several that are alike in everything are interchangeable; otherwise there must be one.
      if (places.size() > 1 && !is_exact) continue;
      for (size_t i = 0; i < places.size(); ++i) {
        partner[kept[places[i]].node_id] = wanted[found->second[i]].node_id;
        kept_taken.insert(places[i]);
        wanted_taken.insert(found->second[i]);
      }
    }
    is_exact = false;
  }
  return partner;
}

Result<FittedManifest> FitManifest(CheckpointManifest manifest, const StateNames& states,
                                   const StateNames& sources, const FitOptions& options) {
  const auto owners = MatchNames(manifest.state_names, states);
  const auto readers = MatchNames(manifest.source_names, sources);
  std::vector<std::string> lost;
  AddLost(manifest.state_names, owners, states, &lost);
  AddLost(manifest.source_names, readers, sources, &lost);
  if (!lost.empty() && !options.ignore_unclaimed) return Unclaimed(lost, options);
  if (options.is_same_job) RETURN_IF_ERROR(CheckAllHaveState(owners, states, options));

  FittedManifest out;
  for (const auto& [before, now] : owners) out.operator_before[now] = before;
  manifest.operators = HandedOver(std::move(manifest.operators), owners);
  for (auto& state : manifest.states) {
    std::vector<std::string> ids;
    for (const std::string& id : state.node_ids) {
      if (const auto owner = owners.find(id); owner != owners.end()) ids.push_back(owner->second);
    }
    state.node_ids = std::move(ids);
  }
  manifest.splits = HandedOver(std::move(manifest.splits), readers);
  out.manifest = std::move(manifest);
  return out;
}

}  // namespace mainstem::process
