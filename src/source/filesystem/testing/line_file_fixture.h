// Files of lines on the simulated disk, read as a table of one STRING column. Header only, for
// tests.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/api.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "core/sim/sim_env.h"
#include "source/filesystem/file_source.h"

namespace mainstem::source {

class LineFileFixture : public testing::Test {
 public:
  using Lines = std::vector<std::string>;
  using Options = std::map<std::string, std::string>;

  static std::span<const std::byte> Bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
  }

  static Task<> WriteFile(Env* env, std::string path, std::string contents) {
    CO_RETURN_IF_ERROR(co_await env->files().CreateDirectories(path.substr(0, path.rfind('/'))));
    OpenOptions options;
    options.write = options.create = options.truncate = true;
    CO_ASSIGN_OR_RETURN(auto file, co_await env->files().Open(path, options));
    co_return co_await file->WriteAt(0, Bytes(contents));
  }

  static Task<> AppendFile(Env* env, std::string path, std::string contents) {
    OpenOptions options;
    options.write = options.create = true;
    CO_ASSIGN_OR_RETURN(auto file, co_await env->files().Open(path, options));
    CO_ASSIGN_OR_RETURN(int64_t size, co_await file->Size());
    co_return co_await file->WriteAt(size, Bytes(contents));
  }

  static std::string Gzip(const std::string& text) {
    std::string out(compressBound(text.size()) + 64, '\0');
    z_stream stream{};
    CHECK(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
  }

  static std::string Zstd(const std::string& text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
    return out;
  }

  // What reading gave so far.
  struct SeenOfFile {
    Lines rows;
    Lines rejected;
    Lines positions;  // after each row, when read one row at a time
    std::string last_position;
    bool ended = false;
    bool caught_up = false;
    std::vector<int64_t> unread;  // after each batch
  };

  static void Note(const connector::SourceBatch& batch, SeenOfFile* seen) {
    for (int64_t row = 0; row < batch.batch.rows->num_rows(); ++row) {
      std::string text;
      for (const auto& column : batch.batch.rows->columns()) {
        text += (text.empty() ? "" : "|") + column->GetScalar(row).ValueOrDie()->ToString();
      }
      seen->rows.push_back(text);
      seen->positions.push_back(batch.position);
    }
    for (const auto& rejected : batch.rejected) {
      seen->rejected.push_back(rejected.origin + ": " + TextOf(rejected.cause).message);
    }
    seen->last_position = batch.position;
    seen->unread.push_back(batch.lag_records);
    seen->ended = batch.end_of_split;
    seen->caught_up = batch.caught_up;
  }

  static Task<> ReadSplit(Env* env, connector::TableSource* source, connector::SourceSplit split,
                          std::vector<int> projection, size_t batch_rows, SeenOfFile* seen) {
    CO_ASSIGN_OR_RETURN(auto reader, co_await source->OpenSplit(split, projection));
    seen->ended = false;
    while (!seen->ended) {
      CO_ASSIGN_OR_RETURN(auto batch,
                          co_await reader->Read(batch_rows, env->Now() + std::chrono::seconds(1)));
      Note(batch, seen);
    }
    co_return Status::OK();
  }

  static Task<> Discover(connector::TableSource* source,
                         std::vector<connector::SourceSplit>* splits) {
    CO_ASSIGN_OR_RETURN(*splits, co_await source->DiscoverSplits());
    co_return Status::OK();
  }

  static Task<> ReadAll(Env* env, connector::TableSource* source, std::vector<int> projection,
                        size_t batch_rows, SeenOfFile* seen) {
    CO_ASSIGN_OR_RETURN(auto splits, co_await source->DiscoverSplits());
    for (const auto& split : splits) {
      CO_RETURN_IF_ERROR(co_await ReadSplit(env, source, split, projection, batch_rows, seen));
    }
    co_return Status::OK();
  }

 protected:
  // A table of one STRING column in format raw, with the options added.
  std::unique_ptr<connector::TableSource> Open(const std::string& path, Options options = {}) {
    options["path"] = path;
    return Open(std::move(options),
                {.name = "t", .schema = arrow::schema({arrow::field("line", arrow::utf8())})});
  }
  std::unique_ptr<connector::TableSource> Open(Options options, connector::TableDescriptor table) {
    options.emplace("format", "raw");
    table.options = std::move(options);
    auto source = FileSourceConnector({}).make_source(table, {.env = &env_});
    EXPECT_TRUE(source.ok()) << source.status().ToString();
    return std::move(*source);
  }
  void Run(Task<> task) {
    Status status = env_.Run(std::move(task));
    EXPECT_TRUE(status.ok()) << status.ToString();
  }

  SimDisk disk_{1};
  SimEnv env_{&disk_, {}};
};

}  // namespace mainstem::source
