#include "gateway/aws/aws_server.h"

#include <fmt/format.h>

#include "core/net/http_server.h"
#include "core/net/sigv4.h"
#include "gateway/aws/aws_error.h"
#include "gateway/aws/event_stream.h"
#include "gateway/aws/sts.h"

namespace mainstem::gateway::aws {
namespace {

using net::HttpExchange;
using net::HttpRequest;
using net::HttpResponse;

constexpr int64_t kConnectionsMax = 10'000;
constexpr Duration kAcceptRetry = std::chrono::milliseconds(50);
constexpr std::string_view kDefaultRegion = "us-east-1";
// What a request takes beside the body itself: the texts, decoded blobs, record batches.
constexpr size_t kDecodingFactor = 2;
constexpr size_t kLeaseFromBytes = 64 << 10;

constexpr std::string_view kJson10 = "application/x-amz-json-1.0";

std::optional<BodyCodec> CodecOf(std::string_view content_type) {
  if (content_type == "application/x-amz-json-1.1") return BodyCodec::kJson;
  if (content_type == kJson10) return BodyCodec::kJson;
  if (content_type == "application/x-amz-cbor-1.1") return BodyCodec::kCbor;
  return std::nullopt;
}

// JSON is answered in the version that it was asked in: they differ by name only.
void SetContentType(const HttpRequest& request, HttpResponse* response) {
  if (request.ContentType() == kJson10) {
    response->headers.Set("Content-Type", std::string(kJson10));
  }
}

// Errors before the codec is known are XML.
HttpResponse XmlError(int status, std::string_view name, std::string_view message) {
  std::string body =
      message.empty() ? fmt::format("<{}/>\n", name)
                      : fmt::format("<{}>\n  <Message>{}</Message>\n</{}>\n", name, message, name);
  return net::TextResponse(status, "text/xml", std::move(body));
}

struct Target {
  std::string_view service;
  std::string_view operation;
};

Target TargetOf(const HttpRequest& request) {
  std::string_view text = request.headers.Find("X-Amz-Target").value_or("");
  size_t dot = text.find('.');
  if (dot == std::string_view::npos) return {};
  return {text.substr(0, dot), text.substr(dot + 1)};
}

Status UnknownOperation(Target target) {
  if (target.operation.empty()) return MakeAwsError("UnknownOperationException", "");
  return MakeAwsError("UnknownOperationException", fmt::format("this node does not offer {}.{}",
                                                               target.service, target.operation));
}

Status SerializationError() { return MakeAwsError("SerializationException", ""); }

Task<> StopOn(net::HttpServer* server) { co_return co_await server->Stop(); }

// On the shard that owns the stream. Without a server the stream is closed.
Task<> ServeOn(net::HttpServer* server, std::unique_ptr<Stream> stream) {
  if (server == nullptr) {
    stream->Close();
  } else {
    server->Serve(std::move(stream));
  }
  co_return Status::OK();
}

}  // namespace

struct AwsServer::Impl {
  Impl(Env* env, MemoryBudget* budget, Metrics* metrics, Logger logger, AwsSettings given,
       std::vector<AwsService*> services)
      : env(env),
        budget(budget),
        metrics(metrics),
        logger(std::move(logger)),
        settings(std::move(given)),
        services(std::move(services)),
        home(env->shard(0)) {
    for (net::HttpMethod method : {net::HttpMethod::kPost, net::HttpMethod::kGet,
                                   net::HttpMethod::kPut, net::HttpMethod::kDelete}) {
      router.Add(method, "/{path...}", [this](HttpExchange* exchange) { return Answer(exchange); },
                 {.body_limit = settings.body_limit});
    }
  }

  net::HttpServerOptions ServerOptions() {
    net::HttpServerOptions options;
    options.memory = budget;
    options.tls = settings.tls;
    options.body_bytes_in_flight = 128u << 20;
    // With keys every host may be named. Without, only those that a foreign web page can't take.
    if (settings.credentials.checks()) options.access.allowed_hosts = {"*"};
    options.error_response = [this](const HttpRequest& request, const Status& error) {
      HttpResponse response = ErrorResponse(
          CodecOf(request.ContentType()).value_or(BodyCodec::kJson), ToAwsError(error));
      SetContentType(request, &response);
      AddAnswerHeaders(env, &response.headers);
      return response;
    };
    return options;
  }

  Task<> StartHere() {
    CO_ASSIGN_OR_RETURN(listener, co_await env->network().Listen(settings.host, settings.port));
    port = listener->port();
    MakeServers();
    accepting = std::make_unique<TaskScope>(
        home, "aws accept", [this](const std::string&, const Status& status) {
          logger.Warning("no longer accepting connections", {{"error", status}});
        });
    accepting->Spawn("accept", AcceptLoop());
    logger.Info("listening", {{"host", settings.host},
                              {"port", port},
                              {"signatures", settings.credentials.checks()
                                                 ? "checked"
                                                 : "not checked: open to this machine"}});
    co_return Status::OK();
  }

  void MakeServers() {
    for (size_t i = 0; i < env->shard_count(); ++i) {
      servers.push_back(std::make_unique<net::HttpServer>(env->shard(i), ServerOptions(), &router));
    }
  }

  Task<> StopHere() {
    if (listener) listener->Close();
    if (accepting) CO_RETURN_IF_ERROR(co_await accepting->Close());
    accepting.reset();
    for (size_t i = 0; i < servers.size(); ++i) {
      CO_RETURN_IF_ERROR(co_await RunOn(env->shard(i), StopOn(servers[i].get())));
    }
    co_return Status::OK();
  }

  Task<> AcceptLoop() {
    for (size_t next = 0;; ++next) {
      size_t shard = next % servers.size();
      auto accepted = co_await listener->Accept(env->shard(shard));
      if (!accepted.ok()) {
        if (co_await IsCancelled()) co_return accepted.status();
        logger.Warning("connection not accepted", {{"error", accepted.status()}});
        CO_RETURN_IF_ERROR(co_await Sleep(kAcceptRetry));
        continue;
      }
      bool has_room = OpenConnections() < kConnectionsMax;
      auto task =
          ServeOn(has_room ? servers[shard].get() : nullptr, std::move(accepted).ValueUnsafe());
      CO_RETURN_IF_ERROR(co_await RunOn(env->shard(shard), std::move(task)));
    }
  }

  int64_t OpenConnections() const {
    int64_t count = 0;
    for (const auto& server : servers) count += server->stats().connections_open.load();
    return count;
  }

  Task<> Answer(HttpExchange* exchange) {
    const HttpRequest& request = exchange->request();
    auto codec = CodecOf(request.ContentType());
    HttpResponse response;
    MemoryLease memory;
    bool is_post = request.method == net::HttpMethod::kPost;
    if (IsQueryProtocol(request)) {
      response = AnswerQuery(request);
      co_return co_await exchange->Respond(std::move(response));
    }
    if (!codec || !is_post) {
      bool has_target = is_post && !TargetOf(request).operation.empty();
      response = has_target ? XmlError(404, "UnknownOperationException", "")
                            : XmlError(403, "AccessDeniedException",
                                       "Unable to determine service/operation name to be "
                                       "authorized");
    } else {
      AwsCall call;
      call.codec = *codec;
      call.exchange = exchange;
      Status outcome = co_await Run(&call);
      if (call.streamed) co_return outcome;
      if (!outcome.ok()) {
        response = ErrorResponse(*codec, ToAwsError(outcome));
      } else {
        memory = std::move(call.memory);
        std::string body = call.answer->Take();
        response = net::TextResponse(200, ContentTypeOf(*codec), std::move(body));
      }
      SetContentType(request, &response);
    }
    AddAnswerHeaders(env, &response.headers);
    co_return co_await exchange->Respond(std::move(response));
  }

  HttpResponse AnswerQuery(const HttpRequest& request) {
    net::HttpHeaders headers;
    AddAnswerHeaders(env, &headers);
    StsOptions options{.now_ms = env->WallTime().value()};
    options.request_id = headers.Find("x-amzn-RequestId").value_or("");
    HttpResponse response = AnswerSts(request, settings.credentials, options);
    for (const auto& [name, value] : headers.fields()) response.headers.Add(name, value);
    return response;
  }

  AwsService* FindService(std::string_view prefix) const {
    for (AwsService* service : services) {
      if (service->target_prefix() == prefix) return service;
    }
    return nullptr;
  }

  // In AWS's order: the body's syntax, the operation, the signature, types, constraints.
  Task<> Run(AwsCall* call) {
    const HttpRequest& request = call->exchange->request();
    Target target = TargetOf(request);
    AwsService* service = FindService(target.service);
    const Shape* shape = service == nullptr ? nullptr : service->FindOperation(target.operation);
    if (request.body.empty()) {
      co_return shape == nullptr ? UnknownOperation(target) : SerializationError();
    }
    MemoryLease lease;
    auto wanted = static_cast<int64_t>(request.body.size() * kDecodingFactor);
    if (request.body.size() > kLeaseFromBytes) {
      lease = budget->TryLease(wanted);
      if (lease.bytes() != wanted) {
        co_return MakeError(ErrorCode::kResourceExhausted,
                            "there is no memory for this request now");
      }
    }
    // Checked before the body goes: what decoding finds wrong is told first all the same.
    Status allowed = Status::OK();
    if (shape != nullptr) {
      allowed = settings.credentials.Check(
          request, {.service = service->signing_name(), .now_ms = env->WallTime().value()});
    }
    std::string body = call->exchange->TakeBody();
    auto document = decoder.Decode(call->codec, std::move(body));
    if (!document.ok() || document->root.kind != Value::Kind::kMap) co_return SerializationError();
    if (shape == nullptr) co_return UnknownOperation(target);
    CO_RETURN_IF_ERROR(allowed);
    call->input = std::move(*document);
    CO_RETURN_IF_ERROR(CheckShape(*shape, &call->input, service->validation_error()));
    call->operation = target.operation;
    call->region = net::ParseSigV4(request.headers.Find("Authorization").value_or("")).region;
    if (call->region.empty()) call->region = kDefaultRegion;
    call->answer = MakeBodyWriter(call->codec);
    co_return co_await service->Run(call);
  }

  Env* const env;
  MemoryBudget* const budget;
  Metrics* const metrics;
  const Logger logger;
  const AwsSettings settings;
  const std::vector<AwsService*> services;
  const Executor home;
  net::HttpRouter router;
  BodyDecoder decoder;
  std::vector<std::unique_ptr<net::HttpServer>> servers;  // one for each shard
  std::unique_ptr<Listener> listener;
  std::unique_ptr<TaskScope> accepting;
  uint16_t port = 0;
};

AwsServer::AwsServer(Env* env, MemoryBudget* budget, Metrics* metrics, Logger logger,
                     AwsSettings settings, std::vector<AwsService*> services)
    : impl_(std::make_unique<Impl>(env, budget, metrics, std::move(logger), std::move(settings),
                                   std::move(services))) {}
AwsServer::~AwsServer() = default;

Task<> AwsServer::Start() { return RunOn(impl_->home, impl_->StartHere()); }
Task<> AwsServer::Stop() { return RunOn(impl_->home, impl_->StopHere()); }

void AwsServer::Serve(std::unique_ptr<Stream> stream) {
  if (impl_->servers.empty()) impl_->MakeServers();
  impl_->servers[0]->Serve(std::move(stream));
}

uint16_t AwsServer::port() const { return impl_->port; }

}  // namespace mainstem::gateway::aws
