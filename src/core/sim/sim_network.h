// The simulated network: byte streams between the processes of a SimWorld, on virtual time, with
// seeded latencies and faults. Which faults may happen where:
//   - Connect: refused without a listener, or by chance; or lost (ends at its deadline only);
//   - reads and writes go in pieces of any size; a writer waits when the connection's buffers are
//     full; what was written arrives later, in order;
//   - a connection may be cut behind any byte of what it carries: both ends hear of it, or one end,
//     or none (half open: what is written vanishes until the buffers are full);
//   - a process that ends closes its connections (killed), or says nothing more (power cut): then
//     peers hear of it some time later, if at all.
// Closing with unread input resets the connection, as TCP does. Single thread; owned by the world.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/env.h"

namespace mainstem {

class SimWorld;
class SimScheduler;
using SimProcessId = uint32_t;

struct SimNetworkOptions {
  Duration latency_min = std::chrono::microseconds(20);
  Duration latency_max = std::chrono::microseconds(400);
  // What may be on the way in one direction: each connection has a limit of its own in between.
  size_t buffer_bytes_min = 4 << 10;
  size_t buffer_bytes_max = 256 << 10;
  // Percent of reads and writes that take only a part of what they could.
  int partial_percent = 20;
  // Percent of connections that are cut, behind a random byte of the first cut_bytes_max.
  int cut_percent = 0;
  int64_t cut_bytes_max = 64 << 10;
  // Percent of cuts that only one end hears of, or none.
  int half_open_percent = 30;
  int refused_percent = 0;
  int lost_connect_percent = 0;
};

enum class SimEnding : uint8_t { kKilled, kPowerCut };

class SimNetwork final : public Network {
 public:
  SimNetwork(SimWorld* world, uint64_t seed, SimNetworkOptions options);
  ~SimNetwork() override;

  Task<std::unique_ptr<Listener>> Listen(std::string host, uint16_t port) override;
  Task<std::unique_ptr<Stream>> Connect(std::string host, uint16_t port,
                                        TimePoint deadline) override;

  // For connections that begin from now on.
  void set_options(SimNetworkOptions options) { options_ = options; }
  const SimNetworkOptions& options() const { return options_; }
  // Cuts every connection that is open now, wherever it is.
  void CutAll();
  void EndProcess(SimProcessId process, SimEnding ending);
  int64_t cut_count() const { return cut_count_; }

 private:
  friend class SimStream;
  friend class SimListener;
  struct Port;
  struct Endpoint;
  struct Connection;
  using ConnectionPointer = std::shared_ptr<Connection>;
  using PortPointer = std::shared_ptr<Port>;

  bool Chance(int percent) { return static_cast<int>(random_() % 100) < percent; }
  size_t Below(size_t bound) { return static_cast<size_t>(random_() % bound); }
  Duration Latency();
  Duration Between(Duration low, Duration high);
  // Runs `function` on the network's own scheduler.
  void After(TimePoint when, UniqueFunction function);
  ConnectionPointer MakeConnection(SimProcessId client, const PortPointer& port);
  // Sends what fits of `data` from one end; how much that was.
  size_t Send(const ConnectionPointer& connection, int from, std::span<const std::byte> data);
  void Arrive(const ConnectionPointer& connection, int to, std::string bytes);
  void SendEnd(const ConnectionPointer& connection, int from);
  void ResetLater(const ConnectionPointer& connection, int end, TimePoint when);
  void Reset(const ConnectionPointer& connection, int end);
  void Cut(const ConnectionPointer& connection);
  void CloseEnd(const ConnectionPointer& connection, int end);
  void ForEachConnection(const std::function<void(const ConnectionPointer&)>& function);

  SimWorld* const world_;
  SimScheduler* const scheduler_;
  SimNetworkOptions options_;
  std::mt19937_64 random_;
  std::map<uint16_t, PortPointer> ports_;
  std::vector<std::weak_ptr<Connection>> connections_;
  uint16_t next_port_ = 20'000;
  uint16_t next_client_port_ = 40'000;
  int64_t cut_count_ = 0;
};

}  // namespace mainstem
