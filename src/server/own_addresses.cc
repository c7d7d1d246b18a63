#include "server/own_addresses.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "connector/job_service.h"

namespace mainstem::server {
namespace {

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace

MachineNames NamesOfThisMachine() {
  MachineNames names;
  std::array<char, 256> text{};
  if (gethostname(text.data(), text.size() - 1) == 0 && text[0] != '\0') {
    names.hosts.emplace_back(text.data());
  }
  ifaddrs* listed = nullptr;
  if (getifaddrs(&listed) != 0) return names;
  std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(listed, &freeifaddrs);
  for (const ifaddrs* one = listed; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    const int family = one->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (getnameinfo(one->ifa_addr, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) ==
        0) {
      names.addresses.emplace_back(text.data());
    }
  }
  return names;
}

std::vector<std::string> OwnAddresses(const HostPort& listen, uint16_t port,
                                      const std::string& advertised, const MachineNames& machine) {
  std::vector<std::string> own;
  auto add = [&own](std::string address) {
    if (std::find(own.begin(), own.end(), address) == own.end()) own.push_back(std::move(address));
  };
  auto add_host = [&](std::string host) { add(Joined({.host = std::move(host)}, port)); };
  add_host(listen.host);
  add_host("localhost");
  add_host("127.0.0.1");
  if (!IsLoopback(listen.host)) {
    for (const std::string& host : machine.hosts) add_host(host);
  }
  if (listen.host == "0.0.0.0" || listen.host == "::") {
    for (const std::string& address : machine.addresses) add_host(address);
  }
  if (!advertised.empty()) add(advertised);
  add(std::string(connector::kThisNode));
  return own;
}

}  // namespace mainstem::server
