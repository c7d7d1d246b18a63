// What the connectors of delivery streams share as sinks: rows of bytes, gathered by size and
// time, go to a place that cannot be asked how far it is. Private to this folder.
//
// At least once: what is not acknowledged is sent again; after a restart of the node what was sent
// last comes again. What has been tried for longer than 'sink.retry.duration', or is refused for
// good, is handed over to the quarantine, as Amazon's error records.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "connector/options.h"
#include "connector/registry.h"
#include "sink/firehose/record_writer.h"

namespace mainstem::sink {

// A column of BYTES and one of TIMESTAMP_LTZ(3): the data, and when it arrived.
Status CheckRecordColumns(const connector::TableDescriptor& table);

// The options 'sink.buffer.size' (`bytes_max` at most), 'sink.buffer.interval' and
// 'sink.retry.duration'.
RecordBuffering ReadBuffering(connector::TableOptions* options, int64_t bytes_max);
std::vector<connector::OptionSpec> BufferingOptionSpecs();

// The option 'url', without slashes at its end.
Result<std::string> ReadUrl(const connector::TableDescriptor& table,
                            connector::TableOptions* options);

struct RecordSinkParts {
  Env* env;
  std::string connector;
  std::string guarantee;
  RecordBuffering buffering;
  std::function<std::unique_ptr<RecordClient>(PartitionId partition)> make_client;
};
std::unique_ptr<connector::TableSink> MakeRecordSink(RecordSinkParts parts);

}  // namespace mainstem::sink
