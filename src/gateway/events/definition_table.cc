#include "gateway/events/definition_table.h"

#include "core/json_writer.h"
#include "gateway/aws/aws_error.h"
#include "gateway/aws/body_codec.h"
#include "gateway/aws/value_json.h"

namespace mainstem::gateway::events {
namespace {

constexpr size_t kDefinitionsMax = 1000;
constexpr size_t kDefinitionBytesMax = 64 << 10;

}  // namespace

std::string EncodeDefinition(const Definition& definition) {
  JsonWriter json;
  json.BeginObject().Field("version", 1).Field("id", definition.id);
  json.Field("created_ms", definition.created_ms).Field("modified_ms", definition.modified_ms);
  json.Field("definition", definition.json).EndObject();
  return json.Take();
}

Result<Definition> DecodeDefinition(std::string_view text) {
  ASSIGN_OR_RETURN(aws::Document document,
                   aws::DecodeBody(aws::BodyCodec::kJson, std::string(text)));
  const aws::Value& root = document.root;
  if (root["version"].integer != 1 || root["definition"].text.empty()) {
    return MakeError(ErrorCode::kCorruptStorage, "a definition of EventBridge is broken");
  }
  return Definition{.id = std::string(root["id"].text),
                    .created_ms = root["created_ms"].integer,
                    .modified_ms = root["modified_ms"].integer,
                    .json = std::string(root["definition"].text)};
}

DefinitionTable::DefinitionTable(Env* env, storage::Log* log, std::string prefix)
    : log_(log), prefix_(std::move(prefix)), changes_(env->shard(0)) {}

Task<std::unique_ptr<DefinitionTable>> DefinitionTable::Open(Env* env, storage::Log* log,
                                                             std::string prefix) {
  auto table = std::unique_ptr<DefinitionTable>(new DefinitionTable(env, log, std::move(prefix)));
  CO_ASSIGN_OR_RETURN(auto values, co_await log->ListMeta(table->prefix_));
  for (const auto& [key, text] : values) {
    CO_ASSIGN_OR_RETURN(table->definitions_[key.substr(table->prefix_.size())],
                        DecodeDefinition(text));
  }
  co_return table;
}

const Definition* DefinitionTable::Find(std::string_view name) const {
  auto found = definitions_.find(name);
  return found == definitions_.end() ? nullptr : &found->second;
}

Task<> DefinitionTable::Update(std::string name, Change change) {
  return changes_.Run(UpdateHere(std::move(name), std::move(change)));
}

Task<> DefinitionTable::UpdateHere(std::string name, Change change) {
  const Definition* now = Find(name);
  CO_ASSIGN_OR_RETURN(Definition definition, change(now));
  bool is_full = now == nullptr && definitions_.size() >= kDefinitionsMax;
  if (is_full || definition.json.size() > kDefinitionBytesMax) {
    co_return aws::MakeAwsError("LimitExceededException",
                                "The requested resource exceeds the maximum number allowed.");
  }
  CO_RETURN_IF_ERROR(co_await log_->PutMeta(prefix_ + name, EncodeDefinition(definition)));
  definitions_[name] = std::move(definition);
  co_return Status::OK();
}

Task<> DefinitionTable::Erase(std::string name) { return changes_.Run(EraseHere(std::move(name))); }

Task<> DefinitionTable::EraseHere(std::string name) {
  if (Find(name) == nullptr) co_return Status::OK();
  CO_RETURN_IF_ERROR(co_await log_->PutMeta(prefix_ + name, std::nullopt));
  definitions_.erase(name);
  co_return Status::OK();
}

}  // namespace mainstem::gateway::events
