#include "core/network_real.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <fmt/format.h>

namespace mainstem {
namespace {

using boost::system::error_code;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Resolver = asio::ip::basic_resolver<asio::ip::tcp, Executor>;

Status FromAsio(const error_code& error, const std::string& action) {
  ErrorCode code = ErrorCode::kConnectionClosed;
  if (error == asio::error::operation_aborted) code = ErrorCode::kCancelled;
  if (error == asio::error::address_in_use) code = ErrorCode::kAddressInUse;
  if (error == asio::error::connection_refused || error == asio::error::host_not_found ||
      error == asio::error::host_unreachable || error == asio::error::network_unreachable) {
    code = ErrorCode::kUnavailable;
  }
  return MakeError(code, fmt::format("{}: {}", action, error.message()));
}

std::string ToText(const asio::ip::tcp::endpoint& endpoint) {
  std::string host = endpoint.address().to_string();
  if (endpoint.address().is_v6()) host = "[" + host + "]";
  return fmt::format("{}:{}", host, endpoint.port());
}

// Pieces that lie side by side, as batches of a segment do, as one.
std::vector<asio::const_buffer> Joined(const std::vector<std::span<const std::byte>>& pieces) {
  std::vector<asio::const_buffer> joined;
  std::span<const std::byte> last;
  for (std::span<const std::byte> piece : pieces) {
    if (piece.empty()) continue;
    bool is_next = !joined.empty() && last.data() + last.size() == piece.data();
    last = is_next ? std::span(last.data(), last.size() + piece.size()) : piece;
    if (is_next) joined.pop_back();
    joined.emplace_back(last.data(), last.size());
  }
  return joined;
}

// Closes the socket when `deadline` passes; disarmed by the destructor.
class DeadlineGuard {
 public:
  DeadlineGuard(Socket* socket, TimePoint deadline)
      : scheduler_(socket->get_executor().scheduler()) {
    if (deadline == kNoDeadline) return;
    timer_ = scheduler_->AddTimer(deadline, UniqueFunction([this, socket] {
                                    fired_ = true;
                                    timer_ = 0;
                                    error_code ignored;
                                    socket->close(ignored);
                                  }));
  }
  ~DeadlineGuard() {
    if (timer_ != 0) scheduler_->CancelTimer(timer_);
  }
  bool fired() const { return fired_; }

 private:
  Scheduler* scheduler_;
  TimerId timer_ = 0;
  bool fired_ = false;
};

class RealStream final : public Stream {
 public:
  explicit RealStream(Socket socket) : socket_(std::move(socket)) {
    error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    local_ = ToText(socket_.local_endpoint(ignored));
    remote_ = ToText(socket_.remote_endpoint(ignored));
  }

  Task<size_t> ReadSome(std::span<std::byte> into, TimePoint deadline) override {
    if (co_await IsCancelled()) co_return MakeError(ErrorCode::kCancelled, "cancelled");
    DeadlineGuard guard(&socket_, deadline);
    auto [error, count] =
        co_await socket_.async_read_some(asio::buffer(into.data(), into.size()), kAwaitTuple);
    if (error == asio::error::eof) co_return size_t{0};
    if (error) co_return Failure(error, "read", guard);
    co_return count;
  }

  Task<> Write(std::vector<std::span<const std::byte>> pieces, TimePoint deadline) override {
    if (co_await IsCancelled()) co_return MakeError(ErrorCode::kCancelled, "cancelled");
    DeadlineGuard guard(&socket_, deadline);
    std::vector<asio::const_buffer> buffers = Joined(pieces);
    std::span<const asio::const_buffer> rest(buffers);
    // As much at a time as the kernel takes; asio::async_write goes by 64 KiB.
    while (!rest.empty()) {
      auto [error, count] = co_await socket_.async_write_some(rest, kAwaitTuple);
      if (error) co_return Failure(error, "write", guard);
      while (count > 0 && count >= rest.front().size()) {
        count -= rest.front().size();
        rest = rest.subspan(1);
      }
      if (count > 0) buffers[buffers.size() - rest.size()] += count;
    }
    co_return Status::OK();
  }

  void Close() override {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_both, ignored);
    socket_.close(ignored);
  }
  std::string local_address() const override { return local_; }
  std::string remote_address() const override { return remote_; }

 private:
  Status Failure(const error_code& error, const char* action, const DeadlineGuard& guard) {
    if (guard.fired()) {
      return MakeError(ErrorCode::kTimedOut,
                       fmt::format("{} with {} did not finish in time", action, remote_));
    }
    if (error == asio::error::operation_aborted && !socket_.is_open()) {
      return MakeError(ErrorCode::kConnectionClosed, "connection closed");
    }
    return FromAsio(error, fmt::format("{} with {}", action, remote_));
  }

  Socket socket_;
  std::string local_;
  std::string remote_;
};

class RealListener final : public Listener {
 public:
  explicit RealListener(Acceptor acceptor) : acceptor_(std::move(acceptor)) {
    error_code ignored;
    port_ = acceptor_.local_endpoint(ignored).port();
  }
  Task<std::unique_ptr<Stream>> Accept(Executor owner) override {
    if (co_await IsCancelled()) co_return MakeError(ErrorCode::kCancelled, "cancelled");
    auto [error, socket] = co_await acceptor_.async_accept(owner, kAwaitTuple);
    if (error) co_return FromAsio(error, "accept");
    co_return std::make_unique<RealStream>(std::move(socket));
  }
  void Close() override {
    error_code ignored;
    acceptor_.close(ignored);
  }
  uint16_t port() const override { return port_; }

 private:
  Acceptor acceptor_;
  uint16_t port_ = 0;
};

class RealNetwork final : public Network {
 public:
  Task<std::unique_ptr<Listener>> Listen(std::string host, uint16_t port) override {
    Executor executor = co_await asio::this_coro::executor;
    CO_ASSIGN_OR_RETURN(auto endpoints, co_await Resolve(host, port));
    asio::ip::tcp::endpoint endpoint = endpoints.begin()->endpoint();
    Acceptor acceptor(executor);
    std::string action = fmt::format("listen on {}", ToText(endpoint));
    error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (error) co_return FromAsio(error, action);
    acceptor.set_option(asio::socket_base::reuse_address(true), error);
    acceptor.bind(endpoint, error);
    if (error) co_return FromAsio(error, action);
    acceptor.listen(1024, error);
    if (error) co_return FromAsio(error, action);
    co_return std::make_unique<RealListener>(std::move(acceptor));
  }

  Task<std::unique_ptr<Stream>> Connect(std::string host, uint16_t port,
                                        TimePoint deadline) override {
    Executor executor = co_await asio::this_coro::executor;
    CO_ASSIGN_OR_RETURN(auto endpoints, co_await Resolve(host, port));
    Status last = MakeError(ErrorCode::kUnavailable, fmt::format("'{}' has no address", host));
    for (const auto& entry : endpoints) {
      Socket socket(executor);
      DeadlineGuard guard(&socket, deadline);
      auto [error] = co_await socket.async_connect(entry.endpoint(), kAwaitTuple);
      if (!error) co_return std::make_unique<RealStream>(std::move(socket));
      last = FromAsio(error, fmt::format("connect to {}", ToText(entry.endpoint())));
      if (guard.fired()) co_return MakeError(ErrorCode::kTimedOut, TextOf(last).message);
      if (error == asio::error::operation_aborted) co_return last;
    }
    co_return last;
  }

 private:
  Task<Resolver::results_type> Resolve(const std::string& host, uint16_t port) {
    Executor executor = co_await asio::this_coro::executor;
    error_code parse_error;
    auto address = asio::ip::make_address(host, parse_error);
    if (!parse_error) {
      co_return Resolver::results_type::create(asio::ip::tcp::endpoint(address, port), host,
                                               std::to_string(port));
    }
    Resolver resolver(executor);
    auto [error, results] =
        co_await resolver.async_resolve(host, std::to_string(port), kAwaitTuple);
    if (error) co_return FromAsio(error, fmt::format("resolve '{}'", host));
    co_return results;
  }
};

}  // namespace

std::unique_ptr<Network> MakeRealNetwork() { return std::make_unique<RealNetwork>(); }

}  // namespace mainstem
