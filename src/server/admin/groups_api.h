// /api/v1/groups: consumer groups with members, committed offsets and lag.
#pragma once

#include <algorithm>
#include "server/admin/admin_support.h"

#include "server/admin/group_view.h"

namespace mainstem::server {

class GroupsApi {
 public:
  GroupsApi(const AdminDependencies* dependencies, const AdminOptions* options)
      : log_(dependencies->log), groups_(dependencies->groups), options_(options) {}
  void AddRoutes(net::HttpRouter* router);

 private:
  struct Lag {
    std::string topic;
    PartitionId partition;
    Offset committed;
    Offset high_watermark;
    int64_t lag() const { return std::max<int64_t>(0, high_watermark - committed); }
  };
  Task<> List(HttpExchange* exchange);
  Task<> Show(HttpExchange* exchange);
  Task<> Delete(HttpExchange* exchange);
  Task<std::vector<Lag>> LagOf(GroupDetails group);

  storage::Log* log_;
  GroupView* groups_;
  const AdminOptions* options_;
};

}  // namespace mainstem::server
