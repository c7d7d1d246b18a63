// A catalog behind the REST protocol of Iceberg: tables are loaded, made and changed by requests,
// and the server decides which of two changes comes first. Requests go over HttpSession, on the
// blocking pool.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connector/http/http_session.h"
#include "connector/iceberg/catalog.h"
#include "core/env.h"

namespace mainstem::connector::iceberg {

struct RestCatalogOptions {
  std::string uri;        // "http://host:8181", without slashes at its end
  std::string warehouse;  // empty: the server's own
  std::vector<std::string> database;
  std::string table;
  // How we say who we are: a token, or id and secret with which one is asked for. From files, they
  // are read anew when they are needed.
  std::string token = {};
  std::string token_file = {};
  std::string credential = {};  // "id:secret"
  std::string credential_file = {};
  std::string scope = "catalog";
  std::string token_uri = {};  // empty: the catalog's own
  bool wants_vended_keys = true;
  HttpSessionOptions session = {};
};
std::unique_ptr<Catalog> MakeRestCatalog(Env* env, RestCatalogOptions options);

// The bodies of requests. Pure.
std::string CreateTableBody(const NewTable& table, const std::string& name);
std::string CommitTableBody(const TableMetadata& base, const TableChange& change,
                            const std::vector<std::string>& database, const std::string& name);

}  // namespace mainstem::connector::iceberg
