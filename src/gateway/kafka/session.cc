#include "gateway/kafka/session.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr Duration kWriteDeadline = std::chrono::minutes(2);

// "127.0.0.1:9092" or "[::1]:9092".
std::pair<std::string, int32_t> SplitAddress(const std::string& address) {
  size_t colon = address.rfind(':');
  if (colon == std::string::npos) return {address, 0};
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return {host, std::atoi(address.c_str() + colon + 1)};
}

}  // namespace

Session::Session(Services services, MemoryBudget* budget, KafkaMetrics* metrics,
                 std::unique_ptr<Stream> stream, Executor executor)
    : services_(services),
      budget_(budget),
      metrics_(metrics),
      stream_(std::move(stream)),
      executor_(executor),
      // A frame for which there can never be memory is refused as one that is over the limit.
      frames_(services.env, stream_.get(), budget,
              std::min(services.settings->request_bytes_max, budget->shared_bytes())),
      fetch_session_(services.env, budget),
      moved_(executor),
      ended_(executor),
      alone_(executor, "kafka call",
             [this](const std::string&, const Status& status) { outcome_ = status; }),
      scope_(executor, "kafka session",
             [this](const std::string&, const Status& status) { outcome_ = status; }) {
  context_.services = services_;
  context_.fetch_session = &fetch_session_;
  context_.client_host = "/" + SplitAddress(stream_->remote_address()).first;
  auto [host, port] = SplitAddress(stream_->local_address());
  const KafkaSettings& settings = *services_.settings;
  context_.advertised_host = settings.advertised_host.empty() ? host : settings.advertised_host;
  context_.advertised_port = settings.advertised_port == 0 ? port : settings.advertised_port;
}

Session::~Session() = default;

Task<> Session::Run() {
  scope_.Spawn("read", End(ReadLoop()));
  scope_.Spawn("serve", End(ServeLoop()));
  scope_.Spawn("write", End(WriteLoop()));
  Status status;
  while (!has_ended_ && status.ok()) {
    Result<bool> woken = co_await ended_.Wait();
    status = woken.status();
  }
  stream_->Close();
  IgnoreError(co_await scope_.Close(), "tasks have reported to outcome_");
  co_return status.ok() ? outcome_ : status;
}

// The reader alone may end without ending the session: what came before still counts.
Task<> Session::End(Task<> loop) {
  Status status = co_await std::move(loop);
  bool only_input_ended = status.ok() && input_ended_ && !serving_ended_;
  if (!only_input_ended) {
    has_ended_ = true;
    ended_.NotifyAll();
  }
  co_return status;
}

bool Session::HasRoomFor(size_t bytes) const {
  size_t count = unserved_.size() + unanswered_.size();
  return count == 0 || (count < kInFlightMax && in_flight_bytes_ + bytes <= kInFlightBytesMax);
}

Task<> Session::ReadLoop() {
  for (;;) {
    TimePoint idle_end = services_.env->Now() + services_.settings->idle_max;
    CO_ASSIGN_OR_RETURN(std::optional<size_t> size, co_await frames_.NextSize(idle_end));
    if (!size) break;
    while (!HasRoomFor(*size)) CO_RETURN_IF_ERROR(co_await moved_.Wait());
    auto request = std::make_shared<InFlight>();
    CO_ASSIGN_OR_RETURN(request->frame, co_await frames_.Read(*size));
    metrics_->received_bytes().Increment(static_cast<double>(*size + sizeof(int32_t)));
    CO_RETURN_IF_ERROR(Prepare(request.get()));
    in_flight_bytes_ += request->frame.size();
    unserved_.push_back(std::move(request));
    moved_.NotifyAll();
  }
  input_ended_ = true;
  alone_.Cancel();
  moved_.NotifyAll();
  co_return Status::OK();
}

Status Session::Prepare(InFlight* request) {
  ASSIGN_OR_RETURN(RequestPrefix prefix, DecodeRequestPrefix(request->frame.span()));
  const ApiInfo* api = FindApi(prefix.api_key);
  if (api == nullptr || FindRoute(api->key) == nullptr) {
    return MakeError(ErrorCode::kUnsupported,
                     fmt::format("API {} is not supported", prefix.api_key));
  }
  request->context = context_;
  request->answer_memory = AnswerMemory(budget_);
  request->context.answer_memory = &request->answer_memory;
  if (!api->Understands(prefix.api_version)) {
    if (api->key != ApiKey::kApiVersions) {
      return MakeError(ErrorCode::kUnsupported, fmt::format("version {} of {} is not supported",
                                                            prefix.api_version, api->name));
    }
    request->response = RefuseApiVersions(prefix.correlation_id);
    request->done = true;
    return Status::OK();
  }
  request->body = Reader(request->frame.span());
  ASSIGN_OR_RETURN(request->header, DecodeRequestHeader(&request->body));
  request->context.version = prefix.api_version;
  request->context.client_id = request->header.client_id.value_or("");
  request->route = FindRoute(api->key);
  return Status::OK();
}

Task<> Session::ServeLoop() {
  for (;;) {
    while (unserved_.empty() && !input_ended_) CO_RETURN_IF_ERROR(co_await moved_.Wait());
    if (unserved_.empty()) break;
    InFlightPointer request = unserved_.front();
    bool is_produce = request->route != nullptr && request->route->key == ApiKey::kProduce;
    // A client that has gone needs no answers, but what it sent to be stored is stored.
    if (input_ended_ && !is_produce) break;
    if (!is_produce && running_produces_ > 0) {
      CO_RETURN_IF_ERROR(co_await moved_.Wait());
      continue;
    }
    unserved_.pop_front();
    unanswered_.push_back(request);
    if (request->done) {
      moved_.NotifyAll();
    } else if (is_produce) {
      ++running_produces_;
      scope_.Spawn("produce", ServeOne(request));
    } else {
      CO_RETURN_IF_ERROR(co_await ServeAlone(request));
      if (has_ended_) co_return Status::OK();
    }
  }
  while (running_produces_ > 0) CO_RETURN_IF_ERROR(co_await moved_.Wait());
  serving_ended_ = true;
  co_return Status::OK();
}

Task<> Session::ServeAlone(InFlightPointer request) {
  alone_.Spawn("call", ServeOne(std::move(request)));
  Status joined = co_await alone_.Join();
  if (joined.ok()) co_return Status::OK();
  CO_RETURN_IF_ERROR(co_await alone_.Close());
  co_return joined;
}

Task<> Session::ServeOne(InFlightPointer request) {
  bool is_produce = request->route->key == ApiKey::kProduce;
  TimePoint began = services_.env->Now();
  Result<Frame> response =
      co_await request->route->serve(request->context, request->header, request->body);
  Count(*request, response, began);
  if (is_produce) --running_produces_;
  if (response.ok()) {
    request->response = std::move(response).ValueUnsafe();
    request->done = true;
  } else if (input_ended_ && !is_produce && Is(response.status(), ErrorCode::kCancelled)) {
    request->done = true;  // nobody waits for an answer; what came behind it is served
  } else {
    if (outcome_.ok()) outcome_ = response.status();
    has_ended_ = true;
    ended_.NotifyAll();
  }
  moved_.NotifyAll();
  co_return response.status();
}

void Session::Count(const InFlight& request, const Result<Frame>& response, TimePoint began) {
  using Outcome = KafkaMetrics::Outcome;
  Outcome outcome = Outcome::kClosed;
  if (response.ok()) outcome = response->has_error() ? Outcome::kError : Outcome::kOk;
  double seconds = std::chrono::duration<double>(services_.env->Now() - began).count();
  metrics_->CountRequest(request.route->key, outcome, seconds);
  if (response.ok()) metrics_->CountFetched(static_cast<int64_t>(response->spliced_bytes()));
}

Task<> Session::WriteLoop() {
  for (;;) {
    std::vector<InFlightPointer> ready;
    std::vector<std::span<const std::byte>> pieces;
    for (const InFlightPointer& request : unanswered_) {
      if (!request->done) break;
      for (std::span<const std::byte> piece : request->response.Pieces()) pieces.push_back(piece);
      ready.push_back(request);
    }
    if (ready.empty()) {
      CO_RETURN_IF_ERROR(co_await moved_.Wait());
      continue;
    }
    if (!pieces.empty()) {
      TimePoint deadline = services_.env->Now() + kWriteDeadline;
      CO_RETURN_IF_ERROR(co_await stream_->Write(std::move(pieces), deadline));
    }
    for (const InFlightPointer& request : ready) {
      metrics_->sent_bytes().Increment(static_cast<double>(request->response.total_bytes()));
      in_flight_bytes_ -= request->frame.size();
      unanswered_.pop_front();
    }
    moved_.NotifyAll();
  }
}

}  // namespace mainstem::gateway::kafka
