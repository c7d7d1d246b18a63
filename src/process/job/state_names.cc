#include "process/job/state_names.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "process/plan/planner.h"
#include "process/state/key_group.h"

namespace mainstem::process {
namespace {

using plan::PlanNode;

// Operators without anything to restore. A sink's count of refused rows belongs to the job.
bool KeepsState(const GraphOperator& op) {
  static constexpr std::array<std::string_view, 7> kStateless = {
      "Calc", "Union", "WindowTable", "NotNull", "LookupJoin", "Expand", "Unnest"};
  if (op.name.starts_with("Source: ") || op.name.starts_with("Sink: ")) return false;
  return std::find(kStateless.begin(), kStateless.end(), op.name) == kStateless.end();
}

std::string WhatOf(const GraphOperator& op) { return op.name + "(" + op.detail + ")"; }

// Of the inputs: what state is made of, and what changes come.
std::string LayoutOf(const PlanNode& node) {
  std::string out;
  for (const auto& input : node.inputs) {
    if (!out.empty()) out += " | ";
    bool is_first = true;
    for (const RowField& column : input->columns) {
      out += (is_first ? "" : ", ") + column.name() + " " + column.type().ToString();
      is_first = false;
    }
    out += " " + ToString(input->changelog);
    for (const auto& key : input->upsert_keys) {
      out += " key(" + plan::NamesOf(input->columns, key) + ")";
    }
  }
  return out;
}

class Namer {
 public:
  Namer(const plan::Plan& plan, JobGraph* graph) : graph_(graph) {
    for (const GraphVertex& vertex : graph->vertices) {
      for (const GraphOperator& op : vertex.operators) texts_[op.node_id] += WhatOf(op) + "\n";
    }
    for (PlanNode* node : plan::InTopologicalOrder(plan)) nodes_[node->id] = node;
    for (const auto& sink : plan.sinks) {
      Reach(*sink, sink->collect ? "result" : sink->table_name);
    }
  }

  void Run() {
    for (const GraphVertex& vertex : graph_->vertices) {
      for (const GraphOperator& op : vertex.operators) {
        if (KeepsState(op))
          Add(std::to_string(op.id), op.node_id, WhatOf(op), &graph_->state_names);
      }
      if (!vertex.source) continue;
      const std::string& id = vertex.source->node_id;
      Add(id, id, "source " + SourceName(*nodes_.at(id)), &graph_->source_names);
      graph_->source_names.back().layout.clear();
    }
  }

 private:
  void Reach(const PlanNode& node, const std::string& sink) {
    if (!sinks_[&node].insert(sink).second) return;
    for (const auto& input : node.inputs) Reach(*input, sink);
  }

  // Of everything that rows go through before they come to the node's own operators.
  uint64_t UpstreamOf(const PlanNode& node) {
    if (auto it = upstream_.find(&node); it != upstream_.end()) return it->second;
    std::string text;
    for (const auto& input : node.inputs) {
      text += fmt::format("{:x} {}\n", UpstreamOf(*input), texts_[input->id]);
    }
    if (node.kind == plan::NodeKind::kScan) text += SourceName(node);
    return upstream_[&node] = StableHash(text);
  }

  static std::string SourceName(const PlanNode& node) {
    const PlanNode* at = &node;
    while (!at->inputs.empty()) at = at->inputs[0].get();
    if (at->kind != plan::NodeKind::kScan) return "VALUES";
    const auto& scan = static_cast<const plan::ScanNode&>(*at);
    return scan.table_name + " (" + scan.table.options.at("connector") + ")";
  }

  void Add(std::string id, const std::string& node_id, std::string what,
           std::vector<CheckpointManifest::Name>* names) {
    const PlanNode& node = *nodes_.at(node_id);
    std::string sinks;
    for (const std::string& sink : sinks_[&node]) sinks += (sinks.empty() ? "" : ", ") + sink;
    names->push_back({.node_id = std::move(id),
                      .what = std::move(what),
                      .layout = LayoutOf(node),
                      .upstream = UpstreamOf(node),
                      .sinks = std::move(sinks)});
  }

  JobGraph* graph_;
  std::map<std::string, std::string> texts_;  // of a node's operators
  std::map<std::string, PlanNode*> nodes_;
  std::map<const PlanNode*, std::set<std::string>> sinks_;
  std::map<const PlanNode*, uint64_t> upstream_;
};

}  // namespace

void NameStates(const plan::Plan& plan, JobGraph* graph) {
  std::string shape;
  for (const GraphVertex& vertex : graph->vertices) {
    for (const GraphOperator& op : vertex.operators) {
      shape += op.node_id + "|" + op.name + "|" + op.detail + "\n";
    }
  }
  graph->fingerprint = fmt::format("{:016x}", StableHash(shape));
  Namer(plan, graph).Run();
}

}  // namespace mainstem::process
