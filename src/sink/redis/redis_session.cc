#include "sink/redis/redis_session.h"

#include <absl/strings/numbers.h>

#include "connector/secret_file.h"
#include "core/net/tls/tls_client.h"

namespace mainstem::sink {
namespace {

constexpr size_t kInputBytes = 64 << 10;
constexpr size_t kCertificateBytesMax = size_t{1} << 20;
constexpr std::string_view kScheme = "redis://";
constexpr std::string_view kTlsScheme = "rediss://";

Status BadUrl(std::string problem) {
  return MakeError(
      ErrorCode::kInvalidArgument,
      {.message = "must be 'redis://host:6379/0' or 'rediss://..', but " + std::move(problem),
       .hint = "user and password have options of their own: 'username', 'password', "
               "'password-file'"});
}

// "WRONGTYPE Operation against ...": the first word is the kind of error.
std::string_view ErrorWord(std::string_view text) { return text.substr(0, text.find(' ')); }

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

Status ParseRedisUrl(const std::string& url, RedisServer* server) {
  server->uses_tls = url.starts_with(kTlsScheme);
  if (!server->uses_tls && !url.starts_with(kScheme)) {
    return BadUrl("it does not begin with redis:// or rediss://");
  }
  std::string rest = url.substr(server->uses_tls ? kTlsScheme.size() : kScheme.size());
  if (rest.find('@') != std::string::npos) return BadUrl("it holds a user or a password");
  size_t slash = rest.find('/');
  std::string database = slash == std::string::npos ? "" : rest.substr(slash + 1);
  std::string address = rest.substr(0, slash);
  if (!database.empty() &&
      (!absl::SimpleAtoi(database, &server->database) || server->database < 0)) {
    return BadUrl("what stands behind the slash is no number of a database");
  }
  size_t colon = address.rfind(':');
  bool has_port = colon != std::string::npos && address.back() != ']';
  if (has_port) {
    uint32_t port = 0;
    if (!absl::SimpleAtoi(address.substr(colon + 1), &port) || port == 0 || port > 65535) {
      return BadUrl("its port is none");
    }
    server->port = static_cast<uint16_t>(port);
    address.resize(colon);
  }
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  if (address.empty()) return BadUrl("it has no host");
  server->host = std::move(address);
  return Status::OK();
}

Status StatusOfReply(const RespReply& reply) {
  if (!reply.is_error()) return Status::OK();
  std::string_view word = ErrorWord(reply.text);
  std::string text = "the server answered: " + reply.text;
  bool is_full = reply.text.find("max number of clients") != std::string::npos;
  if (is_full || IsOneOf(word, {"LOADING", "BUSY", "TRYAGAIN", "MASTERDOWN", "READONLY", "OOM",
                                "NOREPLICAS", "MISCONF", "EXECABORT", "CLUSTERDOWN"})) {
    return MakeError(ErrorCode::kUnavailable, std::move(text));
  }
  if (IsOneOf(word, {"NOAUTH", "WRONGPASS"})) {
    return MakeError(
        ErrorCode::kPermissionDenied,
        {.message = std::move(text), .hint = "set 'username' and 'password' or 'password-file'"});
  }
  if (word == "NOPERM") {
    return MakeError(
        ErrorCode::kPermissionDenied,
        {.message = std::move(text),
         .hint = "let the user write the keys of the table and those that begin with "
                 "mainstem:delivery: (ACL SETUSER name ~pattern ~mainstem:delivery:* +@write "
                 "+@read +@transaction +@connection)"});
  }
  if (IsOneOf(word, {"MOVED", "ASK", "CROSSSLOT"})) {
    return MakeError(ErrorCode::kUnsupported,
                     {.message = std::move(text),
                      .hint = "a transaction over keys of several slots is not possible: "
                              "connector 'redis' needs a server without cluster mode"});
  }
  if (word == "WRONGTYPE") return MakeError(ErrorCode::kInvalidRecord, std::move(text));
  return MakeError(ErrorCode::kInvalidArgument, std::move(text));
}

namespace {

// Of a file that somebody has named; "" of none.
Task<std::string> ReadPem(Env* env, std::string path) {
  if (path.empty()) co_return std::string();
  co_return co_await env->files().ReadAll(path, kCertificateBytesMax);
}

Task<std::unique_ptr<Stream>> Secure(Env* env, RedisServer server, std::unique_ptr<Stream> stream,
                                     TimePoint deadline) {
  net::TlsClientOptions options;
  CO_ASSIGN_OR_RETURN(options.authorities, co_await ReadPem(env, server.ca_file));
  CO_ASSIGN_OR_RETURN(options.certificates, co_await ReadPem(env, server.certificate_file));
  CO_ASSIGN_OR_RETURN(options.key, co_await ReadPem(env, server.key_file));
  CO_ASSIGN_OR_RETURN(auto client, net::TlsClient::Make(options));
  Result<std::unique_ptr<Stream>> secured =
      co_await net::ConnectTls(std::move(client), std::move(stream), server.host, deadline);
  if (secured.ok() || Is(secured.status(), ErrorCode::kCancelled)) co_return secured;
  ErrorText text = TextOf(secured.status());
  text.message = "no TLS with " + server.shown() + ": " + text.message;
  text.hint =
      "check 'connection.ca-file', whether the host of 'url' is in the server's "
      "certificate, and that this port speaks TLS";
  co_return MakeError(CodeOf(secured.status()), std::move(text));
}

}  // namespace

RedisSession::RedisSession(Env* env, std::unique_ptr<Stream> stream, Duration reply_timeout)
    : env_(env), stream_(std::move(stream)), reply_timeout_(reply_timeout), input_(kInputBytes) {}

RedisSession::~RedisSession() { stream_->Close(); }

Task<std::unique_ptr<RedisSession>> RedisSession::Open(Env* env, const RedisServer& server) {
  TimePoint deadline = env->Now() + server.connect_timeout;
  Result<std::unique_ptr<Stream>> connected =
      co_await env->network().Connect(server.host, server.port, deadline);
  if (!connected.ok()) {
    if (Is(connected.status(), ErrorCode::kCancelled)) co_return connected.status();
    co_return MakeError(ErrorCode::kUnavailable, {.message = "no connection to " + server.shown(),
                                                  .detail = TextOf(connected.status()).message});
  }
  std::unique_ptr<Stream> stream = std::move(connected).ValueUnsafe();
  if (server.uses_tls) {
    CO_ASSIGN_OR_RETURN(stream, co_await Secure(env, server, std::move(stream), deadline));
  }
  std::unique_ptr<RedisSession> session(
      new RedisSession(env, std::move(stream), server.reply_timeout));
  if (server.uses_tls) CO_RETURN_IF_ERROR(co_await session->HearServer(server));
  CO_RETURN_IF_ERROR(co_await session->LogIn(server));
  co_return session;
}

Task<> RedisSession::HearServer(const RedisServer& server) {
  RespCommands ping;
  ping.Add({"PING"});
  Status heard = (co_await Run(std::move(ping))).status();
  if (heard.ok() || Is(heard, ErrorCode::kCancelled)) co_return heard;
  co_return MakeError(
      CodeOf(heard),
      {.message = "the server " + server.shown() + " ended the TLS connection",
       .detail = TextOf(heard).message,
       .hint = "it may want a certificate that it trusts: 'connection.certificate-file' and "
               "'connection.key-file'"});
}

Task<> RedisSession::LogIn(const RedisServer& server) {
  std::string password = server.password;
  if (!server.password_file.empty()) {
    CO_ASSIGN_OR_RETURN(password, co_await connector::ReadSecretFile(env_, server.password_file));
  }
  RespCommands commands;
  if (!password.empty() && server.username.empty()) commands.Add({"AUTH", password});
  if (!password.empty() && !server.username.empty()) {
    commands.Add({"AUTH", server.username, password});
  }
  if (server.database != 0) commands.Add({"SELECT", std::to_string(server.database)});
  if (commands.count() == 0) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(std::vector<RespReply> replies, co_await Run(std::move(commands)));
  for (const RespReply& reply : replies) CO_RETURN_IF_ERROR(StatusOfReply(reply));
  co_return Status::OK();
}

Task<std::vector<RespReply>> RedisSession::Run(RespCommands commands) {
  TimePoint deadline = env_->Now() + reply_timeout_;
  const std::string& bytes = commands.bytes();
  std::vector<std::span<const std::byte>> pieces = {std::as_bytes(std::span(bytes))};
  CO_RETURN_IF_ERROR(co_await stream_->Write(std::move(pieces), deadline));
  std::vector<RespReply> replies;
  while (replies.size() < commands.count()) {
    CO_ASSIGN_OR_RETURN(std::optional<RespReply> reply, parser_.Next());
    if (reply) {
      replies.push_back(std::move(*reply));
      continue;
    }
    CO_ASSIGN_OR_RETURN(size_t size, co_await stream_->ReadSome(input_, deadline));
    if (size == 0) {
      co_return MakeError(ErrorCode::kConnectionClosed, "the server closed the connection");
    }
    parser_.Feed({reinterpret_cast<const char*>(input_.data()), size});
  }
  co_return replies;
}

}  // namespace mainstem::sink
