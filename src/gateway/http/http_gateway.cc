#include "gateway/http/http_gateway.h"

#include <algorithm>
#include <charconv>

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include "core/net/server_sent_events.h"
#include "core/net/websocket.h"
#include "gateway/http/answer_lease.h"
#include "gateway/http/body_encoding.h"
#include "gateway/http/event_body.h"
#include "gateway/http/event_page.h"
#include "gateway/http/event_writer.h"
#include "gateway/http/follow.h"
#include "storage/topic_config.h"

namespace mainstem::gateway::http {
namespace {

using net::HttpExchange;
using net::HttpMethod;
using net::HttpRequest;
using net::HttpResponse;
using storage::TopicInfo;

constexpr int64_t kPageLimit = 10'000;
constexpr int64_t kPageDefault = 100;
constexpr size_t kPageBytes = 8u << 20;
constexpr size_t kParseHereBytes = 128u << 10;  // about 0.2 ms
constexpr size_t kClientMessageLimit = 4096;    // followers have nothing to say
constexpr std::string_view kHeaderPrefix = "Mainstem-Header-";

class ServerSentSink final : public FollowSink {
 public:
  explicit ServerSentSink(HttpExchange* exchange) : exchange_(exchange) {}
  // Opens the stream for the browser, which takes the id without showing an event.
  Task<> Begin(std::string positions) override {
    std::string text = "id: " + positions + "\n\n";
    co_return co_await exchange_->WriteStream(std::move(text));
  }
  Task<> Send(std::vector<FollowedEvent> events) override {
    std::string text;
    for (const FollowedEvent& event : events) {
      text += net::FormatServerSentEvent({.id = event.positions, .data = event.json});
    }
    co_return co_await exchange_->WriteStream(std::move(text));
  }
  Task<> SendGap(FollowedEvent gap) override {
    std::string text =
        net::FormatServerSentEvent({.id = gap.positions, .name = "gap", .data = gap.json});
    co_return co_await exchange_->WriteStream(std::move(text));
  }
  Task<> Heartbeat() override {
    std::string text(net::kServerSentHeartbeat);
    co_return co_await exchange_->WriteStream(std::move(text));
  }

 private:
  HttpExchange* exchange_;
};

// Each message carries, as "next", what the id is for server-sent events.
class WebSocketSink final : public FollowSink {
 public:
  explicit WebSocketSink(net::WebSocket* socket) : socket_(socket) {}
  Task<> Begin(std::string positions) override { return SendText("{", positions); }
  Task<> Send(std::vector<FollowedEvent> events) override {
    for (FollowedEvent& event : events) {
      std::string text = std::move(event.json);
      text.back() = ',';
      CO_RETURN_IF_ERROR(co_await SendText(std::move(text), std::move(event.positions)));
    }
    co_return Status::OK();
  }
  Task<> SendGap(FollowedEvent gap) override {
    return SendText("{\"gap\":" + gap.json + ",", std::move(gap.positions));
  }
  Task<> Heartbeat() override {
    std::string payload;
    co_return co_await socket_->Send(net::WebSocketOpcode::kPing, std::move(payload));
  }

 private:
  // `begin` is an object without its end, ready for another member.
  Task<> SendText(std::string begin, std::string positions) {
    std::string text = std::move(begin) + "\"next\":" + JsonQuote(positions) + "}";
    co_return co_await socket_->Send(net::WebSocketOpcode::kText, std::move(text));
  }

  net::WebSocket* socket_;
};

// Answers pings and notices when the client closes; then ends the follow.
Task<> ReadUntilClosed(net::WebSocket* socket, TaskScope* follow) {
  while (true) {
    auto message = co_await socket->Read(kNoDeadline);
    if (message.ok() && *message) continue;
    follow->Cancel();
    co_return Status::OK();
  }
}

Result<std::vector<PartitionId>> WantedPartitions(const HttpRequest& request,
                                                  const TopicInfo& topic) {
  std::vector<PartitionId> partitions;
  if (request.Query("partition")) {
    HttpRequest::IntegerBounds bounds{
        .fallback = 0, .minimum = 0, .maximum = topic.partition_count - 1};
    ASSIGN_OR_RETURN(int64_t partition, request.QueryInteger("partition", bounds));
    partitions.emplace_back(static_cast<int32_t>(partition));
    return partitions;
  }
  for (int32_t i = 0; i < topic.partition_count; ++i) partitions.emplace_back(i);
  return partitions;
}

Result<int64_t> ParseTimestamp(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = fmt::format("Mainstem-Timestamp is '{}'", text),
                      .detail = "expected milliseconds since 1970"});
  }
  return value;
}

}  // namespace

struct HttpGateway::Impl {
  Impl(Env* env, storage::Log* log, HttpGatewayOptions options)
      : env(env), log(log), options(options), writer(log) {}

  enum class IfMissing : uint8_t { kRefuse, kDescribe, kCreate };
  // kDescribe gives a topic as it would be made.
  Task<TopicInfo> FindTopic(std::string name, IfMissing what) {
    auto topic = log->FindTopic(name);
    if (topic) co_return *topic;
    if (what == IfMissing::kRefuse) {
      co_return MakeError(ErrorCode::kUnknownTopic,
                          {.message = fmt::format("no topic '{}'", name),
                           .hint = fmt::format("create it: mainstem topic create {}", name)});
    }
    storage::TopicConfig config;
    const bool validate_only = what == IfMissing::kDescribe;
    auto created = co_await log->CreateTopic(name, -1, std::move(config), validate_only);
    // Another request may have been quicker.
    if (Is(created.status(), ErrorCode::kAlreadyExists)) topic = log->FindTopic(name);
    if (topic) co_return *topic;
    co_return created;
  }

  // A large body would hold up the shard: it is checked on the pool.
  Task<std::vector<Event>> ParseBody(const HttpRequest& request, std::string_view text) {
    EventBodyOptions body{.kind = BodyKindOf(request.ContentType()), .key_field = {}};
    if (auto field = request.Query("key-field")) body.key_field = *field;
    if (text.size() <= kParseHereBytes) co_return body_parser.Parse(text, body);
    EventBodyParser parser;
    auto parse = [&] { return parser.Parse(text, body); };
    co_return co_await env->blocking_pool().Run(parse);
  }

  // The events point into `text`.
  Task<EventWrite> DescribeWrite(const HttpRequest& request, std::string_view text) {
    EventWrite write;
    CO_ASSIGN_OR_RETURN(write.events, co_await ParseBody(request, text));
    if (auto key = request.headers.Find("Mainstem-Key")) write.key = std::string(*key);
    if (auto key = request.Query("key")) write.key = std::string(*key);
    write.timestamp_ms = env->WallTime().value();
    if (auto time = request.headers.Find("Mainstem-Timestamp")) {
      CO_ASSIGN_OR_RETURN(write.timestamp_ms, ParseTimestamp(*time));
    }
    for (const auto& [name, value] : request.headers.fields()) {
      if (name.size() > kHeaderPrefix.size() &&
          net::EqualsIgnoringCase(name.substr(0, kHeaderPrefix.size()), kHeaderPrefix)) {
        // In lower case, as HTTP/2 sends it: what a client writes must not depend on the version.
        write.headers.emplace_back(absl::AsciiStrToLower(name.substr(kHeaderPrefix.size())), value);
      }
    }
    write.batch_bytes = options.batch_bytes;
    co_return write;
  }

  // The body as it was before it was compressed. Zeros may be packed a thousandfold: what comes out
  // is limited and leased like what came in.
  Task<std::string> TakePlainBody(HttpExchange* exchange, MemoryLease* lease) {
    std::string body = exchange->TakeBody();
    if (BodyEncodingOf(exchange->request().headers) == BodyEncoding::kNone) co_return body;
    auto gunzip = [&] { return Gunzip(body, options.body_limit, options.memory, lease); };
    co_return co_await env->blocking_pool().Run(gunzip);
  }

  Task<> RefuseEncoding(HttpExchange* exchange) {
    HttpResponse response =
        net::ErrorResponse(415, "UnsupportedMediaType",
                           {.message = "this Content-Encoding of a body is not understood",
                            .hint = "send it as it is, or with Content-Encoding: gzip"});
    response.headers.Add("Accept-Encoding", "gzip");
    co_return co_await exchange->Respond(std::move(response));
  }

  Task<> PostEvents(HttpExchange* exchange) {
    const HttpRequest& request = exchange->request();
    const std::string name = request.Parameter("topic");
    CO_RETURN_IF_ERROR(storage::CheckClientUse(name, storage::ClientUse::kWrite));
    if (!BodyEncodingOf(request.headers)) co_return co_await RefuseEncoding(exchange);
    MemoryLease lease;
    CO_ASSIGN_OR_RETURN(std::string body, co_await TakePlainBody(exchange, &lease));
    CO_ASSIGN_OR_RETURN(EventWrite write, co_await DescribeWrite(request, body));
    // All is checked before a topic is made for it.
    const bool may_create = options.auto_create_topics && !write.events.empty();
    IfMissing missing = may_create ? IfMissing::kDescribe : IfMissing::kRefuse;
    CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await FindTopic(name, missing));
    if (request.Query("partition")) {
      CO_ASSIGN_OR_RETURN(auto partitions, WantedPartitions(request, topic));
      write.partition = partitions[0];
    }
    CO_ASSIGN_OR_RETURN(PreparedWrite prepared, writer.Prepare(write, topic));
    if (may_create) {
      CO_ASSIGN_OR_RETURN(topic, co_await FindTopic(name, IfMissing::kCreate));
    }
    auto count = static_cast<int64_t>(write.events.size());
    CO_ASSIGN_OR_RETURN(auto written, co_await writer.Write(topic.id, std::move(prepared)));
    stats.events_in.fetch_add(count, std::memory_order_relaxed);
    stats.bytes_in.fetch_add(std::ssize(body), std::memory_order_relaxed);
    JsonWriter json;
    json.BeginObject().Field("topic", name).Field("count", count).Key("written").BeginArray();
    for (const WrittenRange& range : written) {
      json.BeginObject().Field("partition", range.partition.value());
      json.Field("offset", range.base_offset.value()).Field("count", range.count).EndObject();
    }
    json.EndArray().EndObject();
    HttpResponse response = net::JsonResponse(200, json.Take() + "\n");
    co_return co_await exchange->Respond(std::move(response));
  }

  Task<> GetEvents(HttpExchange* exchange) {
    const HttpRequest& request = exchange->request();
    CO_ASSIGN_OR_RETURN(TopicInfo topic,
                        co_await FindTopic(request.Parameter("topic"), IfMissing::kRefuse));
    std::string decode(request.Query("decode").value_or("auto"));
    CO_ASSIGN_OR_RETURN(ValueDecoding decoding, ParseValueDecoding(decode));
    bool is_socket = request.headers.HasToken("Upgrade", "websocket");
    if (is_socket || request.Accepts("text/event-stream")) {
      co_return co_await FollowEvents(exchange, std::move(topic), decoding, is_socket);
    }
    co_return co_await GetPage(exchange, std::move(topic), decoding);
  }

  Task<Positions> StartPositions(const HttpRequest& request, TopicInfo topic, std::string from,
                                 int64_t back_count) {
    ResolveOptions resolve{.from = {}, .partitions = {}, .back_count = back_count};
    CO_ASSIGN_OR_RETURN(resolve.from, ParseReadFrom(from));
    CO_ASSIGN_OR_RETURN(resolve.partitions, WantedPartitions(request, topic));
    co_return co_await ResolvePositions(log, std::move(topic), std::move(resolve));
  }

  Task<> GetPage(HttpExchange* exchange, TopicInfo topic, ValueDecoding decoding) {
    const HttpRequest& request = exchange->request();
    HttpRequest::IntegerBounds bounds{
        .fallback = kPageDefault, .minimum = 1, .maximum = kPageLimit};
    CO_ASSIGN_OR_RETURN(int64_t limit, request.QueryInteger("limit", bounds));
    std::string from(request.Query("from").value_or("earliest"));
    CO_ASSIGN_OR_RETURN(Positions positions, co_await StartPositions(request, topic, from, limit));
    CO_ASSIGN_OR_RETURN(MemoryLease memory, LeasePage());
    EventJsonWriter event_writer(decoding);
    RecordShow show = [&event_writer](
                          PartitionId partition,
                          const storage::RecordView& record) -> Result<std::optional<std::string>> {
      JsonWriter json;
      RETURN_IF_ERROR(event_writer.Write(partition, record, &json));
      return json.Take();
    };
    PageOptions page_options{.limit = limit, .bytes_max = kPageBytes, .newest = from == "latest"};
    CO_ASSIGN_OR_RETURN(Page page, co_await ReadPage(log, topic.id, std::move(positions),
                                                     page_options, std::move(show)));
    JsonWriter json;
    json.BeginObject().Field("topic", topic.name).Key("events").BeginArray();
    for (const std::string& event : page.records) json.Raw(event);
    json.EndArray();
    WriteGaps(page.gaps, &json);
    json.Field("next", FormatPositions(page.next)).EndObject();
    stats.events_out.fetch_add(std::ssize(page.records), std::memory_order_relaxed);
    HttpResponse response = net::JsonResponse(200, json.Take() + "\n");
    stats.bytes_out.fetch_add(static_cast<int64_t>(response.body.size()),
                              std::memory_order_relaxed);
    co_return co_await exchange->Respond(std::move(response));
  }

  // The events of a page and the answer made of them.
  Result<MemoryLease> LeasePage() {
    std::optional<MemoryLease> lease =
        TryLeaseAnswer(options.memory, static_cast<int64_t>(2 * kPageBytes));
    if (lease) return *std::move(lease);
    return MakeError(ErrorCode::kResourceExhausted,
                     {.message = "too many pages of events are being read",
                      .hint = "try again in a moment, or give the node more with --memory"});
  }

  Task<> FollowEvents(HttpExchange* exchange, TopicInfo topic, ValueDecoding decoding,
                      bool is_socket) {
    const HttpRequest& request = exchange->request();
    std::string from(request.Query("from").value_or("latest"));
    if (auto last = request.headers.Find("Last-Event-ID")) from = *last;
    FollowOptions follow{.topic = topic,
                         .positions = {},
                         .all_partitions = !request.Query("partition"),
                         .decoding = decoding,
                         .events_sent = &stats.events_out,
                         .bytes_sent = &stats.bytes_out,
                         .memory = options.memory};
    CO_ASSIGN_OR_RETURN(follow.positions, co_await StartPositions(request, topic, from, 0));
    stats.followers.fetch_add(1, std::memory_order_relaxed);
    Status outcome;
    if (is_socket) {
      outcome = co_await FollowBySocket(exchange, std::move(follow));
    } else {
      outcome = co_await FollowByEvents(exchange, std::move(follow));
    }
    stats.followers.fetch_sub(1, std::memory_order_relaxed);
    co_return outcome;
  }

  Task<> FollowByEvents(HttpExchange* exchange, FollowOptions follow) {
    net::HttpHeaders headers = net::ServerSentEventHeaders();
    CO_RETURN_IF_ERROR(co_await exchange->StartStream(200, std::move(headers)));
    ServerSentSink sink(exchange);
    Status outcome = co_await Follow(env, log, std::move(follow), &sink);
    if (!Is(outcome, ErrorCode::kUnknownTopic)) co_return outcome;
    std::string data = net::ErrorJson(outcome);
    std::string text = net::FormatServerSentEvent({.name = "error", .data = data});
    co_return co_await exchange->WriteStream(std::move(text));
  }

  Task<> FollowBySocket(HttpExchange* exchange, FollowOptions follow) {
    CO_ASSIGN_OR_RETURN(auto socket, co_await exchange->AcceptWebSocket(kClientMessageLimit));
    Executor executor = co_await asio::this_coro::executor;
    WebSocketSink sink(socket.get());
    Status outcome;
    TaskScope scope(executor, "websocket follow",
                    [&](const std::string&, const Status& status) { outcome = status; });
    TaskScope reader(executor, "websocket reader", [](const std::string&, const Status&) {});
    scope.Spawn("follow", Follow(env, log, std::move(follow), &sink));
    reader.Spawn("read", ReadUntilClosed(socket.get(), &scope));
    Status joined = co_await scope.Join();
    IgnoreError(co_await scope.Close(), "only the outcome counts");
    if (Is(outcome, ErrorCode::kUnknownTopic)) {
      IgnoreError(co_await socket->Close(1001, TextOf(outcome).message), "the client may be gone");
    }
    IgnoreError(co_await reader.Close(), "only the outcome counts");
    CO_RETURN_IF_ERROR(joined);
    co_return Status::OK();
  }

  Env* env;
  storage::Log* log;
  HttpGatewayOptions options;
  EventBodyParser body_parser;
  EventWriter writer;
  HttpGatewayStats stats;
};

HttpGateway::HttpGateway(Env* env, storage::Log* log, HttpGatewayOptions options)
    : impl_(std::make_unique<Impl>(env, log, options)) {}
HttpGateway::~HttpGateway() = default;

const HttpGatewayStats& HttpGateway::stats() const { return impl_->stats; }

void HttpGateway::AddRoutes(net::HttpRouter* router) {
  Impl* impl = impl_.get();
  constexpr std::string_view kEvents = "/v1/topics/{topic}/events";
  router->Add(HttpMethod::kPost, kEvents,
              [impl](HttpExchange* exchange) { return impl->PostEvents(exchange); },
              {.body_limit = impl->options.body_limit, .allow_cross_origin = true});
  router->Add(HttpMethod::kGet, kEvents,
              [impl](HttpExchange* exchange) { return impl->GetEvents(exchange); },
              {.allow_cross_origin = true});
  router->Add(HttpMethod::kGet, "/openapi.json",
              net::Answering([](const HttpRequest&) -> Result<HttpResponse> {
                return net::JsonResponse(200, std::string(OpenApiDocument()));
              }));
  router->Add(
      HttpMethod::kGet, "/docs/api", net::Answering([](const HttpRequest&) -> Result<HttpResponse> {
        auto page = net::TextResponse(200, "text/html; charset=utf-8", std::string(ApiPage()));
        page.headers.Add("Content-Security-Policy",
                         "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors "
                         "'none'; base-uri 'none'");
        return page;
      }));
}

}  // namespace mainstem::gateway::http
