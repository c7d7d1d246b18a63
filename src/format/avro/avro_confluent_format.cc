// avro-confluent: 0x00, the id of the writer's schema as 4 bytes big-endian, a record in Avro's
// binary encoding. Schemas come from a registry, each once, before the messages are decoded.
#include <absl/container/flat_hash_map.h>
#include <absl/strings/ascii.h>
#include <absl/strings/str_split.h>
#include <arrow/api.h>

#include "format/avro/avro_message_decoder.h"
#include "format/avro/avro_writer.h"
#include "format/avro/schema_registry.h"
#include "format/format_options.h"
#include "format/formats.h"

namespace mainstem::format {
namespace {

constexpr const char* kName = "avro-confluent";
constexpr size_t kHeadBytes = 5;
constexpr size_t kMaxKnownSchemas = 1000;  // and those of one batch
// How long an id that the registry does not know is not asked for again.
constexpr Duration kUnknownFor = std::chrono::seconds(10);

struct ConfluentOptions {
  RegistryOptions registry;
  std::string subject;
  std::string schema;
  bool register_schemas = true;
  bool legacy_timestamps = true;
};

// "https://user:password@host" with the credentials taken off the URL.
void TakeUserInfo(RegistryOptions* registry) {
  for (std::string& url : registry->urls) {
    size_t scheme = url.find("://");
    size_t at = url.find('@');
    if (scheme == std::string::npos || at == std::string::npos || at > url.find('/', scheme + 3)) {
      continue;
    }
    registry->user_info = url.substr(scheme + 3, at - scheme - 3);
    url.erase(scheme + 3, at - scheme - 2);
  }
}

Result<ConfluentOptions> ReadOptions(const FormatOptions& options) {
  OptionReader reader(kName, options);
  ConfluentOptions result;
  auto text = [&](const std::string& name) {
    return reader.Text(name, reader.Text("schema-registry." + name, ""));
  };
  for (absl::string_view url : absl::StrSplit(text("url"), ',', absl::SkipWhitespace())) {
    result.registry.urls.emplace_back(absl::StripAsciiWhitespace(url));
    const std::string& added = result.registry.urls.back();
    if (!added.starts_with("http://") && !added.starts_with("https://")) {
      reader.Fail("url", "must begin with 'http://' or 'https://'");
    }
  }
  if (result.registry.urls.empty()) reader.Fail("url", "is needed: the registry's address");
  result.subject = text("subject");
  result.schema = text("schema");
  result.register_schemas = reader.Bool("auto.register.schemas", true);
  result.legacy_timestamps = reader.Bool("timestamp_mapping.legacy", true);
  size_t source = reader.Choice("basic-auth.credentials-source", {"USER_INFO", "URL"}, 0);
  result.registry.user_info = reader.Text("basic-auth.user-info", "");
  if (source == 1) TakeUserInfo(&result.registry);
  reader.Choice("bearer-auth.credentials-source", {"STATIC_TOKEN"}, 0);
  result.registry.bearer_token = reader.Text("bearer-auth.token", "");
  result.registry.ca_file = reader.Text("ssl.truststore.location", "");
  if (result.registry.ca_file.ends_with(".jks")) {
    reader.Fail("ssl.truststore.location", "must be a PEM file: Java's key stores are not read");
  }
  result.registry.certificate_file = reader.Text("ssl.keystore.location", "");
  if (result.registry.certificate_file.ends_with(".jks")) {
    reader.Fail("ssl.keystore.location", "must be PEM or PKCS #12: Java's own form is not read");
  }
  result.registry.certificate_password = reader.Text("ssl.keystore.password", "");
  RETURN_IF_ERROR(reader.status());
  return result;
}

// A schema given by the option is text of the user: what is wrong with it is an option's fault.
Result<std::shared_ptr<const AvroSchema>> GivenSchema(const std::string& json) {
  Result<std::shared_ptr<const AvroSchema>> schema = AvroSchema::Parse(json);
  if (schema.ok()) return schema;
  ErrorText text = TextOf(schema.status());
  text.message = "option 'avro-confluent.schema': " + text.message;
  return MakeError(ErrorCode::kInvalidArgument, std::move(text));
}

Result<int32_t> SchemaIdOf(std::string_view message) {
  if (message.size() < kHeadBytes || message[0] != 0) {
    return MakeError(ErrorCode::kDecodeError,
                     {.message = message.size() < kHeadBytes
                                     ? "the message is too short for a schema's id"
                                     : "the message does not begin with the magic byte 0",
                      .hint = "it was not written with a schema registry"});
  }
  uint32_t id = 0;
  for (size_t i = 1; i < kHeadBytes; ++i) id = (id << 8) | static_cast<unsigned char>(message[i]);
  return static_cast<int32_t>(id);
}

class ConfluentDecoder final : public AvroMessageDecoder {
 public:
  ConfluentDecoder(std::shared_ptr<arrow::Schema> output, ConfluentOptions options,
                   std::shared_ptr<const AvroSchema> reader_schema)
      : AvroMessageDecoder(std::move(output)),
        options_(std::move(options)),
        reader_schema_(std::move(reader_schema)),
        registry_(options_.registry) {}

  Task<> Prepare(Env* env, std::span<const std::string_view> messages) override {
    // Only here: Decode needs all schemas of its messages at once.
    if (known_.size() >= kMaxKnownSchemas) known_.clear();
    for (std::string_view message : messages) {
      if (message.data() == nullptr) continue;
      Result<int32_t> id = SchemaIdOf(message);
      if (!id.ok()) continue;  // Decode tells
      auto known = known_.find(*id);
      bool is_known =
          known != known_.end() && (known->second.problem.ok() || env->Now() < known->second.until);
      if (is_known) continue;
      CO_RETURN_IF_ERROR(co_await Learn(env, *id));
    }
    co_return Status::OK();
  }

 protected:
  Status DecodeOne(std::string_view message, uint32_t index) override {
    ASSIGN_OR_RETURN(int32_t id, SchemaIdOf(message));
    auto known = known_.find(id);
    if (known == known_.end()) {
      return MakeError(ErrorCode::kDecodeError,
                       "schema " + std::to_string(id) + " was not asked for");
    }
    RETURN_IF_ERROR(known->second.problem);
    return AddRecord(known->second.reader.get(), message.substr(kHeadBytes), index,
                     "bytes are left over behind the record");
  }

 private:
  struct Known {
    std::unique_ptr<AvroRecordReader> reader;
    Status problem;   // why there is no reader
    TimePoint until;  // when it is asked for again
  };

  Task<> Learn(Env* env, int32_t id) {
    Result<std::string> json = co_await registry_.Find(env, id);
    Known known;
    known.until = env->Now() + kUnknownFor;
    if (!json.ok() && !Is(json.status(), ErrorCode::kNotFound) &&
        !Is(json.status(), ErrorCode::kDecodeError)) {
      co_return json.status();
    }
    Result<std::unique_ptr<AvroRecordReader>> reader = json.ok() ? ReaderOf(*json) : json.status();
    if (reader.ok()) {
      known.reader = std::move(*reader);
    } else {
      ErrorText text = TextOf(reader.status());
      text.message = "schema " + std::to_string(id) + ": " + text.message;
      known.problem = MakeError(ErrorCode::kDecodeError, std::move(text));
    }
    known_[id] = std::move(known);
    co_return Status::OK();
  }

  Result<std::unique_ptr<AvroRecordReader>> ReaderOf(const std::string& json) {
    ASSIGN_OR_RETURN(auto schema, AvroSchema::Parse(json));
    return MakeReader(std::move(schema), reader_schema_.get(),
                      {.legacy_timestamps = options_.legacy_timestamps});
  }

  ConfluentOptions options_;
  std::shared_ptr<const AvroSchema> reader_schema_;
  SchemaRegistry registry_;
  absl::flat_hash_map<int32_t, Known> known_;
};

class ConfluentEncoder final : public Encoder {
 public:
  ConfluentEncoder(ConfluentOptions options, std::string schema_json,
                   std::unique_ptr<AvroRecordWriter> writer)
      : options_(std::move(options)),
        schema_json_(std::move(schema_json)),
        writer_(std::move(writer)),
        registry_(options_.registry) {}

  Task<> Prepare(Env* env) override {
    SchemaRegistry::Subject subject{.name = options_.subject,
                                    .only_find = !options_.register_schemas};
    CO_ASSIGN_OR_RETURN(int32_t id,
                        co_await registry_.Register(env, std::move(subject), schema_json_));
    head_ = std::string(1, '\0');
    for (int shift = 24; shift >= 0; shift -= 8) {
      head_.push_back(static_cast<char>(static_cast<uint32_t>(id) >> shift));
    }
    co_return Status::OK();
  }

  Result<std::vector<std::string>> Encode(const ChangelogBatch& batch) override {
    CHECK(!head_.empty());
    RETURN_IF_ERROR(RefuseChanges(kName, batch));
    writer_->Bind(*batch.rows);
    std::vector<std::string> messages(static_cast<size_t>(batch.rows->num_rows()), head_);
    for (size_t row = 0; row < messages.size(); ++row) {
      RETURN_IF_ERROR(writer_->Write(static_cast<int64_t>(row), &messages[row]));
    }
    return messages;
  }

 private:
  ConfluentOptions options_;
  std::string schema_json_;
  std::unique_ptr<AvroRecordWriter> writer_;
  SchemaRegistry registry_;
  std::string head_;  // magic byte and id
};

}  // namespace

Result<std::unique_ptr<Decoder>> MakeAvroConfluentDecoder(DecodeTarget target,
                                                          const FormatOptions& options) {
  ASSIGN_OR_RETURN(ConfluentOptions confluent, ReadOptions(options));
  std::shared_ptr<const AvroSchema> reader_schema;
  if (confluent.schema.empty()) {
    // For what it refuses: types that Avro has no form for.
    RETURN_IF_ERROR(
        DeriveAvroSchema(*target.schema, {.legacy_timestamps = confluent.legacy_timestamps}));
  } else {
    ASSIGN_OR_RETURN(reader_schema, GivenSchema(confluent.schema));
  }
  return std::make_unique<ConfluentDecoder>(target.OutputSchema(), std::move(confluent),
                                            std::move(reader_schema));
}

Result<std::unique_ptr<Encoder>> MakeAvroConfluentEncoder(std::shared_ptr<arrow::Schema> schema,
                                                          const FormatOptions& options) {
  ASSIGN_OR_RETURN(ConfluentOptions confluent, ReadOptions(options));
  if (confluent.subject.empty()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "option 'avro-confluent.subject' is needed for writing");
  }
  std::string json = confluent.schema;
  if (json.empty()) {
    ASSIGN_OR_RETURN(json,
                     DeriveAvroSchema(*schema, {.legacy_timestamps = confluent.legacy_timestamps}));
  }
  ASSIGN_OR_RETURN(auto parsed, GivenSchema(json));
  ASSIGN_OR_RETURN(auto writer, AvroRecordWriter::Make(std::move(parsed), *schema));
  return std::make_unique<ConfluentEncoder>(std::move(confluent), std::move(json),
                                            std::move(writer));
}

}  // namespace mainstem::format
