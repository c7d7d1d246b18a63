// How an execution makes, wires, starts and ends its subtasks.
#include <algorithm>

#include <arrow/api.h>

#include "connector/restored_source.h"
#include "process/job/execution.h"

namespace mainstem::process {
namespace {

// Which target subtask a forward edge leads to, when the sides differ in number.
int ForwardTarget(int from, int target_count) { return from % target_count; }

Task<> CloseOne(Subtask* subtask) { return subtask->Close(); }

Task<> DestroyOne(std::unique_ptr<Subtask> subtask) {
  subtask.reset();
  co_return Status::OK();
}

// Whether the subtasks of a vertex get the same control elements, all of them.
bool IsFedAlike(const JobGraph& graph, int vertex) {
  const GraphVertex& at = graph.vertices[static_cast<size_t>(vertex)];
  if (at.source) return at.parallelism == 1;
  return std::all_of(at.inputs.begin(), at.inputs.end(), [&](const GraphEdge& edge) {
    return edge.kind != ExchangeKind::kForward || IsFedAlike(graph, edge.from);
  });
}

Task<> StartOne(Subtask* subtask) {
  subtask->Start();
  co_return Status::OK();
}

Task<> GiveSplits(Subtask* subtask, std::vector<SplitProgress> splits, bool no_more) {
  subtask->feed()->AddSplits(std::move(splits));  // none, too: then it is idle
  if (no_more) subtask->feed()->NoMoreSplits();
  co_return Status::OK();
}

// All splits that a source had at the checkpoint; false if it had none.
bool HasEnded(const std::vector<CheckpointManifest::Split>& splits, const std::string& node_id) {
  bool any = false;
  for (const CheckpointManifest::Split& split : splits) {
    if (split.node_id != node_id) continue;
    if (!split.ended) return false;
    any = true;
  }
  return any;
}

Status TellRestored(const std::vector<CheckpointManifest::Split>& splits,
                    const GraphSource& source) {
  auto* restored = dynamic_cast<connector::RestoredSource*>(source.source.get());
  if (restored == nullptr) return Status::OK();
  std::vector<connector::RestoredSplit> own;
  for (const CheckpointManifest::Split& split : splits) {
    if (split.node_id != source.node_id) continue;
    own.push_back(
        {.split = {.id = split.split_id, .position = split.position}, .ended = split.ended});
  }
  return restored->SetRestored(std::move(own));
}

}  // namespace

Task<> Execution::MakeChannels() {
  for (const GraphVertex& vertex : graph_->vertices) {
    for (size_t input = 0; input < vertex.inputs.size(); ++input) {
      const GraphEdge& edge = vertex.inputs[input];
      int from_count = graph_->vertices[static_cast<size_t>(edge.from)].parallelism;
      EdgeChannels& all = channels_[{vertex.id, input}];
      all.resize(static_cast<size_t>(from_count));
      for (int from = 0; from < from_count; ++from) {
        auto& row = all[static_cast<size_t>(from)];
        row.resize(static_cast<size_t>(vertex.parallelism));
        for (int to = 0; to < vertex.parallelism; ++to) {
          bool leads =
              edge.kind != ExchangeKind::kForward || ForwardTarget(from, vertex.parallelism) == to;
          if (!leads) continue;
          row[static_cast<size_t>(to)] = std::make_shared<Channel>(ShardOf(from), ShardOf(to));
        }
      }
    }
  }
  co_return Status::OK();
}

std::unique_ptr<Output> Execution::MakeEdgeOutput(const GraphVertex& target, size_t input,
                                                  int index,
                                                  std::vector<std::shared_ptr<Channel>>* channels) {
  const GraphEdge& edge = target.inputs[input];
  const auto& row = channels_[{target.id, input}][static_cast<size_t>(index)];
  std::vector<std::shared_ptr<Channel>> leading;
  for (const auto& channel : row) {
    if (channel) leading.push_back(channel);
  }
  channels->insert(channels->end(), leading.begin(), leading.end());
  if (edge.kind == ExchangeKind::kHash && leading.size() > 1) {
    auto codec = RowCodec::Make(edge.key_types);
    CHECK_OK(codec);  // MakeSubtasks has tried it
    return std::make_unique<HashOutput>(std::move(leading), edge.key_columns,
                                        std::move(codec).ValueOrDie());
  }
  CHECK(leading.size() == 1);
  return std::make_unique<ForwardOutput>(leading[0]);
}

void Execution::ConnectOutputs(const GraphVertex& vertex, int index, SubtaskOptions* subtask) {
  std::vector<std::unique_ptr<Output>> outputs;
  for (const GraphVertex& target : graph_->vertices) {
    for (size_t input = 0; input < target.inputs.size(); ++input) {
      if (target.inputs[input].from != vertex.id) continue;
      outputs.push_back(MakeEdgeOutput(target, input, index, &subtask->output_channels));
    }
  }
  if (outputs.size() == 1) {
    subtask->output = std::move(outputs[0]);
  } else if (!outputs.empty()) {
    subtask->output = std::make_unique<BroadcastOutput>(std::move(outputs));
  }
}

Task<std::unique_ptr<Subtask>> Execution::MakeSubtask(const GraphVertex& vertex, int index) {
  SubtaskOptions subtask;
  subtask.env = env_;
  subtask.executor = ShardOf(index);
  subtask.vertex = vertex.id;
  subtask.subtask = index;
  subtask.task_name = fmt::format("{}/v{}-{}", options_.job_id, vertex.id, index);
  subtask.mailbox = mailbox_;
  subtask.metrics = metrics_.subtasks[static_cast<size_t>(vertex.id)][static_cast<size_t>(index)];
  CO_ASSIGN_OR_RETURN(absl::TimeZone time_zone, ParseTimeZone(graph_->time_zone));
  RestoreFilter filter;
  filter.key_groups = KeyGroupsOf(index, vertex.parallelism);
  std::set<std::string> own_ids;
  if (options_.late_rows) {
    LateRowsOptions late{.partition = *options_.late_rows, .job_id = options_.job_id};
    subtask.late_rows = std::make_unique<LateRows>(std::move(late), &pending_output_);
  }
  for (const GraphOperator& op : vertex.operators) {
    auto context = std::make_unique<OperatorContext>();
    context->env = env_;
    context->operator_id = op.id;
    context->subtask = index;
    context->parallelism = vertex.parallelism;
    context->state_memory = options_.state_memory;
    context->late_rows = subtask.late_rows.get();
    context->eval.time_zone = time_zone;
    context->eval.random = [env = env_] { return env->Random(); };
    context->metrics =
        metrics_.operators[static_cast<size_t>(op.id)].subtasks[static_cast<size_t>(index)].get();
    own_ids.insert(std::to_string(op.id));
    context->is_restored = !restored_directory_.empty();
    for (const auto& item : restored_.operators) {
      if (item.node_id == std::to_string(op.id)) context->restored_blobs = item.blobs;
    }
    if (const auto before = operator_before_.find(std::to_string(op.id));
        before != operator_before_.end()) {
      const int there = std::atoi(before->second.c_str());
      for (int i = 0; i < kStateTablesMax; ++i) {
        filter.tables[StateTableId(there, i)] = context->table_id(i);
      }
    }
    subtask.contexts.push_back(std::move(context));
    if (!op.make) continue;
    MakeOperatorArgs args{.subtask = index, .pending = &pending_output_};
    CO_ASSIGN_OR_RETURN(auto made, op.make(args));
    subtask.operators.push_back(std::move(made));
  }
  std::vector<std::string> restore_from;
  for (const auto& state : restored_.states) {
    bool wanted = std::any_of(state.node_ids.begin(), state.node_ids.end(),
                              [&](const std::string& id) { return own_ids.contains(id); });
    if (wanted) restore_from.push_back(restored_directory_ + "/" + state.directory);
  }
  std::string live = store_->LiveDirectory(fmt::format("v{}-{}", vertex.id, index));
  auto open = [this, &live, &restore_from, &filter] {
    return factory_->Open(live, restore_from, filter);
  };
  CO_ASSIGN_OR_RETURN(subtask.backend, co_await env_->blocking_pool().Run(open));
  ConnectOutputs(vertex, index, &subtask);
  if (vertex.source) {
    subtask.source = std::make_unique<SourceFeedOptions>(vertex.source->feed);
    subtask.source->pending = &pending_output_;
    subtask.source->column_memory = options_.column_memory;
    if (options_.durable) subtask.source->quarantine = options_.quarantine;
  }
  for (size_t input = 0; input < vertex.inputs.size(); ++input) {
    subtask.inputs_idle_together.push_back(IsFedAlike(*graph_, vertex.inputs[input].from));
    auto& channels = subtask.input_channels.emplace_back();
    for (const auto& row : channels_[{vertex.id, input}]) {
      if (row[static_cast<size_t>(index)]) channels.push_back(row[static_cast<size_t>(index)]);
    }
  }
  co_return std::make_unique<Subtask>(std::move(subtask));
}

Task<> Execution::MakeSubtasks() {
  for (const GraphVertex& vertex : graph_->vertices) {
    for (const GraphEdge& edge : vertex.inputs) {
      CO_RETURN_IF_ERROR(RowCodec::Make(edge.key_types));
    }
  }
  CO_RETURN_IF_ERROR(co_await MakeChannels());
  subtasks_.resize(graph_->vertices.size());
  for (const GraphVertex& vertex : graph_->vertices) {
    for (int i = 0; i < vertex.parallelism; ++i) {
      CO_ASSIGN_OR_RETURN(auto subtask, co_await MakeSubtask(vertex, i));
      subtasks_[static_cast<size_t>(vertex.id)].push_back(std::move(subtask));
    }
  }
  co_return Status::OK();
}

// Consumers first: a gate is there before anything is sent to it.
Task<> Execution::StartSubtasks() {
  // The restored ones come back with their splits and blobs.
  for (const GraphVertex& vertex : graph_->vertices) {
    if (vertex.source) *vertex.source->feed.rejects.count = 0;
  }
  for (const auto& sink : graph_->sinks) *sink->quarantine.rule.count = 0;
  for (auto row = subtasks_.rbegin(); row != subtasks_.rend(); ++row) {
    for (auto& subtask : *row) {
      CO_RETURN_IF_ERROR(co_await RunOn(subtask->executor(), StartOne(subtask.get())));
    }
  }
  next_discovery_ = kNoDeadline;
  for (const GraphVertex& vertex : graph_->vertices) {
    if (vertex.source) CO_RETURN_IF_ERROR(co_await AssignSplits(vertex, false));
  }
  NoteHolds(first_positions_);
  co_return co_await HoldRetention();
}

// Splits go round the subtasks in the order of their ids; a restored one keeps its position, and
// one that had ended stays so. A bounded source of which all have ended gets no others: operators
// behind it may have acted on its end.
Task<> Execution::AssignSplits(const GraphVertex& vertex, bool discover_again) {
  const GraphSource& source = *vertex.source;
  Duration interval = source.source->discovery_interval();
  // A bounded source ends with the splits that were there first, as in Flink.
  if (discover_again && (source.bounded || interval == Duration::zero())) co_return Status::OK();
  if (!discover_again) CO_RETURN_IF_ERROR(TellRestored(restored_.splits, source));
  CO_ASSIGN_OR_RETURN(auto discovered, co_await source.source->DiscoverSplits());
  std::map<std::string, SplitProgress> splits;
  for (auto& split : discovered) {
    splits[split.id] = {.id = split.id, .position = std::move(split.position)};
  }
  if (!discover_again) {
    if (source.bounded && HasEnded(restored_.splits, source.node_id)) splits.clear();
    for (const auto& split : restored_.splits) {
      if (split.node_id != source.node_id) continue;
      splits[split.split_id] = {split.split_id, split.position, split.watermark_ms, split.ended,
                                split.rejected_count};
    }
  }
  std::set<std::string>& known = known_splits_[vertex.id];
  auto& row = subtasks_[static_cast<size_t>(vertex.id)];
  std::vector<std::vector<SplitProgress>> parts(row.size());
  for (auto& [id, split] : splits) {
    if (known.contains(id)) continue;
    if (!discover_again) {
      first_positions_[source.node_id].push_back({.id = id, .position = split.position});
    }
    parts[known.size() % row.size()].push_back(std::move(split));
    known.insert(id);
  }
  bool no_more = source.bounded || interval == Duration::zero();
  for (size_t i = 0; i < row.size(); ++i) {
    if (finished_.contains({vertex.id, static_cast<int>(i)})) continue;
    if (discover_again && parts[i].empty()) continue;
    bool last_ones = no_more && !discover_again;
    auto give = GiveSplits(row[i].get(), std::move(parts[i]), last_ones);
    CO_RETURN_IF_ERROR(co_await RunOn(row[i]->executor(), std::move(give)));
  }
  if (interval != Duration::zero()) {
    next_discovery_ = std::min(next_discovery_ <= env_->Now() ? kNoDeadline : next_discovery_,
                               env_->Now() + interval);
  }
  co_return Status::OK();
}

// Each subtask ends and is destroyed on its own shard, after what was posted to it.
Task<> Execution::CloseSubtasks() {
  Status first;
  for (auto& row : subtasks_) {
    for (auto& subtask : row) {
      Status status = co_await RunOn(subtask->executor(), CloseOne(subtask.get()));
      if (first.ok()) first = status;
    }
  }
  for (auto& row : subtasks_) {
    for (auto& subtask : row) {
      Executor executor = subtask->executor();
      Status status = co_await RunOn(executor, DestroyOne(std::move(subtask)));
      if (first.ok()) first = status;
    }
  }
  subtasks_.clear();
  channels_.clear();
  co_return first;
}

}  // namespace mainstem::process
