// By which addresses tables may mean this node's Kafka door: what is read and written through them
// goes to the log itself.
#pragma once

#include <string>
#include <vector>

#include "server/settings.h"

namespace mainstem::server {

// What the machine is called and which addresses its interfaces have, without brackets.
struct MachineNames {
  std::vector<std::string> hosts = {};  // as hostname prints them
  std::vector<std::string> addresses = {};
};
MachineNames NamesOfThisMachine();

// "host:port" each, the listened one first. The machine's name counts unless only loopback is
// listened on, the addresses of its interfaces when all are. `advertised` may be empty.
std::vector<std::string> OwnAddresses(const HostPort& listen, uint16_t port,
                                      const std::string& advertised, const MachineNames& machine);

}  // namespace mainstem::server
