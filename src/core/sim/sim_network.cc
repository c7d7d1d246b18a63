#include "core/sim/sim_network.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <optional>

#include <fmt/format.h>

#include "core/sim/sim_world.h"

namespace mainstem {
namespace {

constexpr size_t kBacklogMax = 128;
constexpr Duration kSilenceMax = std::chrono::seconds(20);
constexpr int kSilentForEverPercent = 20;

Status Closed(const std::string& why) { return MakeError(ErrorCode::kConnectionClosed, why); }

SimProcessId ProcessOf(Executor executor) {
  // Every executor in a simulation belongs to a SimScheduler.
  return static_cast<SimScheduler*>(executor.scheduler())->process();
}

}  // namespace

// One end of a connection.
struct SimNetwork::Endpoint {
  SimProcessId process = 0;
  // Made when somebody owns the end: data may come before it is accepted.
  std::optional<Event> readable;
  std::optional<Event> writable;
  std::string arrived;    // not read yet
  size_t on_the_way = 0;  // towards this end
  TimePoint last_arrival{};
  bool peer_ended = false;  // nothing comes after what has arrived
  bool was_reset = false;
  bool closed = false;  // by its owner
  bool deaf = false;    // nothing reaches this end any more

  void Notify() {
    if (readable) readable->NotifyAll();
    if (writable) writable->NotifyAll();
  }
};

struct SimNetwork::Connection {
  Endpoint ends[2];  // client, server
  std::string addresses[2];
  size_t buffer_bytes = 0;
  int64_t carried_bytes = 0;
  int64_t cut_at = -1;  // -1: never
  bool is_cut = false;
};

struct SimNetwork::Port {
  Port(Executor owner, std::string address)
      : process(ProcessOf(owner)), address(std::move(address)), came(owner) {}
  const SimProcessId process;
  const std::string address;
  std::deque<ConnectionPointer> waiting;
  bool closed = false;
  Event came;
};

class SimStream final : public Stream {
 public:
  SimStream(SimNetwork* network, SimNetwork::ConnectionPointer connection, int end)
      : network_(network), connection_(std::move(connection)), end_(end) {}
  ~SimStream() override { SimStream::Close(); }

  Task<size_t> ReadSome(std::span<std::byte> into, TimePoint deadline) override {
    SimNetwork::ConnectionPointer connection = connection_;  // the stream may go meanwhile
    SimNetwork* network = network_;
    int end = end_;
    SimNetwork::Endpoint& mine = connection->ends[end];
    if (co_await IsCancelled()) co_return MakeError(ErrorCode::kCancelled, "cancelled");
    for (;;) {
      if (mine.closed) co_return Closed("connection closed");
      if (!mine.arrived.empty()) break;
      if (mine.was_reset) co_return Closed("read: connection reset by peer");
      if (mine.peer_ended) co_return size_t{0};
      CO_ASSIGN_OR_RETURN(bool woken, co_await mine.readable->Wait(deadline));
      if (!woken) co_return GiveUp(network, connection, end, "read");
    }
    size_t count = std::min(into.size(), mine.arrived.size());
    if (count > 1 && network->Chance(network->options().partial_percent)) {
      count = 1 + network->Below(count);
    }
    count = std::min(count, mine.arrived.size());
    std::memcpy(into.data(), mine.arrived.data(), count);
    mine.arrived.erase(0, count);
    SimNetwork::Endpoint& peer = connection->ends[1 - end];
    if (peer.writable) peer.writable->NotifyAll();
    co_return count;
  }

  Task<> Write(std::vector<std::span<const std::byte>> pieces, TimePoint deadline) override {
    SimNetwork::ConnectionPointer connection = connection_;
    SimNetwork* network = network_;
    int end = end_;
    SimNetwork::Endpoint& mine = connection->ends[end];
    if (co_await IsCancelled()) co_return MakeError(ErrorCode::kCancelled, "cancelled");
    for (std::span<const std::byte> piece : pieces) {
      while (!piece.empty()) {
        if (mine.closed) co_return Closed("connection closed");
        if (mine.was_reset) co_return Closed("write: connection reset by peer");
        size_t sent = network->Send(connection, end, piece);
        piece = piece.subspan(sent);
        if (sent > 0) continue;
        CO_ASSIGN_OR_RETURN(bool woken, co_await mine.writable->Wait(deadline));
        if (!woken) co_return GiveUp(network, connection, end, "write");
      }
    }
    co_return Status::OK();
  }

  void Close() override { network_->CloseEnd(connection_, end_); }
  std::string local_address() const override { return connection_->addresses[end_]; }
  std::string remote_address() const override { return connection_->addresses[1 - end_]; }

 private:
  // Half a frame can't be taken back: a deadline ends the stream.
  static Status GiveUp(SimNetwork* network, const SimNetwork::ConnectionPointer& connection,
                       int end, const char* action) {
    network->CloseEnd(connection, end);
    return MakeError(ErrorCode::kTimedOut, fmt::format("{} with {} did not finish in time", action,
                                                       connection->addresses[1 - end]));
  }

  SimNetwork* const network_;
  const SimNetwork::ConnectionPointer connection_;
  const int end_;
};

class SimListener final : public Listener {
 public:
  SimListener(SimNetwork* network, uint16_t number, SimNetwork::PortPointer port)
      : network_(network), number_(number), port_(std::move(port)) {}
  ~SimListener() override { SimListener::Close(); }

  Task<std::unique_ptr<Stream>> Accept(Executor owner) override {
    SimNetwork::PortPointer port = port_;
    SimNetwork* network = network_;
    if (co_await IsCancelled()) co_return MakeError(ErrorCode::kCancelled, "cancelled");
    while (port->waiting.empty()) {
      if (port->closed) co_return MakeError(ErrorCode::kCancelled, "accept: listener closed");
      CO_RETURN_IF_ERROR(co_await port->came.Wait());
    }
    SimNetwork::ConnectionPointer connection = std::move(port->waiting.front());
    port->waiting.pop_front();
    connection->ends[1].readable.emplace(owner);
    connection->ends[1].writable.emplace(owner);
    co_return std::make_unique<SimStream>(network, std::move(connection), 1);
  }

  void Close() override {
    if (std::exchange(port_->closed, true)) return;
    for (const SimNetwork::ConnectionPointer& connection : port_->waiting) {
      network_->CloseEnd(connection, 1);
    }
    port_->waiting.clear();
    network_->ports_.erase(number_);
    port_->came.NotifyAll();
  }
  uint16_t port() const override { return number_; }

 private:
  SimNetwork* const network_;
  const uint16_t number_;
  const SimNetwork::PortPointer port_;
};

SimNetwork::SimNetwork(SimWorld* world, uint64_t seed, SimNetworkOptions options)
    : world_(world),
      scheduler_(world->AddScheduler(world->NewProcess())),
      options_(options),
      random_(seed) {}

SimNetwork::~SimNetwork() = default;

Duration SimNetwork::Between(Duration low, Duration high) {
  if (high <= low) return low;
  return low +
         Duration(static_cast<int64_t>(random_() % static_cast<uint64_t>((high - low).count())));
}

Duration SimNetwork::Latency() { return Between(options_.latency_min, options_.latency_max); }

void SimNetwork::After(TimePoint when, UniqueFunction function) {
  scheduler_->AddTimer(when, std::move(function));
}

Task<std::unique_ptr<Listener>> SimNetwork::Listen(std::string host, uint16_t port) {
  Executor executor = co_await asio::this_coro::executor;
  bool is_any = port == 0;
  while (port == 0 || (is_any && ports_.contains(port))) port = next_port_++;
  if (ports_.contains(port)) {
    co_return MakeError(ErrorCode::kAddressInUse,
                        fmt::format("listen on {}:{}: address in use", host, port));
  }
  auto made = std::make_shared<Port>(executor, fmt::format("{}:{}", host, port));
  ports_[port] = made;
  co_return std::make_unique<SimListener>(this, port, std::move(made));
}

SimNetwork::ConnectionPointer SimNetwork::MakeConnection(SimProcessId client,
                                                         const PortPointer& port) {
  auto connection = std::make_shared<Connection>();
  connection->ends[0].process = client;
  connection->ends[1].process = port->process;
  connection->addresses[0] = fmt::format("127.0.0.1:{}", next_client_port_);
  connection->addresses[1] = port->address;
  if (++next_client_port_ == 65'000) next_client_port_ = 40'000;
  connection->buffer_bytes =
      options_.buffer_bytes_min + Below(options_.buffer_bytes_max - options_.buffer_bytes_min + 1);
  if (Chance(options_.cut_percent)) {
    connection->cut_at = static_cast<int64_t>(Below(static_cast<size_t>(options_.cut_bytes_max)));
  }
  std::erase_if(connections_, [](const auto& known) { return known.expired(); });
  connections_.push_back(connection);
  return connection;
}

Task<std::unique_ptr<Stream>> SimNetwork::Connect(std::string host, uint16_t port,
                                                  TimePoint deadline) {
  Executor executor = co_await asio::this_coro::executor;
  bool is_lost = Chance(options_.lost_connect_percent);
  bool is_refused = Chance(options_.refused_percent);
  TimePoint there = world_->Now() + Latency();
  if (is_lost || there > deadline) {
    CO_RETURN_IF_ERROR(co_await SleepUntil(deadline));
    co_return MakeError(ErrorCode::kTimedOut, fmt::format("connect to {}:{}", host, port));
  }
  CO_RETURN_IF_ERROR(co_await SleepUntil(there));
  auto found = ports_.find(port);
  if (is_refused || found == ports_.end() || found->second->waiting.size() >= kBacklogMax) {
    co_return MakeError(ErrorCode::kUnavailable,
                        fmt::format("connect to {}:{}: connection refused", host, port));
  }
  ConnectionPointer connection = MakeConnection(ProcessOf(executor), found->second);
  connection->ends[0].readable.emplace(executor);
  connection->ends[0].writable.emplace(executor);
  found->second->waiting.push_back(connection);
  found->second->came.NotifyAll();
  co_return std::make_unique<SimStream>(this, std::move(connection), 0);
}

size_t SimNetwork::Send(const ConnectionPointer& connection, int from,
                        std::span<const std::byte> data) {
  int to = 1 - from;
  Endpoint& target = connection->ends[to];
  size_t taken = target.on_the_way + target.arrived.size();
  if (taken >= connection->buffer_bytes) return 0;
  size_t count = std::min(data.size(), connection->buffer_bytes - taken);
  if (count > 1 && Chance(options_.partial_percent)) count = 1 + Below(count);
  target.on_the_way += count;
  if (connection->is_cut || target.deaf) return count;  // vanishes, and is never made room for
  size_t carried = count;
  bool cuts = connection->cut_at >= 0 &&
              connection->carried_bytes + static_cast<int64_t>(count) > connection->cut_at;
  if (cuts) carried = static_cast<size_t>(connection->cut_at - connection->carried_bytes);
  connection->carried_bytes += static_cast<int64_t>(carried);
  TimePoint when = std::max(target.last_arrival, world_->Now() + Latency());
  target.last_arrival = when;
  std::string bytes(reinterpret_cast<const char*>(data.data()), carried);
  uint64_t sum = carried;
  for (char byte : bytes) sum = sum * 31 + static_cast<uint8_t>(byte);
  world_->Trace(sum);
  After(when, UniqueFunction([this, connection, to, bytes = std::move(bytes)]() mutable {
          Arrive(connection, to, std::move(bytes));
        }));
  if (cuts) Cut(connection);
  return count;
}

void SimNetwork::Arrive(const ConnectionPointer& connection, int to, std::string bytes) {
  Endpoint& target = connection->ends[to];
  target.on_the_way -= std::min(target.on_the_way, bytes.size());
  if (target.deaf || target.was_reset) return;
  if (target.closed) {  // nobody reads it: the sender is told
    return ResetLater(connection, 1 - to, world_->Now() + Latency());
  }
  target.arrived += bytes;
  if (target.readable) target.readable->NotifyAll();
}

void SimNetwork::SendEnd(const ConnectionPointer& connection, int from) {
  int to = 1 - from;
  Endpoint& target = connection->ends[to];
  if (connection->is_cut || target.deaf) return;
  TimePoint when = std::max(target.last_arrival, world_->Now() + Latency());
  target.last_arrival = when;
  After(when, UniqueFunction([connection, to] {
          Endpoint& target = connection->ends[to];
          if (target.deaf) return;
          target.peer_ended = true;
          if (target.readable) target.readable->NotifyAll();
        }));
}

void SimNetwork::ResetLater(const ConnectionPointer& connection, int end, TimePoint when) {
  After(when, UniqueFunction([this, connection, end] { Reset(connection, end); }));
}

void SimNetwork::Reset(const ConnectionPointer& connection, int end) {
  Endpoint& target = connection->ends[end];
  target.was_reset = true;
  target.Notify();
}

void SimNetwork::Cut(const ConnectionPointer& connection) {
  if (std::exchange(connection->is_cut, true)) return;
  ++cut_count_;
  bool half_open = Chance(options_.half_open_percent);
  size_t hears = half_open ? Below(3) : 3;  // an end's number, none (2), both (3)
  world_->Trace(hears);
  for (int end = 0; end < 2; ++end) {
    if (hears == 3 || hears == static_cast<size_t>(end)) {
      TimePoint after_data = std::max(connection->ends[end].last_arrival, world_->Now());
      ResetLater(connection, end, after_data + Latency());
    }
  }
}

void SimNetwork::CloseEnd(const ConnectionPointer& connection, int end) {
  Endpoint& mine = connection->ends[end];
  if (std::exchange(mine.closed, true)) return;
  bool is_unread = !mine.arrived.empty();
  mine.arrived.clear();
  mine.Notify();
  if (mine.was_reset) return;
  if (is_unread && !connection->is_cut) {
    ResetLater(connection, 1 - end, world_->Now() + Latency());
  } else {
    SendEnd(connection, end);
  }
}

void SimNetwork::ForEachConnection(const std::function<void(const ConnectionPointer&)>& function) {
  std::vector<std::weak_ptr<Connection>> all = connections_;
  for (const auto& known : all) {
    if (ConnectionPointer connection = known.lock()) function(connection);
  }
}

void SimNetwork::CutAll() {
  ForEachConnection([this](const ConnectionPointer& connection) { Cut(connection); });
}

void SimNetwork::EndProcess(SimProcessId process, SimEnding ending) {
  for (auto it = ports_.begin(); it != ports_.end();) {
    it = it->second->process == process ? ports_.erase(it) : std::next(it);
  }
  ForEachConnection([&](const ConnectionPointer& connection) {
    for (int end = 0; end < 2; ++end) {
      Endpoint& mine = connection->ends[end];
      if (mine.process != process || std::exchange(mine.deaf, true)) continue;
      TimePoint when = world_->Now() + Latency();
      if (ending == SimEnding::kPowerCut) {
        if (Chance(kSilentForEverPercent)) continue;
        when += Between(Duration(0), kSilenceMax);
      }
      if (!connection->is_cut) ResetLater(connection, 1 - end, when);
    }
  });
}

}  // namespace mainstem
