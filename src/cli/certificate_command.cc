// mainstem certificate: makes a certificate for the HTTP and AWS ports.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "core/json_writer.h"
#include "core/net/tls/self_signed.h"

namespace mainstem::cli {
namespace {

struct CertificateFlags {
  std::vector<std::string> hosts{"localhost", "127.0.0.1", "::1"};
  std::string folder = ".";
  int32_t days = net::SelfSignedOptions().days;
};

// What is there is never overwritten: clients trust it.
Status WriteNewFile(const std::filesystem::path& path, const std::string& text, mode_t mode) {
  int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0 && errno == EEXIST) {
    return MakeError(ErrorCode::kAlreadyExists,
                     {.message = fmt::format("{} is there already", path.string()),
                      .hint = "remove it, or choose another folder with --out"});
  }
  bool written =
      file >= 0 && write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  int error = errno;
  if (file >= 0) close(file);
  if (written) return Status::OK();
  return MakeError(ErrorCode::kStorageError,
                   fmt::format("cannot write {}: {}", path.string(), std::strerror(error)));
}

Status CreateCertificate(const GlobalOptions& globals, const CertificateFlags& flags) {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  net::SelfSignedOptions options{.hosts = flags.hosts, .now_ms = 0, .days = flags.days};
  options.now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  ASSIGN_OR_RETURN(net::CertificateAndKey made, net::MakeSelfSigned(options));
  std::filesystem::path folder(flags.folder);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::filesystem::path certificate = folder / "certificate.pem";
  std::filesystem::path key = folder / "key.pem";
  RETURN_IF_ERROR(WriteNewFile(key, made.key, 0600));
  if (Status written = WriteNewFile(certificate, made.certificate, 0644); !written.ok()) {
    std::filesystem::remove(key, error);  // without its certificate it is of no use
    return written;
  }
  JsonWriter json;
  json.BeginObject().Field("certificate", certificate.string()).Field("key", key.string());
  json.EndObject();
  Outcome outcome{.text = {}, .json = json.Take()};
  outcome.text = fmt::format(
      "made {0} and {1}, good for {2} days\n"
      "  mainstem serve --tls-certificate {0} --tls-key {1}\n"
      "Clients must trust it: AWS_CA_BUNDLE={0}, SSL_CERT_FILE={0}, curl --cacert {0}",
      certificate.string(), key.string(), flags.days);
  return Tell(globals, outcome);
}

}  // namespace

void AddCertificateCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen) {
  auto* command = app.add_subcommand("certificate", "make a certificate for TLS");
  command->require_subcommand(1);
  auto* create = command->add_subcommand(
      "create", "a certificate that vouches for itself, and its key: certificate.pem and key.pem");
  auto flags = std::make_shared<CertificateFlags>();
  create
      ->add_option("--host", flags->hosts,
                   "name or IP address by which clients call the node; may be repeated")
      ->capture_default_str();
  create->add_option("--out", flags->folder, "folder to write to")->capture_default_str();
  create->add_option("--days", flags->days, "how long it is good")
      ->check(CLI::Range(1, 36500))
      ->capture_default_str();
  create->footer(
      "Examples:\n"
      "  mainstem certificate create --out tls\n"
      "  mainstem certificate create --host node1.example --host 10.0.0.7 --out tls");
  create->callback([&globals, &chosen, flags] {
    chosen.action = [&globals, flags] { return CreateCertificate(globals, *flags); };
  });
}

}  // namespace mainstem::cli
