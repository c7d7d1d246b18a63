// /api/v1/transactions: the transactions of Kafka's producers, with age and owner; aborts them.
#pragma once

#include "server/admin/admin_support.h"
#include "server/admin/transaction_view.h"

namespace mainstem::server {

class TransactionsApi {
 public:
  TransactionsApi(const AdminDependencies* dependencies, const AdminOptions* options)
      : env_(dependencies->env), transactions_(dependencies->transactions), options_(options) {}
  void AddRoutes(net::HttpRouter* router);

 private:
  Task<> List(HttpExchange* exchange);
  Task<> Show(HttpExchange* exchange);
  Task<> Abort(HttpExchange* exchange);
  void Write(const TransactionDetails& transaction, JsonWriter* json) const;

  Env* env_;
  TransactionView* transactions_;
  const AdminOptions* options_;
};

}  // namespace mainstem::server
