#include "process/operator/match_values.h"

#include <cstddef>

#include <arrow/api.h>

#include "process/operator/row_columns.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {

using NavigationKind = plan::MatchNavigation::Kind;

Status MatchValues::Open(std::vector<plan::MatchNavigation> navigations) {
  navigations_ = std::move(navigations);
  aggregates_.resize(navigations_.size());
  for (size_t i = 0; i < navigations_.size(); ++i) {
    if (navigations_[i].kind != NavigationKind::kAggregate) continue;
    // The set gets the arguments' columns only.
    plan::AggregateSpec spec = navigations_[i].aggregate;
    for (size_t arg = 0; arg < spec.args.size(); ++arg) spec.args[arg] = static_cast<int>(arg);
    ASSIGN_OR_RETURN(aggregates_[i], AggregateSet::Make({spec}));
  }
  return Status::OK();
}

MatchValues::Range MatchValues::RowsOf(const MatchView& view, int element) {
  const int64_t extra = view.row_id >= 0 ? 1 : 0;
  if (element < 0) return {view.state->start_id, view.state->row_count() + extra};
  const auto at = static_cast<size_t>(element);
  const bool has_row = extra > 0 && view.element == at;
  return {view.state->BeginOf(at), view.state->counts[at] + (has_row ? 1 : 0)};
}

Result<ColumnVector> MatchValues::Compute(const std::vector<MatchView>& views,
                                          const std::vector<int>& wanted,
                                          const ColumnVector& columns,
                                          const EvalContext& eval) const {
  ColumnVector values(navigations_.size());
  for (const int number : wanted) {
    const auto at = static_cast<size_t>(number);
    const plan::MatchNavigation& navigation = navigations_[at];
    if (navigation.kind == NavigationKind::kAggregate) {
      ASSIGN_OR_RETURN(values[at], Aggregate(at, views, columns));
      continue;
    }
    if (navigation.kind == NavigationKind::kProctime) {
      const auto type = ToArrowType(navigation.type);
      const arrow::TimestampScalar now(eval.now_us / 1000, type);
      ASSIGN_OR_RETURN(values[at],
                       arrow::MakeArrayFromScalar(now, static_cast<int64_t>(views.size())));
      continue;
    }
    std::vector<int32_t> places;
    for (const MatchView& view : views) {
      const Range rows = RowsOf(view, navigation.element);
      if (navigation.offset >= rows.count) {
        places.push_back(-1);
        continue;
      }
      const int64_t id = navigation.kind == NavigationKind::kFirst
                             ? rows.begin + navigation.offset
                             : rows.begin + rows.count - 1 - navigation.offset;
      places.push_back((*view.places)[static_cast<size_t>(id - view.first_id)]);
    }
    ASSIGN_OR_RETURN(ColumnVector picked,
                     PickRows({columns[static_cast<size_t>(navigation.column)]}, places));
    values[at] = std::move(picked[0]);
  }
  return values;
}

Result<std::shared_ptr<arrow::Array>> MatchValues::Aggregate(size_t navigation,
                                                             const std::vector<MatchView>& views,
                                                             const ColumnVector& columns) const {
  const AggregateSet& set = *aggregates_[navigation];
  std::vector<int32_t> places;
  std::vector<uint32_t> groups;
  for (size_t i = 0; i < views.size(); ++i) {
    const Range rows = RowsOf(views[i], navigations_[navigation].element);
    for (int64_t id = rows.begin; id < rows.begin + rows.count; ++id) {
      places.push_back((*views[i].places)[static_cast<size_t>(id - views[i].first_id)]);
      groups.push_back(static_cast<uint32_t>(i));
    }
  }
  ColumnVector args;
  for (const int column : navigations_[navigation].aggregate.args) {
    ASSIGN_OR_RETURN(ColumnVector picked, PickRows({columns[static_cast<size_t>(column)]}, places));
    args.push_back(std::move(picked[0]));
  }
  const size_t words = set.value_bytes() / sizeof(std::max_align_t) + 1;
  std::vector<std::max_align_t> memory(words * views.size());
  std::vector<std::byte*> blocks;
  for (size_t i = 0; i < views.size(); ++i) {
    blocks.push_back(reinterpret_cast<std::byte*>(memory.data() + i * words));
    set.Init(blocks.back());
  }
  const Status fed = set.Accumulate({.columns = &args,
                                     .row_count = static_cast<int64_t>(places.size()),
                                     .blocks = blocks.data(),
                                     .group_of_row = groups.data()});
  Result<ColumnVector> values = fed.ok() ? set.Values(blocks) : Result<ColumnVector>(fed);
  for (std::byte* block : blocks) set.Destroy(block);
  RETURN_IF_ERROR(values);
  return (*values)[0];
}

}  // namespace mainstem::process
