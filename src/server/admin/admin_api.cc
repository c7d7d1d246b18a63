#include "server/admin/admin_api.h"

#include "server/admin/groups_api.h"
#include "server/admin/jobs_api.h"
#include "server/admin/node_api.h"
#include "server/admin/pages.h"
#include "server/admin/records_api.h"
#include "server/admin/sql_api.h"
#include "server/admin/topics_api.h"
#include "server/admin/transactions_api.h"

namespace mainstem::server {

struct AdminApi::Impl {
  Impl(AdminDependencies given_dependencies, AdminOptions given_options)
      : dependencies(std::move(given_dependencies)),
        options(std::move(given_options)),
        sampler(&dependencies),
        watching(dependencies.env->shard(0), "admin", [](const std::string&, const Status&) {}),
        node(&dependencies, &options, &sampler),
        topics(&dependencies, &options, &sampler),
        records(&dependencies, &options),
        groups(&dependencies, &options),
        transactions(&dependencies, &options),
        jobs(&dependencies, &options),
        sql(&dependencies, &options) {}

  AdminDependencies dependencies;
  AdminOptions options;
  TopicSampler sampler;
  TaskScope watching;
  NodeApi node;
  TopicsApi topics;
  RecordsApi records;
  GroupsApi groups;
  TransactionsApi transactions;
  JobsApi jobs;
  SqlApi sql;
};

AdminApi::AdminApi(AdminDependencies dependencies, AdminOptions options)
    : impl_(std::make_unique<Impl>(std::move(dependencies), std::move(options))) {}
AdminApi::~AdminApi() = default;

void AdminApi::Start() { impl_->watching.Spawn("history", impl_->sampler.Watch()); }

Task<> AdminApi::Stop() { return impl_->watching.Close(); }

void AdminApi::AddRoutes(net::HttpRouter* router) {
  impl_->node.AddRoutes(router);
  impl_->topics.AddRoutes(router);
  impl_->records.AddRoutes(router);
  impl_->groups.AddRoutes(router);
  impl_->transactions.AddRoutes(router);
  impl_->jobs.AddRoutes(router);
  impl_->sql.AddRoutes(router);
  AddPageRoutes(router);
}

}  // namespace mainstem::server
