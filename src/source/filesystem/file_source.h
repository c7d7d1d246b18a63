// The connector 'filesystem' as a source: a file, a folder or a glob, read once, or tailed when
// 'source.monitor-interval' is set. One split for each file.
#pragma once

#include "connector/registry.h"

namespace mainstem::source {

connector::ConnectorSpec FileSourceConnector();

}  // namespace mainstem::source
