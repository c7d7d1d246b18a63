// One connection to a Redis server. Errors name the server and what to do; never a password.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/env.h"
#include "sink/redis/resp.h"

namespace mainstem::sink {

struct RedisServer {
  std::string host;
  uint16_t port = 6379;
  int database = 0;
  std::string username;       // empty: the user `default`
  std::string password;       // empty: none, unless there is a file
  std::string password_file;  // read at each connection; empty: none
  bool uses_tls = false;
  // PEM, read at each connection; empty: the system's authorities, no certificate of our own.
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  Duration connect_timeout = std::chrono::seconds(10);
  Duration reply_timeout = std::chrono::seconds(30);

  std::string shown() const { return host + ":" + std::to_string(port); }
};

// "redis://host[:port][/database]", or "rediss:" for TLS, into host, port and database.
// InvalidArgument never shows the text: somebody may have put a password into it.
Status ParseRedisUrl(const std::string& url, RedisServer* server);

// What an error reply means for who sent the command: kUnavailable when it may pass (the server
// loads, is full, is a replica), kPermissionDenied, kUnsupported (a cluster), kInvalidRecord (the
// key holds another type), else kInvalidArgument.
Status StatusOfReply(const RespReply& reply);

// Lifecycle: Open, then Run; after an error it is of no more use. Not thread-safe.
class RedisSession {
 public:
  // Connects, logs in, chooses the database, and makes sure that the server takes writes.
  static Task<std::unique_ptr<RedisSession>> Open(Env* env, const RedisServer& server);
  ~RedisSession();

  // Sends all commands and reads a reply for each; error replies are not errors here.
  Task<std::vector<RespReply>> Run(RespCommands commands);

 private:
  RedisSession(Env* env, std::unique_ptr<Stream> stream, Duration reply_timeout);
  Task<> LogIn(const RedisServer& server);
  // In TLS 1.3 a server tells only now that it does not like the client's certificate.
  Task<> HearServer(const RedisServer& server);

  Env* env_;
  std::unique_ptr<Stream> stream_;
  Duration reply_timeout_;
  RespParser parser_;
  std::vector<std::byte> input_;
};

}  // namespace mainstem::sink
