// Load that costs little itself: prebuilt record batches over raw sockets, in the Kafka protocol
// (Produce 8, Fetch 11), so that what is measured is the broker. The same bytes for every broker;
// also a broker that only answers, as the limit.
//   wire_load produce HOST:PORT TOPIC [options]   sends prebuilt batches, acks=all; MiB/s and the
//   latency of acknowledgements wire_load consume HOST:PORT TOPIC [options]   fetches from the
//   beginning; MiB/s wire_load latency HOST:PORT TOPIC [options]   produces at a rate and consumes
//   beside it; from before the send to after the fetch wire_load null PORT a broker that reads
//   requests and answers them, and keeps nothing
// Options (name=value): partitions=1 connections=1 record=1024 records=500 (in a batch) batches=1
// (partitions in a request)
//   inflight=5 mib=1024 (stop after so much) seconds=60 (or so long) rate=0 (MiB/s, 0: as fast as
//   it goes) window=0 (MiB: consume goes back to the first record after so much)
// Prints one JSON line. Ends by itself; exit code 1 when a broker refuses something. The topic must
// be there.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <nmmintrin.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "wire_load: %s\n", what.c_str());
  std::exit(1);
}

int64_t NowNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

struct Options {
  int partitions = 1, connections = 1, record = 1024, records = 500, batches = 1, inflight = 5;
  double mib = 1024, seconds = 60, rate = 0, window = 0;
};

// ---- bytes of the protocol

void Put8(std::string* out, int v) { out->push_back(static_cast<char>(v)); }
void Put16(std::string* out, int v) {
  Put8(out, v >> 8);
  Put8(out, v);
}
void Put32(std::string* out, int64_t v) {
  Put16(out, static_cast<int>(v >> 16));
  Put16(out, static_cast<int>(v));
}
void Put64(std::string* out, int64_t v) {
  Put32(out, v >> 32);
  Put32(out, v);
}
void PutText(std::string* out, const std::string& text) {
  Put16(out, static_cast<int>(text.size()));
  *out += text;
}
void PutVarint(std::string* out, int64_t v) {
  auto zigzag = static_cast<uint64_t>((v << 1) ^ (v >> 63));
  while (zigzag >= 0x80) {
    Put8(out, static_cast<int>(zigzag | 0x80));
    zigzag >>= 7;
  }
  Put8(out, static_cast<int>(zigzag));
}
void Set32(char* at, uint32_t v) {
  v = htonl(v);
  std::memcpy(at, &v, 4);
}
void Set64(char* at, uint64_t v) {
  Set32(at, static_cast<uint32_t>(v >> 32));
  Set32(at + 4, static_cast<uint32_t>(v));
}

struct Reader {
  const char* at;
  const char* end;
  void Skip(int64_t n) {
    if (n < 0 || end - at < n) Fail("a short answer");
    at += n;
  }
  uint64_t Take(int bytes) {
    const auto* p = reinterpret_cast<const unsigned char*>(at);
    Skip(bytes);
    uint64_t v = 0;
    for (int i = 0; i < bytes; ++i) v = v << 8 | p[i];
    return v;
  }
  int16_t I16() { return static_cast<int16_t>(Take(2)); }
  int32_t I32() { return static_cast<int32_t>(Take(4)); }
  int64_t I64() { return static_cast<int64_t>(Take(8)); }
  std::string Text() {
    const int16_t size = I16();
    const char* from = at;
    if (size > 0) Skip(size);
    return {from, static_cast<size_t>(std::max<int16_t>(size, 0))};
  }
};

uint32_t Crc32c(const char* data, size_t size) {
  uint64_t crc = 0xffffffff;
  for (; size >= 8; data += 8, size -= 8) {
    uint64_t word;
    std::memcpy(&word, data, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  for (; size > 0; ++data, --size) {
    crc = _mm_crc32_u8(static_cast<uint32_t>(crc), static_cast<uint8_t>(*data));
  }
  return static_cast<uint32_t>(crc) ^ 0xffffffff;
}

constexpr size_t kCrcAt = 17, kAfterCrc = 21;

// A record batch (magic 2) without a producer id: it may be sent again and again. The first
// record's value begins with eight bytes for the time that it was sent, at *stamp_at.
std::string MakeBatch(const Options& options, size_t* stamp_at) {
  std::string records;
  unsigned random = 42;
  for (int i = 0; i < options.records; ++i) {
    std::string value(static_cast<size_t>(options.record), 'x');
    for (char& c : value)
      c = static_cast<char>('a' + ((random = random * 1664525u + 1013904223u) >> 28));
    std::string body;
    Put8(&body, 0);
    PutVarint(&body, 0);
    PutVarint(&body, i);
    PutVarint(&body, -1);
    PutVarint(&body, options.record);
    const size_t before = body.size();
    body += value;
    PutVarint(&body, 0);
    PutVarint(&records, static_cast<int64_t>(body.size()));
    if (i == 0) *stamp_at = records.size() + before;
    records += body;
  }
  std::string batch;
  const int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
  Put64(&batch, 0);
  Put32(&batch, static_cast<int64_t>(records.size()) + 49);
  Put32(&batch, -1);
  Put8(&batch, 2);
  Put32(&batch, 0);  // CRC
  Put16(&batch, 0);
  Put32(&batch, options.records - 1);
  Put64(&batch, now_ms);
  Put64(&batch, now_ms);
  Put64(&batch, -1);
  Put16(&batch, -1);
  Put32(&batch, -1);
  Put32(&batch, options.records);
  *stamp_at += batch.size();
  batch += records;
  Set32(batch.data() + kCrcAt, Crc32c(batch.data() + kAfterCrc, batch.size() - kAfterCrc));
  return batch;
}

void BeginRequest(std::string* out, int api, int version) {
  Put32(out, 0);  // length
  Put16(out, api);
  Put16(out, version);
  Put32(out, 0);  // correlation id
  PutText(out, "wire_load");
}
void EndRequest(std::string* out) { Set32(out->data(), static_cast<uint32_t>(out->size() - 4)); }

std::string ProduceRequest(const std::string& topic, const std::vector<int>& partitions,
                           const std::string& batch, std::vector<size_t>* batches_at) {
  std::string out;
  BeginRequest(&out, 0, 8);
  Put16(&out, -1);  // transactional id
  Put16(&out, -1);  // acks=all
  Put32(&out, 30000);
  Put32(&out, 1);
  PutText(&out, topic);
  Put32(&out, static_cast<int64_t>(partitions.size()));
  for (const int partition : partitions) {
    Put32(&out, partition);
    Put32(&out, static_cast<int64_t>(batch.size()));
    batches_at->push_back(out.size());
    out += batch;
  }
  EndRequest(&out);
  return out;
}

std::string FetchRequest(const std::string& topic, const std::map<int, int64_t>& offsets) {
  std::string out;
  BeginRequest(&out, 1, 11);
  Put32(&out, -1);
  Put32(&out, 500);  // longest wait, ms
  Put32(&out, 1);
  Put32(&out, 50 << 20);
  Put8(&out, 0);
  Put32(&out, 0);
  Put32(&out, -1);
  Put32(&out, 1);
  PutText(&out, topic);
  Put32(&out, static_cast<int64_t>(offsets.size()));
  for (const auto& [partition, offset] : offsets) {
    Put32(&out, partition);
    Put32(&out, -1);
    Put64(&out, offset);
    Put64(&out, -1);
    Put32(&out, 4 << 20);
  }
  Put32(&out, 0);
  PutText(&out, "");
  EndRequest(&out);
  return out;
}

// ---- sockets

class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const int size = 4 << 20;
    setsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  }
  explicit Connection(const std::string& address) : Connection(Connect(address)) {}
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool Send(const char* data, size_t size) {
    while (size > 0) {
      const ssize_t n = send(fd_, data, size, MSG_NOSIGNAL);
      if (n <= 0) return false;
      data += n;
      size -= static_cast<size_t>(n);
    }
    return true;
  }
  bool Receive(char* data, size_t size) {
    while (size > 0) {
      const ssize_t n = recv(fd_, data, size, 0);
      if (n <= 0) return false;
      data += n;
      size -= static_cast<size_t>(n);
    }
    return true;
  }
  // A frame without its length.
  bool ReceiveFrame(std::string* frame) {
    char length[4];
    if (!Receive(length, 4)) return false;
    Reader reader{length, length + 4};
    const int32_t size = reader.I32();
    if (size < 4 || size > (256 << 20)) Fail("a frame of an impossible length");
    if (frame->size() < static_cast<size_t>(size)) frame->resize(static_cast<size_t>(size));
    frame_size = static_cast<size_t>(size);
    return Receive(frame->data(), frame_size);
  }
  // Whether an answer begins to arrive before `until`.
  bool HasInput(Clock::time_point until) const {
    const auto left = std::chrono::ceil<std::chrono::microseconds>(until - Clock::now()).count();
    const timespec wait{0, std::max<int64_t>(left, 0) * 1000};
    pollfd one{fd_, POLLIN, 0};
    return ppoll(&one, 1, &wait, nullptr) > 0;
  }
  size_t frame_size = 0;

 private:
  static int Connect(const std::string& address) {
    const size_t colon = address.rfind(':');
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (colon == std::string::npos ||
        getaddrinfo(address.substr(0, colon).c_str(), address.substr(colon + 1).c_str(), &hints,
                    &found) != 0) {
      Fail("no address: " + address);
    }
    const int fd = socket(found->ai_family, SOCK_STREAM, 0);
    if (connect(fd, found->ai_addr, found->ai_addrlen) != 0) Fail("cannot connect to " + address);
    freeaddrinfo(found);
    return fd;
  }
  int fd_;
};

// ---- results

struct Result {
  std::mutex mutex;
  std::vector<double> latencies_ms;
  std::atomic<int64_t> bytes{0}, records{0};
  void Add(std::vector<double> more) {
    const std::lock_guard<std::mutex> lock(mutex);
    latencies_ms.insert(latencies_ms.end(), more.begin(), more.end());
  }
};

void Print(const char* what, Result* result, double seconds) {
  std::vector<double>& all = result->latencies_ms;
  std::sort(all.begin(), all.end());
  const auto at = [&](double q) {
    return all.empty() ? 0.0
                       : all[std::min(all.size() - 1,
                                      static_cast<size_t>(q * static_cast<double>(all.size())))];
  };
  std::printf(
      "{\"load\":\"wire-%s\",\"mib_per_s\":%.1f,\"records_per_s\":%.0f,\"bytes\":%lld,\"seconds\":%"
      ".3f,\"p50_ms\":%.3f,"
      "\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"max_ms\":%.3f,\"load_cpu_s\":%.3f}\n",
      what, static_cast<double>(result->bytes) / seconds / (1 << 20),
      static_cast<double>(result->records) / seconds, static_cast<long long>(result->bytes),
      seconds, at(0.5), at(0.99), at(0.999), at(1), CpuSeconds());
}

// ---- produce

void CheckProduced(const char* data, size_t size) {
  Reader in{data, data + size};
  in.I32();
  for (int32_t topics = in.I32(); topics > 0; --topics) {
    in.Text();
    for (int32_t partitions = in.I32(); partitions > 0; --partitions) {
      const int32_t partition = in.I32();
      const int16_t error = in.I16();
      if (error != 0)
        Fail("partition " + std::to_string(partition) + " refuses: error " + std::to_string(error));
      in.Skip(24);
      for (int32_t errors = in.I32(); errors > 0; --errors) {
        in.I32();
        in.Text();
      }
      in.Text();
    }
  }
}

// One connection: its partitions in turn, `batches` of them in a request, `inflight` requests
// unanswered.
void ProduceOn(const std::string& address, const std::string& topic, const Options& options,
               int number, bool stamps, Clock::time_point start, Result* result) {
  Connection connection(address);
  size_t stamp_at = 0;
  const std::string batch = MakeBatch(options, &stamp_at);
  std::vector<std::string> requests;
  std::vector<std::vector<size_t>> batches_at;
  std::vector<int> own;
  for (int p = number; p < options.partitions; p += options.connections) own.push_back(p);
  for (size_t at = 0; at < own.size(); at += static_cast<size_t>(options.batches)) {
    const auto from = own.begin() + static_cast<ptrdiff_t>(at);
    const auto to = own.begin() + static_cast<ptrdiff_t>(std::min(
                                      own.size(), at + static_cast<size_t>(options.batches)));
    requests.push_back(ProduceRequest(topic, {from, to}, batch, &batches_at.emplace_back()));
  }
  const double bytes_max = options.mib * (1 << 20) / options.connections;
  const double rate = options.rate * (1 << 20) / options.connections;
  std::deque<int64_t> sent_at;
  std::vector<double> latencies;
  std::string frame;
  double bytes = 0;
  int32_t correlation = 0;
  const auto await = [&] {
    if (!connection.ReceiveFrame(&frame)) Fail("the broker closed the connection");
    latencies.push_back(static_cast<double>(NowNanos() - sent_at.front()) / 1e6);
    sent_at.pop_front();
    CheckProduced(frame.data(), connection.frame_size);
  };
  const auto over = [&] {
    return bytes >= bytes_max ||
           std::chrono::duration<double>(Clock::now() - start).count() >= options.seconds;
  };
  for (size_t next = 0; !over(); next = (next + 1) % requests.size()) {
    std::string& request = requests[next];
    const double part = static_cast<double>(batches_at[next].size());
    if (rate > 0) {
      const auto due = start + std::chrono::duration_cast<Clock::duration>(
                                   std::chrono::duration<double>(bytes / rate));
      while (!sent_at.empty() &&
             connection.HasInput(std::min(due, Clock::now() + std::chrono::milliseconds(500))))
        await();
      std::this_thread::sleep_until(due);
    }
    Set32(request.data() + 8, static_cast<uint32_t>(++correlation));
    sent_at.push_back(NowNanos());
    if (stamps) {
      for (const size_t at : batches_at[next]) {
        char* begin = request.data() + at;
        Set64(begin + stamp_at, static_cast<uint64_t>(sent_at.back()));
        Set32(begin + kCrcAt, Crc32c(begin + kAfterCrc, batch.size() - kAfterCrc));
      }
    }
    if (!connection.Send(request.data(), request.size())) Fail("the broker closed the connection");
    bytes += part * options.records * options.record;
    result->records += static_cast<int64_t>(part) * options.records;
    while (static_cast<int>(sent_at.size()) >= options.inflight) await();
  }
  while (!sent_at.empty()) await();
  result->bytes += static_cast<int64_t>(bytes);
  result->Add(std::move(latencies));
}

// ---- consume

// Counts the whole batches of an answer's partition, and takes the times from their first records.
int64_t TakeBatches(const char* data, int64_t size, size_t stamp_at, bool stamps, int64_t next,
                    Result* result, std::vector<double>* latencies) {
  const int64_t now = stamps ? NowNanos() : 0;
  while (size >= 61) {
    Reader in{data, data + size};
    const int64_t base = in.I64();
    const int64_t length = in.I32() + 12;
    if (length > size) break;
    in.Skip(11);
    const int32_t last = in.I32();
    if (base >= next) {
      result->bytes += length;
      result->records += last + 1;
      if (stamps) {
        Reader stamp{data + stamp_at, data + size};
        latencies->push_back(static_cast<double>(now - stamp.I64()) / 1e6);
      }
    }
    next = std::max(next, base + last + 1);
    data += length;
    size -= length;
  }
  return next;
}

void ConsumeOn(const std::string& address, const std::string& topic, const Options& options,
               int number, bool stamps, Clock::time_point start, std::atomic<bool>* stop,
               Result* result) {
  Connection connection(address);
  size_t stamp_at = 0;
  if (stamps) MakeBatch(options, &stamp_at);
  std::map<int, int64_t> offsets;
  for (int p = number; p < options.partitions; p += options.connections) offsets[p] = 0;
  std::string frame;
  std::vector<double> latencies;
  const auto bytes_max = static_cast<int64_t>(options.mib * (1 << 20));
  const auto window_bytes = static_cast<int64_t>(options.window * (1 << 20));
  int64_t window_end = window_bytes;
  while (!*stop && result->bytes < bytes_max &&
         std::chrono::duration<double>(Clock::now() - start).count() < options.seconds) {
    const std::string request = FetchRequest(topic, offsets);
    if (!connection.Send(request.data(), request.size()) || !connection.ReceiveFrame(&frame)) {
      Fail("the broker closed the connection");
    }
    Reader in{frame.data(), frame.data() + connection.frame_size};
    in.Skip(8);
    if (const int16_t error = in.I16(); error != 0) Fail("fetch: error " + std::to_string(error));
    in.I32();
    for (int32_t topics = in.I32(); topics > 0; --topics) {
      in.Text();
      for (int32_t partitions = in.I32(); partitions > 0; --partitions) {
        const int32_t partition = in.I32();
        if (const int16_t error = in.I16(); error != 0) {
          Fail("partition " + std::to_string(partition) + ": error " + std::to_string(error));
        }
        in.Skip(24);
        for (int32_t aborted = in.I32(); aborted > 0; --aborted) in.Skip(16);
        in.I32();
        const int32_t size = in.I32();
        if (size <= 0) continue;
        const char* records = in.at;
        in.Skip(size);
        offsets[partition] =
            TakeBatches(records, size, stamp_at, stamps, offsets[partition], result, &latencies);
      }
    }
    if (window_bytes > 0 && result->bytes >= window_end) {
      for (auto& [partition, offset] : offsets) offset = 0;
      window_end = result->bytes + window_bytes;
    }
  }
  result->Add(std::move(latencies));
}

template <typename F>
void OnEach(int connections, F run) {
  std::vector<std::thread> threads;
  for (int i = 0; i < connections; ++i) threads.emplace_back(run, i);
  for (std::thread& thread : threads) thread.join();
}

int Produce(const std::string& address, const std::string& topic, const Options& options) {
  Result result;
  const auto start = Clock::now();
  OnEach(options.connections,
         [&](int i) { ProduceOn(address, topic, options, i, false, start, &result); });
  Print("produce", &result, std::chrono::duration<double>(Clock::now() - start).count());
  return 0;
}

int Consume(const std::string& address, const std::string& topic, const Options& options) {
  Result result;
  std::atomic<bool> stop{false};
  const auto start = Clock::now();
  OnEach(options.connections,
         [&](int i) { ConsumeOn(address, topic, options, i, false, start, &stop, &result); });
  Print("consume", &result, std::chrono::duration<double>(Clock::now() - start).count());
  return 0;
}

int Latency(const std::string& address, const std::string& topic, const Options& options) {
  Result produced, consumed;
  std::atomic<bool> stop{false};
  Options endless = options;
  endless.seconds = options.seconds + 30;
  endless.mib = 1e9;
  const auto start = Clock::now();
  std::thread consumer([&] {
    OnEach(options.connections,
           [&](int i) { ConsumeOn(address, topic, endless, i, true, start, &stop, &consumed); });
  });
  OnEach(options.connections,
         [&](int i) { ProduceOn(address, topic, options, i, true, start, &produced); });
  const auto end = Clock::now();
  while (consumed.records < produced.records && Clock::now() - end < std::chrono::seconds(20)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  stop = true;
  consumer.join();
  if (consumed.records < produced.records) Fail("not all that was produced came back");
  Print("ack", &produced, std::chrono::duration<double>(end - start).count());
  Print("end-to-end", &consumed, std::chrono::duration<double>(end - start).count());
  return 0;
}

// ---- the broker that only answers

constexpr size_t kNullBatches = 48;  // of a MiB

// Answers a Produce with offset 0 for each partition, a Fetch with one of the batches made once.
void Serve(int fd) {
  Connection connection(fd);
  std::string frame;
  Options options;
  options.records = 1000;
  size_t stamp_at = 0;
  // Of as much memory as a log of data: a few bytes again and again never leave the cache.
  const std::vector<std::string> batches(kNullBatches, MakeBatch(options, &stamp_at));
  size_t next = 0;
  while (connection.ReceiveFrame(&frame)) {
    Reader in{frame.data(), frame.data() + connection.frame_size};
    const int api = in.I16();
    in.I16();
    const int32_t correlation = in.I32();
    in.Text();
    std::string out;
    Put32(&out, 0);
    Put32(&out, correlation);
    if (api == 0) {
      in.Text();
      in.Skip(6);
      const int32_t topics = in.I32();
      Put32(&out, topics);
      for (int32_t t = 0; t < topics; ++t) {
        PutText(&out, in.Text());
        const int32_t partitions = in.I32();
        Put32(&out, partitions);
        for (int32_t p = 0; p < partitions; ++p) {
          Put32(&out, in.I32());
          in.Skip(in.I32());
          Put16(&out, 0);
          Put64(&out, 0);
          Put64(&out, -1);
          Put64(&out, 0);
          Put32(&out, 0);
          Put16(&out, -1);
        }
      }
      Put32(&out, 0);
      EndRequest(&out);
      if (!connection.Send(out.data(), out.size())) return;
      continue;
    }
    if (api != 1) Fail("the null broker takes Produce and Fetch only");
    in.Skip(25);
    in.I32();
    const std::string topic = in.Text();
    in.I32();
    const int32_t partition = in.I32();
    in.I32();
    const int64_t offset = in.I64();
    const std::string& batch = batches[next];
    next = (next + 1) % batches.size();
    Put32(&out, 0);
    Put16(&out, 0);
    Put32(&out, 0);
    Put32(&out, 1);
    PutText(&out, topic);
    Put32(&out, 1);
    Put32(&out, partition);
    Put16(&out, 0);
    for (int i = 0; i < 3; ++i) Put64(&out, 0);
    Put32(&out, -1);
    Put32(&out, -1);
    Put32(&out, static_cast<int64_t>(batch.size()));
    const size_t head = out.size();
    Set32(out.data(), static_cast<uint32_t>(head + batch.size() - 4));
    std::string base;
    Put64(&base, offset);
    if (!connection.Send(out.data(), head) || !connection.Send(base.data(), 8) ||
        !connection.Send(batch.data() + 8, batch.size() - 8)) {
      return;
    }
  }
}

int Null(int port) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 64) != 0) {
    Fail("cannot listen");
  }
  for (;;) {
    const int fd = accept(listener, nullptr, nullptr);
    if (fd >= 0) std::thread(Serve, fd).detach();
  }
}

Options Parse(int argc, char** argv, int from) {
  Options options;
  for (int i = from; i < argc; ++i) {
    const std::string word = argv[i];
    const size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    const double value = equals == std::string::npos ? 0 : std::atof(word.c_str() + equals + 1);
    const std::map<std::string, int*> numbers = {
        {"partitions", &options.partitions}, {"connections", &options.connections},
        {"record", &options.record},         {"records", &options.records},
        {"batches", &options.batches},       {"inflight", &options.inflight}};
    const std::map<std::string, double*> amounts = {{"mib", &options.mib},
                                                    {"seconds", &options.seconds},
                                                    {"window", &options.window},
                                                    {"rate", &options.rate}};
    if (const auto number = numbers.find(key); number != numbers.end() && value >= 1) {
      *number->second = static_cast<int>(value);
    } else if (const auto amount = amounts.find(key); amount != amounts.end() && value >= 0) {
      *amount->second = value;
    } else {
      Fail("not understood: " + word);
    }
  }
  if (options.record < 8) Fail("a record has 8 bytes at least");
  options.connections = std::min(options.connections, options.partitions);
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "null" && argc == 3) return Null(std::atoi(argv[2]));
  if (argc < 4 || (what != "produce" && what != "consume" && what != "latency")) {
    std::fprintf(stderr,
                 "usage: wire_load produce|consume|latency HOST:PORT TOPIC [name=value ..] | "
                 "wire_load null PORT\n");
    return 2;
  }
  const Options options = Parse(argc, argv, 4);
  if (what == "produce") return Produce(argv[2], argv[3], options);
  if (what == "consume") return Consume(argv[2], argv[3], options);
  return Latency(argv[2], argv[3], options);
}
