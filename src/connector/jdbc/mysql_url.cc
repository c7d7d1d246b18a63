#include "connector/jdbc/mysql_url.h"

#include <algorithm>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>

#include "connector/jdbc/jdbc_url.h"
#include "core/suggest.h"

namespace mainstem::connector {
namespace {

Status BadMysqlUrl(std::string problem, std::string hint = "") {
  if (hint.empty()) hint = "write it as jdbc:mysql://host:3306/database?sslMode=VERIFY_IDENTITY";
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = "option 'url': " + problem, .hint = std::move(hint)});
}

// "VERIFY_CA", "verify-full": both drivers' names.
Status SetTls(std::string mode, MysqlTarget* target) {
  mode = absl::AsciiStrToLower(mode);
  std::replace(mode.begin(), mode.end(), '_', '-');
  if (mode == "disable" || mode == "disabled") {
    target->tls = MysqlTls::kNone;
  } else if (mode == "preferred") {
    target->tls = MysqlTls::kPreferred;
  } else if (mode == "required" || mode == "trust") {
    target->tls = MysqlTls::kRequired;
  } else if (mode == "verify-ca" || mode == "verify-identity" || mode == "verify-full") {
    target->tls = MysqlTls::kVerify;
  } else {
    return BadMysqlUrl("unknown 'sslMode'",
                       "DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY");
  }
  return Status::OK();
}

Status SetSeconds(const std::string& name, const std::string& milliseconds, unsigned* seconds) {
  int64_t value;
  if (!absl::SimpleAtoi(milliseconds, &value) || value < 0 || value > 86400000) {
    return BadMysqlUrl("'" + name + "' must be milliseconds");
  }
  if (value > 0) *seconds = static_cast<unsigned>((value + 999) / 1000);
  return Status::OK();
}

Status SetParameter(const std::string& name, const std::string& value, MysqlTarget* target) {
  if (name == "sslMode") return SetTls(value, target);
  if (name == "useSSL") return SetTls(value == "false" ? "disabled" : "required", target);
  if (name == "connectTimeout") return SetSeconds(name, value, &target->connect_seconds);
  if (name == "socketTimeout") return SetSeconds(name, value, &target->answer_seconds);
  if (name == "serverSslCert") {
    target->ca_file = value;
    return Status::OK();
  }
  if (name == "user") {
    target->user = value;
    return Status::OK();
  }
  if (name == "password") {
    target->password = value;
    return Status::OK();
  }
  const std::vector<std::string> without_effect = {"useUnicode",
                                                   "characterEncoding",
                                                   "serverTimezone",
                                                   "connectionTimeZone",
                                                   "allowPublicKeyRetrieval",
                                                   "rewriteBatchedStatements",
                                                   "zeroDateTimeBehavior",
                                                   "tinyInt1isBit",
                                                   "useCursorFetch",
                                                   "autoReconnect",
                                                   "cachePrepStmts",
                                                   "useServerPrepStmts",
                                                   "tcpKeepAlive",
                                                   "useBulkStmts",
                                                   "forceConnectionTimeZoneToSession"};
  if (std::find(without_effect.begin(), without_effect.end(), name) != without_effect.end()) {
    return Status::OK();
  }
  std::vector<std::string> known = without_effect;
  known.insert(known.end(),
               {"sslMode", "useSSL", "serverSslCert", "connectTimeout", "socketTimeout"});
  return BadMysqlUrl("unknown parameter '" + name + "'", SuggestionFor(name, known));
}

Status SetHost(std::string_view authority, MysqlTarget* target) {
  if (authority.find('@') != std::string_view::npos) {
    return BadMysqlUrl("user and password do not belong before the host",
                       "use the options 'username' and 'password'");
  }
  if (authority.find(',') != std::string_view::npos) {
    return BadMysqlUrl("several hosts are not supported");
  }
  std::string_view host = authority;
  size_t colon = authority.rfind(':');
  size_t bracket = authority.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    host = authority.substr(0, colon);
    int32_t port;
    if (!absl::SimpleAtoi(std::string(authority.substr(colon + 1)), &port) || port < 1 ||
        port > 65535) {
      return BadMysqlUrl("the port is not a number from 1 to 65535");
    }
    target->port = static_cast<uint16_t>(port);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (!host.empty()) target->host = host;
  return Status::OK();
}

}  // namespace

bool IsMysqlUrl(const std::string& url) {
  return url.starts_with("jdbc:mysql:") || url.starts_with("jdbc:mariadb:");
}

Result<MysqlTarget> ParseMysqlUrl(const std::string& url) {
  std::string_view rest = std::string_view(url).substr(url.find(':', 5) + 1);
  if (!rest.starts_with("//")) return BadMysqlUrl("it names no host");
  rest.remove_prefix(2);
  std::string_view query;
  if (size_t mark = rest.find('?'); mark != std::string_view::npos) {
    query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  size_t slash = std::min(rest.find('/'), rest.size());
  MysqlTarget target;
  RETURN_IF_ERROR(SetHost(rest.substr(0, slash), &target));
  if (slash < rest.size()) {
    ASSIGN_OR_RETURN(target.database, DecodeUrlPart(rest.substr(slash + 1)));
  }
  if (target.database.empty()) return BadMysqlUrl("it names no database");
  target.shown = target.host + ":" + std::to_string(target.port) + "/" + target.database;
  ASSIGN_OR_RETURN(auto parameters, UrlParameters(query));
  for (const auto& [name, value] : parameters) {
    RETURN_IF_ERROR(SetParameter(name, value, &target));
  }
  return target;
}

}  // namespace mainstem::connector
