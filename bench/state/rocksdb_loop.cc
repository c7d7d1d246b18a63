// A bare read/write loop over RocksDB, beside which `growth.py` measures state that is larger than
// its memory: for each of `rows` random keys out of `keys`, Get, add one, Put. One thread, no
// write-ahead log, a Bloom filter, 8-byte keys and values; block cache and write buffers together
// have `memory_bytes`. Prints the rows as JSON; growth.py takes time and CPU from outside.
// Usage: rocksdb_loop ROWS KEYS MEMORY_BYTES FOLDER
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

namespace {

void Check(const rocksdb::Status& status) {
  if (status.ok()) return;
  std::cerr << status.ToString() << "\n";
  std::exit(1);
}

uint64_t NextRandom(uint64_t* state) {  // SplitMix64
  uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: rocksdb_loop ROWS KEYS MEMORY_BYTES FOLDER\n";
    return 2;
  }
  const uint64_t rows = std::strtoull(argv[1], nullptr, 10);
  const uint64_t keys = std::strtoull(argv[2], nullptr, 10);
  const uint64_t memory_bytes = std::strtoull(argv[3], nullptr, 10);

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(memory_bytes);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  rocksdb::Options options;
  options.create_if_missing = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_manager =
      std::make_shared<rocksdb::WriteBufferManager>(memory_bytes / 4, table.block_cache);
  options.compression = rocksdb::kLZ4Compression;
  rocksdb::DB* opened = nullptr;
  Check(rocksdb::DB::Open(options, argv[4], &opened));
  std::unique_ptr<rocksdb::DB> db(opened);

  rocksdb::WriteOptions no_log;
  no_log.disableWAL = true;
  uint64_t random = 1;
  std::string value;
  for (uint64_t row = 0; row < rows; ++row) {
    const uint64_t key = NextRandom(&random) % keys;
    const rocksdb::Slice name(reinterpret_cast<const char*>(&key), sizeof(key));
    uint64_t count = 0;
    const rocksdb::Status status = db->Get(rocksdb::ReadOptions(), name, &value);
    if (!status.IsNotFound()) {
      Check(status);
      std::memcpy(&count, value.data(), sizeof(count));
    }
    ++count;
    Check(db->Put(no_log, name,
                  rocksdb::Slice(reinterpret_cast<const char*>(&count), sizeof(count))));
  }
  std::cout << "{\"rows\": " << rows << "}\n";
}
