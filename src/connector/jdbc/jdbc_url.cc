#include "connector/jdbc/jdbc_url.h"

#include <algorithm>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>

#include "core/suggest.h"

namespace mainstem::connector {
namespace {

constexpr std::string_view kScheme = "jdbc:postgresql:";
constexpr std::string_view kDefaultPort = "5432";

Status BadUrl(std::string problem, std::string hint = "") {
  if (hint.empty()) hint = "write it as jdbc:postgresql://host:5432/database?sslmode=require";
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = "option 'url': " + problem, .hint = std::move(hint)});
}

// A parameter of the JDBC driver and how libpq calls it; empty: of no effect here.
struct UrlParameter {
  const char* jdbc_name;
  const char* libpq_name;
};
constexpr UrlParameter kParameters[] = {
    {"user", "user"},
    {"password", "password"},
    {"sslmode", "sslmode"},
    {"sslrootcert", "sslrootcert"},
    {"sslcert", "sslcert"},
    {"sslkey", "sslkey"},
    {"sslpassword", "sslpassword"},
    {"channelBinding", "channel_binding"},
    {"gssEncMode", "gssencmode"},
    {"connectTimeout", "connect_timeout"},
    {"loginTimeout", "connect_timeout"},
    {"ApplicationName", "application_name"},
    {"options", "options"},
    {"ssl", ""},               // read apart
    {"currentSchema", ""},     // read apart
    {"socketTimeout", ""},     // read apart
    {"targetServerType", ""},  // read apart
    {"tcpKeepAlive", ""},
    {"reWriteBatchedInserts", ""},
    {"prepareThreshold", ""},
    {"stringtype", ""},
    {"binaryTransfer", ""},
    {"defaultRowFetchSize", ""},
    {"autosave", ""},
    {"assumeMinServerVersion", ""},
};

Status AddParameter(const std::string& name, std::string value, PostgresTarget* target) {
  auto add = [target](std::string keyword, std::string text) {
    target->parameters.emplace_back(std::move(keyword), std::move(text));
  };
  if (name == "ssl") {
    // The driver's meaning: encrypt and check the certificate. An explicit sslmode wins.
    bool wanted = value.empty() || absl::EqualsIgnoreCase(value, "true");
    if (wanted) target->parameters.insert(target->parameters.begin(), {"sslmode", "verify-full"});
    return Status::OK();
  }
  if (name == "currentSchema") {
    add("options", "-csearch_path=" + value);
    return Status::OK();
  }
  if (name == "socketTimeout") {  // seconds
    int64_t seconds;
    if (!absl::SimpleAtoi(value, &seconds)) return BadUrl("'socketTimeout' must be seconds");
    if (seconds > 0) add("tcp_user_timeout", std::to_string(seconds * 1000));
    return Status::OK();
  }
  if (name == "targetServerType") {
    if (value == "primary" || value == "master") add("target_session_attrs", "read-write");
    return Status::OK();
  }
  std::vector<std::string> names;
  for (const UrlParameter& parameter : kParameters) {
    if (name == parameter.jdbc_name) {
      if (*parameter.libpq_name != '\0') add(parameter.libpq_name, std::move(value));
      return Status::OK();
    }
    names.emplace_back(parameter.jdbc_name);
  }
  return BadUrl("unknown parameter '" + name + "'", SuggestionFor(name, names));
}

// "h1:5432,h2,[::1]:5433"
Status AddHosts(std::string_view authority, std::string_view default_port, PostgresTarget* target) {
  std::string hosts, ports;
  std::vector<std::string> items = absl::StrSplit(std::string(authority), ',');
  for (std::string_view item : items) {
    std::string_view host = item, port = default_port;
    size_t bracket = item.rfind(']');
    size_t colon = item.rfind(':');
    if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
      host = item.substr(0, colon);
      port = item.substr(colon + 1);
    }
    if (host.starts_with('[') && host.ends_with(']')) {
      host = host.substr(1, host.size() - 2);
    }
    if (host.empty()) host = "localhost";
    int32_t number;
    if (!absl::SimpleAtoi(std::string(port), &number) || number < 1 || number > 65535) {
      return BadUrl("the port is not a number from 1 to 65535");
    }
    if (!hosts.empty()) hosts.push_back(','), ports.push_back(',');
    hosts += host;
    ports += port;
  }
  target->parameters.emplace_back("host", hosts);
  target->parameters.emplace_back("port", ports);
  return Status::OK();
}

// What follows the scheme: "//host:5432/database?sslmode=require".
Result<PostgresTarget> ParseTarget(std::string_view rest, std::string_view default_port) {
  std::string_view query;
  if (size_t mark = rest.find('?'); mark != std::string_view::npos) {
    query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  PostgresTarget target;
  std::string_view authority, database = rest;
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    size_t slash = rest.find('/');
    authority = rest.substr(0, slash);
    database = slash == std::string_view::npos ? "" : rest.substr(slash + 1);
  }
  if (authority.find('@') != std::string_view::npos) {
    return BadUrl("user and password do not belong before the host",
                  "use the options 'username' and 'password'");
  }
  if (authority.empty()) authority = "localhost";
  RETURN_IF_ERROR(AddHosts(authority, default_port, &target));
  ASSIGN_OR_RETURN(std::string database_name, DecodeUrlPart(database));
  if (!database_name.empty()) target.parameters.emplace_back("dbname", database_name);
  target.shown = std::string(authority) + "/" + database_name;
  ASSIGN_OR_RETURN(auto parameters, UrlParameters(query));
  for (auto& [name, value] : parameters) {
    RETURN_IF_ERROR(AddParameter(name, std::move(value), &target));
  }
  return target;
}

}  // namespace

Result<PostgresTarget> ParseJdbcUrl(const std::string& url) {
  if (!url.starts_with("jdbc:")) return BadUrl("it must begin with 'jdbc:'");
  if (!url.starts_with(kScheme)) {
    size_t end = std::min(url.find(':', 5), url.size());
    return MakeError(
        ErrorCode::kUnsupported,
        {.message = "option 'url': no driver for '" + url.substr(0, end) + ":'",
         .hint = "'jdbc:postgresql:', 'jdbc:mysql:', 'jdbc:mariadb:' and 'jdbc:sqlite:' are "
                 "supported"});
  }
  return ParseTarget(std::string_view(url).substr(kScheme.size()), kDefaultPort);
}

Result<PostgresTarget> ParseRedshiftUrl(const std::string& url) {
  constexpr std::string_view kRedshiftScheme = "jdbc:redshift:";
  if (!url.starts_with(kRedshiftScheme)) {
    return BadUrl("it must begin with 'jdbc:redshift:'",
                  "write it as jdbc:redshift://host:5439/database");
  }
  ASSIGN_OR_RETURN(PostgresTarget target,
                   ParseTarget(std::string_view(url).substr(kRedshiftScheme.size()), "5439"));
  target.is_redshift = true;
  return target;
}

Result<std::string> DecodeUrlPart(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    uint32_t byte;
    if (i + 2 >= text.size() || !absl::SimpleHexAtoi(std::string(text.substr(i + 1, 2)), &byte)) {
      return BadUrl("a '%' that is not followed by two hexadecimal digits");
    }
    out.push_back(static_cast<char>(byte));
    i += 2;
  }
  return out;
}

Result<std::vector<std::pair<std::string, std::string>>> UrlParameters(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  std::vector<std::string> items = absl::StrSplit(std::string(query), '&', absl::SkipEmpty());
  for (std::string_view item : items) {
    size_t equals = std::min(item.find('='), item.size());
    ASSIGN_OR_RETURN(std::string value,
                     DecodeUrlPart(equals < item.size() ? item.substr(equals + 1) : ""));
    parameters.emplace_back(std::string(item.substr(0, equals)), std::move(value));
  }
  return parameters;
}

}  // namespace mainstem::connector
